"""Nothing of autopay leaves its place: long orders, names and reasons stay in their panel, and no choice is cut."""

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from backoffice.calendars.models import BusinessDay
from backoffice.repayment.console.autopay import manager
from backoffice.repayment.models import Difference, Loan, Payee, ReconciledDay
from backoffice.repayment.selectors.autopay.board import DayPlanned
from backoffice.repayment.services.autopay import checking, drafting, planning
from backoffice.repayment.services.autopay.simulating import simulate_version
from tests.browser.test_layout import CUT, enter, out_of_place
from tests.repayment.autopay import days
from tests.repayment.autopay.contents import MAKER, configuration, content, in_force, mandate, open_rails
from tests.repayment.factories import open_loan
from tests.staff.factories import TeamFactory, person

pytestmark = pytest.mark.django_db(transaction=True)
EVE, DUE = date(2026, 2, 14), date(2026, 2, 15)
# How many lines the words of an element take.
LINES = """each => {
    const words = document.createRange();
    words.selectNodeContents(each);
    return words.getClientRects().length;
}"""
FORECAST = Decimal("99951628.53")
LONG = "Platform of the Western Provinces"


def shoot(page: Page, name: str) -> None:
    """A picture of the page at the narrow width, where somebody asked for one."""
    if os.environ.get("SHOTS"):
        page.screenshot(path=Path(os.environ["SHOTS"]) / f"{name}.png", full_page=True)


def narrow(page: Page, live_server: LiveServer, address: str) -> None:
    """Opens the page at the width most desks have."""
    page.set_viewport_size({"width": 1280, "height": 800})
    assert page.goto(live_server.url + address).status == 200


def test_the_desk_of_reconciliation_stays_in_its_panels(page: Page, live_server: LiveServer) -> None:
    days.open_business_day()
    days.command("D1GJ3-1-1-1", state="unknown")
    taken = days.receive([days.Line("D1GJ5-C-1-3", amount="12500.00")])
    days.receive([days.Line("D1GJ4-C-1-3", amount="99512500.00")], day=days.NEXT)
    user = person("admin", team=TeamFactory(), display_name="Alexandra Konstantinopoulou")
    Difference.objects.update(
        state="resolved", resolution="explain", reason="The rail wrote it down twice.", owner_id=user.pk,
        owner_name=user.display_name, resolved_by=user.display_name, resolved_at=days.at("03-19 10:00:00"),
    )  # fmt: skip
    ReconciledDay.objects.filter(pk=taken.day_id).update(
        state="closed", closed_by=user.display_name, closed_at=days.at("03-19 10:00:00")
    )
    enter(page, live_server, user=user)
    addresses = {
        "send": reverse("repayment:send_settlement"),
        "differences": reverse("repayment:differences"),
        "day": reverse("repayment:reconciled_day", args=[taken.day_id]),
    }
    found = []
    for name, address in addresses.items():
        found += out_of_place(page, live_server, address)
        narrow(page, live_server, address)
        shoot(page, name)
    assert found == []
    assert "<" not in page.title()


@pytest.fixture
def drafted(transactional_db: None) -> int:
    """A version that pays somebody else than the one in force, with payees of long names, and its simulation."""
    open_rails()
    BusinessDay.objects.update(today=EVE)
    Payee.objects.filter(code="platform").update(name=LONG)
    made = configuration()
    in_force(made)
    mandate(Loan.objects.get(pk=open_loan(business_date=EVE)).borrower_id)
    split = [{"payee": "platform", "share": "0.155"}, {"payee": "lender", "share": "0.845"}]
    changed = content(payees=content()["payees"] | {"interest": split})
    version = drafting.draft_version(
        configuration_id=made.pk, content=changed, note="", effective_from=DUE, actor=MAKER
    )
    checking.check_version(version_id=version.pk, actor=MAKER)
    simulate_version(version_id=version.pk, actor=MAKER)
    return version.pk


def test_the_editor_of_a_version_shows_the_whole_name_of_every_payee(
    page: Page, live_server: LiveServer, drafted: int
) -> None:
    enter(page, live_server, user=person("admin", team=TeamFactory()))
    address = reverse("repayment:edit_autopay", args=[drafted])
    assert out_of_place(page, live_server, address) == []
    narrow(page, live_server, address)
    shoot(page, "editor")
    assert [text for text in page.evaluate(CUT) if LONG in text] == []


def test_the_bills_a_version_changes_are_no_wider_than_the_window(
    page: Page, live_server: LiveServer, drafted: int
) -> None:
    enter(page, live_server, user=person("admin", team=TeamFactory()))
    narrow(page, live_server, reverse("repayment:autopay_simulation", args=[drafted]))
    shoot(page, "simulation")
    assert not page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert page.locator("#changed td", has_text=LONG).count() == 1


def test_the_head_of_the_slots_is_not_broken_by_what_is_planned_in_many_currencies(
    page: Page, live_server: LiveServer, drafted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    planning.plan_debits(day=DUE)
    BusinessDay.objects.update(today=DUE)
    states = {"open": 3_020, "settled": 88_211, "stopped": 1_204, "over": 12}
    planned = [DayPlanned(currency, 90_000, FORECAST, FORECAST, states) for currency in ("CNY", "NGN", "USD")]
    monkeypatch.setattr(manager, "bills_of_day", lambda **_asked: planned)
    enter(page, live_server, user=person("admin", team=TeamFactory()), language="zh-hans")
    narrow(page, live_server, reverse("repayment:autopay"))
    shoot(page, "slots")
    heads = [page.locator("#slots h2"), page.locator("#slots thead th").first]
    assert [(head.text_content(), head.evaluate(LINES)) for head in heads] == [("时段", 1), ("时段", 1)]
