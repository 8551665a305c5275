"""Rows of commands as the verbs work on them: read and locked in sets, moved by the table with their journey.

Locks are taken in one order: batches, rails, borrowers, loans, agreements, commands, bills; each in id order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from backoffice.core.actors import Actor
from backoffice.core.bulk import copy_rows, fetch, update_rows
from backoffice.repayment.domain.autopay.debit_states import CommandState, may_move

ROW: Final = (
    "command.id, command.order_no, command.purpose, command.bill_id, command.batch_id, command.version_id, "
    "command.loan_id, command.borrower_id, command.installment_number, command.from_version, command.attempt, "
    "command.day, command.mandate_id, command.rail_id, command.currency, command.forecast, command.amount, "
    "command.state, command.code, command.tries, command.looks, command.expires_at, command.operation_id, "
    "command.succeeded_at, command.is_unplaced, command.counting, rail.code, rail.scheme, mandate.agreement_no, "
    "mandate.bank"
)
FROM: Final = (
    "FROM repayment_debitcommand command JOIN repayment_rail rail ON rail.id = command.rail_id "
    "JOIN repayment_mandate mandate ON mandate.id = command.mandate_id"
)
CHANGES: Final = {
    "state": "text",
    "code": "text",
    "family": "text",
    "reference": "text",
    "amount": "numeric",
    "tries": "int",
    "looks": "int",
    "not_before": "timestamptz",
    "lease_until": "timestamptz",
    "look_at": "timestamptz",
    "submitted_at": "timestamptz",
    "expires_at": "timestamptz",
    "answered_at": "timestamptz",
    "succeeded_at": "timestamptz",
    "returned_at": "timestamptz",
    "operation_id": "bigint",
    "return_operation_id": "bigint",
    "is_unplaced": "boolean",
    "counting": "int",
}


class IllegalMove(RuntimeError):
    """A command was to go where the table does not let it: a defect of the program; nothing is written."""


@dataclass(frozen=True, slots=True)
class Row:
    """A command with what its rail and agreement say; amounts in major units."""

    id: int
    order_no: str
    purpose: str
    bill_id: int | None
    batch_id: int | None
    version_id: int | None
    loan_id: int
    borrower_id: int
    installment_number: int
    from_version: int
    attempt: int
    day: date
    mandate_id: int
    rail_id: int
    currency: str
    forecast: Decimal
    amount: Decimal
    state: str
    code: str
    tries: int
    looks: int
    expires_at: datetime | None
    operation_id: int | None
    succeeded_at: datetime | None
    is_unplaced: bool
    counting: int
    rail_code: str
    scheme: str
    agreement_no: str
    bank: str


@dataclass(frozen=True, slots=True)
class Change:
    """A command goes to a state, with what is written beside it; `detail` and `code` go to its journey too."""

    row: Row
    to: CommandState
    at: datetime
    code: str = ""
    detail: str = ""
    values: dict[str, Any] | None = None


def read(*, ids: Iterable[int], lock: bool) -> dict[int, Row]:
    """Commands by id, locked in id order when asked to."""
    clause = " ORDER BY command.id" + (" FOR NO KEY UPDATE OF command" if lock else "")
    rows = fetch(f"SELECT {ROW} {FROM} WHERE command.id = ANY(%s){clause}", [sorted(set(ids))])
    return {row[0]: Row(*row) for row in rows}


def lock_loans(loan_ids: Iterable[int]) -> None:
    """The loans' rows, in id order, until the transaction ends."""
    fetch(
        "SELECT id FROM repayment_loan WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
        [sorted(set(loan_ids))],
    )


def lock_batches(batch_ids: Iterable[int | None]) -> None:
    """The batches' rows, in id order, until the transaction ends."""
    ids = sorted({batch_id for batch_id in batch_ids if batch_id is not None})
    if ids:
        fetch("SELECT id FROM repayment_debitbatch WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [ids])


def lock_bills(bill_ids: Iterable[int | None]) -> None:
    """The rows of bills to debit, in id order, until the transaction ends; the last to be locked."""
    ids = sorted({bill_id for bill_id in bill_ids if bill_id is not None})
    if ids:
        fetch("SELECT id FROM repayment_debitbill WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [ids])


def apply(changes: Sequence[Change], *, actor: Actor) -> None:
    """Write changes of locked commands and their journeys, one statement a set of columns. Raises IllegalMove."""
    if not changes:
        return
    by_columns: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for change in changes:
        if not may_move(current=CommandState(change.row.state), to=change.to):
            msg = f"{change.row.order_no}: {change.row.state} > {change.to}"
            raise IllegalMove(msg)
        values = {"state": change.to.value, "code": change.code[:40]} | (change.values or {})
        names = tuple(sorted(values))
        by_columns.setdefault(names, []).append((change.row.id, *(values[name] for name in names)))
    for names, rows in by_columns.items():
        update_rows(table="repayment_debitcommand", columns={name: CHANGES[name] for name in names}, rows=rows)
    copy_rows(
        table="repayment_debitmove",
        columns=("command_id", "from_state", "to_state", "code", "detail", "actor_id", "actor_name", "at"),
        rows=[
            (
                change.row.id,
                change.row.state,
                change.to.value,
                change.code[:40],
                change.detail[:300],
                actor.id,
                actor.name,
                change.at,
            )
            for change in changes
        ],
    )
