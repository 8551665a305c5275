"""Experiments in Chromium: axe on every page, light and dark, in both languages, wide and narrow."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from backoffice.core.actors import SYSTEM
from backoffice.outreach.models import Experiment
from backoffice.outreach.services import experiments
from tests.outreach.experiment_book import ANALYST, AT, declared, on, running, screening, start, units
from tests.outreach.test_hillstrom import MADE_UP
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db(transaction=True)


def _lived(experiment: Experiment) -> None:
    taken = experiments.take_in(experiment_id=experiment.pk, borrower_ids=units(160), at=AT, actor=SYSTEM)
    outcomes = [
        experiments.NewOutcome(
            borrower_id=one.borrower_id,
            metric="on_time",
            value=Decimal(1),
            at=AT + timedelta(days=1),
            key=f"{experiment.pk}:{one.borrower_id}",
        )
        for one in taken
        if one.arm_number and one.borrower_id % 3 and one.arm_number % 2 == 0
    ]
    experiments.record_outcomes(outcomes=outcomes, actor=SYSTEM)


def _addresses() -> list[str]:
    """A draft, a running experiment, one brought in and a screening on its day, and what is typed into."""
    on()
    brought_in = experiments.bring_in_hillstrom(lines=MADE_UP.splitlines(), actor=SYSTEM).experiment
    draft = declared(code="draft", share=Decimal("0.1"))
    early = running(code="early", share=Decimal("0.4"), stop_on=date(2026, 12, 31))
    plan = screening(minimum_sample=5, share=Decimal("0.5"))
    six = start(experiments.declare_experiment(declaration=plan, actor=ANALYST))
    _lived(early)
    _lived(six)
    on(date(2026, 4, 8))
    return [
        reverse("outreach:experiments"),
        reverse("outreach:sample_size"),
        *(reverse("outreach:experiment", args=[one.pk]) for one in (brought_in, draft, early, six)),
        *(reverse("outreach:declare_experiment", args=[design]) for design in ("arms", "L8", "L18")),
        reverse("outreach:confirm_experiment", args=[six.pk]),
        reverse("outreach:stop_experiment", args=[early.pk]),
        reverse("outreach:decide_experiment", args=[brought_in.pk]),
    ]


@pytest.mark.parametrize(
    ("language", "theme", "width"), [("en", "light", 1280), ("zh-hans", "dark", 1280), ("en", "dark", 768)]
)
def test_axe_finds_nothing_and_nothing_overflows(
    page: Page, live_server: LiveServer, language: str, theme: str, width: int
) -> None:
    addresses = _addresses()
    client = logged_in(Client(), person("admin", team=TeamFactory()))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [
            {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url},
            {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": live_server.url},
        ]
    )
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
    found = {}
    for address in addresses:
        answer = page.goto(live_server.url + address)
        violations = Axe().run(page).response["violations"]
        problems = [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in violations]
        if answer is None or answer.status != 200:
            problems.append(f"answered {answer and answer.status}")
        if page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            problems.append("wider than the window")
        if problems:
            found[address] = problems
    assert found == {}
