"""The stage: a SQLite file beside the run that holds every readable row of a tape, typed, until the loans are opened.

It bounds memory whatever the tape's size, adds amounts up exactly (whole hundredths), answers what refers to what,
gives a loan's rows together in loan order, and survives a kill, so that loading goes on where it stopped.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from backoffice.repayment.tape.format import TABLES, Column, Table

INTEGER_KINDS = ("amount", "integer", "boolean")
WRITE_BATCH = 20_000


class Stage:
    """One tape's stage. Rows of a table have its columns in order after (rowid, line, ok); `ok` 0 is a refused row."""

    def __init__(self, *, path: Path) -> None:
        self.path = path
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("PRAGMA temp_store = FILE")
        self._connection.execute("PRAGMA cache_size = -65536")
        self._pending: dict[str, list[Sequence[Any]]] = {}

    def create(self) -> None:
        """Empty tables for a fresh tape."""
        for table in TABLES:
            columns = ", ".join(f'"{column.name}" {_type_of(column)}' for column in table.columns)
            self._connection.execute(f'DROP TABLE IF EXISTS "{table.name}"')
            self._connection.execute(f'CREATE TABLE "{table.name}" (line INTEGER, ok INTEGER, {columns})')
        self._connection.executescript(
            """
            DROP TABLE IF EXISTS refused;
            CREATE TABLE refused (kind TEXT, subject TEXT, PRIMARY KEY (kind, subject)) WITHOUT ROWID;
            DROP TABLE IF EXISTS in_book;
            CREATE TABLE in_book (loan_id TEXT PRIMARY KEY) WITHOUT ROWID;
            DROP TABLE IF EXISTS ready;
            DROP TABLE IF EXISTS sealed;
            DROP TABLE IF EXISTS known_borrowers;
            DROP TABLE IF EXISTS known_products;
            """
        )

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def add(self, *, table: Table, line: int, values: Sequence[Any], is_ok: bool) -> None:
        """Put a row on the stage (written in batches; `flush` writes the rest)."""
        pending = self._pending.setdefault(table.name, [])
        pending.append((line, is_ok, *values))
        if len(pending) >= WRITE_BATCH:
            self._write(table.name)

    def refuse(self, *, kind: str, subject: str) -> None:
        """Leave out a loan, a borrower or a product as a whole."""
        self._connection.execute("INSERT OR IGNORE INTO refused VALUES (?, ?)", (kind, subject))

    def flush(self) -> None:
        """Write what is pending."""
        for name in list(self._pending):
            self._write(name)

    def index(self) -> None:
        """Make lookups by identifier fast; once all rows are on the stage."""
        self._connection.executescript(
            """
            CREATE INDEX IF NOT EXISTS product_by_code ON products (product_code);
            CREATE INDEX IF NOT EXISTS borrower_by_id ON borrowers (borrower_id);
            CREATE INDEX IF NOT EXISTS contact_by_borrower ON contact_points (borrower_id);
            CREATE INDEX IF NOT EXISTS loan_by_id ON loans (loan_id);
            CREATE INDEX IF NOT EXISTS loan_by_borrower ON loans (borrower_id);
            CREATE INDEX IF NOT EXISTS installment_by_loan ON installments (loan_id, number);
            CREATE INDEX IF NOT EXISTS payment_by_loan ON payments (loan_id, value_date);
            CREATE INDEX IF NOT EXISTS payment_by_id ON payments (payment_id);
            CREATE INDEX IF NOT EXISTS status_by_loan ON status_history (loan_id, "on");
            """
        )

    def rows(self, statement: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a query, streamed."""
        yield from self._connection.execute(statement, params)

    def one(self, statement: str, params: Sequence[Any] = ()) -> Any:
        """The first value of the first row of a query; None without rows."""
        row = self._connection.execute(statement, params).fetchone()
        return row[0] if row else None

    def run(self, statement: str, params: Sequence[Any] = ()) -> None:
        """A statement without an answer."""
        self._connection.execute(statement, params)

    def script(self, statements: str) -> None:
        """Several statements without answers."""
        self._connection.executescript(statements)

    def seal(self) -> None:
        """Say that the check of this tape was done to its end."""
        self.run("CREATE TABLE IF NOT EXISTS sealed (done INTEGER)")
        self.run("INSERT INTO sealed VALUES (1)")

    def is_sealed(self) -> bool:
        """True when a check was done to its end and the file is whole."""
        try:
            return bool(self.one("SELECT done FROM sealed")) and self.one("PRAGMA quick_check") == "ok"
        except sqlite3.DatabaseError:
            return False

    def run_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """A statement for many rows, in one transaction."""
        self._connection.execute("BEGIN")
        self._connection.executemany(statement, rows)
        self._connection.execute("COMMIT")

    def counts(self) -> dict[str, int]:
        """Rows read per table, refused ones included."""
        return {table.name: self.one(f'SELECT count(*) FROM "{table.name}"') for table in TABLES}  # noqa: S608

    def _write(self, name: str) -> None:
        rows = self._pending.pop(name, [])
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self.run_many(f'INSERT INTO "{name}" VALUES ({marks})', rows)  # noqa: S608 - names of the format


def _type_of(column: Column) -> str:
    return "INTEGER" if column.kind in INTEGER_KINDS else "TEXT"
