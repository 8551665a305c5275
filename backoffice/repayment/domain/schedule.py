"""The schedule of a loan: every bill to the minor unit, for every method, computed in whole numbers.

Laws: principal sums to the principal exactly, the last bill takes the residue, nothing is negative, dates move forward.
A bill that cannot carry principal (its interest alone is above the installment) carries none. Rounding happens once
per amount: the installment to `multiple_of`, interest and fees to the currency's minor unit. mechanics 3.2, 3.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from backoffice.core.money import exponent_of
from backoffice.core.words import phrase
from backoffice.repayment.domain.due_dates import DueDates, nominal_date, plan_due_dates, take_due_dates
from backoffice.repayment.domain.fees import fees_of_bill
from backoffice.repayment.domain.interest import (
    Factors,
    factors_of,
    level_amount,
    nominal_factor,
    period_units,
    round_ratio,
)
from backoffice.repayment.domain.minor_units import ScheduleRefused, floor_minor, major, minor_units
from backoffice.repayment.domain.terms import Rounding, ScheduledRow, Terms

Part = tuple[int, int]  # principal and interest of one bill, minor units


@dataclass(frozen=True, slots=True)
class _Task:
    """One amount to spread over periods: minor units throughout."""

    balance: int
    factors: Factors
    rounding: Rounding
    multiple_of: int

    @property
    def periods(self) -> int:
        return len(self.factors.numerators)

    def interest(self, *, balance: int, period: int) -> int:
        """Interest of one period on `balance`, rounded once."""
        return round_ratio(balance * self.factors.numerators[period], self.factors.denominator, rounding=self.rounding)


def build_schedule(
    *,
    terms: Terms,
    principal: Decimal,
    disbursed_on: date,
    first_due_date: date | None = None,
    due_dates: Sequence[date] | None = None,
) -> tuple[ScheduledRow, ...]:
    """The bills of `principal` (major units) paid out on `disbursed_on`, one per period, one in all for single_payment.

    `due_dates` are taken as they stand and replace the grid of periods; `first_due_date` starts the grid. Raises
    ScheduleRefused for an amount the currency cannot express, DueDatesRefused for dates that do not move forward.
    """
    minor = minor_units(principal, terms=terms)
    due = due_dates_of(terms=terms, disbursed_on=disbursed_on, first_due_date=first_due_date, due_dates=due_dates)
    factors = factors_of(terms=terms, units=period_units(terms=terms, since=disbursed_on, due=due))
    parts = schedule_parts(terms=terms, balance=minor, factors=factors)
    return _rows(
        terms=terms,
        parts=parts,
        balance=minor,
        original=minor,
        since=disbursed_on,
        due_dates=due.actual,
        first_number=1,
        is_fresh=True,
    )


def rebuild_remaining(
    *,
    terms: Terms,
    balance: Decimal,
    since: date,
    due_dates: Sequence[date],
    first_number: int,
    original_principal: Decimal,
    keep_installment: Decimal | None,
) -> tuple[ScheduledRow, ...]:
    """The bills of what is left (`balance`, major units) after `since`, on the due dates given.

    `keep_installment` None spreads the balance over all the dates (reduce_installment). Given, bills stay as large as
    they were and the schedule ends sooner (shorten_term): equal_installment and flat keep that sum of principal and
    interest, equal_principal keeps the principal of a bill as the terms first set it, and the last bill takes what is
    left; interest_only and single_payment have only one bill of principal and just cost less. Flat interest is charged
    on the original principal in proportion to what is left of it, see `flat_base`. Fees of single bills go on,
    up-front ones are not asked again. Numbers start at `first_number`. Raises as `build_schedule`.
    """
    left = minor_units(balance, terms=terms)
    original = minor_units(original_principal, terms=terms)
    dates = due_dates[-1:] if terms.method == "single_payment" else due_dates
    due = take_due_dates(terms=terms, since=since, due_dates=dates)
    since_nominal = since if due.anchor_day is None else nominal_date(since, anchor_day=due.anchor_day, terms=terms)
    units = period_units(terms=terms, since=since, due=due, since_nominal=since_nominal)
    factors = factors_of(terms=terms, units=units)
    task = _task(terms=terms, balance=left, factors=factors)
    flat = flat_base(terms=terms, balance=left, original_principal=original, remaining=len(due.actual))
    if keep_installment is None:
        parts = _parts(task, terms=terms, flat_on=flat)
    else:
        keep = floor_minor(keep_installment, currency=terms.currency)
        parts = _shortened(task, terms=terms, flat_on=flat, original=original, keep=keep)
    return _rows(
        terms=terms,
        parts=parts,
        balance=left,
        original=original,
        since=since,
        due_dates=due.actual[: len(parts)],
        first_number=first_number,
        is_fresh=False,
    )


def due_dates_of(
    *, terms: Terms, disbursed_on: date, first_due_date: date | None, due_dates: Sequence[date] | None
) -> DueDates:
    """The due dates a fresh schedule stands on: chosen ones or the grid of the terms, for single_payment its last."""
    if due_dates is not None:
        due = take_due_dates(terms=terms, since=disbursed_on, due_dates=due_dates)
    else:
        due = plan_due_dates(terms=terms, disbursed_on=disbursed_on, first_due_date=first_due_date)
    if terms.method == "single_payment":
        return DueDates(actual=due.actual[-1:], nominal=due.nominal[-1:], anchor_day=due.anchor_day)
    return due


def schedule_parts(*, terms: Terms, balance: int, factors: Factors) -> list[Part]:
    """Principal and interest of every bill of a fresh loan, minor units; `balance` is the principal."""
    return _parts(_task(terms=terms, balance=balance, factors=factors), terms=terms, flat_on=balance)


def flat_base(*, terms: Terms, balance: int, original_principal: int, remaining: int) -> int:
    """The principal flat interest is charged on when `balance` is left over `remaining` bills, minor units.

    The principal of the flat loan that would have this balance now: on schedule that is the original, and a prepayment
    lowers it in proportion, so that interest on money given back is not charged. mechanics 3.5.
    """
    periods = max(terms.periods, remaining)
    return min(original_principal, round_ratio(balance * periods, remaining, rounding=terms.rounding))


def multiple_of_minor(*, terms: Terms) -> int:
    """The unit installments are rounded to, minor units; never finer than the currency itself."""
    return max(1, floor_minor(terms.multiple_of, currency=terms.currency))


def nominal_installment(*, terms: Terms, balance: int, periods: int) -> int:
    """The installment from the rate of one regular period, whatever the days of the real ones; minor units."""
    numerator, denominator = nominal_factor(terms=terms)
    factors = Factors(numerators=(numerator,) * periods, denominator=denominator)
    return _installment(_task(terms=terms, balance=balance, factors=factors))


def _task(*, terms: Terms, balance: int, factors: Factors) -> _Task:
    return _Task(balance=balance, factors=factors, rounding=terms.rounding, multiple_of=multiple_of_minor(terms=terms))


def _installment(task: _Task) -> int:
    amount = level_amount(
        balance=task.balance, factors=task.factors, rounding=task.rounding, multiple_of=task.multiple_of
    )
    if not amount and task.multiple_of > 1:
        raise ScheduleRefused(
            phrase("Rounded that coarsely, the installment is nothing."),
            next_step=phrase("Round installments to a finer amount, or ask for fewer periods."),
            fields={"multiple_of": phrase("the installment rounds to zero")},
        )
    return amount


def _parts(task: _Task, *, terms: Terms, flat_on: int) -> list[Part]:
    match terms.method:
        case "equal_installment" if terms.installment_basis == "nominal":
            nominal = nominal_installment(terms=terms, balance=task.balance, periods=task.periods)
            return _level(task, installment=nominal)
        case "equal_installment":
            return _solved(task)
        case "equal_principal":
            return _equal_principal(task, principal=task.balance // task.periods)
        case "flat":
            principal = round_ratio(task.balance, task.periods, rounding=task.rounding)
            return _flat(task, flat_on=flat_on, principal=principal)
        case _:  # interest_only, single_payment
            return _bullet(task)


def _shortened(task: _Task, *, terms: Terms, flat_on: int, original: int, keep: int) -> list[Part]:
    match terms.method:
        case "equal_installment":
            parts = _level(task, installment=keep)
        case "equal_principal":
            parts = _equal_principal(task, principal=max(1, original // terms.periods))
        case "flat":
            parts = _level_flat(task, flat_on=flat_on, installment=keep)
        case _:  # interest_only, single_payment
            parts = _bullet(task)
    return _without_empty_tail(parts)


def _solved(task: _Task) -> list[Part]:
    """Bills equal under the real factors; one whose interest alone is above them asks for that, the rest are solved."""
    balance, parts = task.balance, []
    installment = _installment(task)
    for period in range(task.periods):
        interest = task.interest(balance=balance, period=period)
        if period == task.periods - 1:
            parts.append((balance, interest))
        elif interest > installment:
            parts.append((0, interest))
            installment = _installment(replace(task, balance=balance, factors=task.factors.after(period + 1)))
        else:
            principal = min(balance, installment - interest)
            parts.append((principal, interest))
            balance -= principal
    return parts


def _level(task: _Task, *, installment: int) -> list[Part]:
    """Bills of one given amount; the last takes the residue."""
    balance, parts = task.balance, []
    for period in range(task.periods):
        interest = task.interest(balance=balance, period=period)
        is_last = period == task.periods - 1
        principal = balance if is_last else min(balance, max(0, installment - interest))
        parts.append((principal, interest))
        balance -= principal
    return parts


def _equal_principal(task: _Task, *, principal: int) -> list[Part]:
    balance, parts = task.balance, []
    for period in range(task.periods):
        interest = task.interest(balance=balance, period=period)
        part = balance if period == task.periods - 1 else min(balance, principal)
        parts.append((part, interest))
        balance -= part
    return parts


def _flat(task: _Task, *, flat_on: int, principal: int) -> list[Part]:
    balance, parts = task.balance, []
    for period in range(task.periods):
        part = balance if period == task.periods - 1 else min(balance, principal)
        parts.append((part, task.interest(balance=flat_on, period=period)))
        balance -= part
    return parts


def _level_flat(task: _Task, *, flat_on: int, installment: int) -> list[Part]:
    """Flat bills of one given amount, until nothing is left."""
    balance = task.balance
    parts: list[Part] = []
    while balance:
        period = len(parts)
        interest = task.interest(balance=flat_on, period=period)
        is_last = period == task.periods - 1
        principal = balance if is_last else min(balance, max(0, installment - interest))
        parts.append((principal, interest))
        balance -= principal
    return parts


def _bullet(task: _Task) -> list[Part]:
    last = task.periods - 1
    return [
        (task.balance if period == last else 0, task.interest(balance=task.balance, period=period))
        for period in range(task.periods)
    ]


def _without_empty_tail(parts: list[Part]) -> list[Part]:
    while len(parts) > 1 and not any(parts[-1]):
        parts.pop()
    return parts


def _rows(
    *,
    terms: Terms,
    parts: Sequence[Part],
    balance: int,
    original: int,
    since: date,
    due_dates: Sequence[date],
    first_number: int,
    is_fresh: bool,
) -> tuple[ScheduledRow, ...]:
    exponent = exponent_of(terms.currency)
    rows = []
    previous = since
    for index, ((principal, interest), due_date) in enumerate(zip(parts, due_dates, strict=True)):
        fee, guarantee_fee = fees_of_bill(
            terms=terms, original=original, opening=balance, is_first=is_fresh and index == 0
        )
        balance -= principal
        rows.append(
            ScheduledRow(
                number=first_number + index,
                due_date=due_date,
                days=(due_date - previous).days,
                principal=major(principal, exponent=exponent),
                interest=major(interest, exponent=exponent),
                fee=major(fee, exponent=exponent),
                guarantee_fee=major(guarantee_fee, exponent=exponent),
                balance=major(balance, exponent=exponent),
            )
        )
        previous = due_date
    return tuple(rows)
