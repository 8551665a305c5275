"""Experiments over the API, from the declaration to the decision."""

from datetime import date, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from backoffice.audit import approvals
from backoffice.calendars import clock
from backoffice.core.actors import SYSTEM
from backoffice.outreach.domain.elements import Element
from backoffice.outreach.models import Experiment, Exposure, Outcome
from backoffice.outreach.services.pieces import write_piece
from tests.outreach.experiment_book import CHECKER, TODAY, declared, on, screening, units
from tests.outreach.messaging import active_version
from tests.repayment.api_book import caller

pytestmark = pytest.mark.django_db
API = "/api/v1/outreach"


@pytest.fixture(autouse=True)
def _business_date():
    on(clock.now().date())


def post(client: APIClient, path: str, body: Any, *, key: str = "k-1") -> Any:
    return client.post(f"{API}/{path}", body, format="json", HTTP_IDEMPOTENCY_KEY=key)


def declaration(**changes: Any) -> dict[str, Any]:
    facts = {
        "code": "short-text",
        "name": "Short reminder",
        "question": "Does a shorter text make more people pay on time?",
        "audience": "Borrowers with a bill due in three days.",
        "layer": "texts",
        "metric": "on_time",
        "watched": ["paid"],
        "window_days": 0,
        "minimum_sample": 1,
        "stop_on": (clock.now().date() + timedelta(days=2)).isoformat(),
        "arms": [
            {"name": "today's text", "share": "0.5", "is_control": True},
            {"name": "short text", "share": "0.5", "content": "Your bill is due."},
        ],
    }
    return facts | changes


def test_goes_from_the_declaration_to_the_decision():
    client = caller("team_lead")
    made = post(client, "experiments/", declaration())
    assert (made.status_code, made.json()["state"], made.json()["share"]) == (201, "draft", "1")
    address = f"experiments/{made.json()['id']}/"

    asked = post(client, f"{address}start/", {"reason": "ready to go"})
    assert asked.status_code == 202
    approvals.approve(approval_id=asked.json()["approval_id"], actor=CHECKER)

    borrowers = units(30)
    taken = post(client, f"{address}units/", {"borrower_ids": borrowers})
    assert [one["borrower_id"] for one in taken.json()["units"]] == borrowers
    assert {one["arm"] for one in taken.json()["units"]} == {1, 2}
    assert Exposure.objects.count() == 30
    outcome = {
        "borrower_id": borrowers[0],
        "metric": "on_time",
        "value": "1",
        "at": clock.now().isoformat(),
        "key": "first",
    }
    assert post(client, "outcomes/", {"outcomes": [outcome]}).json() == {"new": 1}
    assert post(client, "outcomes/", {"outcomes": [outcome]}, key="k-2").json() == {"new": 0}

    results = client.get(f"{API}/{address}results/").json()
    assert (results["stage"], results["is_ready"], results["winner"], results["units"]) == (
        "too_early",
        False,
        None,
        30,
    )
    assert [one["verdict"] for one in results["metrics"][0]["comparisons"]] == [None]
    assert [one["arm"] for one in results["metrics"][0]["arms"]] == [1, 2]
    assert (results["main_effects"], results["best"]) == ([], None)

    stopped = post(client, f"{address}stop/", {"reason": "complaints"})
    assert stopped.json()["state"] == "stopped"
    refused = post(client, f"{address}decide/", {"arm": 2, "conclusion": "looks good"})
    assert (refused.status_code, refused.json()["code"]) == (409, "outreach.experiment_not_judged")
    decided = post(client, f"{address}decide/", {"arm": 1, "conclusion": "no verdict"}, key="k-3")
    assert (decided.json()["state"], decided.json()["chosen"], decided.json()["conclusion"]) == (
        "decided",
        1,
        "no verdict",
    )


def test_changes_and_discards_a_draft():
    client, experiment = caller("admin"), declared(stop_on=date(2199, 1, 1))
    body = declaration(minimum_sample=77)
    del body["code"]
    changed = post(client, f"experiments/{experiment.pk}/change/", body)
    assert (changed.json()["minimum_sample"], changed.json()["code"]) == (77, "short-text")
    discarded = post(client, f"experiments/{experiment.pk}/discard/", {"reason": "not wanted"})
    assert discarded.json()["state"] == "discarded"


def test_lists_and_reads_with_filters():
    client, experiment = caller("analyst"), declared(stop_on=date(2199, 1, 1))
    listed = client.get(f"{API}/experiments/?state=draft&layer=texts").json()["results"]
    assert [one["id"] for one in listed] == [experiment.pk]
    assert client.get(f"{API}/experiments/?layer=offers").json()["results"] == []
    assert client.get(f"{API}/experiments/?state=running").json()["results"] == []
    assert client.get(f"{API}/experiments/{experiment.pk}/").json()["question"].startswith("Does a shorter")
    missing = client.get(f"{API}/experiments/0/")
    assert (missing.status_code, missing.json()["code"]) == (404, "outreach.experiment_not_found")


def test_declares_the_elements_of_a_plan():
    client = caller("team_lead")
    factors = [{"name": factor.name, "levels": list(factor.levels)} for factor in screening().factors]
    made = post(client, "experiments/", declaration(design="L8", arms=[], factors=factors))
    assert made.status_code == 201
    assert Experiment.objects.get().arms.count() == 8
    results = client.get(f"{API}/experiments/{made.json()['id']}/results/").json()
    assert (results["stage"], len(results["metrics"][0]["arms"])) == ("not_started", 8)


def test_names_what_is_wrong_with_a_declaration():
    client = caller("team_lead")
    refused = post(client, "experiments/", declaration(stop_on="2020-01-01", layer="nonsense"))
    assert (refused.status_code, refused.json()["code"]) == (422, "outreach.experiment_declaration")
    assert set(refused.json()["fields"]) == {"stop_on", "layer"}
    badly = post(client, "experiments/", declaration(share="1.5", alpha=5), key="k-2")
    assert badly.status_code == 400
    assert set(badly.json()["fields"]) == {"share", "alpha"}


def test_takes_in_only_borrowers_the_person_may_see():
    elsewhere = caller("team_lead", portfolios=("south",))
    experiment = declared(stop_on=date(2199, 1, 1))
    refused = post(elsewhere, f"experiments/{experiment.pk}/units/", {"borrower_ids": units(1)})
    assert (refused.status_code, refused.json()["code"]) == (422, "outreach.experiment_units_not_found")
    outcome = {"borrower_id": units(1)[0], "metric": "on_time", "value": "1", "at": "2026-03-02T04:00:00Z", "key": "x"}
    assert post(elsewhere, "outcomes/", {"outcomes": [outcome]}).status_code == 422
    far = outcome | {"at": "1999-12-31T00:00:00Z"}
    assert post(caller("admin"), "outcomes/", {"outcomes": [far]}).status_code == 400
    assert Outcome.objects.count() == 0


def test_adds_layers_and_metrics():
    client = caller("admin")
    assert post(client, "layers/", {"code": "colours", "name": "Colours"}).status_code == 201
    metric = {"code": "called_back", "name": "called back", "kind": "binary", "goal": "less"}
    assert post(client, "metrics/", metric).json()["goal"] == "less"
    assert post(client, "metrics/", metric, key="k-2").json()["code"] == "outreach.experiment_code_taken"
    codes = [one["code"] for one in client.get(f"{API}/layers/").json()["results"]]
    assert "colours" in codes
    assert "called_back" in [one["code"] for one in client.get(f"{API}/metrics/").json()["results"]]


def test_works_the_sample_size_out():
    client = caller("analyst")
    answer = client.get(f"{API}/sample-size/?base=0.02&target=0.024")
    assert answer.json() == {"per_group": 21_109, "groups": 2, "total": 42_218}
    refused = client.get(f"{API}/sample-size/?base=0.02&target=0.02")
    assert (refused.status_code, set(refused.json()["fields"])) == (422, {"target"})
    assert clock.now().date() > TODAY


# --------------------------------------------------------------------------------------------------- about a template


def test_an_experiment_is_declared_about_a_template():
    active_version()
    active_version(code="due_soon_b", body="{amount} is due on {due_date}. {lender}")
    arms = [
        {"name": "today's text", "share": "0.5", "is_control": True},
        {"name": "short text", "share": "0.5", "template": "due_soon_b"},
    ]
    made = post(caller("team_lead"), "experiments/", declaration(template="due_soon", arms=arms)).json()
    assert made["template"] == "due_soon"
    assert [(arm["name"], arm["template"]) for arm in made["arms"]] == [
        ("today's text", "due_soon"),
        ("short text", "due_soon_b"),
    ]
    taken = post(caller("team_lead"), f"experiments/{made['id']}/units/", {"borrower_ids": units(1)})
    assert (taken.status_code, taken.json()["code"]) == (409, "outreach.experiment_not_taking_in")


def test_the_start_is_refused_while_an_arm_has_no_words():
    active_version()
    arms = [
        {"name": "today's text", "share": "0.5", "is_control": True},
        {"name": "short text", "share": "0.5"},
    ]
    made = post(caller("team_lead"), "experiments/", declaration(template="due_soon", arms=arms)).json()
    refused = post(caller("team_lead"), f"experiments/{made['id']}/start/", {"reason": "ready to go"}, key="k-2")
    assert (refused.status_code, refused.json()["code"]) == (409, "outreach.experiment_words")


def test_the_words_of_a_plan_are_drafted():
    piece = write_piece(
        element=Element.BENEFIT, code="bill", language="en", text="{amount} is due on {due_date}.", actor=SYSTEM
    )
    write_piece(element=Element.CALL_TO_ACTION, code="pay", language="en", text="Pay in the app.", actor=SYSTEM)
    active_version(body="{amount} is due on {due_date}.", pieces=[piece.pk])
    factors = [
        {"name": "greeting", "levels": ["as today", "-"], "element": "greeting"},
        {"name": "call", "levels": ["as today", "pay"], "element": "call_to_action"},
    ]
    body = declaration(template="due_soon", design="L8", arms=[], factors=factors, watched=[])
    made = post(caller("team_lead"), "experiments/", body).json()
    drafted = post(caller("team_lead"), f"experiments/{made['id']}/draft-words/", {}, key="k-2")
    assert (drafted.status_code, len(drafted.json()["templates"])) == (200, 3)
    denied = post(caller("compliance"), f"experiments/{made['id']}/draft-words/", {}, key="k-3")
    assert denied.status_code == 403
