"""Paying before the due date: partial prepayment and payoff rewrite the bills that lie ahead. mechanics 3.5.

The bills ahead are superseded, not deleted; what was already paid on them moves to the bill that replaces them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from backoffice.core.money import ZERO, exponent_of
from backoffice.repayment.domain.bills import Bill, LoanState, bills_of
from backoffice.repayment.domain.components import (
    FEE,
    GUARANTEE_FEE,
    INTEREST,
    PRINCIPAL,
    SCHEDULED,
    Component,
)
from backoffice.repayment.domain.due_dates import anchor_day_of
from backoffice.repayment.domain.interest import accrued_interest
from backoffice.repayment.domain.schedule import rebuild_remaining
from backoffice.repayment.domain.terms import Terms


@dataclass(frozen=True, slots=True)
class Reschedule:
    """How the contract changed: the new total of each scheduled component less the old."""

    version: int
    cause: str
    differences: dict[Component, Decimal]


@dataclass(frozen=True, slots=True)
class Payoff:
    """What settles the loan on a day, part by part (major units)."""

    principal: Decimal
    interest_due: Decimal
    interest_accrued: Decimal
    fees_due: Decimal
    penalty: Decimal
    early_fee: Decimal
    suspense: Decimal

    @property
    def total(self) -> Decimal:
        """What must be received; money already held in suspense is taken off, never below zero."""
        owed = (
            self.principal + self.interest_due + self.interest_accrued + self.fees_due + self.penalty + self.early_fee
        )
        return max(ZERO, owed - self.suspense)


def early_fee(*, terms: Terms, principal: Decimal, daily_interest: Decimal) -> Decimal:
    """The fee for settling early, by the rule of the terms, rounded half up."""
    rule = terms.prepayment
    match rule.fee:
        case "percent":
            fee = principal * rule.value
        case "days_interest":
            fee = daily_interest * rule.value
        case "fixed":
            fee = rule.value
        case _:
            fee = ZERO
    if rule.fee_cap is not None:
        fee = min(fee, rule.fee_cap)
    return _round(fee, terms=terms)


def accrued_ahead(state: LoanState, *, at: date) -> Decimal:
    """Interest earned since the last due date on the principal ahead, rounded half up, less what is paid of it."""
    ahead = bills_ahead(state, at=at)
    if not ahead:
        return ZERO
    accrued = _accrued(state, ahead=ahead, at=at)
    return max(
        ZERO,
        accrued - sum((b.paid[INTEREST] + b.waived[INTEREST] for b in ahead), ZERO),
    )


def bills_ahead(state: LoanState, *, at: date) -> list[Bill]:
    """Bills due after `at` that are not settled."""
    return [bill for bill in state.bills if bill.due_date > at and bill.settled_on is None]


def fee_ahead(state: LoanState, *, at: date) -> Decimal:
    """The early settlement fee on what lies ahead on a day; none when nothing does."""
    ahead = bills_ahead(state, at=at)
    principal = sum((bill.remaining(PRINCIPAL) for bill in ahead), ZERO)
    if principal <= 0:
        return ZERO
    tomorrow = date.fromordinal(at.toordinal() + 1)
    daily = accrued_interest(terms=state.terms, balance=principal, since=at, until=tomorrow)
    return early_fee(terms=state.terms, principal=principal, daily_interest=daily)


def close_early(state: LoanState, *, at: date) -> Reschedule | None:
    """Replace the bills ahead by one that asks today for their principal, the interest earned so far and the fee."""
    ahead = bills_ahead(state, at=at)
    if not ahead:
        return None
    fee = fee_ahead(state, at=at)
    closing = _gather(ahead, due_date=at)
    closing.charged[PRINCIPAL] = sum((bill.charged[PRINCIPAL] for bill in ahead), ZERO)
    closing.charged[INTEREST] = max(
        _accrued(state, ahead=ahead, at=at),
        closing.paid[INTEREST] + closing.waived[INTEREST],
    )
    closing.charged[FEE] = closing.paid[FEE] + closing.waived[FEE] + fee
    closing.charged[GUARANTEE_FEE] = closing.paid[GUARANTEE_FEE] + closing.waived[GUARANTEE_FEE]
    return _replace(state, ahead=ahead, fresh=[closing], cause="payoff")


def prepay(state: LoanState, *, at: date, amount: Decimal, shorten: bool) -> Reschedule | None:
    """Make room for `amount` beyond what is due: a bill for today and a lighter or shorter schedule after it.

    None when the money does not even cover the interest earned so far (it then waits in suspense). When it covers
    everything ahead the schedule ends today; the early settlement fee is asked only by a payoff.
    """
    ahead = bills_ahead(state, at=at)
    today = _gather(ahead, due_date=at)
    accrued = max(
        _accrued(state, ahead=ahead, at=at),
        today.paid[INTEREST] + today.waived[INTEREST],
    )
    interest_now = accrued - today.paid[INTEREST] - today.waived[INTEREST]
    if amount <= interest_now:
        return None
    principal_ahead = sum((bill.remaining(PRINCIPAL) for bill in ahead), ZERO)
    prepaid = min(amount - interest_now, principal_ahead)
    today.charged[PRINCIPAL] = today.paid[PRINCIPAL] + today.waived[PRINCIPAL] + prepaid
    today.charged[INTEREST] = accrued
    for component in (FEE, GUARANTEE_FEE):
        today.charged[component] = today.paid[component] + today.waived[component]
    fresh = [today]
    left = principal_ahead - prepaid
    if left > 0:
        first = ahead[0]
        rows = rebuild_remaining(
            terms=state.terms,
            balance=left,
            since=at,
            due_dates=[bill.due_date for bill in ahead],
            first_number=first.number + 1,
            original_principal=state.principal,
            keep_installment=first.charged[PRINCIPAL] + first.charged[INTEREST] if shorten else None,
        )
        fresh += bills_of(rows)
    return _replace(
        state,
        ahead=ahead,
        fresh=fresh,
        cause="shorten_term" if shorten else "reduce_installment",
    )


def _accrued(state: LoanState, *, ahead: Sequence[Bill], at: date) -> Decimal:
    """Interest the bills ahead have earned by `at`, on the principal that is ahead, since the last due date."""
    behind = [bill.due_date for bill in state.bills if bill.due_date <= at]
    since = max([state.disbursed_on, *behind])
    if at <= since:
        return ZERO
    charged = sum((bill.charged[INTEREST] for bill in ahead), ZERO)
    if state.terms.method == "flat" or not state.terms.annual_rate:
        earned = _share_of_period(ahead[0], since=since, at=at)
    else:
        balance = sum((bill.remaining(PRINCIPAL) for bill in ahead), ZERO)
        anchor_day = anchor_day_of([bill.due_date for bill in state.bills], terms=state.terms)
        earned = accrued_interest(terms=state.terms, balance=balance, since=since, until=at, anchor_day=anchor_day)
    return min(_round(earned, terms=state.terms), charged)


def _share_of_period(bill: Bill, *, since: date, at: date) -> Decimal:
    """Flat interest, or interest a schedule states without a rate, is earned evenly over the days of its period."""
    return bill.charged[INTEREST] * (at - since).days / (bill.due_date - since).days


def _gather(ahead: Sequence[Bill], *, due_date: date) -> Bill:
    """A bill for `due_date` that carries what was already paid and waived on the bills it replaces."""
    bill = Bill(number=ahead[0].number, due_date=due_date)
    for old in ahead:
        for component in SCHEDULED:
            bill.paid[component] += old.paid[component]
            bill.waived[component] += old.waived[component]
    return bill


def _replace(state: LoanState, *, ahead: Sequence[Bill], fresh: list[Bill], cause: str) -> Reschedule:
    gone = {id(bill) for bill in ahead}
    state.version += 1
    for bill in ahead:
        bill.to_version = state.version
    for bill in fresh:
        bill.from_version = state.version
    state.superseded.extend(ahead)
    # Bills ahead that are settled keep their numbers; the fresh ones continue after them.
    kept = [bill for bill in state.bills if id(bill) not in gone]
    taken = {bill.number for bill in kept}
    number = fresh[0].number
    for bill in fresh:
        while number in taken:
            number += 1
        bill.number = number
        taken.add(number)
    state.bills = sorted([*kept, *fresh], key=lambda bill: (bill.due_date, bill.number))
    return Reschedule(
        version=state.version,
        cause=cause,
        differences={
            c: sum((b.charged[c] for b in fresh), ZERO) - sum((b.charged[c] for b in ahead), ZERO) for c in SCHEDULED
        },
    )


def _round(amount: Decimal, *, terms: Terms) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-exponent_of(terms.currency)), rounding=ROUND_HALF_UP)
