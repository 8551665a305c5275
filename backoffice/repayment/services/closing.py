"""Close a business day over a range of loans: by set where only dates matter, through the engine where money moves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.db import DatabaseError, transaction

from backoffice.core.bulk import array_text, execute, fetch
from backoffice.core.collecting import without_collecting
from backoffice.core.errors import Refusal, first_line
from backoffice.repayment.domain.aging import month_end
from backoffice.repayment.domain.journal import Journal
from backoffice.repayment.domain.replay import advance, snapshot
from backoffice.repayment.selectors.states import (
    load_histories,
    load_loans,
    terms_by_id,
)
from backoffice.repayment.selectors.verification import rules_of_terms, statement
from backoffice.repayment.services.posting import add_state
from backoffice.repayment.services.rebuilding import replayed_state
from backoffice.repayment.services.writing import Pages

ENGINE_CHUNK = 1_000
# What one loan's data can cause; anything else is a fault of ours that nobody should be left behind for.
CANNOT_BE_DONE = (DatabaseError, Refusal, ArithmeticError, LookupError, TypeError, ValueError)


@dataclass(slots=True)
class RangeClosed:
    """What closing a range did: loans looked at, bucket moves, and loans that could not be closed with the reason."""

    loans: int = 0
    moves: int = 0
    left_behind: dict[int, tuple[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class RangePictured:
    """What a month end over a range did: rows written, and loans it could not picture with the reason."""

    rows: int = 0
    left_behind: dict[int, tuple[str, str]] = field(default_factory=dict)


def due_loans(*, day: date) -> list[int]:
    """Ids of the loans the close of `day` changes, those left behind earlier included, in order."""
    rows = fetch(
        "SELECT id FROM repayment_loan WHERE next_transition_date <= %s ORDER BY id",
        [day],
    )
    return [row[0] for row in rows]


@transaction.atomic
def close_range(*, day: date, first_id: int, last_id: int, run_id: int | None) -> RangeClosed:
    """Close `day` for the due loans with ids in `[first_id, last_id]`, in one transaction; safe to run again.

    The due loans are locked first, in id order, so that what is read afterwards is what stands. A loan whose close
    fails is left as it was and reported; the others are closed.
    """
    result = RangeClosed()
    due = _lock_due(day=day, first_id=first_id, last_id=last_id)
    special = _needing_the_engine(day=day, first_id=first_id, last_id=last_id)
    apart = set(special)
    try:
        with transaction.atomic():
            _close_by_set(
                day=day, loan_ids=[loan_id for loan_id in due if loan_id not in apart], run_id=run_id, result=result
            )
    except DatabaseError:
        special = due
        result = RangeClosed()
    for start in range(0, len(special), ENGINE_CHUNK):
        close_loans(
            loan_ids=special[start : start + ENGINE_CHUNK],
            day=day,
            run_id=run_id,
            result=result,
        )
    return result


def close_loans(*, loan_ids: Sequence[int], day: date, run_id: int | None, result: RangeClosed) -> None:
    """Close every open day through `day` for these loans with the engine; one by one when together they fail."""

    def close(together: Sequence[int]) -> None:
        with without_collecting():
            loans, moves = _close_with_engine(loan_ids=together, day=day, run_id=run_id)
        result.loans += loans
        result.moves += moves

    _do_what_can_be_done(close, loan_ids=loan_ids, left_behind=result.left_behind)


@transaction.atomic
def snapshot_range(*, day: date, first_id: int, last_id: int, run_id: int | None) -> RangePictured:
    """Month-end rows of the month end `day` for every loan of the id range that lived through it; safe to run again."""
    result = RangePictured(
        rows=execute(
            statement("month_end.sql"),
            {"day": day, "first_id": first_id, "last_id": last_id, "run_id": run_id},
        )
    )
    later = fetch(
        "SELECT DISTINCT loan_id FROM repayment_operation WHERE loan_id BETWEEN %s AND %s AND value_date > %s "
        "ORDER BY loan_id",
        [first_id, last_id, day],
    )

    def picture(together: Sequence[int]) -> None:
        result.rows += _snapshot_with_engine(loan_ids=together, day=day, run_id=run_id)

    _do_what_can_be_done(picture, loan_ids=[row[0] for row in later], left_behind=result.left_behind)
    return result


def loans_without_month_end(*, loans: Mapping[int, date]) -> set[int]:
    """Of loans by the day a close left them behind: those that lived through a month end on it and lack its row."""
    ended = {loan_id: day for loan_id, day in loans.items() if day == month_end(day)}
    rows = fetch(
        "SELECT loan.id FROM unnest(%s::bigint[], %s::date[]) AS asked (id, day) JOIN repayment_loan loan USING (id) "
        "WHERE (loan.closed_on IS NULL OR loan.closed_on > asked.day) AND NOT EXISTS (SELECT FROM repayment_monthend "
        "kept WHERE kept.loan_id = loan.id AND kept.month_end = asked.day)",
        [list(ended), list(ended.values())],
    )
    return {row[0] for row in rows}


def _do_what_can_be_done(
    work: Callable[[Sequence[int]], None], *, loan_ids: Sequence[int], left_behind: dict[int, tuple[str, str]]
) -> None:
    """Do the work for all loans at once; when that fails one by one, and note those it fails for with the reason."""
    try:
        with transaction.atomic():
            work(loan_ids)
    except CANNOT_BE_DONE as error:
        if len(loan_ids) == 1:
            left_behind[loan_ids[0]] = why(error)
            return
        for loan_id in loan_ids:
            _do_what_can_be_done(work, loan_ids=[loan_id], left_behind=left_behind)


def why(error: Exception) -> tuple[str, str]:
    """The name of what stopped a loan, and its words."""
    return type(error).__name__, error.message if isinstance(error, Refusal) else first_line(error)


def _needing_the_engine(*, day: date, first_id: int, last_id: int) -> list[int]:
    """Due loans that a comparison of dates cannot close: suspense, holds, penalty at a month end, earlier days open."""
    rows = fetch(
        statement("loans_for_the_engine.sql"),
        {
            "day": day,
            "first_id": first_id,
            "last_id": last_id,
            "is_month_end": day == month_end(day),
        },
    )
    return [row[0] for row in rows]


def _lock_due(*, day: date, first_id: int, last_id: int) -> list[int]:
    rows = fetch(
        "SELECT id FROM repayment_loan WHERE next_transition_date <= %s AND id BETWEEN %s AND %s "
        "ORDER BY id FOR NO KEY UPDATE",
        [day, first_id, last_id],
    )
    return [row[0] for row in rows]


def _close_by_set(*, day: date, loan_ids: Sequence[int], run_id: int | None, result: RangeClosed) -> None:
    if not loan_ids:
        return
    terms_ids = fetch("SELECT DISTINCT terms_id FROM repayment_loan WHERE id = ANY(%s)", [list(loan_ids)])
    params = {
        "day": day,
        "ids": array_text(loan_ids, kind="bigint"),
        "run_id": run_id,
        **rules_of_terms({terms_id: terms_by_id(terms_id) for (terms_id,) in terms_ids}),
    }
    (loans, moves), *_ = fetch(statement("close_day.sql"), params)
    result.loans += loans
    result.moves += moves


def _close_with_engine(*, loan_ids: Sequence[int], day: date, run_id: int | None) -> tuple[int, int]:
    """Close every open day; month ends among them are kept here, since a loan left behind missed their own step."""
    business_date = day + timedelta(days=1)
    loans = load_loans(loan_ids=loan_ids, business_date=business_date, lock=True, near=True)
    pages = Pages(business_date=business_date, run_id=run_id)
    moves = 0
    for loan in loans.values():
        journal = Journal()
        advance(loan.state, through=day, journal=journal, snapshots=True)
        moves += len(journal.moves)
        add_state(loan, journal, pages=pages)
    pages.flush()
    return len(loans), moves


def _snapshot_with_engine(*, loan_ids: Sequence[int], day: date, run_id: int | None) -> int:
    """Month-end rows of loans something is already booked on for a later day: replayed as of the evening of `day`."""
    if not loan_ids:
        return 0
    loans = load_loans(
        loan_ids=loan_ids,
        business_date=day + timedelta(days=1),
        lock=True,
        whole_schedule=True,
    )
    histories = load_histories(loan_ids=loans)
    pages = Pages(business_date=day + timedelta(days=1), run_id=run_id)
    for loan in loans.values():
        history = histories[loan.id]
        if day in history.month_ends or loan.state.disbursed_on > day:
            continue
        state = replayed_state(loan, history, as_of=day)
        if state.status != "closed":
            pages.add_snapshot(loan_id=loan.id, snapshot=snapshot(state, month_end_day=day), revision=0)
    pages.flush()
    return len(pages.month_ends)
