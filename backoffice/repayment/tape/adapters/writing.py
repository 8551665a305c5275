"""Writing a tape: one CSV per table with the columns of the format, and the control file that counts the rows."""

import csv
import gzip
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

from backoffice.core.errors import Refusal
from backoffice.core.words import phrase
from backoffice.repayment.tape.format import TABLE_BY_NAME, TableName

Value = str | int | Decimal | date | None


class SourceMissing(Refusal):
    """The folder of a data set lacks one of its files."""

    code: ClassVar[str] = "repayment.source_missing"


@dataclass(slots=True)
class Conversion:
    """What an adapter did: the shift in days, and how often each rule that leaves out or derives was used."""

    shift_days: int = 0
    used: Counter[str] = field(default_factory=Counter)


class TapeWriter:
    """Writes the tables of one tape into a folder; a context manager, which closes the files and writes the control."""

    def __init__(self, *, folder: Path) -> None:
        self.folder = folder
        self.rows: Counter[str] = Counter()
        self._stack = ExitStack()
        self._writers: dict[str, Any] = {}

    def __enter__(self) -> "TapeWriter":
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.glob("*.csv"):
            old.unlink()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            for name, rows in list(self.rows.items()):
                self.add("control", file=name, rows=rows)
        self._stack.close()

    def add(self, table: TableName, /, **values: Value) -> None:
        """One row; columns left out are empty."""
        columns = TABLE_BY_NAME[table].columns
        writer = self._writers.get(table)
        if writer is None:
            stream = self._stack.enter_context((self.folder / f"{table}.csv").open("w", encoding="utf-8", newline=""))
            writer = self._writers[table] = csv.writer(stream)
            writer.writerow([column.name for column in columns])
        unknown = values.keys() - TABLE_BY_NAME[table].names
        if unknown:
            msg = f"{table} has no column {', '.join(sorted(unknown))}"
            raise KeyError(msg)
        if table != "control":
            self.rows[table] += 1
        writer.writerow([_text(values.get(column.name)) for column in columns])


def read_source(folder: Path, name: str) -> Iterator[Mapping[str, str]]:
    """The rows of a set's file (gzip, UTF-8, header). Raises SourceMissing."""
    path = folder / name
    if not path.is_file():
        raise SourceMissing(
            phrase("The file %(name)s is not in %(folder)s.", name=name, folder=folder.name),
            next_step=phrase("Point to the folder that holds the data sets."),
        )
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def _text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)
