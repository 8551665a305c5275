"""When bills fall due: every n months, weeks or days from the payout, on a due day that is clamped but never drifts.

A month grid keeps its anchor day (31 -> 28 February -> 31 March). A first period shorter than the terms allow rolls on
by a month. A holiday shift moves a bill, not the grid: the date the grid meant is the bill's *nominal* date.
Source: mechanics 3.2.
"""

from calendar import monthrange
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import ClassVar

from backoffice.calendars.domain.working_days import NO_OVERRIDES, Overrides, shift
from backoffice.core.errors import Refusal
from backoffice.core.words import phrase
from backoffice.repayment.domain.terms import Terms

_DAYS_IN_UNIT = {"week": 7, "day": 1}


class DueDatesRefused(Refusal):
    """The terms and dates do not give a row of due dates that only moves forward."""

    code: ClassVar[str] = "repayment.due_dates_refused"


@dataclass(frozen=True, slots=True)
class DueDates:
    """The dates of a schedule: `actual` is when bills fall due, `nominal` what the grid meant before holidays.

    `anchor_day` is the day of the month the grid stands on (1-31); None for weeks and days, which stand on no month.
    """

    actual: tuple[date, ...]
    nominal: tuple[date, ...]
    anchor_day: int | None


@lru_cache(maxsize=100_000)
def on_anchor(year: int, month: int, anchor_day: int) -> date:
    """The anchor day in that month, or the month's last day when it has no such day."""
    return date(year, month, min(anchor_day, monthrange(year, month)[1]))


def add_months(day: date, *, months: int, anchor_day: int | None = None) -> date:
    """`day` moved by whole months to `anchor_day` (default: its own day), clamped to the month's end."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return on_anchor(years, month + 1, anchor_day or day.day)


def is_on_anchor(day: date, *, anchor_day: int) -> bool:
    """True when `day` is the anchor day, or the end of a month too short for it."""
    return day == on_anchor(day.year, day.month, anchor_day)


def nominal_date(day: date, *, anchor_day: int, terms: Terms) -> date:
    """The date of the grid that `day` stands for: `day` itself, or the anchor date whose holiday shift covers it."""
    if terms.holiday_shift == "none" or is_on_anchor(day, anchor_day=anchor_day):
        return day
    for months in (-1, 0, 1):
        meant = add_months(day, months=months, anchor_day=anchor_day)
        moved = shifted(meant, terms=terms)
        if min(meant, moved) <= day <= max(meant, moved):
            return meant
    return day


def with_declared_days(terms: Terms, *, overrides: Overrides) -> Terms:
    """The terms with what is declared for their calendar; the very same terms when none of their bills ever moves."""
    if terms.holiday_shift == "none":
        return terms
    declared = sorted(
        (day, is_working) for (calendar, day), is_working in overrides.items() if calendar == terms.calendar
    )
    return terms if tuple(declared) == terms.declared_days else replace(terms, declared_days=tuple(declared))


def shifted(day: date, *, terms: Terms) -> date:
    """When a bill the grid puts on `day` falls due: by the published calendar and the days declared over it."""
    overrides = _overrides(terms.calendar, terms.declared_days) if terms.declared_days else NO_OVERRIDES
    return shift(day, convention=terms.holiday_shift, calendar=terms.calendar, overrides=overrides)


@lru_cache(maxsize=1024)
def _overrides(calendar: str, declared_days: tuple[tuple[date, bool], ...]) -> Overrides:
    return MappingProxyType({(calendar, day): is_working for day, is_working in declared_days})


def anchor_day_of(due_dates: Sequence[date], *, terms: Terms) -> int | None:
    """The day of the month a row of due dates stands on: the terms', else the smallest day most of them agree with."""
    if terms.unit != "month":
        return None
    if terms.due_day is not None:
        return terms.due_day
    votes: Counter[int] = Counter()
    for day in due_dates:
        is_month_end = day.day == monthrange(day.year, day.month)[1]
        votes.update(range(day.day, 32) if is_month_end else [day.day])
    return min(votes, key=lambda candidate: (-votes[candidate], candidate))


def plan_due_dates(*, terms: Terms, disbursed_on: date, first_due_date: date | None = None) -> DueDates:
    """The due dates of a fresh loan, one per period, holidays applied.

    Raises DueDatesRefused when the first date is not after the payout, when a holiday shift makes two bills meet, or
    when the last date leaves the calendar.
    """
    if first_due_date is not None and first_due_date <= disbursed_on:
        raise DueDatesRefused(
            phrase(
                "The first due date %(first)s is not after the payout on %(payout)s.",
                first=first_due_date,
                payout=disbursed_on,
            ),
            next_step=phrase("Give a first due date after the day the money is paid out."),
            fields={"first_due_date": phrase("must be after disbursed_on")},
        )
    try:
        if terms.unit == "month":
            anchor_day = terms.due_day or (first_due_date or disbursed_on).day
            first = first_due_date or _first_on_grid(terms, disbursed_on, anchor_day)
            later = (add_months(first, months=terms.every * k, anchor_day=anchor_day) for k in range(1, terms.periods))
            nominal = (first, *later)
        else:
            anchor_day = None
            step = timedelta(days=terms.every * _DAYS_IN_UNIT[terms.unit])
            first = first_due_date or disbursed_on + step
            nominal = tuple(first + step * k for k in range(terms.periods))
    except (OverflowError, ValueError) as error:
        raise DueDatesRefused(
            phrase("The last bill would fall due after the year 9999."),
            next_step=phrase("Ask for fewer or shorter periods."),
            fields={"periods": phrase("the schedule runs past the calendar")},
        ) from error
    actual = nominal
    if terms.holiday_shift != "none":
        actual = tuple(shifted(day, terms=terms) for day in nominal)
    _check_forward(actual, after=disbursed_on, field="holiday_shift")
    return DueDates(actual=actual, nominal=nominal, anchor_day=anchor_day)


def take_due_dates(*, terms: Terms, since: date, due_dates: Sequence[date]) -> DueDates:
    """Due dates somebody chose, taken as they stand; the grid behind them is recognised, holidays included.

    Raises DueDatesRefused when there are none, or they do not move forward from `since`.
    """
    if not due_dates:
        raise DueDatesRefused(
            phrase("A schedule needs at least one due date."),
            next_step=phrase("Give one due date for every bill."),
            fields={"due_dates": phrase("must not be empty")},
        )
    actual = tuple(due_dates)
    _check_forward(actual, after=since, field="due_dates")
    anchor_day = anchor_day_of(actual, terms=terms)
    if anchor_day is None:
        return DueDates(actual=actual, nominal=actual, anchor_day=None)
    nominal = tuple(nominal_date(day, anchor_day=anchor_day, terms=terms) for day in actual)
    return DueDates(actual=actual, nominal=nominal, anchor_day=anchor_day)


def _first_on_grid(terms: Terms, disbursed_on: date, anchor_day: int) -> date:
    """The first anchor date that leaves `every - 1` whole months and the shortest first period the terms allow."""
    if terms.due_day is None:
        return add_months(disbursed_on, months=terms.every)
    earliest = add_months(disbursed_on, months=terms.every - 1) + timedelta(days=max(1, terms.first_period_min_days))
    first = on_anchor(earliest.year, earliest.month, anchor_day)
    return first if first >= earliest else add_months(first, months=1, anchor_day=anchor_day)


def _check_forward(due_dates: Sequence[date], *, after: date, field: str) -> None:
    previous = after
    for day in due_dates:
        if day <= previous:
            raise DueDatesRefused(
                phrase("The bill due %(day)s does not come after %(previous)s.", day=day, previous=previous),
                next_step=phrase("Choose dates, periods or a holiday rule that keep bills on different days."),
                fields={field: phrase("%(day)s does not come after %(previous)s", day=day, previous=previous)},
            )
        previous = day
