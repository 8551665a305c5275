"""A close watched from the day-end page to its end."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from backoffice.calendars import clock
from backoffice.dayend.models import DayEndRun
from backoffice.dayend.steps import STEPS
from tests.console.book import TODAY, open_book
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_close_watched_to_its_end_gives_the_page_back(page: Page, live_server: LiveServer) -> None:
    open_book()
    client = logged_in(Client(), person("admin", team=TeamFactory()))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    run = DayEndRun.objects.create(day=TODAY, state="running", actor_name="system")
    first, *_others = STEPS
    run.steps.create(position=1, name=first.name, state="running")

    page.goto(live_server.url + reverse("dayend:runs"))
    expect(page.locator("#under-way")).to_contain_text("Closing")
    close = page.get_by_role("link", name="Close the day")
    expect(close).to_have_count(0)

    run.steps.update(state="done", finished_at=clock.now())
    run.state, run.finished_at = "done", clock.now()
    run.save()

    expect(close).to_be_visible()
    expect(page.locator("#under-way")).to_be_empty()
    row = page.locator("#runs tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("closed")
