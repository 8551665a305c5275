"""Nothing leaves its place: no page is wider than the window, no table wider than its panel."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from backoffice.staff.models import User
from backoffice.staff.services import tokens
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
