"""A folded history as text with holes: punching in a loan's ids gives its rows in every table, ready for COPY."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from operator import itemgetter
from typing import Any

from backoffice.core.actors import SYSTEM
from backoffice.repayment.seeding.borrowing import Drawn
from backoffice.repayment.services.opening import LOAN_COPY_COLUMNS, Opening, PastOperation, put_on_pages
from backoffice.repayment.services.writing import (
    MONTH_END_COLUMNS,
    MOVE_COLUMNS,
    NEW_BILL_COLUMNS,
    OPERATION_COLUMNS,
    TRANSFER_COLUMNS,
    VERSION_COLUMNS,
    Pages,
)

PORTFOLIO = "seeded"
SOURCE = "seeded"
EXTERNAL_ID = "S%010d"

# Every table of a loan with the columns written, in the order they are written.
TABLES: dict[str, tuple[str, ...]] = {
    "repayment_loan": tuple(LOAN_COPY_COLUMNS),
    "repayment_operation": OPERATION_COLUMNS,
    "repayment_scheduleversion": VERSION_COLUMNS,
    "repayment_installment": NEW_BILL_COLUMNS,
    "repayment_transfer": TRANSFER_COLUMNS,
    "repayment_bucketmove": MOVE_COLUMNS,
    "repayment_monthend": MONTH_END_COLUMNS,
}

# The ids of a loan in the order holes are numbered: loan, borrower, then its operations, the disbursement first.
LOAN, BORROWER, FIRST_OPERATION = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of one table: text with a %d per hole, and what picks the numbers for the holes, in order."""

    text: str
    pick: Callable[[Sequence[int]], tuple[int, ...]]
    rows: int

    def filled(self, ids: Sequence[int]) -> str:
        """The rows of one loan as COPY reads them."""
        return self.text % self.pick(ids) if self.rows else ""


@dataclass(frozen=True, slots=True)
class Stencil:
    """A loan's history: a sheet for every table, and how many operations it draws ids for."""

    sheets: dict[str, Sheet]
    operations: int
    next_transition: date | None


def stencil_of(drawn: Drawn, *, terms_id: int, version_id: int, business_date: date) -> Stencil:
    """Fold a drawn loan with the engine, exactly as a loan from another system is opened, and cut its rows out."""
    pages = Pages(business_date=business_date)
    opening = Opening(
        external_id="",
        portfolio=PORTFOLIO,
        borrower_id=BORROWER,
        terms=drawn.terms,
        principal=drawn.principal,
        disbursed_on=drawn.disbursed_on,
        product_version_id=version_id,
        rows=drawn.rows,
        source=SOURCE,
        history=tuple(
            PastOperation(
                kind=operation.kind,
                value_date=operation.value_date,
                amount=operation.amount,
                source=SOURCE,
                channel="debit" if operation.kind == "payment" else "",
            )
            for operation in drawn.history
        ),
    )
    loan = put_on_pages(opening, loan_id=LOAN, terms_id=terms_id, operation_ids=count(), pages=pages, actor=SYSTEM)
    rows: dict[str, list[tuple[Any, ...]]] = {
        "repayment_loan": [loan],
        "repayment_operation": pages.operations,
        "repayment_scheduleversion": pages.versions,
        "repayment_installment": pages.new_bills,
        "repayment_transfer": pages.transfers,
        "repayment_bucketmove": pages.moves,
        "repayment_monthend": pages.month_ends,
    }
    return Stencil(
        sheets={table: _sheet(table, rows[table]) for table in TABLES},
        operations=len(pages.operations),
        next_transition=loan[LOAN_COPY_COLUMNS.index("next_transition_date")],
    )


def _sheet(table: str, rows: Sequence[tuple[Any, ...]]) -> Sheet:
    holes: list[int] = []
    lines = [_line(table, dict(zip(TABLES[table], row, strict=True)), holes) for row in rows]
    # itemgetter of one index gives the item itself; every row has at least a loan, so a sheet of one hole repeats it.
    picked = itemgetter(*holes) if len(holes) > 1 else lambda ids: tuple(ids[hole] for hole in holes)
    return Sheet(text="".join(lines), pick=picked, rows=len(rows))


def _line(table: str, row: dict[str, Any], holes: list[int]) -> str:
    """One row of text; where an id of the loan goes, a hole."""
    return "\t".join(_field(table, name, row, holes) for name in row) + "\n"


def _field(table: str, name: str, row: dict[str, Any], holes: list[int]) -> str:
    value = row[name]
    if name == "external_id":
        holes.append(
            LOAN if table == "repayment_loan" or row["kind"] == "disbursement" else FIRST_OPERATION + row["id"]
        )
        if table == "repayment_loan":
            return EXTERNAL_ID
        return f"disbursement:{PORTFOLIO}:{EXTERNAL_ID}" if row["kind"] == "disbursement" else "P%d"
    if name == "loan_id" or (name == "id" and table == "repayment_loan"):
        holes.append(LOAN)
        return "%d"
    if name == "borrower_id":
        holes.append(BORROWER)
        return "%d"
    if value is not None and (name == "operation_id" or (name == "id" and table == "repayment_operation")):
        holes.append(FIRST_OPERATION + value)
        return "%d"
    if name == "business_date":
        value = _booked_on(table, row)
    return _text(value)


def _booked_on(table: str, row: dict[str, Any]) -> date:
    """The day a row would have been booked on had the loan lived here: its value date, or the close of that day."""
    on: date = row["value_date"]
    return on + timedelta(days=1) if table == "repayment_transfer" and row["operation_id"] is None else on


def _text(value: Any) -> str:
    return "\\N" if value is None else str(value).replace("%", "%%")
