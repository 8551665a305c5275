"""On which days a bill is tried: from its due date for the days to go on, around closed and blacked-out days."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Final

from backoffice.repayment.domain.autopay.configuration import Configuration, OnHoliday

LOOK_AHEAD: Final = 31
"""How many days a debit may be put off by closed days in a row before it is given up."""


def debits_on(day: date, *, configuration: Configuration, is_open: Callable[[date], bool]) -> bool:
    """Whether anything is debited on a day; `is_open` answers for the configuration's calendar."""
    if day in configuration.blackout:
        return False
    return configuration.holidays == OnHoliday.DEBIT or is_open(day)


def days_of(due_date: date, *, configuration: Configuration, is_open: Callable[[date], bool]) -> Iterator[date]:
    """The days a bill is tried on, in order: `days` of them, counted on days something is debited.

    Where holidays are skipped, a closed day counts as a day gone by.
    """
    left, day = configuration.days, due_date
    last = due_date + timedelta(days=configuration.days + LOOK_AHEAD)
    while left and day <= last:
        if debits_on(day, configuration=configuration, is_open=is_open):
            yield day
            left -= 1
        elif configuration.holidays == OnHoliday.SKIP:
            left -= 1
        day += timedelta(days=1)


def due_dates_for(day: date, *, configuration: Configuration, is_open: Callable[[date], bool]) -> list[date]:
    """The due dates whose bills are tried on a day, the oldest first."""
    if not debits_on(day, configuration=configuration, is_open=is_open):
        return []
    reach = configuration.days + LOOK_AHEAD
    dates = (day - timedelta(days=back) for back in range(reach, -1, -1))
    return [due for due in dates if day in days_of(due, configuration=configuration, is_open=is_open)]
