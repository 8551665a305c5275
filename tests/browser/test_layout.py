"""Nothing leaves its place: no page is wider than the window, no table wider than its panel."""

from datetime import date
from decimal import Decimal

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Borrower
from backoffice.repayment.domain.terms import FeeRule, Terms
from backoffice.repayment.services.opening import Opening, open_and_replay
from backoffice.staff.models import User
from backoffice.staff.services import tokens
from tests.console.book import TODAY, open_book
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db(transaction=True)

WIDTHS = (1280, 1600)
LANGUAGES = ("en", "zh-hans")
# What stands further right than the panel it belongs to, by its text.
OUTSIDE = """() => [...document.querySelectorAll(".panel")].flatMap(panel =>
    [...panel.querySelectorAll("td, th, .badge, .button, input, select")]
        .filter(each => each.getBoundingClientRect().right > panel.getBoundingClientRect().right + 0.5)
        .map(each => `${each.tagName} ${each.textContent.trim().slice(0, 40)}`))"""


def enter(page: Page, live_server: LiveServer, *, user: User, language: str = "en") -> None:
    """Puts the session of a logged-in person, and the language they read, into the browser."""
    session = logged_in(Client(), user).cookies[settings.SESSION_COOKIE_NAME].value
    cookies = {settings.SESSION_COOKIE_NAME: session, settings.LANGUAGE_COOKIE_NAME: language}
    page.context.add_cookies(
        [{"name": name, "value": value, "url": live_server.url} for name, value in cookies.items()]
    )


def out_of_place(page: Page, live_server: LiveServer, address: str) -> list[str]:
    """What is wrong with the page in every width and language."""
    found = []
    for language in LANGUAGES:
        page.context.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": live_server.url}])
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(live_server.url + address)
            where = f"{address} {language} {width}: "
            if page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                found.append(where + "wider than the window")
            found.extend(where + each for each in page.evaluate(OUTSIDE))
    return found


def test_a_token_with_a_long_name_stays_in_its_panel(page: Page, live_server: LiveServer) -> None:
    user = person("admin", team=TeamFactory(), display_name="Root")
    for name in ("nightly export of the payments", "W" * 80):
        tokens.issue_token(user=user, name=name, scopes=["staff.account.use"], days=90, actor=user.as_actor())
    enter(page, live_server, user=user)

    assert out_of_place(page, live_server, reverse("staff:account")) == []
    assert out_of_place(page, live_server, reverse("staff:user", args=[user.pk])) == []


@pytest.mark.parametrize(("has_fees", "principal"), [(True, "120000.00"), (False, "590000.00")])
def test_a_schedule_with_every_column_and_large_amounts_stays_in_its_panel(
    page: Page, live_server: LiveServer, has_fees: bool, principal: str
) -> None:
    open_book()
    fees = (
        FeeRule(code="service", component="fee", payee="lender", way="per_period_fixed", amount=Decimal("35.00")),
        FeeRule(
            code="cover", component="guarantee_fee", payee="guarantor", way="per_period_fixed", amount=Decimal("48.00")
        ),
    )
    terms = Terms(
        currency="CNY",
        method="equal_installment",
        annual_rate=Decimal("0.18"),
        periods=12,
        fees=fees if has_fees else (),
    )
    borrower = Borrower.objects.get(external_id="BR-1")
    opening = Opening(
        external_id="L-FEES",
        portfolio="north",
        borrower_id=borrower.pk,
        terms=terms,
        principal=Decimal(principal),
        disbursed_on=date(2026, 3, 18),
    )
    (loan_id,) = open_and_replay(loans=[opening], business_date=TODAY, actor=SYSTEM)
    enter(page, live_server, user=person("admin", team=TeamFactory()))

    assert out_of_place(page, live_server, reverse("repayment:loan", args=[loan_id])) == []


def test_every_calendar_has_its_tab_in_the_window(page: Page, live_server: LiveServer) -> None:
    open_book()
    enter(page, live_server, user=person("admin", team=TeamFactory()))
    address = reverse("calendars:calendars")

    page.goto(live_server.url + address)
    edges = page.locator(".tabs a").evaluate_all("tabs => tabs.map(tab => tab.getBoundingClientRect().right)")
    assert max(edges) <= page.locator(".tabs").evaluate("tabs => tabs.getBoundingClientRect().right")
    assert out_of_place(page, live_server, address) == []


# Chosen options that do not fit into their field: the text and what a select keeps free for its arrow.
CUT = """() => [...document.querySelectorAll("select")].filter(each => each.getClientRects().length).filter(select => {
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = getComputedStyle(select).font;
    return pen.measureText(select.selectedOptions[0]?.text ?? "").width > select.clientWidth - 16;
}).map(select => select.selectedOptions[0].text)"""


def test_the_product_editor_cuts_no_choice_and_keeps_its_save_in_sight(page: Page, live_server: LiveServer) -> None:
    open_book()
    enter(page, live_server, user=person("admin", team=TeamFactory()))
    address = reverse("repayment:new_product")

    assert out_of_place(page, live_server, address) == []
    for language in LANGUAGES:
        page.context.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": live_server.url}])
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(live_server.url + address)
            page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true; })")
            assert (language, width, page.evaluate(CUT)) == (language, width, [])
            assert page.locator("button[data-main]").bounding_box()["y"] < 800
            assert page.locator("#portfolios option").count() > 0
