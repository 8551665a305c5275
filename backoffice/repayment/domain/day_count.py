"""How much of a year lies between two dates, exactly: a whole number of units over a basis. mechanics 3.1.

| day count | a period is worth |
| --- | --- |
| monthly | whole months at 1/12, odd days at 1/360; weeks and days: actual days at 1/360 |
| 30/360 | every month has 30 days (30E/360); a due day clamped by a short month still counts as its own day |
| act/360, act/365 | actual days over the basis |
| act/act | actual days, those in a leap year over 366, the others over 365 (ISDA) |
"""

from calendar import isleap
from datetime import date

from backoffice.repayment.domain.due_dates import add_months, is_on_anchor
from backoffice.repayment.domain.terms import DayCount

# Units a year is divided into. 365 x 366 lets both kinds of year be counted in whole units.
BASIS: dict[DayCount, int] = {"monthly": 360, "30/360": 360, "act/360": 360, "act/365": 365, "act/act": 365 * 366}

_UNITS_IN_MONTH = 30


def year_units(*, day_count: DayCount, start: date, end: date, anchor_day: int | None = None) -> int:
    """Units of `BASIS[day_count]` from `start` up to `end` (exclusive); `end` is not before `start`.

    `anchor_day` is the due day of a grid of months; None says that bills do not stand on one.
    """
    match day_count:
        case "monthly":
            return _months_and_days(start, end, anchor_day)
        case "30/360":
            return _serial_30(end, anchor_day) - _serial_30(start, anchor_day)
        case "act/act":
            return _leap_weighted(start, end)
        case _:
            return (end - start).days


def _months_and_days(start: date, end: date, anchor_day: int | None) -> int:
    if anchor_day is None:
        return (end - start).days
    step_day = anchor_day if is_on_anchor(start, anchor_day=anchor_day) else start.day
    months = (end.year - start.year) * 12 + end.month - start.month
    reached = add_months(start, months=months, anchor_day=step_day)
    if reached > end:
        months -= 1
        reached = add_months(start, months=months, anchor_day=step_day)
    return months * _UNITS_IN_MONTH + (end - reached).days


def _serial_30(day: date, anchor_day: int | None) -> int:
    """The day's number in a calendar of 30-day months, so that parts of a period always sum to the whole."""
    is_clamped = anchor_day is not None and day.day < anchor_day and is_on_anchor(day, anchor_day=anchor_day)
    of_month = anchor_day if is_clamped and anchor_day is not None else day.day
    return (day.year * 12 + day.month) * 30 + min(of_month, 30)


def _leap_weighted(start: date, end: date) -> int:
    """Days of leap years weigh 365, others 366, over 365 x 366."""
    units = 0
    while start.year < end.year:
        new_year = date(start.year + 1, 1, 1)
        units += (new_year - start).days * (365 if isleap(start.year) else 366)
        start = new_year
    return units + (end - start).days * (365 if isleap(start.year) else 366)
