"""A year of one calendar as months and weeks, the way a wall calendar shows it."""

import calendar as months_and_weeks
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from backoffice.calendars.domain.working_days import WEEKEND, Overrides, closed_because, is_known, is_working_day
from backoffice.calendars.names import holiday_name


@dataclass(frozen=True, slots=True)
class DayShown:
    """One day: worked or why not, and the class it is drawn with; `is_declared` when an override says so."""

    day: date
    is_working: bool
    why: str
    is_declared: bool
    look: str


@dataclass(frozen=True, slots=True)
class MonthShown:
    """One month as weeks from Monday to Sunday; None where the week belongs to another month."""

    first: date
    weeks: tuple[tuple[DayShown | None, ...], ...]
    working_days: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days in a row that differ from a plain week for the same reason."""

    first: date
    last: date
    is_working: bool
    why: str
    is_declared: bool

    @property
    def count(self) -> int:
        """How many days it is."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class YearShown:
    """Twelve months; `is_known` False when days of the year are a guess."""

    calendar: str
    year: int
    is_known: bool
    months: tuple[MonthShown, ...]
    stretches: tuple[Stretch, ...]
    working_days: int


def year_of(*, calendar: str, year: int, overrides: Overrides, reasons: Mapping[date, str]) -> YearShown:
    """The year with the overrides applied. `reasons` says why a day was declared. Raises UnknownCalendar.

    `stretches` are the days that differ from a plain week: holidays, weekend days worked, declared days.
    """
    months = tuple(
        _month(calendar=calendar, first=date(year, month, 1), overrides=overrides, reasons=reasons)
        for month in range(1, 13)
    )
    days = [day for month in months for week in month.weeks for day in week if day is not None]
    return YearShown(
        calendar=calendar,
        year=year,
        is_known=is_known(calendar=calendar, year=year),
        months=months,
        stretches=tuple(_stretches([day for day in days if day.look not in {"", WEEKEND}])),
        working_days=sum(day.is_working for day in days),
    )


def _stretches(days: Sequence[DayShown]) -> list[Stretch]:
    found: list[Stretch] = []
    for day in days:
        one = Stretch(day.day, day.day, day.is_working, day.why, day.is_declared)
        before = found[-1] if found else None
        if before is not None and _continues(one, before):
            found[-1] = replace(before, last=day.day)
        else:
            found.append(one)
    return found


def _continues(one: Stretch, before: Stretch) -> bool:
    """Whether a day goes on with the stretch before it; declared days stand alone, each can be taken back."""
    is_alike = (one.is_working, one.why, one.is_declared) == (before.is_working, before.why, False)
    return is_alike and (one.first - before.last).days == 1


def _month(*, calendar: str, first: date, overrides: Overrides, reasons: Mapping[date, str]) -> MonthShown:
    weeks = tuple(
        tuple(
            _day(calendar=calendar, day=date(first.year, first.month, number), overrides=overrides, reasons=reasons)
            if number
            else None
            for number in week
        )
        for week in months_and_weeks.monthcalendar(first.year, first.month)
    )
    worked = sum(day.is_working for week in weeks for day in week if day is not None)
    return MonthShown(first=first, weeks=weeks, working_days=worked)


def _day(*, calendar: str, day: date, overrides: Overrides, reasons: Mapping[date, str]) -> DayShown:
    is_working = is_working_day(calendar=calendar, day=day, overrides=overrides)
    why = closed_because(calendar=calendar, day=day, overrides=overrides)
    is_declared = (calendar, day) in overrides
    is_weekend = day.weekday() in {months_and_weeks.SATURDAY, months_and_weeks.SUNDAY}
    if is_declared:
        look = "declared"
    elif is_working:
        look = "made-up" if is_weekend and calendar != "none" and not _is_usual(calendar=calendar, day=day) else ""
    else:
        look = WEEKEND if why == WEEKEND else "holiday"
    return DayShown(
        day,
        is_working,
        reasons.get(day, why) if is_declared else holiday_name(calendar=calendar, day=day, name=why),
        is_declared,
        look,
    )


def _is_usual(*, calendar: str, day: date) -> bool:
    """Whether banks of the calendar work on most days like this one: Indian banks on the odd Saturdays."""
    return calendar == "IN" and day.weekday() == months_and_weeks.SATURDAY
