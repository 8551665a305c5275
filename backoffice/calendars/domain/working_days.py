"""Which days banks work, and how a date moves off a day they do not: the rules behind every shifted due date.

Sources of the days: `chinesecalendar` for China (the State Council's yearly notice with its make-up working weekends)
and `holidays` for the rest, each read as the country's banks keep it:

- US: the Federal Reserve's days. A holiday on Sunday closes the Monday after; one on Saturday closes no other day.
- GB: England and Wales, which the pound's payment systems follow.
- IN: Sundays; the second and fourth Saturday since 2015-09-01 (Negotiable Instruments Act, notice of 2015-08-20), other
  Saturdays are worked; gazetted national holidays. State holidays are not in it.
- CN, TW: weekends and holidays, less the weekend days worked to make up for a bridge day.
- CZ, NG, UG, KE, MX: weekends and national public holidays.
- none: every day is a working day.

A year the data does not reach is answered by the statutory rule alone (for China: the fixed and lunar holidays, no
make-up days, because the notice is not out), and `is_known` says False, so that whoever shows the date can warn.
"""

import warnings
from calendar import SATURDAY, SUNDAY
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import ClassVar, Literal

import chinese_calendar
from holidays import HolidayBase, country_holidays

from backoffice.core.errors import Refusal
from backoffice.core.words import phrase

Convention = Literal["none", "next", "previous", "modified_following"]
CONVENTIONS: tuple[Convention, ...] = ("none", "next", "previous", "modified_following")

CALENDARS: tuple[str, ...] = ("none", "CN", "US", "IN", "GB", "CZ", "NG", "UG", "KE", "MX", "TW")

# (calendar, day) -> is it worked; what an administrator has declared over the published calendar.
Overrides = Mapping[tuple[str, date], bool]
NO_OVERRIDES: Overrides = MappingProxyType({})

WEEKEND = "weekend"

_ONE_DAY = timedelta(days=1)
_SUBDIVISION: dict[str, str] = {"GB": "ENG"}
_SECOND_AND_FOURTH_SATURDAY_SINCE = date(2015, 9, 1)
_NATIONAL_DATA: dict[str, tuple[int, int]] = {"IN": (2001, 2035)}
_CN_YEARS = (
    min(chinese_calendar.constants.holidays).year,
    max(chinese_calendar.constants.holidays).year,
)


class UnknownCalendar(Refusal):
    """No calendar goes by that code."""

    code: ClassVar[str] = "calendars.unknown_calendar"


@dataclass(frozen=True, slots=True)
class _Year:
    """One year of one calendar: the days banks are closed with the reason, and whether all of them are certain."""

    closed: Mapping[date, str]
    is_known: bool


def is_working_day(*, calendar: str, day: date, overrides: Overrides = NO_OVERRIDES) -> bool:
    """Whether banks of the calendar work on the day; an override wins over the published day.

    Raises UnknownCalendar for a code not in `CALENDARS`.
    """
    if overrides:
        declared = overrides.get((calendar, day))
        if declared is not None:
            return declared
    return day not in _year(calendar, day.year).closed


def is_known(*, calendar: str, year: int) -> bool:
    """Whether every day of that year is announced or fixed by rule.

    False when the year lies outside the data, or a movable holiday in it is an astronomical estimate: answers for that
    year are then the fallback the module names, to be shown with a warning.
    """
    return _year(calendar, year).is_known


def closed_because(*, calendar: str, day: date, overrides: Overrides = NO_OVERRIDES) -> str:
    """Why the day is not worked: a holiday's name, "weekend", "override"; empty on a working day."""
    declared = overrides.get((calendar, day))
    if declared is not None:
        return "" if declared else "override"
    return _year(calendar, day.year).closed.get(day, "")


def shift(day: date, *, convention: Convention, calendar: str, overrides: Overrides = NO_OVERRIDES) -> date:
    """The date a payment due on `day` falls due under the convention.

    none: the day itself. next: the first working day on or after. previous: the last on or before.
    modified_following: next, unless that is in another month, then previous. A working day never moves.
    """
    if convention == "none" or is_working_day(calendar=calendar, day=day, overrides=overrides):
        return day
    if convention == "previous":
        return _walk(day, -_ONE_DAY, calendar, overrides)
    following = _walk(day, _ONE_DAY, calendar, overrides)
    if convention == "modified_following" and following.month != day.month:
        return _walk(day, -_ONE_DAY, calendar, overrides)
    return following


def next_working_day(day: date, *, calendar: str, overrides: Overrides = NO_OVERRIDES) -> date:
    """The first working day strictly after `day`."""
    return _walk(day, _ONE_DAY, calendar, overrides)


def add_working_days(day: date, *, count: int, calendar: str, overrides: Overrides = NO_OVERRIDES) -> date:
    """The `count`-th working day after `day` (before it when negative); 0 is the day itself, worked or not."""
    step = _ONE_DAY if count > 0 else -_ONE_DAY
    for _ in range(abs(count)):
        day = _walk(day, step, calendar, overrides)
    return day


def _walk(day: date, step: timedelta, calendar: str, overrides: Overrides) -> date:
    day += step
    while not is_working_day(calendar=calendar, day=day, overrides=overrides):
        day += step
    return day


@lru_cache(maxsize=2048)
def _year(calendar: str, year: int) -> _Year:
    builder = _BUILDERS.get(calendar)
    if builder is None:
        raise UnknownCalendar(
            phrase("There is no calendar called “%(calendar)s”.", calendar=calendar),
            next_step=phrase("Use one of: %(known)s.", known=", ".join(CALENDARS)),
            fields={"calendar": phrase("not a known calendar")},
        )
    return builder(calendar, year)


def _every_day_worked(_calendar: str, _year_number: int) -> _Year:
    return _Year(closed={}, is_known=True)


def _china(calendar: str, year: int) -> _Year:
    if not _CN_YEARS[0] <= year <= _CN_YEARS[1]:
        return _Year(closed=_national(calendar, year).closed, is_known=False)
    closed: dict[date, str] = {}
    for day in _days_of(year):
        is_holiday, name = chinese_calendar.get_holiday_detail(day)
        if is_holiday:
            closed[day] = name or WEEKEND
    return _Year(closed=closed, is_known=True)


def _united_states(_calendar: str, year: int) -> _Year:
    named, is_known = _published("US", year, observed=False)
    closed = dict.fromkeys(_weekends(year), WEEKEND)
    for day, name in named.items():
        closed[day] = name
        if day.weekday() == SUNDAY:
            closed[day + _ONE_DAY] = f"{name} (observed)"
    return _Year(closed=closed, is_known=is_known)


def _india(_calendar: str, year: int) -> _Year:
    named, is_known = _published("IN", year)
    closed = {day: WEEKEND for day in _weekends(year) if day.weekday() == SUNDAY or _indian_banks_rest(day)}
    return _Year(closed=closed | named, is_known=is_known)


def _national(calendar: str, year: int) -> _Year:
    named, is_known = _published(calendar, year)
    worked = _library(calendar, year).weekend_workdays
    closed = dict.fromkeys(_weekends(year), WEEKEND) | named
    return _Year(closed={day: why for day, why in closed.items() if day not in worked}, is_known=is_known)


_BUILDERS: dict[str, Callable[[str, int], _Year]] = {
    "none": _every_day_worked,
    "CN": _china,
    "US": _united_states,
    "IN": _india,
    **dict.fromkeys(("GB", "CZ", "NG", "UG", "KE", "MX", "TW"), _national),
}


def _published(country: str, year: int, *, observed: bool = True) -> tuple[dict[date, str], bool]:
    """The library's public holidays of the year, and whether none of them is an estimate and the year is covered."""
    book = _library(country, year, observed=observed)
    named = {day: name for day, name in book.items() if day.year == year}
    first, last = _NATIONAL_DATA.get(country, (book.start_year, book.end_year))
    is_estimated = any("(estimated)" in name for name in named.values())
    return named, first <= year <= last and not is_estimated


def _library(country: str, year: int, *, observed: bool = True) -> HolidayBase:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns outside the years it has data for; `is_known` carries that
        return country_holidays(
            country, subdiv=_SUBDIVISION.get(country), years=year, observed=observed, expand=False, language="en_US"
        )


def _indian_banks_rest(saturday: date) -> bool:
    which = (saturday.day - 1) // 7 + 1
    return saturday >= _SECOND_AND_FOURTH_SATURDAY_SINCE and which in {2, 4}


def _weekends(year: int) -> list[date]:
    return [day for day in _days_of(year) if day.weekday() in {SATURDAY, SUNDAY}]


def _days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=offset) for offset in range((date(year, 12, 31) - first).days + 1)]
