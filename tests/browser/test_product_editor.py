"""The product editor in a browser: the sample loan follows what is typed, and a saved draft keeps it."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from backoffice.calendars import services as calendars
from backoffice.core.actors import SYSTEM
from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.domain.terms_form import from_json
from backoffice.repayment.services import products
from tests.staff.factories import logged_in, person


@pytest.mark.django_db(transaction=True)
def test_the_sample_follows_what_is_typed_and_the_draft_keeps_it(page: Page, live_server: LiveServer) -> None:
    calendars.open_first_day(day=date(2026, 5, 4), actor=SYSTEM)
    admin = person("admin")
    version = products.create_product(
        code="cash",
        name="Cash loan",
        portfolio="cash",
        currency="CNY",
        terms=Terms("CNY", "equal_installment", Decimal("0.18"), 12),
        actor=admin.as_actor(),
    )
    session = logged_in(Client(), admin).cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    sample = page.locator("#sample")

    page.goto(f"{live_server.url}/products/versions/{version.pk}/edit/")
    expect(sample).to_contain_text("916.80")
    expect(sample).to_contain_text("within 24.00")
    page.get_by_label("Rate a year").fill("30")
    expect(sample).to_contain_text("974.87")
    expect(sample).to_contain_text("above 24.00")
    page.get_by_role("textbox", name="Sample loan").fill("12000")
    expect(sample).to_contain_text("1,169.85")
    page.get_by_label("Number of bills").fill("0")
    expect(sample).to_contain_text("greater than or equal to 1")
    page.get_by_label("Number of bills").fill("24")
    expect(page.locator("#bill-24")).to_be_visible()
    page.get_by_role("button", name="Save the draft").click()

    expect(page.get_by_text("The draft is saved.")).to_be_visible()
    version.refresh_from_db()
    assert (from_json(version.terms).annual_rate, from_json(version.terms).periods) == (Decimal("0.3"), 24)
