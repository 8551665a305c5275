"""Working days against the published calendars, and the laws of moving a date."""

import csv
import gzip
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backoffice.calendars.domain.working_days import (
    CALENDARS,
    CONVENTIONS,
    UnknownCalendar,
    add_working_days,
    closed_because,
    is_known,
    is_working_day,
    next_working_day,
    shift,
)

SHARED_CALENDARS = Path(__file__).resolve().parents[3] / "shared" / "data" / "holiday_calendars"
needs_shared_data = pytest.mark.skipif(
    not SHARED_CALENDARS.is_dir(), reason="the shared data folder with published calendars is not beside this clone"
)

days = st.dates(min_value=date(2004, 2, 1), max_value=date(2026, 11, 30))
calendars = st.sampled_from(CALENDARS)
conventions = st.sampled_from(CONVENTIONS)


@pytest.mark.parametrize(
    ("calendar", "day", "worked"),
    [
        ("CN", date(2026, 2, 14), True),  # Saturday worked to make up for 20 February
        ("CN", date(2026, 2, 15), False),  # Sunday, Spring Festival
        ("CN", date(2026, 2, 23), False),  # Monday, last day of Spring Festival
        ("CN", date(2026, 2, 28), True),  # Saturday, made up
        ("CN", date(2026, 10, 8), True),  # Thursday after National Day
        ("CN", date(2026, 10, 10), True),  # Saturday, made up
        ("CN", date(2026, 10, 11), False),  # plain Sunday
        ("US", date(2026, 7, 3), True),  # the 4th is a Saturday: banks work the Friday
        ("US", date(2027, 7, 5), False),  # the 4th is a Sunday: banks rest the Monday
        ("US", date(2023, 1, 2), False),  # New Year's Day on Sunday
        ("US", date(2026, 11, 26), False),  # Thanksgiving
        ("US", date(2026, 11, 27), True),  # the day after is worked
        ("GB", date(2026, 4, 6), False),  # Easter Monday is a bank holiday in England
        ("GB", date(2026, 8, 31), False),  # so is the last Monday of August
        ("GB", date(2026, 12, 28), False),  # Boxing Day falls on Saturday
        ("GB", date(2023, 5, 8), False),  # the coronation
        ("IN", date(2026, 1, 3), True),  # first Saturday
        ("IN", date(2026, 1, 10), False),  # second Saturday
        ("IN", date(2026, 1, 24), False),  # fourth Saturday
        ("IN", date(2026, 1, 31), True),  # fifth Saturday
        ("IN", date(2015, 8, 22), True),  # fourth Saturday before the notice took effect
        ("IN", date(2026, 1, 26), False),  # Republic Day
        ("TW", date(2025, 2, 8), True),  # Saturday, made up
        ("TW", date(2025, 1, 27), False),  # the bridge day it made up for
        ("CZ", date(2026, 7, 6), False),  # Jan Hus Day
        ("NG", date(2024, 6, 12), False),  # Democracy Day
        ("UG", date(2019, 10, 9), False),  # Independence Day
        ("KE", date(2024, 10, 21), False),  # Mashujaa Day fell on Sunday
        ("MX", date(2026, 2, 2), False),  # Constitution Day, first Monday of February
        ("none", date(2026, 1, 1), True),
        ("none", date(2026, 1, 4), True),
    ],
)
def test_knows_the_days_banks_work(calendar, day, worked):
    assert is_working_day(calendar=calendar, day=day) is worked


def test_says_why_a_day_is_not_worked():
    assert closed_because(calendar="CN", day=date(2026, 10, 1)) == "National Day"
    assert closed_because(calendar="CN", day=date(2026, 10, 11)) == "weekend"
    assert closed_because(calendar="US", day=date(2027, 7, 5)) == "Independence Day (observed)"
    assert closed_because(calendar="CN", day=date(2026, 10, 9)) == ""


@pytest.mark.parametrize(
    ("day", "convention", "due"),
    [
        (date(2026, 10, 1), "none", date(2026, 10, 1)),
        (date(2026, 10, 1), "next", date(2026, 10, 8)),
        (date(2026, 10, 1), "previous", date(2026, 9, 30)),
        (date(2026, 10, 1), "modified_following", date(2026, 10, 8)),
        (date(2026, 10, 10), "next", date(2026, 10, 10)),  # made-up Saturday stays
        (date(2026, 5, 31), "modified_following", date(2026, 5, 29)),  # Sunday, and Monday is in June
        (date(2026, 5, 31), "next", date(2026, 6, 1)),
        (date(2026, 2, 15), "next", date(2026, 2, 24)),
        (date(2026, 2, 15), "previous", date(2026, 2, 14)),  # back to a made-up Saturday
    ],
)
def test_shifts_a_chinese_due_date_by_the_convention(day, convention, due):
    assert shift(day, convention=convention, calendar="CN") == due


def test_counts_working_days_both_ways():
    assert next_working_day(date(2026, 9, 30), calendar="CN") == date(2026, 10, 8)
    assert add_working_days(date(2026, 9, 29), count=2, calendar="CN") == date(2026, 10, 8)
    assert add_working_days(date(2026, 10, 8), count=-2, calendar="CN") == date(2026, 9, 29)
    assert add_working_days(date(2026, 10, 3), count=0, calendar="CN") == date(2026, 10, 3)


def test_says_that_a_year_beyond_the_notice_is_a_guess():
    assert is_known(calendar="CN", year=2026) is True
    assert is_known(calendar="CN", year=2027) is False
    assert is_known(calendar="CN", year=2003) is False
    # the statutory days are kept, no weekend is worked
    assert is_working_day(calendar="CN", day=date(2027, 2, 8)) is False
    assert [d for d in _days(2027) if d.weekday() > 4 and is_working_day(calendar="CN", day=d)] == []


def test_says_that_estimated_moon_sightings_are_a_guess():
    assert is_known(calendar="NG", year=2025) is True
    assert is_known(calendar="NG", year=2027) is False
    assert is_known(calendar="IN", year=2026) is True
    assert is_known(calendar="IN", year=2036) is False
    assert is_known(calendar="US", year=2040) is True
    assert is_known(calendar="none", year=2040) is True


@pytest.mark.parametrize("calendar", CALENDARS)
def test_falls_back_to_weekends_far_beyond_the_data(calendar):
    assert is_working_day(calendar=calendar, day=date(1, 1, 1)) is True  # a Monday
    assert is_working_day(calendar=calendar, day=date(9999, 12, 31)) is True  # a Friday
    assert is_working_day(calendar=calendar, day=date(9999, 12, 26)) is (calendar == "none")  # a Sunday


def test_refuses_a_calendar_it_does_not_have():
    with pytest.raises(UnknownCalendar) as refused:
        is_working_day(calendar="ZZ", day=date(2026, 1, 1))
    assert refused.value.code == "calendars.unknown_calendar"
    assert refused.value.fields == {"calendar": "not a known calendar"}
    assert "CN" in refused.value.next_step


def test_lets_an_override_win_over_the_published_day():
    typhoon, sunday = date(2026, 9, 16), date(2026, 9, 27)
    overrides = {("CN", typhoon): False, ("CN", sunday): True}
    assert is_working_day(calendar="CN", day=typhoon) is True
    assert is_working_day(calendar="CN", day=typhoon, overrides=overrides) is False
    assert is_working_day(calendar="CN", day=sunday, overrides=overrides) is True
    assert is_working_day(calendar="TW", day=typhoon, overrides=overrides) is True
    assert shift(typhoon, convention="next", calendar="CN", overrides=overrides) == date(2026, 9, 17)
    assert closed_because(calendar="CN", day=typhoon, overrides=overrides) == "override"
    assert closed_because(calendar="CN", day=sunday, overrides=overrides) == ""


@given(day=days, convention=conventions, calendar=calendars)
def test_a_shifted_date_is_worked_and_shifting_twice_equals_once(day, convention, calendar):
    due = shift(day, convention=convention, calendar=calendar)
    assert convention == "none" or is_working_day(calendar=calendar, day=due)
    assert shift(due, convention=convention, calendar=calendar) == due


@given(day=days, calendar=calendars)
def test_next_and_previous_enclose_the_day_with_nothing_worked_between(day, calendar):
    before = shift(day, convention="previous", calendar=calendar)
    after = shift(day, convention="next", calendar=calendar)
    assert before <= day <= after
    assert [d for d in _between(before, after) if d != day and is_working_day(calendar=calendar, day=d)] == []


@given(day=days, calendar=calendars)
def test_modified_following_never_leaves_the_month(day, calendar):
    due = shift(day, convention="modified_following", calendar=calendar)
    assert (due.year, due.month) == (day.year, day.month)


@given(day=days, count=st.integers(min_value=1, max_value=15), calendar=calendars)
def test_counting_forth_and_back_from_a_working_day_returns_to_it(day, count, calendar):
    assume(is_working_day(calendar=calendar, day=day))
    there = add_working_days(day, count=count, calendar=calendar)
    assert add_working_days(there, count=-count, calendar=calendar) == day
    assert sum(is_working_day(calendar=calendar, day=d) for d in _between(day, there)) == count - 1


@needs_shared_data
def test_agrees_with_every_published_chinese_working_day():
    with gzip.open(SHARED_CALENDARS / "china_workdays.csv.gz", "rt", encoding="utf-8") as lines:
        published = {date.fromisoformat(row["date"]): row["is_workday"] == "1" for row in csv.DictReader(lines)}
    ours = {day: is_working_day(calendar="CN", day=day) for day in published}
    assert ours == published
    assert len(published) == 8401


@needs_shared_data
def test_closes_on_every_published_public_holiday_but_the_days_banks_work():
    """What differs is the banks' own rule: the Federal Reserve works the Friday before a Saturday holiday."""
    with gzip.open(SHARED_CALENDARS / "public_holidays.csv.gz", "rt", encoding="utf-8") as lines:
        published = [
            (row["country"], date.fromisoformat(row["date"]), row["name"])
            for row in csv.DictReader(lines)
            if row["country"] in set(CALENDARS) - {"CN"}
        ]
    worked = [row for row in published if is_working_day(calendar=row[0], day=row[1])]
    assert {(country, day.weekday()) for country, day, _ in worked} == {("US", 4)}
    assert all(name.endswith("(observed)") for _, _, name in worked)


def _days(year):
    return _between(date(year, 1, 1) - timedelta(days=1), date(year + 1, 1, 1))


def _between(first, last):
    return [first + timedelta(days=n) for n in range(1, (last - first).days)]
