"""The floor under a piece of work: as many rows of the same tables written by bare statements, and nothing else.

The rows are those the work wrote, moved to other loans that nobody touched, so that the same pages, indexes, checks and
references have to be written as the work had to. Every transaction is rolled back and then the log is flushed by a
one-row commit: it costs what committing would, and the books stay as they are.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from backoffice.config.benches.results import seconds_of
from backoffice.core.bulk import copy_rows, execute, fetch, next_ids, update_rows
from backoffice.repayment.services.writing import (
    CHANGED_BILL_COLUMNS,
    LOAN_COLUMNS,
    MOVE_COLUMNS,
    OPERATION_COLUMNS,
    TRANSFER_COLUMNS,
)

APPENDED: dict[str, tuple[str, ...]] = {
    "repayment_operation": OPERATION_COLUMNS,
    "repayment_transfer": TRANSFER_COLUMNS,
    "repayment_bucketmove": MOVE_COLUMNS,
}
CHANGED: dict[str, dict[str, str]] = {
    "repayment_installment": CHANGED_BILL_COLUMNS,
    "repayment_loan": dict(LOAN_COLUMNS),
}
Rows = list[tuple[Any, ...]]

BILLS_PAID = """
SELECT moved.loan_id, count(DISTINCT moved.installment_number)
FROM repayment_transfer moved WHERE moved.id > %s AND moved.installment_number IS NOT NULL GROUP BY 1
"""
NEIGHBOURS = """
SELECT loan.id, loan.borrower_id
FROM repayment_loan loan LEFT JOIN unnest(%s::bigint[]) AS touched (id) ON touched.id = loan.id
WHERE loan.status = 'active' AND loan.bucket = 'M0' AND touched.id IS NULL
ORDER BY hashint8(loan.id) LIMIT %s
"""
# The first open bills of loans, as they would stand when paid in full: `CHANGED_BILL_COLUMNS` after the ids.
PAID_BILLS = """
SELECT loan_id, id, to_version, penalty,
       principal - principal_waived, interest - interest_waived, fee - fee_waived,
       guarantee_fee - guarantee_fee_waived, penalty - penalty_waived,
       principal_waived, interest_waived, fee_waived, guarantee_fee_waived, penalty_waived,
       overdue_base_days, compound_base, due_date
FROM repayment_installment
WHERE loan_id = ANY(%s) AND to_version IS NULL AND settled_on IS NULL ORDER BY loan_id, due_date
"""


@dataclass(frozen=True, slots=True)
class Marks:
    """The last id of each table that only grows, before the work."""

    last: dict[str, int]


@dataclass(frozen=True, slots=True)
class Twin:
    """As many rows as the work wrote, for other loans; `share` is less than 1 when there were too few of those."""

    appended: dict[str, Rows]
    changed: dict[str, Rows]
    share: float

    def counts(self) -> dict[str, int]:
        """Rows by table."""
        return {table: len(rows) for table, rows in (*self.appended.items(), *self.changed.items())}


def marks() -> Marks:
    """Where the tables stand now."""
    return Marks({table: fetch(f"SELECT coalesce(max(id), 0) FROM {table}")[0][0] for table in APPENDED})  # noqa: S608


def twin_since(before: Marks, *, loan_ids: Sequence[int] = ()) -> Twin:
    """The twin of what was written since; `loan_ids` were changed whatever was appended."""
    written = {table: _appended(table, before.last[table]) for table in APPENDED}
    loans = sorted({*loan_ids, *(loan for rows in written.values() for loan, *_ in rows)})
    others = sorted(fetch(NEIGHBOURS, [loans, len(loans)]))
    moved_to = dict(zip(loans, others, strict=False))
    operation_ids = [row[1][0] for row in written["repayment_operation"]]
    fresh = dict(zip(operation_ids, next_ids(table="repayment_operation", count=len(operation_ids)), strict=True))
    return Twin(
        appended={table: list(_moved(table, rows, moved_to, fresh)) for table, rows in written.items()},
        changed={
            "repayment_installment": _bills(dict(fetch(BILLS_PAID, [before.last["repayment_transfer"]])), moved_to),
            "repayment_loan": _loans(moved_to),
        },
        share=len(moved_to) / len(loans) if loans else 1.0,
    )


def seconds_from_client(twin: Twin, *, chunk: int) -> float:
    """COPY and array updates in transactions of about `chunk` operations each: what a posting must send."""
    count = max(1, -(-len(twin.appended["repayment_operation"]) // chunk))

    def write(number: int) -> None:
        for table, rows in twin.appended.items():
            if part := _part(rows, number, count):
                copy_rows(table=table, columns=APPENDED[table], rows=part)
        for table, rows in twin.changed.items():
            update_rows(table=table, columns=CHANGED[table], rows=_part(rows, number, count))

    with Flush() as flush:
        return seconds_of(lambda: _rolled_back(write, range(count), flush)) / twin.share


def seconds_on_server(twin: Twin) -> float:
    """One INSERT or UPDATE a table, from rows that are on the server already, in one transaction."""
    tables = {**APPENDED, **{table: ("id", *columns) for table, columns in CHANGED.items()}}
    for table, columns in tables.items():
        names = ", ".join(f'"{name}"' for name in columns)
        execute(f"CREATE TABLE given_{table} AS SELECT {names} FROM {table} WHERE false")  # noqa: S608
        copy_rows(table=f"given_{table}", columns=columns, rows=(twin.appended | twin.changed)[table])
        execute(f"ANALYZE given_{table}")

    def write(_number: int) -> None:
        for table, columns in APPENDED.items():
            names = ", ".join(f'"{name}"' for name in columns)
            execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM given_{table}")  # noqa: S608
        for table, kinds in CHANGED.items():
            assignments = ", ".join(f"{name} = given.{name}" for name in kinds)
            execute(f"UPDATE {table} old SET {assignments} FROM given_{table} given WHERE given.id = old.id")  # noqa: S608

    try:
        with Flush() as flush:
            return seconds_of(lambda: _rolled_back(write, [0], flush)) / twin.share
    finally:
        for table in tables:
            execute(f"DROP TABLE given_{table}")


def seconds_of_rows(*, table: str, rows: str) -> float:
    """One INSERT of rows that are on the server already, in one transaction; `rows` is the SELECT that makes them."""
    execute(f"CREATE TABLE given_{table} AS {rows}")
    try:
        execute(f"ANALYZE given_{table}")
        found = fetch("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [f"given_{table}"])
        names = ", ".join(f'"{row[0]}"' for row in found)
        insert = f"INSERT INTO {table} ({names}) SELECT {names} FROM given_{table}"  # noqa: S608
        with Flush() as flush:
            return seconds_of(lambda: _rolled_back(lambda _number: execute(insert), [0], flush))
    finally:
        execute(f"DROP TABLE given_{table}")


class Flush:
    """A one-row table: committing to it writes out the log, that of transactions rolled back before included."""

    def __enter__(self) -> "Flush":
        execute("CREATE TABLE floor_flush AS SELECT 0 AS number")
        return self

    def __exit__(self, *_: object) -> None:
        execute("DROP TABLE floor_flush")

    def commit(self) -> None:
        """Write out the log."""
        execute("UPDATE floor_flush SET number = number + 1")


def _rolled_back(write: Callable[[int], object], numbers: Iterable[int], flush: Flush) -> None:
    for number in numbers:
        with transaction.atomic():
            write(number)
            execute("SET CONSTRAINTS ALL IMMEDIATE")
            transaction.set_rollback(True)
        flush.commit()


def _appended(table: str, after: int) -> list[tuple[int, tuple[Any, ...]]]:
    """(loan, row) of what was appended; JSON as the text COPY takes."""
    names = ", ".join("details::text" if name == "details" else f'"{name}"' for name in APPENDED[table])
    rows = fetch(f"SELECT loan_id, {names} FROM {table} WHERE id > %s ORDER BY id", [after])  # noqa: S608
    return [(row[0], row[1:]) for row in rows]


def _moved(
    table: str,
    rows: list[tuple[int, tuple[Any, ...]]],
    moved_to: dict[int, tuple[Any, ...]],
    fresh: dict[int, int],
) -> Iterator[tuple[Any, ...]]:
    columns = APPENDED[table]
    for loan, row in rows:
        if loan not in moved_to:
            continue
        values = dict(zip(columns, row, strict=True))
        values["loan_id"], values["borrower_id"] = moved_to[loan]
        key = "id" if table == "repayment_operation" else "operation_id"
        values[key] = fresh.get(values[key], values[key])
        if values.get("external_id"):
            values["external_id"] = f"floor {values[key]}"
        yield tuple(values.values())


def _bills(paid: dict[int, int], moved_to: dict[int, tuple[Any, ...]]) -> Rows:
    wanted = Counter({moved_to[loan][0]: count for loan, count in paid.items() if loan in moved_to})
    bills: Rows = []
    for loan, *row in fetch(PAID_BILLS, [sorted(wanted)]):
        if wanted[loan] > 0:
            wanted[loan] -= 1
            bills.append(tuple(row))
    return bills


def _loans(moved_to: dict[int, tuple[Any, ...]]) -> Rows:
    """The cached facts the work left on its loans, for the others."""
    names = ", ".join(("id", *LOAN_COLUMNS))
    rows = fetch(f"SELECT {names} FROM repayment_loan WHERE id = ANY(%s) ORDER BY id", [sorted(moved_to)])  # noqa: S608
    return [(moved_to[row[0]][0], *row[1:]) for row in rows]


def _part(rows: Rows, number: int, count: int) -> Rows:
    size = -(-len(rows) // count)
    return rows[number * size : (number + 1) * size]
