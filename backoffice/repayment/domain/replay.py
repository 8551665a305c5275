"""Time passing over a loan, and the fold of all its operations: the one engine behind posting, the night, backdating,
reversal, time travel and the import."""

from collections.abc import Iterable
from datetime import date, timedelta

from backoffice.repayment.domain.aging import (
    bucket_of,
    cycles_past_due,
    days_past_due,
    month_end,
    next_transition,
    state_dpd,
)
from backoffice.repayment.domain.bills import LoanState, oldest_unpaid
from backoffice.repayment.domain.journal import Journal, Snapshot
from backoffice.repayment.domain.operations import Operation, apply, apply_close
from backoffice.repayment.domain.penalty import accrues_penalty


def advance(state: LoanState, *, through: date, journal: Journal, snapshots: bool = False) -> None:
    """Close every day up to and including `through`, stopping only at the days that change the loan."""
    while state.closed_through < through:
        first_open = state.closed_through + timedelta(days=1)
        change = next_transition(state, accrues_penalty=accrues_penalty(state, on=first_open))
        stop = change
        if snapshots and state.status != "closed":
            stop = month_end(first_open) if change is None else min(change, month_end(first_open))
        if stop is None or stop > through:
            state.closed_through = through
            return
        if stop == change:
            apply_close(state, stop, journal=journal)
        state.closed_through = stop
        if snapshots and stop == month_end(stop) and state.status != "closed":
            journal.snapshots.append(snapshot(state, month_end_day=stop))


def fold(
    state: LoanState,
    *,
    operations: Iterable[Operation],
    through: date,
    snapshots: bool = False,
) -> Journal:
    """Apply `operations` in (value date, key) order to a fresh loan and close every day through `through`.

    Operations dated after `through` are applied on their day without that day being closed.
    """
    journal = Journal()
    for operation in sorted(operations, key=lambda item: (item.value_date, item.key)):
        advance(
            state,
            through=operation.value_date - timedelta(days=1),
            journal=journal,
            snapshots=snapshots,
        )
        apply(state, operation, journal=journal)
    advance(state, through=through, journal=journal, snapshots=snapshots)
    return journal


def snapshot(state: LoanState, *, month_end_day: date) -> Snapshot:
    """The loan on the evening of a month end; days past due are those of that very day."""
    oldest = oldest_unpaid(state)
    dpd = state_dpd(state, as_of=month_end_day)
    return Snapshot(
        month_end=month_end_day,
        status=state.status,
        creditor=state.creditor,
        bucket=bucket_of(dpd=dpd, terms=state.terms),
        dpd=dpd,
        dpd_contract=days_past_due(oldest_unpaid_due=oldest.due_date if oldest else None, as_of=month_end_day),
        cycles=cycles_past_due(state, as_of=month_end_day),
        outstanding_principal=state.outstanding_principal(),
        overdue_amount=state.overdue_amount(as_of=month_end_day),
    )
