"""Campaigns in Chromium: axe on every page, and the way from a saved audience to a planned day, by two people."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from backoffice.calendars.selectors import business_date
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.outreach.models import Campaign
from backoffice.outreach.services import waking
from backoffice.repayment.services.campaigns import plan_campaigns
from backoffice.staff.models import User
from tests.repayment.campaigning import (
    JANUARY_15,
    a_borrower,
    an_audience,
    drafted,
    lived,
    running,
    submitted,
    words_and_gateways,
)
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _house(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    # The sender would look at the clock on the wall, and find everything planned in January too late.
    monkeypatch.setattr(waking, "wake_sender", lambda: None)
    words_and_gateways()
    open_first_day(day=JANUARY_15, actor=SYSTEM)


def _enter(page: Page, live_server: LiveServer, user: User, language: str = "en") -> None:
    session = logged_in(Client(), user).cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [
            {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url},
            {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": live_server.url},
        ]
    )


def _addresses() -> list[str]:
    """A campaign that lived, one just running, one that waits, a faulty draft, their verbs, and the audiences."""
    ran = lived()
    faulty = drafted("faulty", first_day="2026-03-10", last_day="2026-03-01", at="23:00", until="23:30")
    ready = drafted("ready", last_day="2026-03-01", channels=["push", "sms"])
    waiting = drafted("waiting", last_day="2026-03-01")
    submitted(waiting)
    fresh = running("fresh", last_day="2026-03-01")
    audience = an_audience("chinese", languages=["zh"], loans_taken={"from": 1})
    verbs = [
        ("submit", ready),
        ("discard", ready),
        ("pause", fresh),
        ("end", ran),
        ("copy", ran),
        ("take_back", waiting),
    ]
    return [
        reverse("repayment:campaigns"),
        *(reverse("repayment:campaign", args=[one.pk]) for one in (ran, faulty, ready, waiting, fresh)),
        reverse("repayment:new_campaign"),
        reverse("repayment:edit_campaign", args=[ready.pk]),
        *(reverse(f"repayment:{verb}_campaign", args=[one.pk]) for verb, one in verbs),
        reverse("repayment:audiences"),
        reverse("repayment:new_audience"),
        reverse("repayment:audience", args=[audience.pk]),
        reverse("repayment:edit_audience", args=[audience.pk]),
        reverse("repayment:retire_audience", args=[audience.pk]),
    ]


@pytest.mark.parametrize(
    ("language", "theme", "width"), [("en", "light", 1280), ("zh-hans", "dark", 1280), ("en", "dark", 768)]
)
def test_axe_finds_nothing_and_nothing_overflows(
    page: Page, live_server: LiveServer, language: str, theme: str, width: int
) -> None:
    addresses = _addresses()
    _enter(page, live_server, person("admin", team=TeamFactory()), language)
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
    found = {}
    for address in addresses:
        status = page.goto(live_server.url + address).status
        violations = Axe().run(page).response["violations"]
        problems = [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in violations]
        if status != 200:
            problems.append(f"answered {status}")
        if page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            problems.append("wider than the window")
        if problems:
            found[address] = problems
    assert found == {}


def test_from_a_saved_audience_to_a_planned_day(page: Page, live_server: LiveServer) -> None:
    for _ in range(5):
        a_borrower()
    a_borrower(language="en")
    team = TeamFactory()
    _enter(page, live_server, person("admin", team=team))

    page.goto(live_server.url + reverse("repayment:audiences"))
    page.get_by_role("link", name="New audience").click()
    page.get_by_label("Name", exact=True).fill("Chinese speakers")
    page.get_by_label("Code").fill("chinese")
    page.get_by_label("Languages").fill("zh")
    expect(page.locator("#now .figure")).to_have_text("5")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Chinese speakers")).to_be_visible()

    page.get_by_role("link", name="New campaign for it").click()
    page.get_by_label("Name", exact=True).fill("Spring")
    page.get_by_label("Code").fill("spring")
    page.get_by_label("First by").select_option("sms")
    page.get_by_label("Then by").select_option("")
    page.get_by_label("Last day").fill((business_date() + timedelta(days=10)).isoformat())
    page.get_by_label("Budget").fill("0.35")
    page.get_by_label("Left alone to compare with").fill("0")
    page.get_by_text("What the template leaves open").click()
    page.get_by_label("Amount offered").fill("CNY 20000.00")
    page.get_by_label("Offer ends on").fill("2026-04-15")
    expect(page.locator("#simulation")).to_contain_text("the budget is reached")
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_role("link", name="Submit").click()
    page.get_by_label("Reason").fill("Borrowers asked for it")
    page.get_by_role("button", name="Ask for approval").click()
    expect(page.get_by_text("Waits for a second person")).to_be_visible()
    campaign = Campaign.objects.get(code="spring")

    _enter(page, live_server, person("compliance", team=team))
    page.goto(live_server.url + reverse("repayment:campaign", args=[campaign.pk]))
    page.get_by_role("link", name="The request").click()
    page.get_by_role("link", name="Approve").click()
    page.get_by_label("Reason").fill("Within the budget")
    page.get_by_role("button", name="Approve").last.click()
    expect(page.get_by_role("dialog")).to_have_count(0)

    _enter(page, live_server, person("team_lead", team=team))
    page.goto(live_server.url + reverse("repayment:campaign", args=[campaign.pk]))
    expect(page.get_by_text("It starts by itself")).to_be_visible()
    plan_campaigns(day=business_date() + timedelta(days=1))
    page.reload()
    expect(page.locator("#days")).to_contain_text("the budget is reached")
    expect(page.locator("#funnel .figure").first).to_have_text("3")
