"""What a loan costs a year, by three conventions, and whether that crosses the line. mechanics 3.3.

Every payment to anyone for the loan counts; what is deducted at payout lowers what the borrower received.

| figure | meaning |
| --- | --- |
| irr_period | the rate per period at which the bills, discounted by their number, are worth what was received |
| apr_irr | irr_period x periods in a year (12 months, 52 weeks, 365 days; divided by `every`) |
| ear | (1 + irr_period) ^ periods in a year - 1 |
| xirr | the yearly rate at which the bills, discounted by actual days / 365, are worth what was received |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import ClassVar, Literal

from backoffice.core.errors import Refusal
from backoffice.core.words import phrase
from backoffice.repayment.domain.terms import CostCap, ScheduledRow, Terms

RATE_PLACES = Decimal("0.00000001")
COMPARED_PLACES = Decimal("0.0001")  # two decimals of a percent: rounding of the bills is not a breach. mechanics 3.2

_PRECISION = 50
_WIDE = 8_000  # digits that hold the yearly rate of a loan of one day, however absurd
_CLOSE = Decimal("1e-30")
_PERIODS_IN_YEAR = {"month": 12, "week": 52, "day": 365}

Verdict = Literal["within", "above", "no_cap"]


class NothingPaidOut(Refusal):
    """Fees taken at payout leave the borrower nothing, so that no yearly cost exists."""

    code: ClassVar[str] = "repayment.nothing_paid_out"


@dataclass(frozen=True, slots=True)
class YearlyCost:
    """Rates as fractions of one, rounded half up to 8 decimals."""

    irr_period: Decimal
    apr_irr: Decimal
    ear: Decimal
    xirr: Decimal


@dataclass(frozen=True, slots=True)
class CapVerdict:
    """The cost by the cap's formula, rounded to two decimals of a percent, against the cap."""

    cap: CostCap
    value: Decimal
    verdict: Verdict


def yearly_cost(
    *, terms: Terms, net_disbursed: Decimal, disbursed_on: date, rows: Sequence[ScheduledRow]
) -> YearlyCost:
    """The three yearly rates of a schedule for which the borrower received `net_disbursed` (major units).

    Raises NothingPaidOut when that is not above zero.
    """
    if net_disbursed <= 0:
        raise NothingPaidOut(
            phrase("The fees taken at payout leave the borrower nothing."),
            next_step=phrase("Lower the fees that are deducted, or bill them."),
            fields={"fees": phrase("deducted fees are not below the principal")},
        )
    is_single = terms.method == "single_payment"
    by_number = [(terms.periods if is_single else row.number, row.total) for row in rows]
    by_day = [((row.due_date - disbursed_on).days, row.total) for row in rows]
    with localcontext() as context:
        context.prec = _PRECISION
        per_period = rate_per_step(received=net_disbursed, paid=by_number)
        per_day = rate_per_step(received=net_disbursed, paid=by_day)
        in_year = Decimal(_PERIODS_IN_YEAR[terms.unit]) / terms.every
        return YearlyCost(
            irr_period=_rounded(per_period),
            apr_irr=_rounded(per_period * in_year),
            ear=_rounded((1 + per_period) ** in_year - 1),
            xirr=_rounded((1 + per_day) ** 365 - 1),
        )


def rate_per_step(*, received: Decimal, paid: Sequence[tuple[int, Decimal]]) -> Decimal:
    """The rate i per step with sum(amount / (1 + i) ^ step) = received, to 30 decimals.

    Steps rise, amounts are not negative. What is paid is worth less the higher the rate, along a convex curve, so there
    is one root, and Newton's method from a rate of zero climbs to it without passing it. Nobody pays back less than was
    received: a rate below zero is answered as 0.
    """
    rate = Decimal(0)
    with localcontext() as context:
        context.prec = _PRECISION
        while True:
            worth, slope = _worth(rate, paid)
            step = (worth - received) / slope
            if step <= _CLOSE:
                return rate
            rate += step


def judge(*, cost: YearlyCost, cap: CostCap) -> CapVerdict:
    """Whether the cost crosses the cap, compared at two decimals of a percent."""
    value = getattr(cost, cap.formula).quantize(COMPARED_PLACES, rounding=ROUND_HALF_UP)
    if cap.rate is None:
        return CapVerdict(cap=cap, value=value, verdict="no_cap")
    return CapVerdict(cap=cap, value=value, verdict="within" if value <= cap.rate else "above")


def _worth(rate: Decimal, paid: Sequence[tuple[int, Decimal]]) -> tuple[Decimal, Decimal]:
    """The present value of what is paid, and how fast it falls with the rate."""
    discount = 1 / (1 + rate)
    gaps: dict[int, Decimal] = {}
    value, slope, factor, at = Decimal(0), Decimal(0), Decimal(1), 0
    for step, amount in paid:
        gap = step - at
        if gap not in gaps:
            gaps[gap] = discount**gap
        factor *= gaps[gap]
        at = step
        value += amount * factor
        slope += step * amount * factor
    return value, slope * discount


def _rounded(rate: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = _WIDE
        return rate.quantize(RATE_PLACES, rounding=ROUND_HALF_UP)
