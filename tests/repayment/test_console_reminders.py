"""The pages of reminder plans: what they draw and count, the editor and its faults, the verbs and what they refuse."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from backoffice.audit import approvals
from backoffice.audit.models import Approval, AuditEntry
from backoffice.outreach.domain.reminder_states import PlanState
from backoffice.outreach.models import Message, ReminderPlan, ReminderPlanVersion, TemplateVersion
from backoffice.outreach.services import reminder_plans, reminder_publishing
from backoffice.repayment.console.reminder_reading import DayShown
from backoffice.repayment.services.reminder_asking import ask_to_publish
from backoffice.repayment.services.reminders import day_after, plan_reminders
from tests.console.page import fields_of
from tests.repayment.reminder_book import TODAY, content_with, open_reminders
from tests.staff.factories import TeamFactory, actor, logged_in, person

pytestmark = pytest.mark.django_db
LEAD = actor("team_lead", name="Grace")


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    yield
    translation.activate("en")


@pytest.fixture
def first() -> ReminderPlanVersion:
    return open_reminders(nowhere=1)


def browser(*roles: str, language: str = "en", **fields: Any) -> Client:
    client = logged_in(Client(), person(*(roles or ("team_lead",)), **fields))
    client.cookies["django_language"] = language
    return client


def drafted(first: ReminderPlanVersion, **changes: Any) -> ReminderPlanVersion:
    return reminder_plans.draft_version(
        plan_id=first.plan_id, content=content_with(first, **changes), note="later", actor=LEAD
    )


def published(first: ReminderPlanVersion, **changes: Any) -> ReminderPlanVersion:
    version = drafted(first, **changes)
    asked = ask_to_publish(version_id=version.pk, effective_from=day_after(TODAY), reason="Tests", actor=LEAD)
    approvals.approve(approval_id=asked.pk, actor=person("compliance").as_actor())
    reminder_publishing.activate_due(on=day_after(TODAY))
    version.refresh_from_db()
    return version


def page_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def rows_of(version: ReminderPlanVersion, **changes: str) -> dict[str, Any]:
    """What the editor of a version would send, one step a row and an empty row after them."""
    sent: dict[str, Any] = {
        "holdout": version.content["holdout"],
        "debits": "",
        "note": "",
        "steps-TOTAL_FORMS": str(len(version.content["steps"]) + 1),
        "steps-INITIAL_FORMS": str(len(version.content["steps"])),
    }
    for number, step in enumerate(version.content["steps"]):
        channels = dict(zip(("first", "second", "third"), step["channels"], strict=False))
        main = {name: step[name] for name in ("id", "offset", "at", "until", "template")}
        sent |= {f"steps-{number}-{name}": value for name, value in (main | channels).items()}
        sent[f"steps-{number}-stops"] = ["debit", "extension", "promise"]
    return sent | changes


def verb(client: Client, path: str, **values: str) -> Any:
    """A confirm panel, read and sent as the browser does it."""
    panel = client.get(path).content.decode()
    hidden = dict(re.findall(r'name="(seen|key)" value="([^"]*)"', panel))
    return client.post(path, {**hidden, "reason": "Too many complaints", **values})


def test_the_list_says_what_holds_for_whom_and_what_it_did(first: ReminderPlanVersion) -> None:
    drafted(first)
    text = text_of(page_of(browser("agent"), "/reminders/"))

    assert (
        "Around the due date standard all without a plan of their own version 1 from 15 Jan 2026 5 steps, 0 %" in text
    )
    assert "too few to say version 2 draft" in text
    assert "New plan" not in text
    assert "到期日前后" in page_of(browser("agent", language="zh-hans"), "/reminders/")


def test_the_list_asks_as_many_questions_for_many_plans(first: ReminderPlanVersion) -> None:
    client = browser("agent")
    client.get("/reminders/")
    counts = []
    for number in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get("/reminders/")
        counts.append(len(queries))
        ReminderPlan.objects.create(code=f"p{number}", name="More", portfolio=f"p{number}")
    assert counts[0] == counts[1]


def test_an_empty_list_says_what_to_do() -> None:
    open_reminders(borrowers=0)
    ReminderPlanVersion.objects.all().delete()
    ReminderPlan.objects.all().delete()

    assert "Nobody is reminded yet." in page_of(browser(), "/reminders/")
    assert 'href="/reminders/new/"' in page_of(browser(), "/reminders/")
    assert "A team lead, compliance or an administrator makes a plan." in page_of(browser("agent"), "/reminders/")


def test_a_plan_shows_its_timeline_its_steps_and_that_nothing_is_compared_yet(first: ReminderPlanVersion) -> None:
    page = page_of(browser("agent"), f"/reminders/{first.plan_id}/")
    text = text_of(page)

    assert "No due date has passed yet since the plan began" in text
    assert page.count('class="window') == 5 + 2
    assert (
        "1 day before d-1 10:00–18:00 SMS → push Reminder one day before the due date everybody stopped by: paid,"
        in text
    )
    assert "paid, hold, debit in flight, extension in review, promise open" in text
    assert "Roll back" not in text


def test_a_version_counts_tomorrow_with_the_rules_that_stop_messages_in_words(first: ReminderPlanVersion) -> None:
    text = text_of(page_of(browser("agent"), f"/reminders/versions/{first.pk}/"))

    assert "Bills it writes about 3" in text
    assert "Messages 3 SMS 3" in text
    assert "Nobody knows where the borrower is, so no hour is sure to be permitted. core.place" in text
    assert "3 tomorrow" in text
    assert not Message.objects.exists()
    zh = text_of(page_of(browser("agent", language="zh-hans"), f"/reminders/versions/{first.pk}/"))
    assert "消息未能发出的原因" in zh


def test_a_draft_shows_what_it_changes(first: ReminderPlanVersion) -> None:
    version = drafted(first, at="11:00", least="500", language="zh-hans")
    text = text_of(page_of(browser(), f"/reminders/versions/{version.pk}/"))

    assert "d-3 · Time of the borrower&#x27;s day 10:00–18:00 11:00–18:00" in text
    assert "d-3 · For whom everybody bills from 500.00, readers of Chinese" in text
    assert "d-1 ·" not in text


def test_the_editor_simulates_what_is_typed_and_saves_nothing(first: ReminderPlanVersion) -> None:
    version = drafted(first)
    path = f"/reminders/versions/{version.pk}/edit/"
    looked = browser().post(path, rows_of(version, look="1", **{"steps-1-least": "5000"}))

    text = text_of(looked.content.decode())
    assert looked.status_code == 200
    assert "Messages 0" in text
    assert "not one of those the step is for the plan itself 3" in text
    assert 'id="drawn" hx-swap-oob' in looked.content.decode()
    version.refresh_from_db()
    assert version.content["steps"][1].get("least") == "0"


def test_the_editor_names_what_contradicts_itself_in_the_words_of_its_fields(first: ReminderPlanVersion) -> None:
    version = drafted(first)
    path = f"/reminders/versions/{version.pk}/edit/"
    overlap = browser().post(path, rows_of(version, **{"steps-1-offset": "-3"}))
    assert overlap.status_code == 422
    assert "d-1 · From : another step of the same day is still running then" in text_of(overlap.content.decode())

    amid = browser().post(path, rows_of(version, debits="06:00, 10:00", look="1"))
    assert "d0 · From : a debit is tried within the hour" in text_of(amid.content.decode())

    unread = browser().post(path, rows_of(version, **{"steps-0-at": "soon", "holdout": "lots"}))
    text = text_of(unread.content.decode())
    assert "d-3 · From : Enter a valid time." in text
    assert "Left alone to compare with : Enter a number." in text

    nothing = rows_of(version, **{f"steps-{number}-offset": "" for number in range(5)})
    assert "Steps : there is no step" in text_of(browser().post(path, nothing).content.decode())
    version.refresh_from_db()
    assert version.content == content_with(first)


def test_the_editor_gives_one_more_row_and_keeps_what_was_typed(first: ReminderPlanVersion) -> None:
    version = drafted(first)
    path = f"/reminders/versions/{version.pk}/edit/"
    more = browser().post(path, rows_of(version, more="1", **{"steps-0-at": "12:34"}))

    assert more.status_code == 200
    assert 'name="steps-TOTAL_FORMS" value="7"' in more.content.decode()
    assert "12:34" in more.content.decode()


def test_steps_somebody_else_saved_meanwhile_are_not_overwritten_unseen(first: ReminderPlanVersion) -> None:
    version = drafted(first)
    path = f"/reminders/versions/{version.pk}/edit/"
    seen = fields_of(page_of(browser(), path))["seen"]
    assert browser().post(path, rows_of(version, note="theirs", seen=seen)).status_code == 303

    late = browser().post(path, rows_of(version, note="mine", seen=seen))
    assert late.status_code == 422
    assert "Somebody else saved this draft" in late.content.decode()
    version.refresh_from_db()
    assert version.note == "theirs"


def test_the_editor_saves_whom_a_step_is_for_what_stops_it_and_the_debits(first: ReminderPlanVersion) -> None:
    version = drafted(first)
    changes = {
        "steps-0-least": "100.50",
        "steps-0-most": "900",
        "steps-0-currency": "cny",
        "steps-0-language": "zh-hans",
        "steps-0-third": "inbox",
        "debits": "06:00，20:00",
        "note": "Only larger bills",
    }
    sent = rows_of(version, **changes) | {"steps-0-stops": ["promise"]}
    saved = browser().post(f"/reminders/versions/{version.pk}/edit/", sent)

    assert (saved.status_code, saved.headers["Location"]) == (303, f"/reminders/versions/{version.pk}/")
    version.refresh_from_db()
    step = version.content["steps"][0]
    assert {name: step[name] for name in ("least", "most", "currency", "language", "channels", "stops")} == {
        "least": "100.50",
        "most": "900",
        "currency": "CNY",
        "language": "zh-hans",
        "channels": ["push", "sms", "inbox"],
        "stops": ["hold", "paid", "promise"],
    }
    assert (version.content["debits"], version.note) == (["06:00", "20:00"], "Only larger bills")
    page = text_of(page_of(browser(), f"/reminders/versions/{version.pk}/"))
    assert "bills of ¥ 100.50 to ¥ 900.00, readers of Chinese stopped by: paid, hold, promise open" in page
    assert "checked" in page_of(browser(), f"/reminders/versions/{version.pk}/edit/")


def test_a_version_is_asked_for_agreed_by_another_and_waits_for_its_day(first: ReminderPlanVersion) -> None:
    version = drafted(first, at="11:00")
    asked = verb(browser(), f"/reminders/versions/{version.pk}/submit/", effective_from="2026-02-14")
    assert asked.headers["Location"] == f"/reminders/versions/{version.pk}/"
    page = page_of(browser("agent"), f"/reminders/versions/{version.pk}/")
    assert "Waits for a second person" in page
    approval = Approval.objects.get()
    assert f'href="/approvals/{approval.pk}/"' in page

    request = text_of(page_of(browser("compliance"), f"/approvals/{approval.pk}/"))
    assert "Around the due date, version 2" in request
    assert "In force from 14 Feb 2026" in request
    assert "Messages tomorrow by SMS 3" in request
    approvals.approve(approval_id=approval.pk, actor=person("compliance").as_actor())

    assert "approved" in text_of(page_of(browser(), f"/reminders/versions/{version.pk}/"))
    discarded = verb(browser(), f"/reminders/versions/{version.pk}/discard/")
    assert discarded.status_code == 303
    version.refresh_from_db()
    assert (version.state, version.was_in_force) == (PlanState.RETIRED, False)


def test_a_first_day_in_the_past_is_refused_at_its_field(first: ReminderPlanVersion) -> None:
    version = drafted(first)
    refused = verb(browser(), f"/reminders/versions/{version.pk}/submit/", effective_from="2026-02-13")

    assert "The messages of 13 Feb 2026 are planned already." in refused.content.decode()
    version.refresh_from_db()
    assert version.state == PlanState.DRAFT
    assert not Approval.objects.exists()


def test_a_declined_version_says_why_and_is_taken_back(first: ReminderPlanVersion) -> None:
    version = drafted(first)
    asked = ask_to_publish(version_id=version.pk, effective_from=day_after(TODAY), reason="Tests", actor=LEAD)
    approvals.decline(approval_id=asked.pk, actor=person("compliance").as_actor(), note="Sundays are quiet")
    text = text_of(page_of(browser(), f"/reminders/versions/{version.pk}/"))
    assert "Sundays are quiet Take the version back to change it." in text

    verb(browser(), f"/reminders/versions/{version.pk}/take-back/")
    version.refresh_from_db()
    assert (version.state, version.effective_from) == (PlanState.DRAFT, None)
    assert AuditEntry.objects.filter(verb="outreach.reminder_plan_version.taken_back").exists()


def test_the_version_in_force_is_rolled_back_and_put_back(first: ReminderPlanVersion) -> None:
    second = published(first, at="11:00")
    assert "Roll back to version 1" in page_of(browser(), f"/reminders/{first.plan_id}/")
    panel = text_of(page_of(browser(), f"/reminders/versions/{second.pk}/roll-back/"))
    assert "Version 1 is in force again in place of version 2." in panel
    rolled = verb(browser(), f"/reminders/versions/{second.pk}/roll-back/")
    assert rolled.headers["Location"] == f"/reminders/{first.plan_id}/"
    assert _states() == {1: "active", 2: "retired"}
    assert browser().get(f"/reminders/versions/{first.pk}/roll-back/").status_code == 404

    verb(browser(), f"/reminders/versions/{second.pk}/put-back/")
    assert _states() == {1: "retired", 2: "active"}


def test_taking_a_version_out_of_force_stops_what_it_planned(first: ReminderPlanVersion) -> None:
    plan_reminders(day=day_after(TODAY))
    panel = text_of(page_of(browser(), f"/reminders/versions/{first.pk}/retire/"))
    assert "Planned messages that are stopped 3" in panel

    verb(browser(), f"/reminders/versions/{first.pk}/retire/")
    assert _states() == {1: "retired"}
    assert set(Message.objects.values_list("state", "code")) == {("stopped", "plan_retired")}
    assert "no version in force" in page_of(browser(), f"/reminders/{first.plan_id}/")


def test_a_version_whose_words_are_gone_says_so_and_cannot_be_put_back(first: ReminderPlanVersion) -> None:
    published(first, at="11:00")
    TemplateVersion.objects.filter(template__code="reminder_d3").update(state="retired")
    text = text_of(page_of(browser(), f"/reminders/versions/{first.pk}/"))

    assert "d-3 · Template : no active template with this code has words for one of the channels" in text
    assert "Put back in force" not in text


def test_a_new_plan_begins_with_an_example_and_a_portfolio_has_one(first: ReminderPlanVersion) -> None:
    form = {"code": "cash", "name": "Cash loans", "name_zh": "现金贷", "portfolio": "cash"}
    made = browser().post("/reminders/new/", form)
    plan = ReminderPlan.objects.get(code="cash")
    assert (made.status_code, made.headers["Location"]) == (303, f"/reminders/{plan.pk}/")
    assert "Start the first one; two people publish it." in page_of(browser(), f"/reminders/{plan.pk}/")
    draft = browser().post(f"/reminders/{plan.pk}/draft/")
    version = plan.versions.get()
    assert draft.headers["Location"] == f"/reminders/versions/{version.pk}/edit/"

    assert browser().post(f"/reminders/{plan.pk}/draft/").status_code == 409
    assert browser().post("/reminders/new/", form).status_code == 422
    assert "Every portfolio has a plan." in page_of(browser(), "/reminders/new/")


def test_plans_of_portfolios_elsewhere_are_not_there(first: ReminderPlanVersion) -> None:
    south = ReminderPlan.objects.create(code="south", name="South", portfolio="south")
    north = browser("team_lead", team=TeamFactory(portfolios=["north"]))

    assert "South" not in page_of(north, "/reminders/")
    assert north.get(f"/reminders/{south.pk}/").status_code == 404
    assert north.post(f"/reminders/{south.pk}/draft/").status_code == 404
    assert "Every portfolio has a plan." in page_of(north, "/reminders/new/")
    assert 'value="cash"' in page_of(browser(), "/reminders/new/")


@pytest.mark.parametrize("role", ["agent", "collector", "analyst", "auditor"])
def test_readers_see_no_verb_and_may_do_none(role: str, first: ReminderPlanVersion) -> None:
    client = browser(role)
    page = page_of(client, f"/reminders/versions/{first.pk}/")
    assert "Take out of force" not in page
    assert "Draft from this" not in page
    for name in ("edit", "submit", "take-back", "discard", "retire", "roll-back", "put-back"):
        assert client.get(f"/reminders/versions/{first.pk}/{name}/").status_code == 403
    assert client.post(f"/reminders/{first.plan_id}/draft/").status_code == 403


def _states() -> dict[int, str]:
    return dict(ReminderPlanVersion.objects.order_by("number").values_list("number", "state"))


def test_what_leaves_later_that_day_counts_as_let_through() -> None:
    nothing: dict[str, Any] = {"bills": 3, "channels": (), "held_out": 0, "blocked": (), "left_out": (), "costs": ()}
    shown = DayShown(day=TODAY, messages=3, allowed=1, later=1, **nothing)
    assert (shown.leaving, shown.stopped) == (2, 1)
