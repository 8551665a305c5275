"""A loan's rows together: read from the stage in loan order, and digested so that a later tape can be compared."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from backoffice.repayment.tape.staging import Stage

Row = tuple[Any, ...]

LOAN_COLUMNS = (
    "loan_id", "borrower_id", "product_code", "currency", "principal", "disbursed_on", "first_due_date",
    "periods", "annual_rate", "method", "day_count", "every", "unit", "due_day",
)  # fmt: skip
INSTALLMENT_COLUMNS = ("number", "due_date", "principal", "interest", "fee", "guarantee_fee")
PAYMENT_COLUMNS = ("payment_id", "value_date", "amount", "kind", "surplus", "channel", "reference")
STATUS_COLUMNS = ("on", "status", "effect", "amount", "component", "creditor", "note")
PARTS = ("loan", "installments", "payments", "status_history")
PART_DIGITS = 16


@dataclass(slots=True)
class Bundle:
    """Everything the tape says of one loan; `ordinal` is its place in the order of loading."""

    ordinal: int
    loan: dict[str, Any]
    installments: list[Row] = field(default_factory=list)
    payments: list[Row] = field(default_factory=list)
    statuses: list[Row] = field(default_factory=list)

    @property
    def loan_id(self) -> str:
        """The sender's identifier."""
        return str(self.loan["loan_id"])

    def digest(self) -> str:
        """Four short digests, one a part, so that a difference can be named."""
        loan = [self.loan[name] for name in LOAN_COLUMNS]
        return "".join(_digest(part) for part in (loan, self.installments, self.payments, self.statuses))


def differing_parts(*, one: str, other: str) -> list[str]:
    """The names of the parts in which two digests differ."""
    cuts = [(part, slice(i * PART_DIGITS, (i + 1) * PART_DIGITS)) for i, part in enumerate(PARTS)]
    return [part for part, cut in cuts if one[cut] != other[cut]]


def read_bundles(*, stage: Stage, picked: str, first: int, last: int) -> Iterator[Bundle]:
    """The loans whose ordinal in the table `picked` (ordinal, loan_row) lies in [first, last], with all their rows."""
    chosen = f"FROM {picked} p JOIN loans l ON l.rowid = p.loan_row"
    within = "WHERE p.ordinal BETWEEN ? AND ? ORDER BY p.ordinal"
    span = (first, last)
    names = ", ".join(f"l.{name}" for name in LOAN_COLUMNS)
    parts: dict[str, defaultdict[int, list[Row]]] = {}
    for table, columns, order in (
        ("installments", INSTALLMENT_COLUMNS, "t.number"),
        ("payments", PAYMENT_COLUMNS, "t.value_date, t.rowid"),
        ("status_history", STATUS_COLUMNS, 't."on", t.rowid'),
    ):
        wanted = ", ".join(f't."{name}"' for name in columns)
        rows: defaultdict[int, list[Row]] = defaultdict(list)
        statement = f"SELECT p.ordinal, {wanted} {chosen} JOIN {table} t ON t.loan_id = l.loan_id {within}, {order}"
        for ordinal, *values in stage.rows(statement, span):
            rows[ordinal].append(tuple(values))
        parts[table] = rows
    for ordinal, *values in stage.rows(f"SELECT p.ordinal, {names} {chosen} {within}", span):
        yield Bundle(
            ordinal=ordinal,
            loan=dict(zip(LOAN_COLUMNS, values, strict=True)),
            installments=parts["installments"][ordinal],
            payments=parts["payments"][ordinal],
            statuses=parts["status_history"][ordinal],
        )


def _digest(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:PART_DIGITS]
