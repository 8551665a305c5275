"""Write what the engine produced, for many loans at once: a fixed number of statements, COPY for what is appended."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from backoffice.core.bulk import copy_rows, update_rows
from backoffice.outreach.services.messages import stop_paid
from backoffice.repayment.domain.aging import next_transition
from backoffice.repayment.domain.bills import Bill, LoanState, oldest_unpaid
from backoffice.repayment.domain.components import COMPONENTS
from backoffice.repayment.domain.journal import (
    Journal,
    Line,
    Move,
    Snapshot,
    VersionChange,
)
from backoffice.repayment.domain.penalty import accrues_penalty
from backoffice.repayment.selectors.states import LoadedLoan, bill_values
from backoffice.repayment.services.autopay.splitting import follow_ledger
from backoffice.repayment.services.planned_words import correct_planned

OPERATION_COLUMNS = (
    "id",
    "loan_id",
    "borrower_id",
    "kind",
    "amount",
    "value_date",
    "business_date",
    "source",
    "external_id",
    "channel",
    "reference",
    "surplus",
    "details",
    "reverses_id",
    "reason",
    "payment_file_id",
    "actor_id",
    "actor_name",
)
TRANSFER_COLUMNS = (
    "loan_id",
    "borrower_id",
    "operation_id",
    "run_id",
    "kind",
    "component",
    "installment_number",
    "debit",
    "credit",
    "amount",
    "value_date",
    "business_date",
    "reverses_id",
)
MOVE_COLUMNS = (
    "loan_id",
    "borrower_id",
    "on",
    "from_bucket",
    "to_bucket",
    "cause",
    "operation_id",
    "run_id",
    "retracts_id",
)
MONTH_END_COLUMNS = (
    "loan_id",
    "month_end",
    "revision",
    "status",
    "creditor",
    "bucket",
    "dpd",
    "dpd_contract",
    "cycles",
    "outstanding_principal",
    "overdue_amount",
    "run_id",
)
VERSION_COLUMNS = ("loan_id", "number", "cause", "effective_on", "operation_id")
NEW_BILL_COLUMNS = (
    "loan_id",
    "borrower_id",
    "number",
    "from_version",
    "to_version",
    "due_date",
    "days",
    "principal",
    "interest",
    "fee",
    "guarantee_fee",
    "penalty",
    "principal_paid",
    "interest_paid",
    "fee_paid",
    "guarantee_fee_paid",
    "penalty_paid",
    "principal_waived",
    "interest_waived",
    "fee_waived",
    "guarantee_fee_waived",
    "penalty_waived",
    "overdue_base_days",
    "compound_base",
    "settled_on",
)
CHANGED_BILL_COLUMNS = {
    "to_version": "int", "penalty": "numeric",
    **{f"{c}_paid": "numeric" for c in COMPONENTS},
    **{f"{c}_waived": "numeric" for c in COMPONENTS},
    "overdue_base_days": "numeric", "compound_base": "numeric", "settled_on": "date",
}  # fmt: skip
LOAN_COLUMNS = {
    "status": "text", "creditor": "text", "bucket": "text", "oldest_unpaid_due_date": "date",
    "next_transition_date": "date", "outstanding_principal": "numeric", "outstanding_total": "numeric",
    "overdue_amount": "numeric", "suspense": "numeric", "schedule_version": "int", "accrued_through": "date",
    "touched_on": "date", "closed_on": "date",
}  # fmt: skip


OLDEST_UNPAID = 1 + list(LOAN_COLUMNS).index("oldest_unpaid_due_date")
LOAN_OF_TRANSFER, DEBIT, REVERSES = (TRANSFER_COLUMNS.index(name) for name in ("loan_id", "debit", "reverses_id"))


@dataclass(slots=True)
class Pages:
    """Rows waiting to be written; `flush` writes them in one fixed sequence of statements."""

    business_date: date
    run_id: int | None = None
    operations: list[tuple[Any, ...]] = field(default_factory=list)
    transfers: list[tuple[Any, ...]] = field(default_factory=list)
    moves: list[tuple[Any, ...]] = field(default_factory=list)
    month_ends: list[tuple[Any, ...]] = field(default_factory=list)
    versions: list[tuple[Any, ...]] = field(default_factory=list)
    new_bills: list[tuple[Any, ...]] = field(default_factory=list)
    changed_bills: list[tuple[Any, ...]] = field(default_factory=list)
    loans: list[tuple[Any, ...]] = field(default_factory=list)

    def add_journal(self, *, loan_id: int, borrower_id: int, journal: Journal) -> None:
        """Everything a journal holds, for one loan."""
        for line in journal.lines:
            self.add_line(loan_id=loan_id, borrower_id=borrower_id, line=line)
        for move in journal.moves:
            self.add_move(loan_id=loan_id, borrower_id=borrower_id, move=move)
        for version in journal.versions:
            self.add_version(loan_id=loan_id, version=version)
        for snapshot in journal.snapshots:
            self.add_snapshot(loan_id=loan_id, snapshot=snapshot, revision=0)

    def add_line(self, *, loan_id: int, borrower_id: int, line: Line) -> None:
        """A transfer of the ledger."""
        self.transfers.append(
            (
                loan_id,
                borrower_id,
                line.source,
                self.run_id,
                line.kind,
                line.component or "",
                line.number,
                line.debit,
                line.credit,
                line.amount,
                line.value_date,
                self.business_date,
                None,
            )
        )

    def add_line_reversal(self, *, loan_id: int, borrower_id: int, transfer_id: int, line: Line) -> None:
        """The transfer that takes another back: accounts swapped, same value date."""
        self.transfers.append(
            (
                loan_id,
                borrower_id,
                line.source,
                self.run_id,
                line.kind,
                line.component or "",
                line.number,
                line.credit,
                line.debit,
                line.amount,
                line.value_date,
                self.business_date,
                transfer_id,
            )
        )

    def add_move(self, *, loan_id: int, borrower_id: int, move: Move, retracts: int | None = None) -> None:
        """A bucket move, or with `retracts` the row that says an earlier one was wrong."""
        start, end = (move.to_bucket, move.from_bucket) if retracts else (move.from_bucket, move.to_bucket)
        cause = "retracted" if retracts else move.cause
        self.moves.append(
            (
                loan_id,
                borrower_id,
                move.on,
                start,
                end,
                cause,
                move.source,
                self.run_id,
                retracts,
            )
        )

    def add_version(self, *, loan_id: int, version: VersionChange) -> None:
        """A schedule version."""
        self.versions.append((loan_id, version.number, version.cause, version.on, version.source))

    def add_snapshot(self, *, loan_id: int, snapshot: Snapshot, revision: int) -> None:
        """A month-end row."""
        self.month_ends.append(
            (
                loan_id,
                snapshot.month_end,
                revision,
                *snapshot_values(snapshot),
                self.run_id,
            )
        )

    def add_new_bills(self, *, loan_id: int, borrower_id: int, bills: Iterable[Bill]) -> None:
        """Bills that have no row yet."""
        for bill in bills:
            self.new_bills.append(
                (
                    loan_id,
                    borrower_id,
                    bill.number,
                    bill.from_version,
                    bill.to_version,
                    bill.due_date,
                    bill.days,
                    *bill.charged.values(),
                    *bill.paid.values(),
                    *bill.waived.values(),
                    bill.overdue_base_days,
                    bill.compound_base,
                    bill.settled_on,
                )
            )

    def add_changed_bills(self, *, before: dict[int, tuple[Any, ...]], bills: Iterable[Bill]) -> None:
        """Bills whose row differs from `before`."""
        for bill in bills:
            if bill.id is not None:
                values = bill_values(bill)
                if before.get(bill.id) != values:
                    self.changed_bills.append((bill.id, *values))

    def add_loan(self, *, loan: LoadedLoan) -> None:
        """The cached facts of a loan after its state has changed."""
        self.loans.append(
            (
                loan.id,
                *loan_values(
                    loan.state,
                    business_date=self.business_date,
                    touched=loan.touched_on,
                ),
            )
        )

    def flush(self) -> None:
        """Write all pages in one order; must run inside the caller's transaction."""
        copied: Sequence[tuple[str, Sequence[str], list[tuple[Any, ...]]]] = (
            ("repayment_operation", OPERATION_COLUMNS, self.operations),
            ("repayment_scheduleversion", VERSION_COLUMNS, self.versions),
        )
        for table, columns, rows in copied:
            if rows:
                copy_rows(table=table, columns=columns, rows=rows)
        update_rows(
            table="repayment_installment",
            columns=CHANGED_BILL_COLUMNS,
            rows=self.changed_bills,
        )
        copied = (
            ("repayment_installment", NEW_BILL_COLUMNS, self.new_bills),
            ("repayment_transfer", TRANSFER_COLUMNS, self.transfers),
            ("repayment_bucketmove", MOVE_COLUMNS, self.moves),
            ("repayment_monthend", MONTH_END_COLUMNS, self.month_ends),
        )
        for table, columns, rows in copied:
            if rows:
                copy_rows(table=table, columns=columns, rows=rows)
        update_rows(table="repayment_loan", columns=LOAN_COLUMNS, rows=self.loans)
        moved_on = {
            row[LOAN_OF_TRANSFER] for row in self.transfers if row[REVERSES] is not None or row[DEBIT] == "suspense"
        }
        if moved_on:
            # What was debited is owed to payees as the ledger has it now: taken back, or used that was held.
            follow_ledger(loan_ids=moved_on, day=self.business_date)
        if self.transfers:
            # Money moved: nobody is asked for what is owed no more, nor for more than is.
            stop_paid(loans=[(row[0], row[OLDEST_UNPAID]) for row in self.loans])
            correct_planned(loan_ids=[row[0] for row in self.loans])


def loan_values(state: LoanState, *, business_date: date, touched: date) -> tuple[Any, ...]:
    """The cached facts of a loan in the order of `LOAN_COLUMNS`, as they stand on the business date."""
    oldest = oldest_unpaid(state)
    return (
        state.status,
        state.creditor,
        state.bucket,
        oldest.due_date if oldest else None,
        next_transition(
            state,
            accrues_penalty=accrues_penalty(state, on=state.closed_through + timedelta(days=1)),
        ),
        state.outstanding_principal(),
        state.outstanding_total(),
        state.overdue_amount(as_of=business_date),
        state.suspense,
        state.version,
        state.accrued_through,
        touched,
        state.closed_on,
    )


def snapshot_values(snapshot: Snapshot) -> tuple[Any, ...]:
    """A month-end row from its status on, comparable with what is stored."""
    return (
        snapshot.status,
        snapshot.creditor,
        snapshot.bucket,
        snapshot.dpd,
        snapshot.dpd_contract,
        snapshot.cycles,
        snapshot.outstanding_principal,
        snapshot.overdue_amount,
    )


def touched_by(journal: Journal) -> list[date]:
    """Every date a journal books or moves something for."""
    return [
        *(line.value_date for line in journal.lines),
        *(move.on for move in journal.moves),
        *(version.on for version in journal.versions),
    ]


def as_json(value: dict[str, Any]) -> str:
    """Details of an operation as text for COPY; amounts stay decimal strings."""
    return json.dumps(value, default=str, ensure_ascii=False)
