"""Every address outside the API answers each role as the permission table says, and none is forgotten."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from backoffice.staff.permissions import PERMISSIONS, ROLES, roles_holding
from tests.console.book import open_book
from tests.staff.factories import TeamFactory, logged_in, person

# Django's own admin site guards itself: it is open to administrators only, which its own test below says.
GUARDED_ELSEWHERE = ("admin/", "api/", "static/", "media/")
# Answers that mean "you may, but there is nothing here, or not like this".
ALLOWED = {200, 204, 302, 303, 400, 404, 405, 409, 422}
ARGUMENTS = {"int": "1", "str": "x", "slug": "x", "uuid": "00000000-0000-0000-0000-000000000000"}


@dataclass(frozen=True)
class Address:
    """One address of the console and what stands behind it."""

    route: str
    view: Any

    @property
    def permission(self) -> str:
        return str(getattr(self.view, "permission", "") or "")

    @property
    def is_public(self) -> bool:
        return bool(getattr(self.view, "is_public", False))

    @property
    def concrete(self) -> str:
        """The address with something in place of each name; the rows need not exist."""
        return "/" + re.sub(r"<(?:(\w+):)?(\w+)>", lambda m: ARGUMENTS.get(m[1] or "str", "1"), self.route)


def _walk(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[Address]:
    for entry in patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry.url_patterns, route)
        elif not route.startswith(GUARDED_ELSEWHERE):
            yield Address(route=route, view=entry.callback)


ADDRESSES = list(_walk(get_resolver().url_patterns))


def _ask(client: Client, address: Address) -> Any:
    """The answer to a look at the page; to an empty form where the address takes nothing but forms."""
    answer = client.get(address.concrete)
    return client.post(address.concrete) if answer.status_code == 405 else answer


def test_there_are_pages_to_walk() -> None:
    assert len(ADDRESSES) > 60


def test_every_page_names_its_permission_or_says_that_it_is_public() -> None:
    silent = [address.route for address in ADDRESSES if not address.permission and not address.is_public]
    assert silent == []


def test_every_permission_a_page_names_is_in_the_catalogue() -> None:
    unknown = {address.permission for address in ADDRESSES if address.permission} - set(PERMISSIONS)
    assert unknown == set()


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(ROLES))
def test_every_page_answers_the_role_as_the_table_says(role: str) -> None:
    open_book()
    client = logged_in(Client(raise_request_exception=True), person(role, team=TeamFactory()))
    wrong = {}
    for address in ADDRESSES:
        if address.is_public or "logout" in address.route:
            continue
        status = _ask(client, address).status_code
        may = role in roles_holding(code=address.permission)
        if may != (status in ALLOWED) or (not may and status != 403):
            wrong[address.route] = status
    assert wrong == {}


@pytest.mark.django_db
def test_a_stranger_is_sent_to_the_login_page_from_everywhere() -> None:
    open_book()
    client = Client()
    wrong = {}
    for address in ADDRESSES:
        if address.is_public:
            continue
        answer = _ask(client, address)
        if answer.status_code != 302 or not answer.headers["Location"].startswith("/login/"):
            wrong[address.route] = answer.status_code
    assert wrong == {}


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(ROLES))
def test_the_admin_site_is_for_administrators(role: str) -> None:
    client = logged_in(Client(), person(role, team=TeamFactory()))
    status = client.get("/admin/").status_code
    assert (status == 200) == (role == "admin")
