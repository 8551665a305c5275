"""The floor under a piece of work: the rows it appended and changed, written again by bare statements, nothing else.

Appended rows go to empty twins of their tables (same columns, indexes and checks, no foreign keys), changed rows are
set to what they already are. Twins start empty and refer to nothing, which flatters the floor: the ratios are strict.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import transaction

from backoffice.config.benches.results import seconds_of
from backoffice.core.bulk import copy_rows, execute, fetch, update_rows
from backoffice.repayment.services.writing import CHANGED_BILL_COLUMNS, LOAN_COLUMNS

APPENDED = ("repayment_operation", "repayment_transfer", "repayment_bucketmove")
CHANGED: dict[str, dict[str, str]] = {
    "repayment_installment": CHANGED_BILL_COLUMNS,
    "repayment_loan": dict(LOAN_COLUMNS),
}
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Marks:
    """The last id of each table that only grows, before the work."""

    last: dict[str, int]


@dataclass(frozen=True, slots=True)
class Written:
    """What the work wrote: appended rows and changed rows by table, the columns of the appended ones."""

    columns: dict[str, tuple[str, ...]]
    appended: dict[str, Rows]
    changed: dict[str, Rows]

    def counts(self) -> dict[str, int]:
        """Rows by table."""
        return {table: len(rows) for table, rows in (*self.appended.items(), *self.changed.items())}


def marks() -> Marks:
    """Where the tables stand now."""
    return Marks({table: fetch(f"SELECT coalesce(max(id), 0) FROM {table}")[0][0] for table in APPENDED})  # noqa: S608


def written_since(before: Marks, *, loan_ids: Sequence[int] = ()) -> Written:
    """What was appended since, and the bills and loans it changed; `loan_ids` were changed whatever was appended."""
    columns = {table: _columns(table) for table in APPENDED}
    appended = {
        table: fetch(
            f"SELECT {', '.join(_quoted(columns[table]))} FROM {table} WHERE id > %s ORDER BY id",  # noqa: S608
            [before.last[table]],
        )
        for table in APPENDED
    }
    loan_of = {table: columns[table].index("loan_id") for table in APPENDED}
    loans = sorted({*loan_ids, *(row[loan_of[table]] for table in APPENDED for row in appended[table])})
    bills = _changed_bills(before.last["repayment_transfer"])
    return Written(
        columns=columns,
        appended=appended,
        changed={
            "repayment_installment": _current("repayment_installment", bills),
            "repayment_loan": _current("repayment_loan", loans),
        },
    )


def seconds_from_client(written: Written, *, chunk: int) -> float:
    """COPY and array updates in transactions of about `chunk` operations, each committed: what a posting must send."""
    transactions = max(1, -(-len(written.appended["repayment_operation"]) // chunk))
    parts = [
        (table, columns, _parts(rows, transactions))
        for table, columns, rows in (
            *((f"floor_{table}", written.columns[table], rows) for table, rows in written.appended.items()),
            *((table, None, rows) for table, rows in written.changed.items()),
        )
    ]
    with Twins():
        return seconds_of(lambda: [_write_part([next(part) for *_, part in parts], parts) for _ in range(transactions)])


def seconds_on_server(written: Written) -> float:
    """One INSERT or UPDATE a table from rows that are on the server already, in one transaction."""
    with Twins():
        for table, rows in written.appended.items():
            names = ", ".join(f'"{name}"' for name in written.columns[table])
            execute(f"CREATE UNLOGGED TABLE given_{table} AS SELECT {names} FROM {table} WHERE false")  # noqa: S608
            copy_rows(table=f"given_{table}", columns=written.columns[table], rows=rows)
            execute(f"ANALYZE given_{table}")
        for table, rows in written.changed.items():
            execute(f"CREATE UNLOGGED TABLE given_{table} AS SELECT * FROM {table} WHERE false")  # noqa: S608
            copy_rows(table=f"given_{table}", columns=("id", *CHANGED[table]), rows=rows)
            execute(f"ANALYZE given_{table}")
        try:
            return seconds_of(lambda: _write_on_server(written))
        finally:
            for table in (*written.appended, *written.changed):
                execute(f"DROP TABLE given_{table}")


@transaction.atomic
def _write_on_server(written: Written) -> None:
    for table in written.appended:
        names = ", ".join(f'"{name}"' for name in written.columns[table])
        execute(f"INSERT INTO floor_{table} ({names}) SELECT {names} FROM given_{table}")  # noqa: S608
    for table in written.changed:
        assignments = ", ".join(f"{name} = given.{name}" for name in CHANGED[table])
        execute(f"UPDATE {table} old SET {assignments} FROM given_{table} given WHERE given.id = old.id")  # noqa: S608


@transaction.atomic
def _write_part(rows_by_part: Sequence[Rows], parts: Sequence[tuple[str, tuple[str, ...] | None, Any]]) -> None:
    for (table, columns, _), rows in zip(parts, rows_by_part, strict=True):
        if columns is None:
            update_rows(table=table, columns=CHANGED[table], rows=rows)
        elif rows:
            copy_rows(table=table, columns=columns, rows=rows)


class Twins:
    """Empty twins of the tables that grow, for as long as the floor is measured."""

    def __enter__(self) -> None:
        for table in APPENDED:
            execute(f"CREATE TABLE floor_{table} (LIKE {table} INCLUDING ALL)")

    def __exit__(self, *_: object) -> None:
        for table in APPENDED:
            execute(f"DROP TABLE floor_{table}")


def _columns(table: str) -> tuple[str, ...]:
    rows = fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_name <> 'created_at' "
        "ORDER BY ordinal_position",
        [table],
    )
    return tuple(row[0] for row in rows)


def _quoted(columns: Sequence[str]) -> list[str]:
    # `details` is JSON: as text it can be copied back.
    return ["details::text" if name == "details" else f'"{name}"' for name in columns]


def _changed_bills(after_transfer: int) -> list[int]:
    """Bills a transfer since then names: those paid, waived or charged; suspense and disbursements name none."""
    return [
        row[0]
        for row in fetch(
            "SELECT DISTINCT bill.id FROM repayment_transfer moved JOIN repayment_installment bill "
            "ON bill.loan_id = moved.loan_id AND bill.number = moved.installment_number AND bill.to_version IS NULL "
            "WHERE moved.id > %s ORDER BY 1",
            [after_transfer],
        )
    ]


def _current(table: str, ids: Sequence[int]) -> Rows:
    names = ", ".join(("id", *CHANGED[table]))
    return fetch(f"SELECT {names} FROM {table} WHERE id = ANY(%s) ORDER BY id", [list(ids)])  # noqa: S608


def _parts(rows: Rows, count: int) -> Iterator[Rows]:
    rest = iter(rows)
    size = -(-len(rows) // count) or 1
    for _ in range(count):
        yield list(islice(rest, size))
