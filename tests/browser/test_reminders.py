"""Reminder plans in a browser: one person drafts, another agrees, the night puts it in force, a click rolls it back."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from backoffice.audit.models import Approval
from backoffice.outreach.models import ReminderPlan, ReminderPlanVersion
from backoffice.outreach.services import reminder_plans
from backoffice.outreach.services.reminder_publishing import activate_due
from backoffice.repayment.services.reminders import day_after
from backoffice.staff.models import User
from tests.repayment.reminder_book import TODAY, content_with, open_reminders
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def first(transactional_db: None) -> ReminderPlanVersion:
    """The starter plan in force, and three bills due the day after tomorrow."""
    return open_reminders(nowhere=1)


def become(page: Page, live_server: LiveServer, somebody: User, *, language: str = "en") -> None:
    session = logged_in(Client(), somebody).cookies[settings.SESSION_COOKIE_NAME].value
    cookies = {settings.SESSION_COOKIE_NAME: session, settings.LANGUAGE_COOKIE_NAME: language}
    page.context.add_cookies(
        [{"name": name, "value": value, "url": live_server.url} for name, value in cookies.items()]
    )


def test_a_plan_is_drafted_simulated_asked_for_agreed_put_in_force_and_rolled_back(
    page: Page, live_server: LiveServer, first: ReminderPlanVersion
) -> None:
    lead, checker = person("team_lead"), person("compliance")
    become(page, live_server, lead)
    page.goto(f"{live_server.url}/reminders/{first.plan_id}/")
    page.get_by_role("button", name="New version").click()

    judgement, drawn = page.locator("#judgement"), page.locator("#drawn")
    expect(judgement).to_contain_text("Nobody knows where the borrower is")
    expect(drawn).to_contain_text("3 tomorrow")
    offsets, debits = page.get_by_label("Days from due date"), page.get_by_label("Debits of the due date")
    offsets.nth(1).fill("-3")
    expect(judgement).to_contain_text("d-1 · From: another step of the same day is still running then")
    expect(drawn).not_to_contain_text("tomorrow")
    offsets.nth(1).fill("-1")
    debits.fill("10:00")
    expect(judgement).to_contain_text("d0 · From: a debit is tried within the hour")
    debits.fill("20:00")
    expect(drawn).to_contain_text("20:00")
    page.locator(".plan-rows summary").nth(1).click()
    page.get_by_label("Bills from").nth(1).fill("5000")
    expect(judgement).to_contain_text("not one of those the step is for")
    page.get_by_role("button", name="Save the draft").click()

    expect(page.locator("#changes")).to_contain_text("bills from 5,000.00")
    page.get_by_role("link", name="Submit").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Messages tomorrow by SMS3→0")
    dialog.get_by_label("Reason").fill("Small bills are not worth a text")
    dialog.get_by_role("button", name="Ask for approval").click()
    expect(page.get_by_text("waits for a second person", exact=False).first).to_be_visible()

    become(page, live_server, checker)
    page.goto(f"{live_server.url}{reverse('audit:approval', args=[Approval.objects.get().pk])}")
    expect(page.get_by_role("main")).to_contain_text("In force from")
    page.get_by_role("link", name="Approve").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("Agreed with the desk")
    dialog.get_by_role("button", name="Approve and do it").click()
    expect(page).to_have_url(f"{live_server.url}{reverse('audit:approvals')}")
    second = ReminderPlanVersion.objects.get(number=2)
    assert (second.state, second.approved_by) == ("approved", checker.pk)
    assert activate_due(on=day_after(TODAY)) == 1

    become(page, live_server, lead)
    page.goto(f"{live_server.url}/reminders/{first.plan_id}/")
    expect(page.get_by_text("version 2 in force")).to_be_visible()
    page.get_by_role("link", name="Roll back to version 1").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Messages tomorrow by SMS0→3")
    dialog.get_by_label("Reason").fill("They pay later without it")
    dialog.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("version 1 in force")).to_be_visible()


def _addresses(first: ReminderPlanVersion) -> list[str]:
    empty = ReminderPlan.objects.create(code="south", name="South", portfolio="south")
    lead = person("team_lead").as_actor()
    draft = reminder_plans.draft_version(
        plan_id=first.plan_id,
        content=content_with(first, least="100", most="900", currency="CNY") | {"debits": ["20:00"]},
        note="later",
        actor=lead,
    )
    on_plans = [reverse("repayment:reminder_plan", args=[plan_id]) for plan_id in (first.plan_id, empty.pk)]
    names = ("reminder_version", "edit_reminders", "submit_reminders", "discard_reminders")
    of_draft = [reverse(f"repayment:{name}", args=[draft.pk]) for name in names]
    of_first = [reverse(f"repayment:{name}", args=[first.pk]) for name in ("reminder_version", "retire_reminders")]
    plain = [reverse("repayment:reminder_plans"), reverse("repayment:new_reminder_plan")]
    return [*plain, *on_plans, *of_draft, *of_first]


@pytest.mark.parametrize("width", [1280, 900])
@pytest.mark.parametrize(("theme", "language"), [("light", "en"), ("dark", "zh-hans")])
def test_axe_finds_nothing_and_nothing_overflows(
    page: Page, live_server: LiveServer, first: ReminderPlanVersion, theme: str, language: str, width: int
) -> None:
    become(page, live_server, person("admin", team=TeamFactory()), language=language)
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 800})
    found = {}
    for address in _addresses(first):
        status = page.goto(live_server.url + address).status
        violations = Axe().run(page).response["violations"]
        problems = [f"{each['id']}: {each['nodes'][0]['html'][:160]}" for each in violations]
        if status != 200:
            problems.append(f"answered {status}")
        if page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            problems.append("wider than the window")
        if problems:
            found[address] = problems
    assert found == {}
