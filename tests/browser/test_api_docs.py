"""The page that describes the API works under the strict policy, and calls made from it are the person's own."""

from datetime import date

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from tests.staff.factories import logged_in, person

pytestmark = pytest.mark.django_db(transaction=True)


def test_reads_the_description_and_makes_a_call(page: Page, live_server: LiveServer) -> None:
    open_first_day(day=date(2026, 4, 3), actor=SYSTEM)
    client = logged_in(Client(), person("agent"))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url))

    page.goto(f"{live_server.url}/api/docs/")
    page.locator("#operations-tag-calendars").click()
    call = page.locator("#operations-calendars-calendars_business_day_retrieve")
    call.locator(".opblock-summary-control").click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_role("button", name="Execute").click()

    expect(call.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(call.locator(".live-responses-table")).to_contain_text('"books_on"')
    outside = [url for url in elsewhere if not url.startswith((live_server.url, "data:", "blob:"))]
    assert outside == []


def test_axe_finds_nothing_serious_in_the_description(page: Page, live_server: LiveServer) -> None:
    client = logged_in(Client(), person("admin"))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    page.goto(f"{live_server.url}/api/docs/")
    page.locator("#operations-tag-calendars").click()
    page.locator("#operations-calendars-calendars_business_day_retrieve .opblock-summary-control").click()
    expect(page.locator(".opblock-body").first).to_be_visible()

    found = Axe().run(page).response["violations"]
    serious = [
        (each["id"], len(each["nodes"]), [(n["html"][:120], n["failureSummary"][90:260]) for n in each["nodes"]])
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]
    assert [node for each in serious for node in each[2]] == []
