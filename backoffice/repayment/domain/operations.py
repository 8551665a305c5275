"""What can be done to a loan on a value date, and what each does to its bills. The one place for every such rule.

An operation is a fact with a date and an amount; applying it to a `LoanState` changes the state and writes to the
journal. Nothing here asks what time it is or where the operation comes from, so replaying a loan's operations in
(value date, key) order gives the same books as posting them one by one.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Literal, Protocol

from backoffice.core.money import ZERO
from backoffice.repayment.domain import early, penalty
from backoffice.repayment.domain.aging import bucket_of, month_end, state_dpd
from backoffice.repayment.domain.allocation import Share, allocate, bills_in_reach
from backoffice.repayment.domain.bills import LoanState, write_off_limit
from backoffice.repayment.domain.components import (
    CHARGED_FROM,
    COMPONENTS,
    INTEREST,
    PENALTY,
    PRINCIPAL,
    RECEIVABLE,
    SCHEDULED,
    Account,
    Component,
)
from backoffice.repayment.domain.journal import Journal, Line, Move, VersionChange
from backoffice.repayment.domain.terms import FutureRule, Terms

OperationKind = Literal[
    "payment",
    "payoff",
    "waiver",
    "refund",
    "charge_off",
    "write_off",
    "creditor_change",
]
Surplus = FutureRule | Literal["all_held"]
ALL_HELD: Final = "all_held"
"""Money that is to be paid back at once: all of it is held, and nothing that is due takes it."""
GIVING_UP: tuple[OperationKind, ...] = ("charge_off", "write_off")
"""Nobody names their amount: it is what is owed that day."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing done to a loan. `key` orders operations of the same day and names the source of what follows.

    `surplus` says where money beyond what is due goes (None: by the terms; ALL_HELD: nothing of it pays what is due);
    `components` are the amounts of a waiver; `creditor` the new creditor of a creditor change. `is_here`:
    a payment that has come and cannot be turned away.
    """

    kind: OperationKind
    value_date: date
    key: int
    amount: Decimal = ZERO
    surplus: Surplus | None = None
    components: dict[Component, Decimal] = field(default_factory=dict)
    creditor: str = ""
    is_here: bool = False


class BillsAheadMissing(RuntimeError):
    """The state ends with the next bill, and the operation can reach further ahead."""


def reaches_ahead(*, kind: str, surplus: Surplus | None, terms: Terms) -> bool:
    """True when an operation of this kind may touch bills beyond the next one to fall due."""
    if kind == "payment":
        return (surplus or terms.allocation.future) not in ("suspense", ALL_HELD)
    return kind not in ("refund", "creditor_change")


def apply(state: LoanState, operation: Operation, *, journal: Journal) -> None:
    """Do `operation` to `state`; the state must be closed exactly through the day before the value date."""
    if state.total_ahead and reaches_ahead(kind=operation.kind, surplus=operation.surplus, terms=state.terms):
        raise BillsAheadMissing(operation.kind)
    at = operation.value_date
    _charge_penalty(state, at=at, source=operation.key, journal=journal)
    _RULES[operation.kind](state, operation, journal=journal)
    _settle_what_is_paid(state, at=at)
    _move_bucket(state, as_of=at, cause=operation.kind, source=operation.key, journal=journal)


def apply_close(state: LoanState, day: date, *, journal: Journal) -> None:
    """Close `day`: use surplus for what fell due, charge penalty at a month end, age into the next morning."""
    if state.suspense > 0:
        _use_suspense(state, at=day, journal=journal)
    if day == month_end(day) and penalty.accrues_penalty(state, on=day):
        _charge_penalty(state, at=day, source=None, journal=journal)
        if state.terms.penalty.compounding == "monthly":
            for bill in state.open_bills():
                bill.compound_base = bill.remaining(PENALTY)
    state.closed_through = day
    _move_bucket(
        state,
        as_of=day + timedelta(days=1),
        cause="aging",
        source=None,
        journal=journal,
    )


def _pay(state: LoanState, operation: Operation, *, journal: Journal) -> None:
    at, left = operation.value_date, operation.amount
    if operation.surplus != ALL_HELD:
        left -= _settle_due(
            state, operation.amount, at=at, from_account="cash", kind="payment", source=operation.key, out=journal
        )
    if left > 0:
        left -= _place_surplus(state, operation, left, journal=journal)
    if left > 0:
        state.suspense += left
        journal.lines.append(Line("surplus", "cash", "suspense", left, at, source=operation.key))


def _place_surplus(state: LoanState, operation: Operation, left: Decimal, *, journal: Journal) -> Decimal:
    """Use money beyond what is due by the borrower's choice, else the terms; returns how much of it was used."""
    at = operation.value_date
    rule = operation.surplus or state.terms.allocation.future
    ahead = [bill for bill in state.bills if bill.due_date > at and bill.settled_on is None]
    if not ahead or rule in ("suspense", ALL_HELD) or state.status != "active":
        return ZERO
    if rule in ("next_installment", "last_installment"):
        order = ahead if rule == "next_installment" else ahead[::-1]
        vertical = allocate(amount=left, bills=order, rule=state.terms.allocation, dpd=0)
        return _settle_shares(
            state,
            vertical,
            at=at,
            from_account="cash",
            kind="payment",
            source=operation.key,
            out=journal,
        )
    prepayment = early.prepay(state, at=at, amount=left, shorten=rule == "shorten_term")
    if prepayment is None:
        return ZERO
    _record_reschedule(state, prepayment, at=at, source=operation.key, journal=journal)
    bills = [bill for bill in state.bills if bill.due_date <= at]
    shares = allocate(amount=left, bills=bills, rule=state.terms.allocation, dpd=0)
    return _settle_shares(
        state,
        shares,
        at=at,
        from_account="cash",
        kind="payment",
        source=operation.key,
        out=journal,
    )


def _pay_off(state: LoanState, operation: Operation, *, journal: Journal) -> None:
    """End the schedule today and settle it by the payment and what is held in suspense."""
    at = operation.value_date
    change = early.close_early(state, at=at)
    if change is not None:
        _record_reschedule(state, change, at=at, source=operation.key, journal=journal)
    left = operation.amount - _settle_due(
        state, operation.amount, at=at, from_account="cash", kind="payment", source=operation.key, out=journal
    )
    if state.suspense > 0:
        state.suspense -= _settle_due(
            state,
            state.suspense,
            at=at,
            from_account="suspense",
            kind="suspense_applied",
            source=operation.key,
            out=journal,
        )
    if left > 0:
        state.suspense += left
        journal.lines.append(Line("surplus", "cash", "suspense", left, at, source=operation.key))


def _waive(state: LoanState, operation: Operation, *, journal: Journal) -> None:
    for component, asked in operation.components.items():
        left = asked
        for bill in state.bills:
            part = min(left, bill.remaining(component))
            if part > 0:
                bill.waived[component] += part
                left -= part
                journal.lines.append(
                    Line(
                        "waiver",
                        "concession_expense",
                        _owed_account(state, component),
                        part,
                        operation.value_date,
                        component,
                        bill.number,
                        operation.key,
                    )
                )


def _refund(state: LoanState, operation: Operation, *, journal: Journal) -> None:
    amount = min(operation.amount, state.suspense)
    if amount > 0:
        state.suspense -= amount
        journal.lines.append(
            Line(
                "refund",
                "suspense",
                "cash",
                amount,
                operation.value_date,
                source=operation.key,
            )
        )


def _charge_off(state: LoanState, operation: Operation, *, journal: Journal) -> None:
    if state.status != "active":
        return
    for bill in state.bills:
        for component in COMPONENTS:
            owed = bill.remaining(component)
            if owed > 0:
                journal.lines.append(
                    Line(
                        "charge_off",
                        "charged_off_receivable",
                        RECEIVABLE[component],
                        owed,
                        operation.value_date,
                        component,
                        bill.number,
                        operation.key,
                    )
                )
    state.status = "charged_off"


def _write_off(state: LoanState, operation: Operation, *, journal: Journal) -> None:
    """Give up what is left; when a replay finds more left than the terms give up, the loan stays open instead."""
    if sum((bill.remaining_total() for bill in state.bills), ZERO) > write_off_limit(state):
        return
    for bill in state.bills:
        for component in COMPONENTS:
            owed = bill.remaining(component)
            if owed > 0:
                bill.waived[component] += owed
                journal.lines.append(
                    Line(
                        "write_off",
                        "write_off_expense",
                        _owed_account(state, component),
                        owed,
                        operation.value_date,
                        component,
                        bill.number,
                        operation.key,
                    )
                )


def _change_creditor(state: LoanState, operation: Operation, *, journal: Journal) -> None:
    """A guarantor or buyer takes the claim; the borrower's bills, days past due and bucket stay. mechanics 3.8."""
    state.creditor = operation.creditor
    if operation.amount > 0:
        journal.lines.append(
            Line(
                "creditor_change",
                "cash",
                "creditor_settlement",
                operation.amount,
                operation.value_date,
                source=operation.key,
            )
        )


def _use_suspense(state: LoanState, *, at: date, journal: Journal) -> None:
    if not any(bill.remaining_total() > 0 for bill in bills_in_reach(bills=state.bills, as_of=at)):
        return
    _charge_penalty(state, at=at, source=None, journal=journal)
    state.suspense -= _settle_due(
        state, state.suspense, at=at, from_account="suspense", kind="suspense_applied", source=None, out=journal
    )
    _settle_what_is_paid(state, at=at)
    _move_bucket(state, as_of=at, cause="suspense_applied", source=None, journal=journal)


def _settle_due(
    state: LoanState,
    amount: Decimal,
    *,
    at: date,
    from_account: Account,
    kind: str,
    source: int | None,
    out: Journal,
) -> Decimal:
    """Divide money over what is past due and due today; returns the money used."""
    shares = allocate(
        amount=amount,
        bills=bills_in_reach(bills=state.bills, as_of=at),
        rule=state.terms.allocation,
        dpd=state_dpd(state, as_of=at),
    )
    return _settle_shares(state, shares, at=at, from_account=from_account, kind=kind, source=source, out=out)


def _settle_shares(
    state: LoanState,
    shares: list[Share],
    *,
    at: date,
    from_account: Account,
    kind: str,
    source: int | None,
    out: Journal,
) -> Decimal:
    """Pay the shares onto their bills and write the transfers; returns the money used."""
    used = ZERO
    if state.status == "charged_off" and kind == "payment":
        kind = "recovery"
    for share in shares:
        share.bill.paid[share.component] += share.amount
        used += share.amount
        out.lines.append(
            Line(
                kind,
                from_account,
                _owed_account(state, share.component),
                share.amount,
                at,
                share.component,
                share.bill.number,
                source,
            )
        )
    return used


def _owed_account(state: LoanState, component: Component) -> Account:
    return "charged_off_receivable" if state.status == "charged_off" else RECEIVABLE[component]


def _charge_penalty(state: LoanState, *, at: date, source: int | None, journal: Journal) -> None:
    for item in penalty.charge(state, at=at):
        journal.lines.append(
            Line(
                "penalty_charge",
                RECEIVABLE[PENALTY],
                CHARGED_FROM[PENALTY],
                item.amount,
                at,
                PENALTY,
                item.bill.number,
                source,
            )
        )


def _record_reschedule(state: LoanState, change: early.Reschedule, *, at: date, source: int, journal: Journal) -> None:
    """Book how the contract's interest and fees changed; principal never does."""
    journal.versions.append(VersionChange(number=change.version, on=at, cause=change.cause, source=source))
    for component in SCHEDULED:
        difference = change.differences[component]
        if component == PRINCIPAL or not difference:
            continue
        receivable, contra = _owed_account(state, component), CHARGED_FROM[component]
        debit, credit = (receivable, contra) if difference > 0 else (contra, receivable)
        journal.lines.append(
            Line(
                "reschedule",
                debit,
                credit,
                abs(difference),
                at,
                component,
                None,
                source,
            )
        )


def _settle_what_is_paid(state: LoanState, *, at: date) -> None:
    """Mark bills with nothing left, forgive penalty days paid within grace, close the loan when nothing is left."""
    for bill in state.bills:
        if bill.settled_on is None:
            if bill.overdue_base_days and not penalty.overdue_base(bill, terms=state.terms):
                penalty.forgive_within_grace(bill, terms=state.terms, at=at)
            bill.compound_base = min(bill.compound_base, bill.remaining(PENALTY))
            if bill.remaining_total() <= 0:
                bill.settled_on = at
    if state.status == "closed":
        return
    if all(bill.settled_on is not None for bill in state.bills):
        state.status = "closed"
        state.closed_on = at


def _move_bucket(state: LoanState, *, as_of: date, cause: str, source: int | None, journal: Journal) -> None:
    bucket = bucket_of(dpd=state_dpd(state, as_of=as_of), terms=state.terms)
    if bucket != state.bucket:
        journal.moves.append(
            Move(
                on=as_of,
                from_bucket=state.bucket,
                to_bucket=bucket,
                cause=cause,
                source=source,
            )
        )
        state.bucket = bucket


class _Rule(Protocol):
    def __call__(self, state: LoanState, operation: Operation, *, journal: Journal) -> None: ...


_RULES: dict[OperationKind, _Rule] = {
    "payment": _pay,
    "payoff": _pay_off,
    "waiver": _waive,
    "refund": _refund,
    "charge_off": _charge_off,
    "write_off": _write_off,
    "creditor_change": _change_creditor,
}
WAIVABLE: tuple[Component, ...] = (PENALTY, INTEREST, "fee", "guarantee_fee")
