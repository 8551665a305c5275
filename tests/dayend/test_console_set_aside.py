"""The pages of loans left behind: a person sees, counts and retries those of their team's portfolios, and no others."""

from datetime import date, timedelta
from functools import partial

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.calendars import clock
from backoffice.console.today import FEW, today_of
from backoffice.dayend import selectors
from backoffice.dayend.models import DayEndRun, DayEndStep, SetAside
from tests.console.page import text_of
from tests.repayment.api_book import open_book, open_loan
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db

OURS, THEIRS = "consumer", "elsewhere"


@pytest.fixture
def run() -> DayEndRun:
    open_book()
    return DayEndRun.objects.create(day=date(2026, 4, 1), actor_name="system", state="done")


def left_behind(run):
    loan = open_loan(external_id="L-1", portfolio=OURS)
    return SetAside.objects.create(loan_id=loan.pk, run=run, day=run.day, code="LookupError", reason="a gap")


def lead(portfolio):
    return person("team_lead", team=TeamFactory(portfolios=[portfolio]))


@pytest.mark.parametrize("page", ["dayend:runs", "dayend:run"])
def test_a_page_lists_the_loans_of_the_persons_portfolios_alone(run, page):
    row = left_behind(run)
    address = reverse(page, args=[run.pk] if page == "dayend:run" else [])
    own = logged_in(Client(), lead(OURS)).get(address)
    other = logged_in(Client(), lead(THEIRS)).get(address)
    name = "left_behind" if page == "dayend:run" else "set_aside"
    assert [found.pk for found, _loan in own.context[name]] == [row.pk]
    assert other.context[name] == []
    assert "L-1" not in other.content.decode()


def test_a_loan_out_of_sight_is_not_retried(run):
    row = left_behind(run)
    client = logged_in(Client(), lead(THEIRS))
    address = reverse("dayend:retry", args=[row.pk])
    assert client.get(address).status_code == 404
    assert client.post(address, {"reason": "try it", "seen": "", "key": "k"}).status_code == 404
    row.refresh_from_db()
    assert (row.tries, row.resolved_at) == (1, None)


def test_the_count_in_the_navigation_and_the_work_of_today_are_the_persons_own(run):
    mine = left_behind(run)
    user = lead(OURS)
    other = lead(THEIRS)
    assert [row.pk for row, _loan in today_of(user=user).set_aside or ()] == [mine.pk]
    assert today_of(user=other).set_aside == ()
    page = logged_in(Client(), other).get(reverse("dayend:runs"))
    links = [link for group in page.context["shell"].navigation for link in group.entries]
    assert {link.count for link in links if link.url == reverse("dayend:runs")} == {0}


def test_loans_of_others_do_not_push_the_persons_own_off_the_work_of_today(run):
    mine = left_behind(run)
    user = lead(OURS)
    for number in range(FEW):
        SetAside.objects.create(loan_id=10**9 + number, run=run, day=run.day, code="LookupError", reason="a gap")
    assert [row.pk for row, _loan in today_of(user=user).set_aside or ()] == [mine.pk]


def test_the_page_is_fetched_anew_once_the_close_it_watches_is_over(run):
    client = logged_in(Client(), lead(OURS))
    address = reverse("dayend:progress")
    assert "HX-Refresh" in client.get(address).headers
    run.state = "running"
    run.finished_at = None
    run.save()
    watched = client.get(address)
    assert "HX-Refresh" not in watched.headers
    assert "every 1s" in watched.content.decode()


@pytest.mark.parametrize(("seconds", "is_watched"), [(5, True), (60, False)])
def test_between_two_days_asked_for_at_once_the_page_goes_on_watching(run, seconds, is_watched):
    run.through, run.finished_at = date(2026, 4, 2), clock.now() - timedelta(seconds=seconds)
    run.save()
    client = logged_in(Client(), lead(OURS))
    assert ("HX-Refresh" in client.get(reverse("dayend:progress")).headers) is not is_watched
    assert ("every 1s" in client.get(reverse("dayend:runs")).content.decode()) is is_watched


@pytest.mark.parametrize("page", ["dayend:runs", "dayend:run"])
def test_more_loans_than_are_listed_are_counted_all_the_same(run, page, monkeypatch):
    for number in range(3):
        loan = open_loan(external_id=f"L-{number}", portfolio=OURS)
        SetAside.objects.create(loan_id=loan.pk, run=run, day=run.day, code="LookupError", reason="a gap")
    for name in ("set_aside", "set_aside_by"):
        real = getattr(selectors, name)
        monkeypatch.setattr(selectors, name, partial(real, limit=2))
    address = reverse(page, args=[run.pk] if page == "dayend:run" else [])
    words = text_of(logged_in(Client(), lead(OURS)).get(address).content.decode())
    assert "The newest 2 of 3 are shown." in words
    assert ("3 loans left behind" in words) is (page == "dayend:runs")


def test_a_step_that_failed_stands_on_the_page_with_the_reason_and_what_comes_next(run):
    run.state, run.finished_at = "failed", None
    run.save()
    DayEndStep.objects.create(run=run, position=0, name="transitions", state="failed", error="DatabaseError: disk full")
    client = logged_in(Client(), lead(OURS))
    for address in (reverse("dayend:runs"), reverse("dayend:progress")):
        words = text_of(client.get(address).content.decode())
        assert "This step failed: DatabaseError: disk full" in words
        assert "It is tried again every minute" in words
    assert "DatabaseError: disk full" in text_of(client.get(reverse("dayend:run", args=[run.pk])).content.decode())


def test_a_day_that_is_closed_cannot_be_the_last_to_close(run):
    client = logged_in(Client(), person("admin"))
    answer = client.post(reverse("dayend:close"), {"through": "2026-03-30", "reason": "late", "look": "1"})
    words = text_of(answer.content.decode())
    assert "is closed already" in words
    assert "has not come yet" not in words
