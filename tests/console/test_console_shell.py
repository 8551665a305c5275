"""The shell: who sees which entry, languages, themes, errors, and what every page keeps to."""

import re

import pytest
from django.conf import settings
from django.test import Client, RequestFactory, override_settings
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from backoffice.calendars.models import BusinessDay
from backoffice.console import errors
from backoffice.console.navigation import NAVIGATION
from backoffice.sandbox.serving import Sandbox
from backoffice.staff.models import User
from backoffice.staff.permissions import PERMISSIONS, ROLES
from tests.console.book import as_role
from tests.console.page import text_of
from tests.staff.factories import logged_in, person


@pytest.fixture
def sandbox(settings):
    """A bank to play: its pages are there only with one."""
    with Sandbox() as served:
        settings.SANDBOX_URL = served.url
        yield


PAGES = (
    "console:home",
    "console:search",
    "repayment:loans",
    "repayment:payments",
    "repayment:payment_files",
)


def _patterns(resolver: URLResolver, *, namespaces: tuple[str, ...] = ()):
    for each in resolver.url_patterns:
        if isinstance(each, URLPattern):
            yield ":".join((*namespaces, each.name or "")), each
        elif each.namespace != "admin":
            yield from _patterns(each, namespaces=(*namespaces, *([each.namespace] if each.namespace else [])))


def _console_pages() -> list[tuple[str, URLPattern]]:
    """Every address whose view is a page of an app's console."""
    return [
        (name, pattern)
        for name, pattern in _patterns(get_resolver())
        if re.match(r"backoffice\.(\w+\.console|console)\b", getattr(pattern.callback, "__module__", ""))
    ]


def _links(html: str) -> set[str]:
    nav = html.partition('<nav class="nav"')[2].partition("</nav>")[0]
    return set(re.findall(r'<a href="([^"]+)"', nav))


@pytest.mark.parametrize("role", ROLES)
def test_shows_the_entries_a_role_may_open_and_no_other(book, role):
    html = as_role(role).get(reverse("console:home")).content.decode()
    entries = [entry for group in NAVIGATION for entry in group.entries if entry.address]
    allowed = {entry.address for entry in entries if role in PERMISSIONS[entry.permission].roles}
    assert _links(html) == allowed


@pytest.mark.parametrize("role", ROLES)
def test_every_entry_it_shows_opens(book, role):
    client = as_role(role)
    links = _links(client.get(reverse("console:home")).content.decode())
    assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_marks_the_entry_of_the_page_and_of_what_lies_under_it(book):
    client = as_role("agent")
    for address in (reverse("repayment:loans"), reverse("repayment:loan", args=[book.late.pk])):
        html = client.get(address).content.decode()
        current = re.findall(r'<a href="([^"]+)"[^>]*aria-current="page"', html.partition("<main")[0])
        assert current == [reverse("repayment:loans")]


def test_no_two_entries_share_a_key():
    keys = [entry.key for group in NAVIGATION for entry in group.entries if entry.key]
    assert len(keys) == len(set(keys))


def test_every_page_names_its_permission_or_says_that_it_is_public():
    nameless = [
        name
        for name, pattern in _console_pages()
        if not getattr(pattern.callback, "is_public", False)
        and getattr(pattern.callback, "permission", None) not in PERMISSIONS
    ]
    assert nameless == []


@pytest.mark.parametrize("role", ROLES)
def test_every_page_answers_the_role_as_the_table_says(book, sandbox, role):
    """Pages without parameters: 200 for those who hold the permission, 403 for the rest, never anything else."""
    client = as_role(role)
    wrong = {}
    for name, pattern in _console_pages():
        code = getattr(pattern.callback, "permission", None)
        if code is None or pattern.pattern.converters or not name.startswith(("console:", "repayment:")):
            continue
        status = client.get(reverse(name)).status_code
        if status != (200 if role in PERMISSIONS[code].roles else 403):
            wrong[name] = status
    assert wrong == {}


def test_sends_a_stranger_to_the_login_page_and_back(db):
    response = Client().get(reverse("repayment:loans") + "?overdue=1")
    assert response.status_code == 302
    assert response.url == f"{reverse(settings.LOGIN_URL)}?next=/loans/%3Foverdue%3D1"


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_page_keeps_to_the_rules_of_the_shell(book, name, language):
    client = as_role("senior_agent")
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    response = client.get(reverse(name))
    html = response.content.decode()
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    assert f'<html lang="{language}"' in html
    assert len(re.findall(r"<h1", html)) == 1
    assert len(re.findall(r"<main", html)) == 1
    assert re.findall(r"\sstyle=|<style", html) == []
    assert re.findall(r"<script(?![^>]*src=)", html) == []
    assert re.findall(r"\son\w+=", html) == []
    identifiers = re.findall(r'\sid="([^"]+)"', html)
    assert sorted(identifiers) == sorted(set(identifiers))


def test_every_field_has_a_label(book):
    client = as_role("senior_agent")
    for address in [reverse(name) for name in PAGES] + [reverse("repayment:post_payment", args=[book.late.pk])]:
        html = client.get(address).content.decode()
        fields = re.findall(r'<(?:input|select|textarea)(?![^>]*type="hidden")[^>]*>', html)
        labelled = set(re.findall(r'<label[^>]*for="([^"]+)"', html))
        identifiers = [re.search(r'\sid="([^"]+)"', field) for field in fields]
        assert fields
        assert [found and found[1] for found in identifiers if not found or found[1] not in labelled] == []


def test_switches_the_language_and_comes_back(book):
    client = as_role("agent")
    response = client.post(reverse("console:language"), {"language": "zh-hans", "next": "/loans/"})
    assert (response.status_code, response.url) == (302, "/loans/")
    assert '<html lang="zh-hans"' in client.get("/loans/").content.decode()


def test_keeps_the_theme_a_person_chose(book):
    client = as_role("agent")
    response = client.post(reverse("console:theme"), {"theme": "dark", "next": "/loans/"})
    assert (response.status_code, response.url) == (303, "/loans/")
    assert 'data-theme="dark"' in client.get("/loans/").content.decode()


@pytest.mark.parametrize(("theme", "back"), [("neon", "/loans/"), ("dark", "https://elsewhere.example/")])
def test_takes_no_unknown_theme_and_leads_nowhere_else(db, theme, back):
    response = Client().post(reverse("console:theme"), {"theme": theme, "next": back})
    assert response.url == ("/loans/" if back.startswith("/") else "/")
    assert ("theme" in response.cookies) is (theme == "dark")


def test_shows_the_business_day_and_what_the_last_close_took(book):
    BusinessDay.objects.update(last_closed_at="2026-11-21T16:04:00Z", last_close_seconds="7.812")
    words = text_of(as_role("team_lead").get("/").content.decode())
    assert "Business date 22 Nov 2026 day closed 00:04, 7.8 s" in words


def test_shows_that_the_day_is_being_closed(book):
    BusinessDay.objects.update(state="closing")
    html = as_role("agent").get("/").content.decode()
    assert '<span class="light wait"' in html


def test_says_what_to_do_before_the_first_day(db):
    words = text_of(as_role("agent").get("/").content.decode())
    assert "No business day has been opened yet." in words
    assert "Load a book, or open the first day" in words


def test_names_the_permission_that_lacks_and_who_holds_it(book):
    response = as_role("agent").get(reverse("repayment:send_file"))
    words = text_of(response.content.decode())
    assert response.status_code == 403
    assert "This page needs the permission “Post a file of payments”." in words
    assert "Roles that hold it: Team lead, Administrator." in words


@override_settings(DEBUG=False)
def test_says_what_a_missing_page_may_mean(book):
    response = as_role("agent", "south").get(reverse("repayment:loan", args=[book.late.pk]))
    assert response.status_code == 404
    assert "it belongs to a portfolio your team does not work on" in response.content.decode()


def test_a_form_whose_proof_expired_changes_nothing_and_says_so(book):
    client = Client(enforce_csrf_checks=True)
    logged_in(client, person("agent"))
    response = client.post(reverse("console:theme"), {"theme": "dark"})
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()


@override_settings(DEBUG=False)
def test_what_goes_wrong_inside_a_page_is_told_inside_it(book):
    inside = {"HX-Request": "true"}
    missing = as_role("agent", "south").get(reverse("repayment:post_payment", args=[book.late.pk]), headers=inside)
    forbidden = as_role("analyst").get(reverse("repayment:post_payment", args=[book.late.pk]), headers=inside)
    strict = Client(enforce_csrf_checks=True)
    expired = logged_in(strict, person("agent")).post(
        reverse("repayment:post_payment", args=[book.late.pk]), headers=inside
    )
    assert [answer.status_code for answer in (missing, forbidden, expired)] == [404, 403, 403]
    for answer, heading in (
        (missing, "Nothing at this address"),
        (forbidden, "Not for your role"),
        (expired, "This form has expired"),
    ):
        html = answer.content.decode()
        assert "<html" not in html
        assert f"<h2>{heading}</h2>" in html


def test_a_fault_is_drawn_without_the_database():
    """No mark asks for a database here, so touching it would raise."""
    response = errors.broken(RequestFactory().get("/"))
    assert response.status_code == 500
    assert "Something broke" in response.content.decode()


def test_draws_every_component_in_the_gallery(book):
    html = as_role("admin").get(reverse("console:gallery")).content.decode()
    for shape in ("panel", "notice danger", "confirm costly", "timeline", "steps", "pager", "tabs", "diff", "empty"):
        assert f'class="{shape}' in html, shape


def test_reads_home_in_a_fixed_number_of_queries(book, django_assert_max_num_queries):
    client = as_role("team_lead")
    client.get("/")
    with django_assert_max_num_queries(20):
        client.get("/")


def test_a_person_without_a_team_is_told_nothing_of_any_book(book):
    user = person("agent", team=None)
    assert User.objects.get(pk=user.pk).team is None
    words = text_of(logged_in(Client(), user).get(reverse("repayment:loans")).content.decode())
    assert "L-LATE" not in words


def test_tells_only_who_may_close_a_day_to_close_it(book):
    address = reverse("dayend:runs")
    assert "Close the business date to see its steps" in text_of(as_role("admin").get(address).content.decode())
    words = text_of(as_role("team_lead").get(address).content.decode())
    assert "Its steps, counts and seconds stand here once an administrator has closed it." in words
    assert "close them now" not in words


def test_leads_to_the_description_of_the_api_from_ones_own_menu(book):
    html = as_role("analyst").get(reverse("console:home")).content.decode()
    assert f'<a href="{reverse("api-docs")}">' in html
