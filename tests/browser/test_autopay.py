"""axe on the pages of autopay, light and dark, in both languages; the bar of a running batch moves by itself."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from backoffice.repayment.domain.autopay.breakers import BreakerKind, Tripped
from backoffice.repayment.models import AutopaySwitch, Breaker, DebitBatch, DebitCommand, Mandate
from backoffice.repayment.services.autopay import breaking, building, submitting
from tests.repayment.autopay.answering import NO_FUNDS, PAID, SILENT, answer, loans_of_a_thousand, slot
from tests.repayment.autopay.debiting import SECRET, at, morning_of, payees, plan, rail, version
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def day(settings, transactional_db) -> DebitBatch:
    """A first slot that is over, a second that runs, a third to come; two open breakers."""
    settings.RAIL_SECRETS = {rail().code: SECRET}
    payees()
    AutopaySwitch.objects.get_or_create(pk=AutopaySwitch.ONLY)
    loans = loans_of_a_thousand(24)
    Mandate.objects.filter(borrower_id__in=[loan.borrower_id for loan in loans[::3]]).update(bank="CN02")
    version()
    morning_of()
    plan()
    first = slot(at("07:00"), lambda place: SILENT if place in (3, 4) else NO_FUNDS if place % 2 else PAID)
    command = DebitCommand.objects.filter(state="declined").first()
    breaking.open_breaker(
        tripped=Tripped(BreakerKind.AMOUNT, "1000.00", "900.00", command.order_no),
        batch=first, command_id=command.pk, at=at("07:10"),
    )  # fmt: skip
    Breaker.objects.update(closed_at=at("07:20"), closed_by="Ada", close_reason="a bill was corrected by hand")
    breaking.open_breaker(tripped=Tripped(BreakerKind.REQUEST, "10", "", "bad sign"), rail=rail(), at=at("07:30"))
    building.begin_slots(at=at("16:00"))
    running = DebitBatch.objects.get(slot="s2")
    answer(submitting.let_out(batch_id=running.pk, at=at("16:01"))[:6], lambda _place: PAID, at=at("16:01"))
    breaking.open_breaker(tripped=Tripped(BreakerKind.SUCCESS, "12.5 %", "30.0 %"), batch=running, at=at("16:02"))
    DebitBatch.objects.filter(pk=running.pk).update(state="running")
    return running


def log_in(page: Page, live_server: LiveServer, language: str = "en") -> None:
    client = logged_in(Client(), person("admin", team=TeamFactory()))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [
            {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url},
            {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": live_server.url},
        ]
    )


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_overflows(
    page: Page, live_server: LiveServer, day: DebitBatch, theme: str, language: str
) -> None:
    log_in(page, live_server, language)
    page.emulate_media(color_scheme=theme)
    paid = DebitCommand.objects.filter(state="succeeded", batch=day).first()
    unknown = DebitCommand.objects.filter(state="unknown").first()
    addresses = {
        "manager": reverse("repayment:autopay"),
        "families": reverse("repayment:autopay") + "?cut=family",
        "empty": reverse("repayment:autopay") + "?day=2026-02-01",
        "debits": reverse("repayment:debits"),
        "journey": reverse("repayment:debit", args=[paid.pk]),
        "unknown-journey": reverse("repayment:debit", args=[unknown.pk]),
        "unknowns": reverse("repayment:unknown_debits"),
        "breakers": reverse("repayment:breakers"),
        "pause": reverse("repayment:pause_batch", args=[day.pk]),
        "stop": reverse("repayment:stop_autopay"),
        "decide": reverse("repayment:decide_debit", args=[unknown.pk]),
        "close": reverse("repayment:close_breaker", args=[Breaker.objects.filter(closed_at=None).last().pk]),
        "loan": reverse("repayment:loan", args=[paid.loan_id]),
    }
    found = {}
    for name, address in addresses.items():
        status = page.goto(live_server.url + address).status
        if os.environ.get("SHOTS"):
            page.screenshot(path=Path(os.environ["SHOTS"]) / f"{name}-{theme}-{language}.png", full_page=True)
        violations = Axe().run(page).response["violations"]
        problems = [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in violations]
        if status != 200:
            problems.append(f"answered {status}")
        if page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            problems.append("wider than the window")
        if problems:
            found[name] = problems
    assert found == {}


def test_the_bar_of_a_running_batch_moves_by_itself_and_a_person_pauses_it(
    page: Page, live_server: LiveServer, day: DebitBatch
) -> None:
    log_in(page, live_server)
    page.goto(live_server.url + reverse("repayment:autopay"))
    bar = page.locator(".progress", has_text="Debits known").filter(has=page.locator("progress")).nth(1)
    before = bar.locator("progress").get_attribute("value")
    left = DebitCommand.objects.filter(batch=day, state="submitted").values_list("pk", flat=True)
    assert left
    DebitCommand.objects.filter(pk__in=list(left)).update(state="declined", code="64", answered_at=at("16:03"))
    page.wait_for_function(
        "before => [...document.querySelectorAll('.progress progress')][1].getAttribute('value') !== before", arg=before
    )
    page.get_by_role("link", name="Pause").click()
    page.get_by_label("Reason").fill("too many refusals")
    page.locator("#panel button[type=submit]").click()
    page.get_by_text("The batch is paused.").wait_for()
    assert DebitBatch.objects.get(pk=day.pk).state == "paused"
