"""Penalty on what is overdue. mechanics 3.4.

The exact penalty of a bill is (sum of overdue base x days) x rate / day basis, rounded half up once. What has been
charged so far is subtracted when it is charged, so charging in the middle of a stretch never changes the total.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from backoffice.core.money import ZERO, exponent_of
from backoffice.repayment.domain.aging import held_days
from backoffice.repayment.domain.bills import Bill, LoanState, is_met
from backoffice.repayment.domain.components import INTEREST, PENALTY, PRINCIPAL
from backoffice.repayment.domain.terms import Terms


@dataclass(frozen=True, slots=True)
class PenaltyCharge:
    """Penalty newly put on a bill."""

    bill: Bill
    amount: Decimal


def penalty_rate(terms: Terms) -> Decimal:
    """Yearly penalty rate: the contract rate uplifted, never above the cap."""
    rate = terms.annual_rate * (1 + terms.penalty.uplift)
    return rate if terms.penalty.rate_cap is None else min(rate, terms.penalty.rate_cap)


def overdue_base(bill: Bill, *, terms: Terms) -> Decimal:
    """The amount penalty grows on: principal, interest too if the terms say so, and the compounded penalty.

    Nothing on a bill that counts as met: what the terms tolerate is not overdue.
    """
    if is_met(bill, terms=terms):
        return ZERO
    base = bill.remaining(PRINCIPAL) + bill.compound_base
    if terms.penalty.base == "principal_and_interest":
        base += bill.remaining(INTEREST)
    return base


def accrues_penalty(state: LoanState, *, on: date) -> bool:
    """True when the day `on` adds penalty: an active loan, a rate, and an overdue base on a bill due before it."""
    if state.status != "active" or not penalty_rate(state.terms):
        return False
    return any(
        bill.due_date < on and bill.settled_on is None and overdue_base(bill, terms=state.terms) > 0
        for bill in state.bills
    )


def accrue(state: LoanState, *, until: date) -> None:
    """Count the days `(accrued_through, until]` onto the overdue bills; must run before any base changes."""
    if until <= state.accrued_through:
        return
    if state.status == "active":
        for bill in state.bills:
            if bill.due_date >= until:
                break
            if bill.settled_on is None:
                bill.overdue_base_days += _fresh_base_days(bill, state=state, until=until)
    state.accrued_through = until


def charge(state: LoanState, *, at: date) -> list[PenaltyCharge]:
    """Accrue to `at` and put what is newly due on the bills (mutates them); the charges, oldest bill first."""
    accrue(state, until=at)
    charges: list[PenaltyCharge] = []
    if state.status != "active":
        return charges
    for bill in state.bills:
        if bill.due_date >= at:
            break
        amount = penalty_of(bill, terms=state.terms, as_of=at) - bill.charged[PENALTY]
        if bill.overdue_base_days and amount > 0:
            bill.charged[PENALTY] += amount
            bill.settled_on = None
            charges.append(PenaltyCharge(bill=bill, amount=amount))
    return charges


def penalty_of(bill: Bill, *, terms: Terms, as_of: date) -> Decimal:
    """Penalty of the bill by its counted base-days, rounded half up; nothing new while grace may still waive it."""
    grace = terms.grace
    if grace.mode == "waive" and grace.days and as_of <= bill.due_date + timedelta(days=grace.days):
        return bill.charged[PENALTY]
    if not bill.overdue_base_days:
        return bill.charged[PENALTY]
    exact = bill.overdue_base_days * penalty_rate(terms) / terms.penalty.day_basis
    return exact.quantize(Decimal(1).scaleb(-exponent_of(terms.currency)), rounding=ROUND_HALF_UP)


def forgive_within_grace(bill: Bill, *, terms: Terms, at: date) -> None:
    """A bill whose base is paid within a waiving grace never bears penalty for those days."""
    grace = terms.grace
    if grace.mode == "waive" and grace.days and at <= bill.due_date + timedelta(days=grace.days):
        bill.overdue_base_days = ZERO


def uncharged(state: LoanState, *, as_of: date) -> dict[int, Decimal]:
    """Penalty grown but not yet charged, per bill number, as of a day; leaves the state as it was."""
    result: dict[int, Decimal] = {}
    if state.status != "active":
        return result
    for bill in state.bills:
        if bill.due_date >= as_of or bill.settled_on is not None:
            continue
        kept = bill.overdue_base_days
        bill.overdue_base_days = base_days_through(bill, state=state, as_of=as_of)
        amount = penalty_of(bill, terms=state.terms, as_of=as_of) - bill.charged[PENALTY]
        bill.overdue_base_days = kept
        if amount > 0:
            result[bill.number] = amount
    return result


def base_days_through(bill: Bill, *, state: LoanState, as_of: date) -> Decimal:
    """Overdue base x days of a bill through `as_of`, what grew since the last count too; the bill stays as it is."""
    has_grown = (
        state.status == "active" and bill.settled_on is None and bill.due_date < as_of and as_of > state.accrued_through
    )
    return bill.overdue_base_days + (_fresh_base_days(bill, state=state, until=as_of) if has_grown else ZERO)


def _fresh_base_days(bill: Bill, *, state: LoanState, until: date) -> Decimal:
    base = overdue_base(bill, terms=state.terms)
    if base <= 0:
        return ZERO
    grace = state.terms.grace
    start = bill.due_date + timedelta(days=grace.days) if grace.mode == "shift" else bill.due_date
    start = max(start, state.accrued_through)
    if start >= until:
        return ZERO
    days = (until - start).days
    if state.holds:
        days -= held_days(after=start, until=until, holds=state.holds, scope="penalty")
    return base * days
