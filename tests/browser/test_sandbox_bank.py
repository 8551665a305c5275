"""The page of the sandbox's bank in a browser: axe in both themes and languages, and a verb in its panel."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as product
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from backoffice.repayment.models import Mandate
from tests.console.book import open_book
from tests.repayment.autopay import debiting
from tests.repayment.autopay.debiting import DUE, Bank, at
from tests.sandbox.lender import Lender
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def agreement(transactional_db: None) -> Mandate:
    book = open_book()
    return debiting.mandate(book.late.borrower_id)


@pytest.fixture
def bank(agreement: Mandate, settings: Any) -> Iterator[Bank]:
    with debiting.bank_at(at("07:00"), settings) as served:
        settings.SANDBOX_URL = served.url
        served.knows(Mandate.objects.select_related("rail").get(pk=agreement.pk))
        lender = Lender(served.url)
        expires = (at("07:00") + timedelta(days=3)).isoformat()
        for number in range(1, 25):
            command = {
                "order_no": f"D{number:05}-1-1", "agreement_no": agreement.agreement_no, "amount": f"{number}93.00",
                "currency": "CNY", "initiated_by": "lender", "expires_at": expires,
            }  # fmt: skip
            lender.call("POST", "/rails/http/debits", command, secret=debiting.SECRET)
        served.conduct(settle_missing=0.1, settle_amount=0.1)
        served.say("/day", {"date": DUE.isoformat()})
        served.conduct(preset="lifelike")
        yield served


def enter(page: Page, live_server: LiveServer, *, language: str = "en") -> None:
    client = logged_in(Client(), person("admin", team=TeamFactory()))
    session = client.cookies[product.SESSION_COOKIE_NAME].value
    cookies = {product.SESSION_COOKIE_NAME: session, product.LANGUAGE_COOKIE_NAME: language}
    page.context.add_cookies(
        [{"name": name, "value": value, "url": live_server.url} for name, value in cookies.items()]
    )


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_overflows(
    page: Page, live_server: LiveServer, bank: Bank, agreement: Mandate, theme: str, language: str
) -> None:
    enter(page, live_server, language=language)
    page.emulate_media(color_scheme=theme)
    found = {}
    for name, args, query in (
        ("sandbox_bank", [], f"?q={agreement.token}"),
        ("change_sandbox_script", ["http"], ""),
        ("take_sandbox_preset", [], "?preset=bad_day"),
        ("turn_sandbox_day", [], ""),
    ):
        page.goto(live_server.url + reverse(f"repayment:{name}", args=args) + query)
        problems = [
            f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in Axe().run(page).response["violations"]
        ]
        if page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            problems.append("wider than the window")
        if problems:
            found[name] = problems
    assert found == {}


def test_a_bad_day_is_taken_in_its_panel(page: Page, live_server: LiveServer, bank: Bank) -> None:
    enter(page, live_server)
    page.goto(live_server.url + reverse("repayment:sandbox_bank"))
    page.get_by_role("link", name="Take a preset").click()
    panel = page.get_by_role("dialog")
    panel.get_by_label("The bank has").select_option("bad_day")
    expect(panel.get_by_text("Declined with a code nobody knows")).to_be_visible()
    panel.get_by_label("Reason").fill("to show the breakers")
    panel.get_by_role("button", name="Take it").click()

    expect(page.get_by_text("The bank behaves like this from now on.")).to_be_visible()
    assert bank.sandbox.bank.script.of("http").unmapped == 0.03
