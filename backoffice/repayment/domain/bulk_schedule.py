"""Schedules by the hundred thousand: the same bills as `build_schedule`, for books written in one go.

What depends only on terms and payout day (due dates, factors, the ratio of the installment to the principal) is worked
out once and shared; a loan of its own then costs one long division and a short loop of whole numbers. Results are
columns of minor units, because building a row object per bill would cost more than computing it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from math import gcd
from typing import NamedTuple

from backoffice.core.money import exponent_of
from backoffice.repayment.domain.fees import fees_of_bill
from backoffice.repayment.domain.interest import Factors, annuity_ratio, factors_of, nominal_factor, period_units
from backoffice.repayment.domain.minor_units import major
from backoffice.repayment.domain.schedule import due_dates_of, multiple_of_minor, schedule_parts
from backoffice.repayment.domain.terms import ScheduledRow, Terms


class BulkLoan(NamedTuple):
    """One loan to schedule: its terms, the principal in minor units, the payout day."""

    terms: Terms
    principal: int
    disbursed_on: date


class BulkSchedule(NamedTuple):
    """The bills of one loan in columns of equal length, amounts in minor units; `days` are actual days."""

    due_dates: tuple[date, ...]
    days: tuple[int, ...]
    principal: list[int]
    interest: list[int]
    fee: list[int]
    guarantee_fee: list[int]


@dataclass(frozen=True, slots=True)
class _Calendar:
    """What all loans with one rhythm, one day count and one payout day share."""

    due_dates: tuple[date, ...]
    days: tuple[int, ...]
    units: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Frame:
    """What all loans of one product and one payout day share."""

    due_dates: tuple[date, ...]
    days: tuple[int, ...]
    factors: Factors
    # Twice each numerator and the denominator, so that rounding half up is one whole division.
    doubled: tuple[int, ...]
    denominator: int
    # The installment is principal x growth / annuity, in multiples.
    growth: int
    annuity: int
    multiple_of: int
    no_fees: list[int]


def build_many(loans: Iterable[BulkLoan]) -> list[BulkSchedule]:
    """The bills of every loan, in the order given; to the cent what `build_schedule` answers, which see for errors.

    Fastest for equal installments rounded half up without fees; everything else takes the general way.
    """
    calendars: dict[tuple[object, ...], _Calendar] = {}
    frames: dict[tuple[int, date], _Frame] = {}
    kept: dict[int, Terms] = {}  # keeps terms alive, so that an id stands for one object
    schedules = []
    for terms, principal, disbursed_on in loans:
        key = (id(terms), disbursed_on)
        frame = frames.get(key)
        if frame is None:
            kept[id(terms)] = terms
            rhythm = _rhythm(terms, disbursed_on)
            calendar = calendars.get(rhythm)
            if calendar is None:
                calendar = calendars[rhythm] = _calendar_of(terms, disbursed_on)
            frame = frames[key] = _frame_of(terms, calendar)
        if terms.method == "equal_installment" and terms.rounding == "half_up" and not terms.fees:
            schedule = _equal_installments(principal, frame)
            if schedule is not None:
                schedules.append(schedule)
                continue
        schedules.append(_in_general(terms, principal, frame))
    return schedules


def rows_of(schedule: BulkSchedule, *, currency: str) -> tuple[ScheduledRow, ...]:
    """The columns as rows in major units, the shape `build_schedule` answers with."""
    exponent = exponent_of(currency)
    balance = sum(schedule.principal)
    rows = []
    for index, (due_date, days, *amounts) in enumerate(zip(*schedule, strict=True)):
        principal, interest, fee, guarantee_fee = amounts
        balance -= principal
        rows.append(
            ScheduledRow(
                number=index + 1,
                due_date=due_date,
                days=days,
                principal=major(principal, exponent=exponent),
                interest=major(interest, exponent=exponent),
                fee=major(fee, exponent=exponent),
                guarantee_fee=major(guarantee_fee, exponent=exponent),
                balance=major(balance, exponent=exponent),
            )
        )
    return tuple(rows)


def _rhythm(terms: Terms, disbursed_on: date) -> tuple[object, ...]:
    """All that due dates and the length of periods follow from."""
    return (
        disbursed_on,
        terms.periods,
        terms.unit,
        terms.every,
        terms.due_day,
        terms.day_count,
        terms.first_period_min_days,
        terms.holiday_shift,
        terms.calendar,
        terms.declared_days,
        terms.method == "single_payment",
    )


def _calendar_of(terms: Terms, disbursed_on: date) -> _Calendar:
    due = due_dates_of(terms=terms, disbursed_on=disbursed_on, first_due_date=None, due_dates=None)
    starts = (disbursed_on, *due.actual[:-1])
    return _Calendar(
        due_dates=due.actual,
        days=tuple((end - start).days for start, end in zip(starts, due.actual, strict=True)),
        units=period_units(terms=terms, since=disbursed_on, due=due),
    )


def _frame_of(terms: Terms, calendar: _Calendar) -> _Frame:
    factors = factors_of(terms=terms, units=calendar.units)
    periods = len(calendar.units)
    if terms.installment_basis == "nominal":
        numerator, denominator = nominal_factor(terms=terms)
        growth, annuity = annuity_ratio((numerator,) * periods, denominator)
    else:
        growth, annuity = annuity_ratio(factors.numerators, factors.denominator)
    common = gcd(growth, annuity)
    shared = gcd(factors.denominator, *factors.numerators)
    return _Frame(
        due_dates=calendar.due_dates,
        days=calendar.days,
        factors=factors,
        doubled=tuple(2 * numerator // shared for numerator in factors.numerators),
        denominator=factors.denominator // shared,
        growth=growth // common,
        annuity=annuity // common,
        multiple_of=multiple_of_minor(terms=terms),
        no_fees=[0] * periods,
    )


def _equal_installments(balance: int, frame: _Frame) -> BulkSchedule | None:
    """The plain case in one loop; None when a bill carries no principal or the loan ends early: the general way can."""
    denominator, doubled = frame.denominator, frame.doubled
    twice = 2 * denominator
    divisor = frame.annuity * frame.multiple_of
    installment = (2 * balance * frame.growth + divisor) // (2 * divisor) * frame.multiple_of
    principals, interests = [], []
    for numerator in doubled[:-1]:
        interest = (balance * numerator + denominator) // twice
        principal = installment - interest
        if not 0 < principal <= balance:
            return None
        balance -= principal
        principals.append(principal)
        interests.append(interest)
    principals.append(balance)
    interests.append((balance * doubled[-1] + denominator) // twice)
    return BulkSchedule(frame.due_dates, frame.days, principals, interests, frame.no_fees, frame.no_fees)


def _in_general(terms: Terms, principal: int, frame: _Frame) -> BulkSchedule:
    parts = schedule_parts(terms=terms, balance=principal, factors=frame.factors)
    fees, guarantee_fees = frame.no_fees, frame.no_fees
    if terms.fees:
        balance, fees, guarantee_fees = principal, [], []
        for part, _ in parts:
            fee, guarantee_fee = fees_of_bill(terms=terms, original=principal, opening=balance, is_first=not fees)
            fees.append(fee)
            guarantee_fees.append(guarantee_fee)
            balance -= part
    return BulkSchedule(
        due_dates=frame.due_dates,
        days=frame.days,
        principal=[part for part, _ in parts],
        interest=[interest for _, interest in parts],
        fee=fees,
        guarantee_fee=guarantee_fees,
    )
