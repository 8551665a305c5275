"""Loans on PostgreSQL, opened and lived with through the services, and their books as values to compare."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.bulk import fetch
from backoffice.customers.models import Borrower
from backoffice.repayment.domain.aging import month_end
from backoffice.repayment.domain.terms import ScheduledRow, Terms
from backoffice.repayment.selectors.states import LoanId, OperationId, load_histories, load_loans
from backoffice.repayment.selectors.verification import Drift, verify_book
from backoffice.repayment.services.closing import RangeClosed, close_range, snapshot_range
from backoffice.repayment.services.opening import Opening, PastOperation, open_and_replay
from backoffice.repayment.services.posting import Booked, Draft, book_one
from backoffice.repayment.services.rebuilding import rebuild
from backoffice.repayment.services.writing import Pages
from tests.repayment.cases import TWELVE_MONTHS

ADA = Actor(kind="staff", id=7, name="Ada", roles=frozenset({"agent"}))
PORTFOLIO = "cash"
DISBURSED = date(2026, 1, 15)
_numbers = count(1)


def borrower() -> Borrower:
    """A borrower nobody knows anything about."""
    return Borrower.objects.create(external_id=f"B{next(_numbers)}", source="testbook", portfolio=PORTFOLIO)


def open_loan(
    *,
    terms: Terms = TWELVE_MONTHS,
    principal: str | Decimal = "12000.00",
    disbursed_on: date = DISBURSED,
    business_date: date | None = None,
    rows: Sequence[ScheduledRow] | None = None,
    history: Sequence[PastOperation] = (),
    borrower_id: int | None = None,
    external_id: str | None = None,
) -> LoanId:
    """One loan, opened on its disbursement day unless a later business date is given."""
    opening = Opening(
        external_id=external_id or f"L{next(_numbers)}",
        portfolio=PORTFOLIO,
        borrower_id=borrower_id or borrower().pk,
        terms=terms,
        principal=Decimal(principal),
        disbursed_on=disbursed_on,
        rows=with_days(rows, since=disbursed_on) if rows is not None else None,
        history=tuple(history),
    )
    return open_and_replay(loans=[opening], business_date=business_date or disbursed_on, actor=SYSTEM)[0]


def with_days(rows: Sequence[ScheduledRow], *, since: date) -> tuple[ScheduledRow, ...]:
    """Rows of a schedule, each running from the due date before it."""
    starts = [since, *(row.due_date for row in rows)]
    return tuple(replace(row, days=(row.due_date - start).days) for row, start in zip(rows, starts, strict=False))


def draft(loan_id: LoanId, kind: str, on: date, amount: str | Decimal = "0.00", **fields: Any) -> Draft:
    """Something to book."""
    return Draft(loan_id=loan_id, kind=kind, value_date=on, amount=Decimal(amount), **fields)


def post(
    loan_id: LoanId,
    amount: str | Decimal,
    on: date,
    *,
    kind: str = "payment",
    business_date: date | None = None,
    actor: Actor = ADA,
    **fields: Any,
) -> OperationId:
    """Book one operation, on its own value date unless a later business date is given."""
    booked: Booked = book_one(
        draft=draft(loan_id, kind, on, amount, **fields), actor=actor, business_date=business_date or on
    )
    return booked.operation_id


def take_back(loan_id: LoanId, operation_id: OperationId, *, business_date: date) -> OperationId:
    """Reverse an operation."""
    return post(loan_id, "0.00", business_date, kind="reversal", reverses=operation_id)


def close(day: date, *, loan_ids: Sequence[int] | None = None) -> RangeClosed:
    """Close one day of the book, month-end picture included, without the records of a run."""
    first, last = (min(loan_ids), max(loan_ids)) if loan_ids else (0, 2**62)
    result = close_range(day=day, first_id=first, last_id=last, run_id=None)
    if day == month_end(day):
        snapshot_range(day=day, first_id=first, last_id=last, run_id=None)
    return result


def close_days(start: date, through: date) -> None:
    """Close every day from `start` through `through`, night by night."""
    day = start
    while day <= through:
        close(day)
        day += timedelta(days=1)


def drifts(business_date: date) -> list[Drift]:
    """Everything in the book that does not agree with itself."""
    return list(verify_book(business_date=business_date))


LOAN = """
SELECT status, creditor, bucket, oldest_unpaid_due_date, next_transition_date, outstanding_principal,
       outstanding_total, overdue_amount, suspense, accrued_through, closed_on
FROM repayment_loan WHERE id = %s
"""
BILLS = """
SELECT number, due_date, principal, interest, fee, guarantee_fee, penalty,
       principal_paid, interest_paid, fee_paid, guarantee_fee_paid, penalty_paid,
       principal_waived, interest_waived, fee_waived, guarantee_fee_waived, penalty_waived,
       overdue_base_days, compound_base, settled_on
FROM repayment_installment WHERE loan_id = %s AND to_version IS NULL ORDER BY due_date, number
"""
TRANSFERS = """
SELECT t.value_date, t.kind, t.component, t.installment_number, t.debit, t.credit, t.amount, coalesce(o.external_id, '')
FROM repayment_transfer t
LEFT JOIN repayment_operation o ON o.id = t.operation_id
LEFT JOIN repayment_transfer r ON r.reverses_id = t.id
WHERE t.loan_id = %s AND t.reverses_id IS NULL AND r.id IS NULL AND t.kind NOT IN ('disbursement', 'schedule')
ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
"""
MOVES = """
SELECT m."on", m.from_bucket, m.to_bucket, m.cause, coalesce(o.external_id, '')
FROM repayment_bucketmove m
LEFT JOIN repayment_operation o ON o.id = m.operation_id
LEFT JOIN repayment_bucketmove r ON r.retracts_id = m.id
WHERE m.loan_id = %s AND m.retracts_id IS NULL AND r.id IS NULL ORDER BY m."on", m.id
"""
# A month end restated as closed says the same as one the loan never saw.
MONTH_ENDS = """
SELECT * FROM (
    SELECT DISTINCT ON (month_end) month_end, status, creditor, bucket, dpd, dpd_contract, cycles,
           outstanding_principal, overdue_amount
    FROM repayment_monthend WHERE loan_id = %s ORDER BY month_end, revision DESC
) newest WHERE status <> 'closed' ORDER BY month_end
"""


def books(loan_id: int) -> dict[str, list[tuple[Any, ...]]]:
    """What counts of a loan: facts, live bills, live transfers, live moves, month ends in force. No ids in it."""
    return {
        name: fetch(statement, [loan_id])
        for name, statement in (
            ("loan", LOAN),
            ("bills", BILLS),
            ("transfers", TRANSFERS),
            ("moves", MOVES),
            ("month ends", MONTH_ENDS),
        )
    }


def replay_changes(loan_id: LoanId, *, business_date: date) -> dict[str, list[Any]]:
    """What a replay of the loan from its disbursement would change; nothing, when the books are what they should be."""
    loan = load_loans(loan_ids=[loan_id], business_date=business_date, lock=True)[loan_id]
    history = load_histories(loan_ids=[loan_id])[loan_id]
    pages = Pages(business_date=business_date)
    rebuild(loan=loan, history=history, added={}, removed=set(), pages=pages)
    (replayed,) = pages.loans
    names = (
        "status, creditor, bucket, oldest_unpaid_due_date, next_transition_date, outstanding_principal, "
        "outstanding_total, overdue_amount, suspense, schedule_version, accrued_through, closed_on"
    )
    ((stored),) = fetch(f"SELECT {names} FROM repayment_loan WHERE id = %s", [loan_id])
    wanted = (*replayed[1:12], replayed[13])
    facts = [
        (name, was, would_be)
        for name, was, would_be in zip(names.split(", "), stored, wanted, strict=True)
        if was != would_be
    ]
    changes = {
        "transfers": pages.transfers,
        "moves": pages.moves,
        "month ends": pages.month_ends,
        "versions": pages.versions,
        "new bills": pages.new_bills,
        "changed bills": pages.changed_bills,
        "facts": facts,
    }
    return {name: rows for name, rows in changes.items() if rows}


WHOLE_BOOK = {
    "loans": "SELECT external_id, status, creditor, bucket, oldest_unpaid_due_date, next_transition_date, "
    "outstanding_principal, outstanding_total, overdue_amount, suspense, accrued_through, touched_on, closed_on, "
    "schedule_version FROM repayment_loan ORDER BY 1",
    "bills": "SELECT l.external_id, i.number, i.from_version, i.to_version, i.due_date, i.penalty, i.principal_paid, "
    "i.interest_paid, i.penalty_paid, i.overdue_base_days, i.settled_on "
    "FROM repayment_installment i JOIN repayment_loan l ON l.id = i.loan_id ORDER BY 1, 2, 3",
    "operations": "SELECT l.external_id, o.kind, o.external_id, o.amount, o.value_date, o.business_date "
    "FROM repayment_operation o JOIN repayment_loan l ON l.id = o.loan_id ORDER BY 1, 2, 3, 5",
    "transfers": "SELECT l.external_id, t.kind, t.component, t.installment_number, t.debit, t.credit, t.amount, "
    "t.value_date, t.business_date, t.reverses_id IS NOT NULL, r.id IS NOT NULL "
    "FROM repayment_transfer t JOIN repayment_loan l ON l.id = t.loan_id "
    "LEFT JOIN repayment_transfer r ON r.reverses_id = t.id ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
    "moves": 'SELECT l.external_id, m."on", m.from_bucket, m.to_bucket, m.cause, m.retracts_id IS NOT NULL '
    "FROM repayment_bucketmove m JOIN repayment_loan l ON l.id = m.loan_id ORDER BY 1, 2, 3, 4, 5, 6",
    "month ends": "SELECT l.external_id, m.month_end, m.revision, m.bucket, m.dpd, m.cycles, m.outstanding_principal, "
    "m.overdue_amount FROM repayment_monthend m JOIN repayment_loan l ON l.id = m.loan_id ORDER BY 1, 2, 3",
}


def whole_book() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the book that says something, by loan number; no ids and no times in it."""
    return {name: fetch(statement) for name, statement in WHOLE_BOOK.items()}


def differences(one: dict[str, list[tuple[Any, ...]]], other: dict[str, list[tuple[Any, ...]]]) -> dict[str, Any]:
    """The rows that stand in one of two books only, table by table; nothing when the books are the same."""
    found = {
        name: (Counter(one[name]) - Counter(other[name]), Counter(other[name]) - Counter(one[name])) for name in one
    }
    return {name: [sorted(map(str, rows)) for rows in sides] for name, sides in found.items() if any(sides)}
