"""The gate's screens in Chromium: nothing for axe to find, the purpose switches in place, an opt-out shows at once."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.intake import NewContact
from backoffice.customers.models import Borrower
from backoffice.customers.services import add_contact_point
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Wanted
from backoffice.outreach.services import consents, gate, replaying
from tests.console.book import open_book
from tests.staff.factories import TeamFactory, actor, logged_in, person

pytestmark = pytest.mark.django_db(transaction=True)

SHOTS = os.environ.get("SCREENSHOTS", "")
AFTERNOON = datetime(2026, 11, 22, 7, tzinfo=UTC)  # three in Shanghai
ADA = actor("collector", actor_id=1)


@pytest.fixture
def borrower(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Borrower:
    """Late, in China, called often, heard from, with a wish; two calls were made by night."""
    monkeypatch.setattr("backoffice.calendars.clock.now", lambda: AFTERNOON)
    row = open_book().late.borrower
    Borrower.objects.filter(pk=row.pk).update(country="CN", time_zone="Asia/Shanghai")
    for kind, value in (("phone", "+86 138 0013 4471"), ("phone", "+86 139 0013 4472"), ("email", "wei@example.org")):
        add_contact_point(
            borrower_id=row.pk, contact=NewContact(kind=kind, value=value), reason="told us", actor=SYSTEM
        )
    phone = row.contact_points.filter(kind="phone").earliest("id").pk
    for hours, code in ((40, "R-PTP"), (17, "T-NA"), (5, "R-INF"), (4, "T-NA"), (3, "P-WN"), (2, "")):
        at = AFTERNOON - timedelta(hours=hours)
        entry_id = gate.log_contact(
            borrower_id=row.pk,
            channel=Channel.CALL,
            purpose=Purpose.COLLECTION,
            direction="out",
            at=at,
            actor=ADA,
            endpoint_id=phone,
        )
        if code:
            gate.record_fact(
                entry_id=entry_id, code=code, actor=SYSTEM, at=at, kind="correction" if code == "P-WN" else None
            )
    consents.opt_out(
        borrower_id=row.pk,
        channel=Channel.SMS,
        source="sms",
        evidence="TD",
        actor=SYSTEM,
        at=AFTERNOON - timedelta(days=1),
    )
    consents.agree_callback(
        borrower_id=row.pk,
        starts_at=AFTERNOON + timedelta(hours=9),
        ends_at=AFTERNOON + timedelta(hours=10),
        source="call",
        evidence="call me after the shift",
        actor=ADA,
        at=AFTERNOON,
    )
    consents.prefer_times(
        borrower_id=row.pk,
        is_only=False,
        days=(1, 2, 3, 4, 5),
        from_minute=540,
        to_minute=1080,
        source="call",
        note="at work",
        actor=ADA,
        at=AFTERNOON,
    )
    gate.reserve_contact(
        wanted=Wanted(
            borrower_id=row.pk,
            channel=Channel.SMS,
            purpose=Purpose.REMINDER,
            at=AFTERNOON,
            endpoint_id=phone,
        ),
        actor=ADA,
    )
    return row


def _open_as(page: Page, live_server: LiveServer, *roles: str, language: str = "en") -> None:
    client = logged_in(Client(), person(*roles, team=TeamFactory()))
    cookies = {
        settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value,
        settings.LANGUAGE_COOKIE_NAME: language,
    }
    page.context.add_cookies(
        [{"name": name, "value": value, "url": live_server.url} for name, value in cookies.items()]
    )


def _addresses(borrower: Borrower) -> dict[str, str]:
    day = (AFTERNOON - timedelta(days=2)).date()
    report_id = replaying.ask_replay(
        first=day, last=AFTERNOON.date(), today=AFTERNOON.date(), reason="the weekly look", actor=SYSTEM
    )
    replaying.run_replay(report_id=report_id, now=AFTERNOON)
    waiting = borrower.contact_entries.filter(kind="attempt", facts__isnull=True).latest("id").pk
    one = [borrower.pk]
    return {
        "borrower": reverse("console:borrower", args=one),
        "contact": reverse("outreach:contact", args=one),
        "contact_log": reverse("outreach:contact_log", args=one),
        "contacts": reverse("outreach:contacts"),
        "blocked": f"{reverse('outreach:contacts')}?blocked=1",
        "log_contact": reverse("outreach:log_contact", args=one),
        "record_result": reverse("outreach:record_result", args=[waiting]),
        "opt_out": reverse("outreach:opt_out", args=one),
        "agree_callback": reverse("outreach:agree_callback", args=one),
        "prefer_times": reverse("outreach:prefer_times", args=one),
        "replays": reverse("outreach:replays"),
        "replay": reverse("outreach:replay", args=[report_id]),
        "ask_replay": reverse("outreach:ask_replay"),
    }


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_overflows(
    page: Page, live_server: LiveServer, borrower: Borrower, theme: str, language: str
) -> None:
    _open_as(page, live_server, "compliance", "collector", "team_lead", language=language)
    page.emulate_media(color_scheme=theme)
    found = {}
    for name, address in _addresses(borrower).items():
        status = page.goto(live_server.url + address).status
        violations = Axe().run(page).response["violations"]
        problems = [f"{each['id']}: {each['nodes'][0]['html'][:160]}" for each in violations]
        if status != 200:
            problems.append(f"answered {status}")
        if page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            problems.append("wider than the window")
        if problems:
            found[address] = problems
        if SHOTS:
            page.screenshot(path=str(Path(SHOTS) / f"{name}-{theme}-{language}.png"), full_page=True)
    assert found == {}


def test_the_purpose_switches_in_place_and_an_opt_out_shows_at_once(
    page: Page, live_server: LiveServer, borrower: Borrower
) -> None:
    _open_as(page, live_server, "collector")
    page.goto(live_server.url + reverse("console:borrower", args=[borrower.pk]))
    panel = page.locator("#contact")
    panel.get_by_role("link", name="marketing").click()
    expect(panel.get_by_role("link", name="marketing")).to_have_attribute("aria-current", "true")
    panel.get_by_role("link", name="rules and consents").click()
    page.get_by_role("link", name="Opt out").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Channel").select_option("push")
    dialog.get_by_label("What they said").fill("no more of these pop-ups")
    expect(dialog).not_to_contain_text("e-mail, collection")
    dialog.get_by_role("button", name="Opt out").click()
    expect(page.locator("#consents")).to_contain_text("no more of these pop-ups")
    page.goto(f"{live_server.url}{reverse('outreach:contact', args=[borrower.pk])}?purpose=collection")
    expect(page.locator("#lights")).to_contain_text("The borrower opted out.")
