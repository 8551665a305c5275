"""Audiences and campaigns over the API: saved, counted, drafted, simulated, submitted, run by verbs, and read."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from backoffice.audit import approvals
from backoffice.audit.models import Approval
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.outreach.models import Audience, Campaign, Message
from backoffice.repayment.services.campaigns import plan_campaigns
from tests.repayment.campaigning import (
    CHECKER,
    JANUARY_15,
    MEANT,
    a_borrower,
    an_audience,
    content,
    drafted,
    in_state,
    lived,
    running,
    words_and_gateways,
)
from tests.staff.factories import TeamFactory, person

pytestmark = pytest.mark.django_db
ROOT = "/api/v1/repayment"


@pytest.fixture(autouse=True)
def _house(db: None) -> None:
    words_and_gateways()
    open_first_day(day=JANUARY_15, actor=SYSTEM)


@pytest.fixture
def admin() -> APIClient:
    return client_of("admin")


def client_of(*roles: str, portfolios: tuple[str, ...] = ()) -> APIClient:
    client = APIClient()
    client.force_authenticate(person(*roles, team=TeamFactory(portfolios=list(portfolios))))
    return client


def send(client: APIClient, path: str, data: dict[str, Any], key: str = "k") -> Any:
    return client.post(f"{ROOT}{path}", data, format="json", headers={"Idempotency-Key": key})


def test_saves_changes_counts_and_retires_an_audience(admin: APIClient) -> None:
    for country in ("CN", "CN", "TW"):
        a_borrower(country=country)
    body = {
        "code": "mainland",
        "name": "Mainland",
        "content": {"countries": ["CN"], "outstanding": {"from": "10.00", "to": None, "currency": "CNY"}},
    }
    answer = send(admin, "/audiences/", body)
    assert answer.status_code == 201
    made = answer.json()
    assert made["content"] == {"countries": ["CN"], "outstanding": {"from": "10.00", "currency": "CNY"}}
    assert send(admin, "/audiences/", body).json() == made, "the same key answers the same"

    change = {"name": "Mainland", "content": {"countries": ["CN"]}, "reason": "everybody there"}
    assert send(admin, f"/audiences/{made['id']}/change/", change, "c").json()["content"] == {"countries": ["CN"]}
    counted = admin.get(f"{ROOT}/audiences/{made['id']}/count/?on=2026-01-20").json()
    assert counted == {"on": "2026-01-20", "borrowers": 2}
    assert send(admin, f"/audiences/{made['id']}/retire/", {"reason": "done"}, "r").json()["is_retired"]
    assert admin.get(f"{ROOT}/audiences/").json()["results"] == []


def test_counts_only_what_the_caller_may_see() -> None:
    for portfolio in ("cash", "farm"):
        a_borrower(portfolio=portfolio)
    audience = an_audience()
    lead = client_of("team_lead", portfolios=("cash",))
    assert lead.get(f"{ROOT}/audiences/{audience.pk}/count/").json() == {"on": "2026-01-16", "borrowers": 1}


def test_refuses_an_audience_that_contradicts_itself_with_each_part(admin: APIClient) -> None:
    answer = send(admin, "/audiences/", {"code": "x", "name": "x", "content": {"loans": "settled", "buckets": ["M1"]}})
    assert answer.status_code == 422
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["code"] == "outreach.audience_refused"
    assert "buckets" in problem["fields"]
    assert not Audience.objects.exists()


def test_a_campaign_goes_from_draft_to_its_end(admin: APIClient) -> None:
    a_borrower()
    audience = an_audience()
    body = {"code": "spring", "name": "Spring", "audience": audience.pk, "content": content(budget="0.50")}
    made = send(admin, "/campaigns/", body).json()
    assert (made["state"], made["content"]["budget"], made["content"]["audience"]) == (
        "draft",
        "0.50",
        {"countries": ["CN"]},
    )
    one = f"/campaigns/{made['id']}/"
    simulated = admin.get(f"{ROOT}{one}simulation/").json()
    assert (simulated["audience"], simulated["messages"], simulated["cost"]) == (1, 1, "0.0900")
    assert simulated["blocked"] == {"core.endpoint": 1}
    changed = {name: body[name] for name in ("name", "audience")} | {"content": content(budget="0.40")}
    assert send(admin, f"{one}change/", changed, "c").json()["content"]["budget"] == "0.40"

    asked = send(admin, f"{one}submit/", {"reason": "spring"}, "s")
    assert asked.status_code == 202
    approvals.approve(approval_id=asked.json()["approval_id"], actor=CHECKER)
    assert admin.get(f"{ROOT}{one}").json()["state"] == "approved"
    plan_campaigns(day=JANUARY_15)
    assert admin.get(f"{ROOT}{one}").json()["state"] == "running"
    assert Message.objects.count() == 1
    paused = send(admin, f"{one}pause/", {"reason": "wait"}, "p").json()
    assert (paused["state"], paused["stopped"]) == ("paused", 1)
    assert send(admin, f"{one}resume/", {"reason": "go on"}, "g").json()["state"] == "running"
    assert send(admin, f"{one}end/", {"reason": "done"}, "e").json()["state"] == "ended"
    copy = send(admin, f"{one}copy/", {"code": "spring-2"}, "y")
    assert (copy.status_code, copy.json()["state"]) == (201, "draft")
    listed = admin.get(f"{ROOT}/campaigns/?state=ended").json()["results"]
    assert [each["code"] for each in listed] == ["spring"]


def test_submitting_says_every_fault_and_what_to_do(admin: APIClient) -> None:
    campaign = drafted(last_day="2026-01-10", at="22:00", until="23:00")
    answer = send(admin, f"/campaigns/{campaign.pk}/submit/", {"reason": "spring"})
    assert answer.status_code == 422
    problem = answer.json()
    assert set(problem["fields"]) == {"last_day", "at"}
    assert problem["next_step"]
    assert Campaign.objects.get().state == "draft"
    assert not Approval.objects.exists()


def test_a_verb_in_the_wrong_state_is_a_conflict(admin: APIClient) -> None:
    campaign = running()
    answer = send(admin, f"/campaigns/{campaign.pk}/resume/", {"reason": "again"})
    assert (answer.status_code, answer.json()["code"]) == (409, "outreach.campaign_state")
    assert send(admin, "/campaigns/999999/pause/", {"reason": "now"}, "n").status_code == 404


def test_the_result_tells_the_effect_with_its_interval(admin: APIClient) -> None:
    campaign = lived(borrowers=40)
    result = admin.get(f"{ROOT}/campaigns/{campaign.pk}/result/").json()
    assert result["treated_units"] + result["control_units"] == 40
    assert result["messages"] == {"sent": result["reached"]}
    assert float(result["low"]) < float(result["difference"]) < float(result["high"])
    assert (result["currency"], result["verdict"] in {"more", "less", "unclear"}) == ("CNY", True)
    assert "those left alone" in result["sentence"]


@pytest.mark.parametrize("role", ["agent", "collector", "analyst", "auditor", "compliance"])
def test_who_may_only_look_starts_nothing(role: str) -> None:
    campaign = running()
    client = client_of(role)
    assert client.get(f"{ROOT}/campaigns/{campaign.pk}/").status_code == 200
    assert send(client, f"/campaigns/{campaign.pk}/pause/", {"reason": "no"}).status_code == 403
    assert Campaign.objects.get().state == "running"


VERBS: list[tuple[str, str, dict[str, Any]]] = [
    ("change", "draft", {"name": "Mine", "content": content()}),
    ("submit", "draft", {"reason": "now"}),
    ("discard", "draft", {"reason": "now"}),
    ("take-back", "submitted", {"reason": "now"}),
    ("pause", "running", {"reason": "now"}),
    ("end", "running", {"reason": "now"}),
    ("copy", "running", {"code": "mine"}),
    ("resume", "paused", {"reason": "now"}),
]


@pytest.mark.parametrize(("verb", "state", "body"), VERBS)
def test_a_lead_of_one_portfolio_works_only_campaigns_that_keep_to_it(
    verb: str, state: str, body: dict[str, Any]
) -> None:
    lead = client_of("team_lead", portfolios=("cash",))
    found = {meant: in_state(state, meant=meant) for meant in MEANT}
    others = Campaign.objects.exclude(pk=found["own"].pk).exclude(code="mine").order_by("pk")
    before = list(others.values())

    answers = {}
    for meant, campaign in found.items():
        whom = {"audience": campaign.audience_id} if verb == "change" else {}
        answers[meant] = send(lead, f"/campaigns/{campaign.pk}/{verb}/", body | whom, meant)

    assert {meant: answer.status_code for meant, answer in answers.items()} == {
        "own": {"submit": 202, "copy": 201}.get(verb, 200),
        "shared": 403,
        "whole": 403,
        "other": 404,
    }
    for meant in ("shared", "whole"):
        problem = answers[meant].json()
        assert (problem["code"], bool(problem["next_step"])) == ("outreach.campaign_beyond_portfolios", True)
    assert list(others.values()) == before


@pytest.mark.parametrize("what", ["simulation", "result"])
def test_figures_of_portfolios_elsewhere_are_given_to_nobody_else(what: str) -> None:
    lead = client_of("team_lead", portfolios=("cash",))
    for meant, status in (("own", 200), ("shared", 403), ("whole", 403), ("other", 404)):
        campaign = in_state("running", meant=meant)
        assert lead.get(f"{ROOT}/campaigns/{campaign.pk}/{what}/").status_code == status, meant
        assert client_of("admin").get(f"{ROOT}/campaigns/{campaign.pk}/{what}/").status_code == 200


@pytest.mark.parametrize("state", ["draft", "running"])
def test_lists_show_what_reaches_the_callers_borrowers_too(state: str) -> None:
    found = {meant: in_state(state, meant=meant) for meant in MEANT}
    seen = {("cash",): ["own", "shared", "whole"], ("farm",): ["other", "shared", "whole"], (): sorted(MEANT)}
    for portfolios, expected in seen.items():
        client = client_of("agent", portfolios=portfolios)
        campaigns = client.get(f"{ROOT}/campaigns/").json()["results"]
        audiences = client.get(f"{ROOT}/audiences/").json()["results"]
        assert sorted(each["code"] for each in campaigns) == expected
        assert sorted(each["code"] for each in audiences) == [f"for-{code}" for code in expected]
        one = client.get(f"{ROOT}/campaigns/{found['other'].pk}/").status_code
        assert one == (200 if "other" in expected else 404)
    nobody = APIClient()
    nobody.force_authenticate(person("team_lead", team=None))
    assert nobody.get(f"{ROOT}/campaigns/").json()["results"] == []
    assert nobody.get(f"{ROOT}/audiences/").json()["results"] == []


def test_a_draft_is_seen_by_its_audience_as_it_is_now_and_a_frozen_campaign_by_its_copy() -> None:
    lead = client_of("team_lead", portfolios=("cash",))
    draft, frozen = in_state("draft", meant="own"), in_state("running", meant="other")
    Audience.objects.filter(pk=draft.audience_id).update(content=MEANT["other"])
    Audience.objects.filter(pk=frozen.audience_id).update(content=MEANT["own"])
    for campaign in (draft, frozen):
        assert lead.get(f"{ROOT}/campaigns/{campaign.pk}/").status_code == 404
    assert lead.get(f"{ROOT}/campaigns/").json()["results"] == []


def test_a_copy_is_refused_where_its_audience_has_grown_beyond_the_callers_portfolios() -> None:
    campaign = in_state("running", meant="own")
    Audience.objects.filter(pk=campaign.audience_id).update(content=MEANT["shared"])
    lead = client_of("team_lead", portfolios=("cash",))
    answer = send(lead, f"/campaigns/{campaign.pk}/copy/", {"code": "mine"})
    assert (answer.status_code, answer.json()["code"]) == (403, "outreach.audience_beyond_portfolios")
    assert Campaign.objects.count() == 1


def test_a_lead_of_one_portfolio_saves_audiences_and_campaigns_of_that_alone() -> None:
    lead = client_of("team_lead", portfolios=("cash",))
    for number, parts in enumerate((MEANT["whole"], MEANT["shared"], MEANT["other"])):
        answer = send(lead, "/audiences/", {"code": f"a{number}", "name": "x", "content": parts}, f"a{number}")
        assert (answer.status_code, list(answer.json()["fields"])) == (422, ["portfolios"])
    assert not Audience.objects.exists()
    own = send(lead, "/audiences/", {"code": "own", "name": "Own", "content": MEANT["own"]}, "own").json()["id"]
    change = {"name": "Own", "reason": "more of them"}
    for number, (parts, status) in enumerate(((MEANT["shared"], 422), (MEANT["own"] | {"languages": ["zh"]}, 200))):
        answer = send(lead, f"/audiences/{own}/change/", change | {"content": parts}, f"c{number}")
        assert answer.status_code == status
    assert Audience.objects.get().content == {"portfolios": ["cash"], "languages": ["zh"]}

    for meant, status in (("shared", 403), ("whole", 403), ("other", 404)):
        other = an_audience(meant, **MEANT[meant])
        changed = send(lead, f"/audiences/{other.pk}/change/", change | {"content": MEANT["own"]}, f"{meant}-c")
        retired = send(lead, f"/audiences/{other.pk}/retire/", {"reason": "done"}, f"{meant}-r")
        body = {"code": meant, "name": "x", "audience": other.pk, "content": content()}
        drafted_for = send(lead, "/campaigns/", body, f"{meant}-d")
        assert {changed.status_code, retired.status_code, drafted_for.status_code} == {status}
        other.refresh_from_db()
        assert (other.content, other.is_retired) == (MEANT[meant], False)
    assert not Campaign.objects.exists()
    body = {"code": "own", "name": "x", "audience": own, "content": content()}
    assert send(lead, "/campaigns/", body, "d").status_code == 201


def test_counts_of_what_is_looked_at_keep_to_the_callers_portfolios() -> None:
    for portfolio in ("cash", "farm", "farm"):
        a_borrower(portfolio=portfolio)
    lead = client_of("team_lead", portfolios=("cash",))
    for meant, borrowers in (("own", 1), ("shared", 1), ("whole", 1)):
        audience = an_audience(meant, **MEANT[meant])
        assert lead.get(f"{ROOT}/audiences/{audience.pk}/count/").json()["borrowers"] == borrowers
    other = an_audience("other", **MEANT["other"])
    assert lead.get(f"{ROOT}/audiences/{other.pk}/count/").status_code == 404
    assert lead.get(f"{ROOT}/audiences/{other.pk}/").status_code == 404
