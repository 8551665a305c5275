"""Loans as the engine needs them: read in a fixed number of queries, whatever the number of loans."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NewType

from backoffice.core.bulk import fetch
from backoffice.customers.selectors import holds_of_loans
from backoffice.repayment.domain.bills import Bill, HoldPeriod, LoanState, state_of
from backoffice.repayment.domain.components import Component
from backoffice.repayment.domain.journal import Line, Move
from backoffice.repayment.domain.operations import Operation
from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.domain.terms_form import copy_from_json
from backoffice.repayment.models import LoanTerms

LoanId = NewType("LoanId", int)
OperationId = NewType("OperationId", int)

BILL_COLUMNS = (
    "id, number, from_version, to_version, due_date, days, "
    "principal, interest, fee, guarantee_fee, penalty, "
    "principal_paid, interest_paid, fee_paid, guarantee_fee_paid, penalty_paid, "
    "principal_waived, interest_waived, fee_waived, guarantee_fee_waived, penalty_waived, "
    "overdue_base_days, compound_base, settled_on"
)

LOANS = """
SELECT id, borrower_id, external_id, portfolio, currency, principal, disbursed_on, terms_id, status, creditor, bucket,
       next_transition_date, suspense, schedule_version, accrued_through, touched_on, closed_on, outstanding_principal,
       outstanding_total
FROM repayment_loan WHERE id = ANY(%s) ORDER BY id
"""

BILLS = f"SELECT loan_id, {BILL_COLUMNS} FROM repayment_installment WHERE loan_id = ANY(%s)"  # noqa: S608 - constants

# Open bills up to the first one due after a day.
NEAR_BILLS = f"""
SELECT loan_id, {BILL_COLUMNS}
FROM (
    SELECT *, count(*) FILTER (WHERE due_date > %s) OVER (PARTITION BY loan_id ORDER BY due_date, number) AS ahead
    FROM repayment_installment
    WHERE loan_id = ANY(%s) AND to_version IS NULL AND settled_on IS NULL
) open_bill
WHERE ahead <= 1
ORDER BY loan_id, due_date, number
"""  # noqa: S608 - constants


@dataclass(slots=True)
class LoadedLoan:
    """A loan with its state and what the books say about it; `touched_on` moves on as operations are applied."""

    id: LoanId
    borrower_id: int
    external_id: str
    portfolio: str
    currency: str
    terms_id: int
    state: LoanState
    touched_on: date
    row: tuple[Any, ...]
    bills_before: dict[int, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class LoanHistory:
    """Everything booked for a loan that still counts: what a replay starts from and is compared with."""

    first_bills: list[Bill] = field(default_factory=list)
    live_bills: list[Bill] = field(default_factory=list)
    last_version: int = 1
    operations: list[Operation] = field(default_factory=list)
    lines: list[tuple[int, Line]] = field(default_factory=list)
    moves: list[tuple[int, Move]] = field(default_factory=list)
    month_ends: dict[date, tuple[Any, ...]] = field(default_factory=dict)


@lru_cache(maxsize=4096)
def terms_by_id(terms_id: int) -> Terms:
    """The copied terms of a loan; safe to keep, since they never change."""
    return copy_from_json(LoanTerms.objects.values_list("terms", flat=True).get(pk=terms_id))


def load_loans(
    *,
    loan_ids: Iterable[int],
    business_date: date,
    lock: bool,
    whole_schedule: bool = False,
    near: bool = False,
) -> dict[int, LoadedLoan]:
    """Loans with their open bills (all live bills if `whole_schedule`), locked in id order when asked to.

    `near` reads only the bills that days and plain payments can reach: up to the first one due after `business_date`.
    Loans whose terms tolerate a rest are read whole all the same: any of their bills may count as met.
    The lock lets others add rows that refer to the loan, such as month ends, and nobody change it.
    Each state is closed through the last day known to be closed for that loan: the day before `business_date`, or
    earlier where a close has left the loan behind.
    """
    ids = sorted(set(loan_ids))
    rows = fetch(LOANS + (" FOR NO KEY UPDATE" if lock else ""), [ids])
    near_ids = [row[0] for row in rows if near and not _tolerates_a_rest(row[7])]
    bills = _near_bills(loan_ids=near_ids, business_date=business_date)
    far_ids = [row[0] for row in rows] if not near else [row[0] for row in rows if _tolerates_a_rest(row[7])]
    bills |= _bills(loan_ids=far_ids, whole_schedule=whole_schedule)
    holds = clocks_held(loans=[(row[0], row[1]) for row in rows])
    loans = {row[0]: _loaded(row, bills.get(row[0], []), holds.get(row[0], ()), business_date) for row in rows}
    for loan_id in near_ids:
        _reckon_ahead(loans[loan_id])
    return loans


def bill_of(row: Sequence[Any]) -> Bill:
    """A bill from a row in the order of `BILL_COLUMNS`."""
    return Bill(
        id=row[0],
        number=row[1],
        from_version=row[2],
        to_version=row[3],
        due_date=row[4],
        days=row[5],
        charged=_by_component(*row[6:11]),
        paid=_by_component(*row[11:16]),
        waived=_by_component(*row[16:21]),
        overdue_base_days=row[21],
        compound_base=row[22],
        settled_on=row[23],
    )


def _by_component(
    principal: Decimal, interest: Decimal, fee: Decimal, guarantee_fee: Decimal, penalty: Decimal
) -> dict[Component, Decimal]:
    """Amounts in the order of `COMPONENTS`."""
    return {
        "principal": principal,
        "interest": interest,
        "fee": fee,
        "guarantee_fee": guarantee_fee,
        "penalty": penalty,
    }


def load_histories(*, loan_ids: Iterable[int]) -> dict[int, LoanHistory]:
    """What a replay needs of each loan, in a fixed number of queries."""
    ids = sorted(set(loan_ids))
    histories: dict[int, LoanHistory] = {loan_id: LoanHistory() for loan_id in ids}
    for loan_id, *row in fetch(BILLS + " ORDER BY loan_id, due_date, number", [ids]):
        bill = bill_of(row)
        history = histories[loan_id]
        history.last_version = max(history.last_version, bill.from_version, bill.to_version or 1)
        if bill.from_version == 1:
            history.first_bills.append(_as_scheduled(bill))
        if bill.to_version is None:
            history.live_bills.append(bill)
    for loan_id, *row in fetch(LIVE_OPERATIONS, [ids]):
        histories[loan_id].operations.append(_operation(row))
    for loan_id, transfer_id, *row in fetch(LIVE_TRANSFERS, [ids]):
        histories[loan_id].lines.append((transfer_id, _line(row)))
    for loan_id, move_id, *row in fetch(LIVE_MOVES, [ids]):
        histories[loan_id].moves.append((move_id, Move(*row)))
    for loan_id, day, *row in fetch(MONTH_ENDS, [ids]):
        histories[loan_id].month_ends[day] = tuple(row)
    return histories


LIVE_OPERATIONS = """
SELECT o.loan_id, o.id, o.kind, o.value_date, o.amount, o.surplus, o.details::text
FROM repayment_operation o
LEFT JOIN repayment_operation r ON r.reverses_id = o.id
WHERE o.loan_id = ANY(%s) AND o.kind NOT IN ('reversal', 'disbursement') AND r.id IS NULL
ORDER BY o.value_date, o.id
"""

# Disbursement and the charging of the first schedule are not replayed: they are where a replay starts.
LIVE_TRANSFERS = """
SELECT t.loan_id, t.id, t.kind, t.debit, t.credit, t.amount, t.value_date, nullif(t.component, ''),
       t.installment_number, t.operation_id
FROM repayment_transfer t
LEFT JOIN repayment_transfer r ON r.reverses_id = t.id
WHERE t.loan_id = ANY(%s) AND t.reverses_id IS NULL AND r.id IS NULL
  AND t.kind NOT IN ('disbursement', 'schedule')
ORDER BY t.id
"""

LIVE_MOVES = """
SELECT m.loan_id, m.id, m."on", m.from_bucket, m.to_bucket, m.cause, m.operation_id
FROM repayment_bucketmove m
LEFT JOIN repayment_bucketmove r ON r.retracts_id = m.id
WHERE m.loan_id = ANY(%s) AND m.retracts_id IS NULL AND r.id IS NULL
ORDER BY m.id
"""

MONTH_ENDS = """
SELECT DISTINCT ON (loan_id, month_end) loan_id, month_end, revision, status, creditor, bucket, dpd, dpd_contract,
       cycles, outstanding_principal, overdue_amount
FROM repayment_monthend WHERE loan_id = ANY(%s)
ORDER BY loan_id, month_end, revision DESC
"""


def _tolerates_a_rest(terms_id: int) -> bool:
    tolerance = terms_by_id(terms_id).tolerance
    return bool(tolerance.floor or tolerance.percent)


def _near_bills(*, loan_ids: list[int], business_date: date) -> dict[int, list[Bill]]:
    if not loan_ids:
        return {}
    bills: dict[int, list[Bill]] = defaultdict(list)
    for row in fetch(NEAR_BILLS, [business_date, loan_ids]):
        bills[row[0]].append(bill_of(row[1:]))
    return bills


def _reckon_ahead(loan: LoadedLoan) -> None:
    """What lies on the bills that were not read: the cached whole less what was read."""
    state = loan.state
    state.principal_ahead = loan.row[17] - state.outstanding_principal()
    state.total_ahead = loan.row[18] - state.outstanding_total()


def _bills(*, loan_ids: list[int], whole_schedule: bool) -> dict[int, list[Bill]]:
    if not loan_ids:
        return {}
    only_open = "" if whole_schedule else " AND settled_on IS NULL"
    statement = f"{BILLS} AND to_version IS NULL{only_open} ORDER BY loan_id, due_date, number"
    bills: dict[int, list[Bill]] = defaultdict(list)
    for row in fetch(statement, [loan_ids]):
        bills[row[0]].append(bill_of(row[1:]))
    return bills


def clocks_held(*, loans: Sequence[tuple[int, int]]) -> dict[int, tuple[HoldPeriod, ...]]:
    """The holds that stop a clock of each loan, given with its borrower (ids); one query."""
    if not loans:
        return {}
    found = holds_of_loans(
        loan_ids=[loan_id for loan_id, _borrower_id in loans],
        borrower_ids=[borrower_id for _loan_id, borrower_id in loans],
        scopes=("aging", "penalty"),
    )
    return {
        loan_id: tuple(
            HoldPeriod(
                scope="aging" if h.scope == "aging" else "penalty",
                start=h.start,
                end=h.end_exclusive,
                id=h.id,
                reason=h.reason,
            )
            for h in holds
        )
        for loan_id, holds in found.items()
    }


def _loaded(
    row: tuple[Any, ...],
    bills: list[Bill],
    holds: tuple[HoldPeriod, ...],
    business_date: date,
) -> LoadedLoan:
    next_transition: date | None = row[11]
    closed_through = business_date - timedelta(days=1)
    if next_transition is not None and next_transition <= closed_through:
        closed_through = next_transition - timedelta(days=1)
    state = LoanState(
        terms=terms_by_id(row[7]),
        principal=row[5],
        disbursed_on=row[6],
        bills=bills,
        closed_through=closed_through,
        accrued_through=row[14],
        holds=holds,
        suspense=row[12],
        status=row[8],
        creditor=row[9],
        bucket=row[10],
        version=row[13],
        closed_on=row[16],
    )
    return LoadedLoan(
        id=row[0],
        borrower_id=row[1],
        external_id=row[2],
        portfolio=row[3],
        currency=row[4],
        terms_id=row[7],
        state=state,
        touched_on=row[15],
        row=row,
        bills_before={bill.id: bill_values(bill) for bill in bills if bill.id is not None},
    )


def bill_values(bill: Bill) -> tuple[Any, ...]:
    """What an operation may change on a bill, as a comparable row."""
    return (
        bill.to_version,
        bill.charged["penalty"],
        *bill.paid.values(),
        *bill.waived.values(),
        bill.overdue_base_days,
        bill.compound_base,
        bill.settled_on,
    )


def _as_scheduled(bill: Bill) -> Bill:
    """The bill as the first schedule asked for it, nothing paid and nothing grown."""
    return Bill(
        id=bill.id,
        number=bill.number,
        due_date=bill.due_date,
        days=bill.days,
        charged={**bill.charged, "penalty": Decimal("0.00")},
    )


def _operation(row: Sequence[Any]) -> Operation:
    operation_id, kind, value_date, amount, surplus, details_json = row
    details = json.loads(details_json)
    return Operation(
        kind=kind,
        value_date=value_date,
        key=operation_id,
        amount=amount,
        surplus=surplus or None,
        components={name: Decimal(value) for name, value in details.get("components", {}).items()},
        creditor=details.get("creditor", ""),
    )


def _line(row: Sequence[Any]) -> Line:
    kind, debit, credit, amount, value_date, component, number, operation_id = row
    return Line(kind, debit, credit, amount, value_date, component, number, operation_id)


def fresh_state(loan: LoadedLoan, history: LoanHistory) -> LoanState:
    """The loan on the morning of its disbursement, with today's holds."""
    return state_of(
        terms=loan.state.terms,
        principal=loan.state.principal,
        disbursed_on=loan.state.disbursed_on,
        bills=[_as_scheduled(bill) for bill in history.first_bills],
        holds=loan.state.holds,
    )
