"""Replay a loan from its disbursement and bring the books to what the replay says.

Used for what is dated before something already booked, for reversals and for holds set in the past. What differs is
taken back by reversing rows and booked anew; nothing is changed in place but the bills' and the loan's cached columns.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, timedelta

from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO
from backoffice.core.words import amount_of, phrase
from backoffice.repayment.domain import admission
from backoffice.repayment.domain.bills import Bill, LoanState, copy_of
from backoffice.repayment.domain.components import SCHEDULED
from backoffice.repayment.domain.journal import (
    Journal,
    Line,
    Move,
    Snapshot,
    VersionChange,
)
from backoffice.repayment.domain.operations import Operation, apply
from backoffice.repayment.domain.penalty import charge
from backoffice.repayment.domain.replay import advance
from backoffice.repayment.selectors.states import LoadedLoan, LoanHistory, bill_values, fresh_state
from backoffice.repayment.services.writing import Pages, snapshot_values, touched_by


class RefundNoLongerCovered(Refusal):
    """With this change a refund already paid out would exceed what was held for the borrower."""

    code = "repayment.refund_no_longer_covered"


def rebuild(
    *,
    loan: LoadedLoan,
    history: LoanHistory,
    added: Mapping[int, Operation],
    removed: set[int],
    pages: Pages,
) -> dict[int, Refusal]:
    """Replay the loan with operations added and removed; the refusals of added ones by key (those are left out).

    Raises the refusal when what is left without the added ones cannot stand, as when a payment is taken back whose
    surplus was refunded; nothing is put on the pages then.
    """
    refusals: dict[int, Refusal] = {}
    kept = [operation for operation in history.operations if operation.key not in removed]
    candidates = dict(added)
    while True:
        state, journal, refusal = _replay(
            loan,
            history,
            [*kept, *candidates.values()],
            checked=set(candidates),
            pages=pages,
        )
        if refusal is None:
            break
        key, why = refusal
        refusals[key] = why
        if key not in candidates:
            raise why
        del candidates[key]
    _bring_to(loan, history, state, journal, pages=pages)
    return refusals


def replayed_state(loan: LoadedLoan, history: LoanHistory, *, as_of: date) -> LoanState:
    """The loan as the replay has it after the close of `as_of`."""
    state = fresh_state(loan, history)
    journal = Journal()
    for operation in history.operations:
        if operation.value_date <= as_of:
            advance(state, through=operation.value_date - timedelta(days=1), journal=journal)
            apply(state, operation, journal=journal)
    advance(state, through=as_of, journal=journal)
    return state


def _replay(
    loan: LoadedLoan,
    history: LoanHistory,
    operations: list[Operation],
    *,
    checked: set[int],
    pages: Pages,
) -> tuple[LoanState, Journal, tuple[int, Refusal] | None]:
    state = fresh_state(loan, history)
    journal = Journal()
    for operation in sorted(operations, key=lambda item: (item.value_date, item.key)):
        advance(
            state,
            through=operation.value_date - timedelta(days=1),
            journal=journal,
            snapshots=True,
        )
        try:
            if operation.key in checked:
                trial = copy_of(state)
                charge(trial, at=operation.value_date)
                admission.check_against_state(trial, operation)
            if operation.kind == "refund" and operation.amount > state.suspense:
                raise RefundNoLongerCovered(
                    phrase(
                        "%(amount)s was refunded on %(day)s; only %(held)s would be held.",
                        amount=amount_of(operation.amount, currency=state.terms.currency),
                        day=operation.value_date,
                        held=amount_of(state.suspense, currency=state.terms.currency),
                    ),
                    next_step=phrase("Reverse the refund first, or date this after it."),
                )
            apply(state, operation, journal=journal)
        except Refusal as refusal:
            return state, journal, (operation.key, refusal)
    advance(
        state,
        through=pages.business_date - timedelta(days=1),
        journal=journal,
        snapshots=True,
    )
    return state, journal, None


def _bring_to(
    loan: LoadedLoan,
    history: LoanHistory,
    state: LoanState,
    journal: Journal,
    *,
    pages: Pages,
) -> None:
    """Write the difference between what is booked and what the replay says."""
    _reconcile_lines(loan, history, journal.lines, pages=pages)
    _reconcile_moves(loan, history, journal.moves, pages=pages)
    for snapshot in journal.snapshots:
        stored = history.month_ends.get(snapshot.month_end)
        if stored is None:
            pages.add_snapshot(loan_id=loan.id, snapshot=snapshot, revision=0)
        elif stored[1:] != snapshot_values(snapshot):
            pages.add_snapshot(loan_id=loan.id, snapshot=snapshot, revision=stored[0] + 1)
    _void_month_ends(loan, history, journal, pages=pages)
    _reconcile_bills(loan, history, state, pages=pages)
    loan.state = state
    loan.touched_on = max([loan.state.disbursed_on, state.accrued_through, *touched_by(journal)])
    pages.add_loan(loan=loan)


def _void_month_ends(loan: LoadedLoan, history: LoanHistory, journal: Journal, *, pages: Pages) -> None:
    """A month end the loan no longer lived to see is restated as closed, with nothing owed."""
    seen = {snapshot.month_end for snapshot in journal.snapshots}
    for month_end, stored in history.month_ends.items():
        if month_end not in seen and stored[1] != "closed":
            gone = Snapshot(
                month_end,
                "closed",
                stored[2],
                loan.state.terms.bands[0].code,
                0,
                0,
                0,
                ZERO,
                ZERO,
            )
            pages.add_snapshot(loan_id=loan.id, snapshot=gone, revision=stored[0] + 1)


def _reconcile_lines(loan: LoadedLoan, history: LoanHistory, wanted: list[Line], *, pages: Pages) -> None:
    missing = Counter(wanted)
    for transfer_id, line in history.lines:
        if missing[line] > 0:
            missing[line] -= 1
        else:
            pages.add_line_reversal(
                loan_id=loan.id,
                borrower_id=loan.borrower_id,
                transfer_id=transfer_id,
                line=line,
            )
    for line in wanted:
        if missing[line] > 0:
            missing[line] -= 1
            pages.add_line(loan_id=loan.id, borrower_id=loan.borrower_id, line=line)


def _reconcile_moves(loan: LoadedLoan, history: LoanHistory, wanted: list[Move], *, pages: Pages) -> None:
    """Keep the days whose moves are the same; tell the others anew, so that the rows of a day stand in its order."""
    stored_on: dict[date, list[tuple[int, Move]]] = defaultdict(list)
    wanted_on: dict[date, list[Move]] = defaultdict(list)
    for move_id, move in history.moves:
        stored_on[move.on].append((move_id, move))
    for move in wanted:
        wanted_on[move.on].append(move)
    for day in sorted(stored_on.keys() | wanted_on.keys()):
        if [move for _, move in stored_on[day]] == wanted_on[day]:
            continue
        for move_id, move in stored_on[day]:
            pages.add_move(loan_id=loan.id, borrower_id=loan.borrower_id, move=move, retracts=move_id)
        for move in wanted_on[day]:
            pages.add_move(loan_id=loan.id, borrower_id=loan.borrower_id, move=move)


def _reconcile_bills(loan: LoadedLoan, history: LoanHistory, state: LoanState, *, pages: Pages) -> None:
    """Keep the bills that ask for the same, supersede the rest, add what is new under one further version."""
    stored = {_content(bill): bill for bill in history.live_bills}
    before = {bill.id: bill_values(bill) for bill in history.live_bills if bill.id is not None}
    wanted = {_content(bill) for bill in state.bills}
    gone = [bill for content, bill in stored.items() if content not in wanted]
    is_new_version = bool(gone) or any(_content(bill) not in stored for bill in state.bills)
    version = history.last_version + 1 if is_new_version else history.last_version
    for bill in gone:
        bill.to_version = version
    fresh: list[Bill] = []
    for bill in state.bills:
        known = stored.get(_content(bill))
        bill.to_version = None
        if known is None:
            bill.id = None
            bill.from_version = version
            fresh.append(bill)
        else:
            bill.id, bill.from_version = known.id, known.from_version
    pages.add_changed_bills(
        before=before,
        bills=[*gone, *(bill for bill in state.bills if bill.id is not None)],
    )
    pages.add_new_bills(loan_id=loan.id, borrower_id=loan.borrower_id, bills=fresh)
    if is_new_version:
        pages.add_version(
            loan_id=loan.id,
            version=VersionChange(number=version, on=pages.business_date, cause="replay"),
        )
    state.version = version
    state.superseded = []


def _content(bill: Bill) -> tuple[object, ...]:
    return (
        bill.number,
        bill.due_date,
        *(bill.charged[component] for component in SCHEDULED),
    )
