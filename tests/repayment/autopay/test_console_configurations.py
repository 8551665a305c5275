"""The pages of autopay configurations: the way of a version from a draft to force and back, faults at their field."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from backoffice.audit import approvals
from backoffice.audit.models import Approval
from backoffice.calendars.models import BusinessDay
from backoffice.repayment.models import AutopayConfiguration, AutopayVersion, DebitCommand, Loan, Payee, Simulation
from backoffice.repayment.services.autopay import publishing
from backoffice.repayment.services.autopay.building import begin_now
from backoffice.repayment.services.autopay.planning import plan_debits
from backoffice.repayment.services.autopay.simulating import run_simulation, simulate_version
from tests.console.page import fields_of
from tests.repayment.autopay.contents import MAKER, configuration, content, in_force, mandate, open_rails, whole
from tests.repayment.factories import open_loan
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db
EVE, DUE = date(2026, 2, 14), date(2026, 2, 15)
ROOT = "/autopay/configurations/"


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    open_rails()
    BusinessDay.objects.update(today=EVE)
    yield
    translation.activate("en")


@pytest.fixture
def of() -> AutopayConfiguration:
    made = configuration()
    in_force(made)
    loan_id = open_loan(business_date=EVE)
    mandate(Loan.objects.get(pk=loan_id).borrower_id)
    return made


def browser(*roles: str, language: str = "en", **fields: Any) -> Client:
    client = logged_in(Client(), person(*(roles or ("team_lead",)), **fields))
    client.cookies["django_language"] = language
    return client


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def verb(client: Client, path: str, **values: str) -> Any:
    """A confirm panel, read and sent as the browser does it."""
    panel = client.get(path).content.decode()
    hidden = dict(re.findall(r'name="(seen|key)" value="([^"]*)"', panel))
    return client.post(path, {**hidden, "reason": "Wrong payees", **values})


def drafted(client: Client, of: AutopayConfiguration) -> AutopayVersion:
    assert client.post(f"{ROOT}{of.pk}/draft/").status_code == 303
    return AutopayVersion.objects.get(state="draft")


def sent(client: Client, version: AutopayVersion, **changes: str) -> dict[str, Any]:
    """What the editor would send, with some fields changed."""
    page = client.get(f"{ROOT}versions/{version.pk}/edit/").content.decode()
    fields = fields_of(page)
    return fields | {"effective_from": "2026-02-15", "note": "The platform takes a share"} | changes


def test_a_version_goes_from_a_draft_to_force_and_back_through_the_pages(
    of: AutopayConfiguration, django_capture_on_commit_callbacks: Any
) -> None:
    client = browser()
    version = drafted(client, of)
    page = f"{ROOT}versions/{version.pk}/"

    changes = {
        "payee_interest_1": "platform",
        "share_interest_1": "15.5",
        "payee_interest_2": "lender",
        "share_interest_2": "84.5",
    }
    assert client.post(f"{page}edit/", sent(client, version, **changes)).status_code == 303
    version.refresh_from_db()
    expected = content()["payees"] | {
        "interest": [{"payee": "platform", "share": "0.155"}, {"payee": "lender", "share": "0.845"}]
    }
    assert version.content["payees"] == expected
    assert {name: version.content[name] for name in ("slots", "actions", "partial", "canary")} == {
        name: content()[name] for name in ("slots", "actions", "partial", "canary")
    }

    client.post(f"{page}check/")
    text = text_of(client.get(page))
    assert ("warning" in text, "Guards refuse this version" in text) == (True, False)
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(f"{page}simulate/").status_code == 303
    text = text_of(client.get(page))
    assert "As of the business date 14 Feb 2026 , simulated" in text
    assert "To The platform ¥ 0.00 ¥ 27.90" in text.replace("\u2009", " ")
    assert "interest The lender 100 % The platform 15.5 %, The lender 84.5 %" in " ".join(text.split())
    text = text_of(client.get(f"{page}simulation/?why=payees"))
    assert "other payees" in text
    assert "The lender ¥ 1,072.26, The platform ¥ 27.90" in text.replace("\u2009", " ")
    assert "Union **** 1234" in text
    assert "The lender ¥ 1,072.26, The" not in text_of(client.get(f"{page}simulation/?why=day"))

    panel = text_of(client.get(f"{page}submit/"))
    assert "Bills of tomorrow that change" in panel
    assert verb(client, f"{page}submit/").status_code == 303
    asked = Approval.objects.get()
    assert "To The platform" in text_of(browser("compliance").get(f"/approvals/{asked.pk}/"))
    approvals.approve(approval_id=asked.pk, actor=person("compliance").as_actor())
    publishing.activate_due(on=DUE)
    BusinessDay.objects.update(today=DUE)

    panel = text_of(browser("compliance").get(f"{page}roll-back/"))
    assert "0 debits that have not left are dropped." in panel
    assert "Version 1 holds at once." in panel
    assert verb(browser("compliance"), f"{page}roll-back/").status_code == 303
    assert list(AutopayVersion.objects.order_by("number").values_list("state", flat=True)) == ["active", "retired"]
    assert "rolled back by a person" in text_of(client.get(page))


def test_a_simulation_shows_how_far_it_is_and_the_page_comes_again_when_it_is_over(of: AutopayConfiguration) -> None:
    client = browser()
    version = drafted(client, of)
    page = f"{ROOT}versions/{version.pk}/"
    client.post(f"{page}edit/", sent(client, version))
    client.post(f"{page}check/")
    assert client.get(f"{page}simulation/").headers["Location"] == page

    client.post(f"{page}simulate/")

    simulation = Simulation.objects.get()
    assert simulation.state == "waiting"
    answer = client.get(page)
    assert "Simulating" in text_of(answer)
    assert f'hx-get="{page}simulation/progress/"' in answer.content.decode()
    assert f'action="{page}simulate/"' not in answer.content.decode()
    assert "HX-Refresh" not in client.get(f"{page}simulation/progress/").headers
    run_simulation(simulation_id=simulation.pk)
    assert client.get(f"{page}simulation/progress/").headers["HX-Refresh"] == "true"
    assert "Bills that change" in text_of(client.get(page))


def test_what_is_out_of_date_is_said_and_simulated_again_with_one_click(of: AutopayConfiguration) -> None:
    client = browser()
    version = drafted(client, of)
    page = f"{ROOT}versions/{version.pk}/"
    client.post(f"{page}edit/", sent(client, version, effective_from="2026-02-20"))
    client.post(f"{page}check/")
    simulate_version(version_id=version.pk, actor=person("team_lead").as_actor())
    verb(client, f"{page}submit/")
    asked = Approval.objects.get()
    BusinessDay.objects.update(today=DUE)

    approver = browser("compliance")
    text = text_of(approver.get(page))
    assert "The simulation is of 14 Feb 2026; the book has moved on since." in text
    assert "Simulate the version again before anybody decides by it." in text
    assert "the book has moved on since" in text_of(approver.get(f"/approvals/{asked.pk}/"))
    assert approver.post(f"{page}simulate/").status_code == 303
    run_simulation(simulation_id=Simulation.objects.latest("pk").pk)
    assert "Debits tomorrow" in text_of(approver.get(f"/approvals/{asked.pk}/"))
    assert "moved on since" not in text_of(approver.get(page))


def test_looking_at_what_is_submitted_runs_nothing(of: AutopayConfiguration) -> None:
    client = browser()
    version = drafted(client, of)
    page = f"{ROOT}versions/{version.pk}/"
    client.post(f"{page}edit/", sent(client, version))
    client.post(f"{page}check/")
    simulate_version(version_id=version.pk, actor=person("team_lead").as_actor())

    with CaptureQueriesContext(connection) as asked:
        client.get(f"{page}submit/")

    assert not [query for query in asked.captured_queries if "overdue_base_days" in query["sql"]]


@pytest.mark.parametrize(
    ("changes", "where", "fault"),
    [
        ({"share_interest_1": "99"}, "payee_interest_1", "The shares add up to 99 % and have to make the whole."),
        ({"slot_1_until": "05:00"}, "slot_1_until", "A slot has to end after it begins."),
        ({"partial_shares": "50, 100"}, "partial_shares", "The shares have to be above nothing and become smaller."),
        ({"blackout": "soon"}, "blackout", "“soon” is not a day."),
        ({"holidays": "skip"}, "calendar", "This is needed."),
    ],
)
def test_a_fault_stands_at_its_field_and_nothing_is_saved(
    of: AutopayConfiguration, changes: dict[str, str], where: str, fault: str
) -> None:
    client = browser()
    version = drafted(client, of)

    answer = client.post(f"{ROOT}versions/{version.pk}/edit/", sent(client, version, **changes))

    assert answer.status_code == 422
    assert answer.context["form"].errors[where] == [fault]
    assert fault in answer.content.decode()
    version.refresh_from_db()
    assert version.content == content()


def test_looking_asks_every_guard_and_names_it(of: AutopayConfiguration) -> None:
    client = browser()
    version = drafted(client, of)
    Payee.objects.filter(code="guarantor").update(is_active=False)

    answer = client.post(f"{ROOT}versions/{version.pk}/edit/", sent(client, version, slot_2_until="21:30", look="1"))

    page = answer.content.decode()
    assert (answer.status_code, "The payees exist and are active" in page) == (422, True)
    assert "The slots lie within the rails&#x27; hours, before their cut-off" in page
    assert set(answer.context["form"].errors) == {"payee_guarantee_fee_1", "slot_2_until"}
    version.refresh_from_db()
    assert version.effective_from is None


def test_a_refused_check_says_by_which_guard_on_the_page(of: AutopayConfiguration) -> None:
    client = browser()
    version = drafted(client, of)
    swapped = content()["payees"] | {"principal": whole("guarantor"), "guarantee_fee": whole("lender")}
    AutopayVersion.objects.filter(pk=version.pk).update(content=content(payees=swapped), effective_from=DUE)

    client.post(f"{ROOT}versions/{version.pk}/check/")

    text = text_of(client.get(f"{ROOT}versions/{version.pk}/"))
    assert "Guards refuse this version; it cannot go on." in text
    assert "Funder, product and guarantor belong together" in text
    text = text_of(browser(language="zh-hans").get(f"{ROOT}versions/{version.pk}/"))
    assert "资金方、产品与担保方相互匹配" in text
    assert "本金会分给 The guarantor" in text


def test_somebody_elses_save_is_not_overwritten(of: AutopayConfiguration) -> None:
    client = browser()
    version = drafted(client, of)
    form = sent(client, version)
    client.post(f"{ROOT}versions/{version.pk}/edit/", form | {"days": "4"})

    answer = client.post(f"{ROOT}versions/{version.pk}/edit/", form | {"days": "5"})

    assert answer.status_code == 422
    version.refresh_from_db()
    assert version.content["days"] == 4


def test_two_versions_differ_in_words_of_both_languages(of: AutopayConfiguration) -> None:
    first = AutopayVersion.objects.get()
    second = AutopayVersion.objects.create(
        configuration=of, number=2, content=content(amount="overdue_first", days=1), created_by_name="Mia"
    )
    path = f"{ROOT}versions/{second.pk}/against/{first.pk}/"

    text = text_of(browser().get(path))
    assert "everything past due and due that day what is past due first, then the bill of the day" in text
    assert "3 days, from the due date 1 day, from the due date" in text
    assert "先扣逾期" in text_of(browser(language="zh-hans").get(path))


def test_the_list_says_what_holds_and_asks_as_many_questions_for_many(of: AutopayConfiguration) -> None:
    client = browser("analyst")
    assert "Cash cash cash all products · all funders version 1 from 1 Jan 2026" in text_of(client.get(ROOT))
    counts = []
    for number in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get(ROOT)
        counts.append(len(queries))
        configuration(code=f"p{number}", portfolio=f"p{number}")
    assert counts[0] == counts[1]
    assert "version 1 in force" in text_of(client.get(f"{ROOT}{of.pk}/"))
    assert "代扣配置" in text_of(browser(language="zh-hans").get(f"{ROOT}{of.pk}/"))


def test_a_configuration_is_made_for_loans_that_have_none(of: AutopayConfiguration) -> None:
    client = browser()
    answer = client.post(f"{ROOT}new/", {"code": "a", "name": "A", "portfolio": "cash", "funder": ""})
    assert answer.status_code == 422
    assert "Another configuration is for the same portfolio" in answer.content.decode()

    client.post(f"{ROOT}new/", {"code": "a", "name": "A", "portfolio": "cash", "funder": "lender"})
    made = AutopayConfiguration.objects.get(code="a")
    assert (made.funder, made.versions.count()) == ("lender", 0)
    assert "Start the first one; two people let it in." in text_of(client.get(f"{ROOT}{made.pk}/"))


def test_a_configuration_of_another_portfolio_is_not_there(of: AutopayConfiguration) -> None:
    version = AutopayVersion.objects.get()
    stranger = browser("team_lead", team=TeamFactory(portfolios=["elsewhere"]))
    for path in (f"{of.pk}/", f"versions/{version.pk}/", f"versions/{version.pk}/roll-back/"):
        assert stranger.get(f"{ROOT}{path}").status_code == 404


def test_a_running_batch_does_not_keep_a_person_from_rolling_back(of: AutopayConfiguration) -> None:
    version = AutopayVersion.objects.get()
    plan_debits(day=DUE)
    BusinessDay.objects.update(today=DUE)
    noon = datetime(2026, 2, 15, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
    begin_now(version_id=version.pk, slot_id="morning", at=noon, reason="x", actor=MAKER)
    client, path = browser("compliance"), f"{ROOT}versions/{version.pk}/roll-back/"
    hidden = dict(re.findall(r'name="(seen|key)" value="([^"]*)"', client.get(path).content.decode()))

    DebitCommand.objects.update(state="unknown")

    assert client.post(path, {**hidden, "reason": "Wrong payees"}).status_code == 303
    version.refresh_from_db()
    assert version.state == "retired"


def test_another_version_that_would_hold_instead_is_shown_before_it_is_rolled_back(of: AutopayConfiguration) -> None:
    version = AutopayVersion.objects.get()
    client, path = browser("compliance"), f"{ROOT}versions/{version.pk}/roll-back/"
    hidden = dict(re.findall(r'name="(seen|key)" value="([^"]*)"', client.get(path).content.decode()))
    AutopayVersion.objects.create(
        configuration=of,
        number=9,
        state="retired",
        ended_because="replaced",
        effective_from=date(2025, 1, 1),
        effective_to=date(2026, 1, 1),
        content=content(),
        created_by_name="Mia",
        approved_at="2025-01-01T10:00:00Z",
    )
    assert client.post(path, {**hidden, "reason": "Wrong payees"}).status_code == 409


def test_the_page_of_a_version_says_when_it_held_before_and_who_changed_it_last(of: AutopayConfiguration) -> None:
    version = AutopayVersion.objects.get()
    version.held_before = [{"from": "2025-01-01", "to": "2025-06-01"}]
    version.changed_by_name = "Zoe"
    version.save()
    text = text_of(browser().get(f"{ROOT}versions/{version.pk}/"))
    assert "1 Jan 2025 – 1 Jun 2025" in text
    assert "Zoe" in text


def test_two_calendars_and_a_number_of_loans_are_typed_and_kept(of: AutopayConfiguration) -> None:
    client = browser()
    version = drafted(client, of)
    changes = {
        "holidays": "skip",
        "calendar": "CN",
        "second_calendar": "US",
        "canary_loans": "50",
        "canary_days": "2",
        "canary_least_success": "60",
    }
    assert client.post(f"{ROOT}versions/{version.pk}/edit/", sent(client, version, **changes)).status_code == 303
    version.refresh_from_db()
    assert version.content["calendar"] == "CN+US"
    assert version.content["canary"] == {"share": "0", "loans": 50, "days": 2, "least_success": "0.6"}
    again = fields_of(client.get(f"{ROOT}versions/{version.pk}/edit/").content.decode())
    assert (again["calendar"], again["second_calendar"]) == ("CN", "US")


def test_a_version_that_did_not_begin_says_why_and_what_to_do(of: AutopayConfiguration) -> None:
    version = AutopayVersion.objects.create(
        configuration=of,
        number=2,
        state="approved",
        content=content(),
        effective_from=DUE,
        created_by_name="Mia",
        approved_at="2026-02-01T10:00:00Z",
    )
    Payee.objects.filter(code="guarantor").update(is_active=False)
    publishing.activate_due(on=DUE)
    text = text_of(browser().get(f"{ROOT}versions/{version.pk}/"))
    assert "It did not begin on its day: guards refuse it by now." in text
    assert "The guarantor is not paid any more." in text


def test_who_wrote_a_version_reads_on_the_request_that_others_decide(of: AutopayConfiguration) -> None:
    author = person("compliance")
    version = AutopayVersion.objects.create(
        configuration=of, number=2, state="submitted", content=content(), created_by=author.pk, created_by_name="Mia"
    )
    asked = approvals.submit(
        verb=publishing.APPROVE,
        subject_type="repayment.autopay_version",
        subject_id=version.pk,
        payload={"version_id": version.pk, "content": version.content},
        reason="x",
        actor=MAKER,
        portfolio=of.portfolio,
    )
    text = text_of(logged_in(Client(), author).get(f"/approvals/{asked.pk}/"))
    assert "You wrote what is asked for; somebody else has to decide it." in text
