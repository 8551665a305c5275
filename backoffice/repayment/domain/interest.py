"""Interest of a period as an exact fraction, and the one place where it is rounded. mechanics 3.1.

A factor is `numerator / denominator` with one denominator per schedule, so that every bill is computed in whole
numbers of the currency's minor unit and rounded once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from backoffice.repayment.domain.day_count import BASIS, year_units
from backoffice.repayment.domain.due_dates import DueDates, nominal_date
from backoffice.repayment.domain.terms import Rounding, Terms

_PRECISION = 60


@dataclass(frozen=True, slots=True)
class Factors:
    """Interest per unit of balance, period by period: `numerators[k] / denominator`."""

    numerators: tuple[int, ...]
    denominator: int

    def after(self, periods: int) -> "Factors":
        """The factors of the periods after the first `periods`."""
        return Factors(numerators=self.numerators[periods:], denominator=self.denominator)


def round_ratio(numerator: int, denominator: int, *, rounding: Rounding) -> int:
    """`numerator / denominator` (not negative, denominator positive) rounded to a whole number in the written mode."""
    match rounding:
        case "half_up":
            return (2 * numerator + denominator) // (2 * denominator)
        case "half_even":
            quotient, rest = divmod(numerator, denominator)
            return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient % 2 == 1))
        case "up":
            return -(-numerator // denominator)
        case _:  # down
            return numerator // denominator


def factors_of(*, terms: Terms, units: Sequence[int]) -> Factors:
    """The exact interest factor of every period at the terms' rate, from what `period_units` counted."""
    rate, scale = terms.annual_rate.as_integer_ratio()
    return Factors(numerators=tuple(rate * count for count in units), denominator=scale * BASIS[terms.day_count])


def period_units(*, terms: Terms, since: date, due: DueDates, since_nominal: date | None = None) -> tuple[int, ...]:
    """How long every period from `since` through the due dates is, in units of the day count's `BASIS` per year.

    The monthly count reads the nominal dates: a holiday that moves a bill does not change its whole month. Every other
    count reads the days as they fell. `since_nominal` is given when `since` is itself a shifted due date.
    """
    is_monthly = terms.day_count == "monthly"
    ends = due.nominal if is_monthly else due.actual
    starts = ((since_nominal or since) if is_monthly else since, *ends[:-1])
    return tuple(
        year_units(day_count=terms.day_count, start=start, end=end, anchor_day=due.anchor_day)
        for start, end in zip(starts, ends, strict=True)
    )


def nominal_factor(*, terms: Terms) -> tuple[int, int]:
    """One regular period's factor, numerator and denominator: annual/12 per month, days over the basis otherwise."""
    rate, scale = terms.annual_rate.as_integer_ratio()
    if terms.unit == "month":
        return rate * terms.every, scale * 12
    days = terms.every * (7 if terms.unit == "week" else 1)
    return rate * days, scale * (365 if terms.day_count in {"act/365", "act/act"} else 360)


def accrued_interest(
    *, terms: Terms, balance: Decimal, since: date, until: date, anchor_day: int | None = None
) -> Decimal:
    """Interest on `balance` (major units) from `since` up to `until`, unrounded; nothing when `until` is not later.

    By the terms' day count; under `monthly` whole months count 1/12 and odd days 1/360. `anchor_day` says which due day
    the months run between when the terms leave it open (default: the day of `since`). Days between a due date and the
    working day it is moved to count as the due date, so a whole month never costs more than a whole month.
    """
    if until <= since:
        return Decimal(0)
    start, end, anchor = since, until, None
    if terms.unit == "month":
        known_anchor = anchor_day or terms.due_day
        anchor = known_anchor or since.day
        if terms.day_count == "monthly" and known_anchor is not None:
            start, end = (nominal_date(day, anchor_day=known_anchor, terms=terms) for day in (since, until))
    units = year_units(day_count=terms.day_count, start=start, end=max(start, end), anchor_day=anchor)
    with localcontext() as context:
        context.prec = _PRECISION
        return balance * terms.annual_rate * units / BASIS[terms.day_count]


def level_amount(*, balance: int, factors: Factors, rounding: Rounding, multiple_of: int) -> int:
    """The one amount that pays `balance` off in equal bills under these factors, rounded once to `multiple_of`.

    Minor units. A = B x G / S with G the growth of one unit over all periods and S the value at the end of one unit
    paid every period; both are whole numbers over powers of the denominator, so r = 0 needs no case of its own.
    Source: mechanics 3.2.
    """
    growth, annuity = annuity_ratio(factors.numerators, factors.denominator)
    return round_ratio(balance * growth, annuity * multiple_of, rounding=rounding) * multiple_of


def annuity_ratio(numerators: Sequence[int], denominator: int) -> tuple[int, int]:
    """Growth and end value of an annuity of one, as two whole numbers over the same power of `denominator`."""
    growth, annuity, power = 1, 0, 1
    for numerator in numerators:
        step = denominator + numerator
        power *= denominator
        growth *= step
        annuity = annuity * step + power
    return growth, annuity
