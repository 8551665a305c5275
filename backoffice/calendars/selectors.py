"""Reads of the calendars: the business date, and which days are worked with the overrides applied."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import ClassVar, cast

from django.utils.translation import gettext as _

from backoffice.calendars.domain.business_day import CLOSING, State, following
from backoffice.calendars.domain.working_days import (
    Convention,
    Overrides,
    closed_because,
    is_known,
    is_working_day,
    shift,
)
from backoffice.calendars.models import BusinessDay, BusinessDayMove, HolidayOverride
from backoffice.core.errors import Refusal


class DayNotOpened(Refusal):
    """No business day has been opened yet."""

    code: ClassVar[str] = "calendars.day_not_opened"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class BusinessDayNow:
    """The business day as the top bar shows it; `last_close_seconds` is what the last close took."""

    today: date
    state: State
    last_closed_at: datetime | None
    last_close_seconds: Decimal | None

    @property
    def books_on(self) -> date:
        """The date new work is booked on.

        From the moment a close begins this is the day after the one being closed, so that money never waits for it.
        """
        return following(day=self.today) if self.state == CLOSING else self.today


@dataclass(frozen=True, slots=True)
class DayAnswer:
    """One day of one calendar: worked or why not, where a due date on it goes, and whether the year is certain."""

    calendar: str
    day: date
    is_working: bool
    closed_because: str
    shifted_to: date
    is_known: bool


def business_day() -> BusinessDayNow:
    """The business day and its state, one query. Raises DayNotOpened."""
    row = BusinessDay.objects.filter(pk=BusinessDay.ONLY).first()
    if row is None:
        raise not_opened()
    return BusinessDayNow(
        today=row.today,
        state=cast("State", row.state),
        last_closed_at=row.last_closed_at,
        last_close_seconds=row.last_close_seconds,
    )


def business_date() -> date:
    """The date new work is booked on, one query: the day after while a day is being closed. Raises DayNotOpened."""
    return business_day().books_on


def latest_business_date(*, at_least: date) -> date:
    """The business date, or `at_least` when that is later or no day is open: for work prepared for an earlier day."""
    row = BusinessDay.objects.filter(pk=BusinessDay.ONLY).first()
    if row is None:
        return at_least
    return max(at_least, following(day=row.today) if row.state == CLOSING else row.today)


def not_opened() -> DayNotOpened:
    """The refusal for a lender whose first business day was never opened."""
    return DayNotOpened(
        _("No business day has been opened yet."),
        next_step=_("Load a book, or open the first day with manage.py day_end --open DATE."),
    )


def moves(*, limit: int = 60) -> list[BusinessDayMove]:
    """The last steps of the business day, newest first."""
    return list(BusinessDayMove.objects.order_by("-id")[:limit])


def holiday_overrides(*, calendar: str | None = None) -> Overrides:
    """The declared days as the frozen mapping the pure functions take, one query; of one calendar or of all."""
    rows = HolidayOverride.objects.all()
    if calendar is not None:
        rows = rows.filter(calendar=calendar)
    return MappingProxyType({(row.calendar, row.day): row.is_working for row in rows})


def declared_days(*, calendar: str) -> list[HolidayOverride]:
    """What administrators declared over one published calendar, in order of days, one query."""
    return list(HolidayOverride.objects.filter(calendar=calendar).order_by("day"))


def answer_days(*, calendar: str, days: list[date], convention: Convention = "next") -> list[DayAnswer]:
    """What the calendar says of each day, overrides applied, one query. Raises UnknownCalendar."""
    overrides = holiday_overrides(calendar=calendar)
    return [
        DayAnswer(
            calendar=calendar,
            day=day,
            is_working=is_working_day(calendar=calendar, day=day, overrides=overrides),
            closed_because=closed_because(calendar=calendar, day=day, overrides=overrides),
            shifted_to=shift(day, convention=convention, calendar=calendar, overrides=overrides),
            is_known=is_known(calendar=calendar, year=day.year),
        )
        for day in days
    ]
