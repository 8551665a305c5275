"""Each row by itself: header, number of cells, every cell's type; readable rows go onto the stage."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from backoffice.repayment.tape.findings import Finding, Findings, TapeStopped
from backoffice.repayment.tape.format import IGNORED_PREFIX, LIMITS, TABLE_BY_NAME, Column, Table
from backoffice.repayment.tape.records import Record, read_records
from backoffice.repayment.tape.sources import TapeFile
from backoffice.repayment.tape.staging import Stage
from backoffice.repayment.tape.values import NotAValue, Parse, Staged, parser_of, shown

Progress = Callable[[str, int], None]
PROGRESS_EVERY = 10_000

# What is left out as a whole when a row of the table is refused. A bad contact point is left out alone.
REFUSED_WITH_ROW: dict[str, str] = {
    "products": "product",
    "borrowers": "borrower",
    "loans": "loan",
    "installments": "loan",
    "payments": "loan",
    "status_history": "loan",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a column of the table stands in the file (`position` -1 when it is left out), and how it is read."""

    column: Column
    position: int
    parse: Parse


def read_file(file: TapeFile, *, stage: Stage, findings: Findings, progress: Progress) -> None:
    """Put the rows of one file on the stage and report every row that cannot be read."""
    table = TABLE_BY_NAME[file.table]
    try:
        records = read_records(file)
        header = next(records, None)
        if header is None:
            raise TapeStopped(Finding(file.name, 1, "", "no_header"))
        problems = _header_problems(file.name, header.cells, table)
        for problem in problems:
            findings.add(problem)
        if problems:
            return
        _read_rows(file, table, header.cells, records, stage=stage, findings=findings, progress=progress)
    except TapeStopped as stopped:
        findings.add(stopped.finding)
    finally:
        stage.flush()


def _header_problems(file: str, header: Sequence[str], table: Table) -> list[Finding]:
    problems: list[Finding] = []
    seen: set[str] = set()
    for name in header:
        if name in seen:
            problems.append(Finding(file, 1, shown(name), "column_twice", {"name": shown(name)}))
        seen.add(name)
        if name not in table.names and not name.startswith(IGNORED_PREFIX):
            problems.append(Finding(file, 1, shown(name), "unknown_column", {"name": shown(name)}))
    problems += [
        Finding(file, 1, column.name, "missing_column", {"name": column.name})
        for column in table.columns
        if column.required and column.name not in seen
    ]
    return problems


def _read_rows(
    source: TapeFile,
    table: Table,
    header: Sequence[str],
    records: Iterator[Record],
    *,
    stage: Stage,
    findings: Findings,
    progress: Progress,
) -> None:
    file = source.name
    positions = {name: position for position, name in enumerate(header)}
    cells = [Cell(column, positions.get(column.name, -1), parser_of(column)) for column in table.columns]
    subject_at = positions.get(table.subject, -1)
    kind = REFUSED_WITH_ROW.get(table.name)
    width = len(header)
    read = 0
    for record in records:
        read += 1
        if read > LIMITS.rows_per_file:
            raise TapeStopped(Finding(file, record.line, "", "too_many_rows", {"most": str(LIMITS.rows_per_file)}))
        if read % PROGRESS_EVERY == 0:
            progress(file, read)
        row = record.cells
        if source.form == "csv" and "\n" in "".join(row) and _swallows_rows(row, cells, width):
            raise TapeStopped(Finding(file, record.line, "", "swallowed_lines"))
        if record.is_cut:
            # However many cells it has: the value it ends with may be cut too.
            raise TapeStopped(Finding(file, record.line, "", "cut_short"))
        if len(row) != width:
            is_ok, values = False, _values_of_uneven_row(cells, row, positions)
            findings.add(_uneven(file, record, width, row[subject_at] if subject_at < len(row) else ""))
        else:
            is_ok, values = _read_row(file, record.line, row, cells, subject_at, findings)
        if not is_ok and kind is not None and subject_at < len(row) and row[subject_at]:
            stage.refuse(kind=kind, subject=row[subject_at])
        stage.add(table=table, line=record.line, values=values, is_ok=is_ok)
    progress(file, read)


def _read_row(
    file: str, line: int, row: Sequence[str], cells: Sequence[Cell], subject_at: int, findings: Findings
) -> tuple[bool, list[Staged]]:
    values: list[Staged] = []
    is_ok = True
    for cell in cells:
        text = row[cell.position] if cell.position >= 0 else ""
        if not text:
            values.append(None)
            if cell.column.required:
                is_ok = False
                findings.add(Finding(file, line, cell.column.name, "missing_value", {}, shown(row[subject_at])))
            continue
        try:
            values.append(cell.parse(text))
        except NotAValue as error:
            is_ok = False
            values.append(None)
            findings.add(Finding(file, line, cell.column.name, error.code, error.params, shown(row[subject_at])))
    return is_ok, values


def _swallows_rows(row: Sequence[str], cells: Sequence[Cell], width: int) -> bool:
    """Whether a row over several lines holds rows of its own: between two quotes out of place, lines become a value.

    A note or an address may run over lines; an identifier, an amount or a day never does.
    """
    on_one_line = [cell.position for cell in cells if cell.column.kind not in ("text", "json") and cell.position >= 0]
    if len(row) != width or any("\n" in row[position] for position in on_one_line):
        return True
    return any(_holds_rows(text, at, cells, width) for at, text in enumerate(row) if "\n" in text)


def _holds_rows(text: str, at: int, cells: Sequence[Cell], width: int) -> bool:
    """Whether a cell holds a row between its lines, or begins with the end of one and ends as another begins."""
    first, *between = ([*line.split(",")] for line in text.splitlines())
    if any(_are_cells(line, 0, cells, width) for line in between):
        return True
    *_, last = between or [[]]
    return _are_cells(first[1:], at + 1, cells, width) and _are_cells(last[:at], 0, cells, at) and len(last) > at


def _are_cells(parts: Sequence[str], start: int, cells: Sequence[Cell], end: int) -> bool:
    """Whether the parts of a line can be the cells from one position up to another, and more."""
    if len(parts) < end - start:
        return False
    try:
        for cell in cells:
            if cell.column.required and start <= cell.position < end:
                cell.parse(parts[cell.position - start])
    except NotAValue:
        return False
    return True


def _uneven(file: str, record: Record, width: int, subject: str) -> Finding:
    params = {"found": str(len(record.cells)), "expected": str(width)}
    return Finding(file, record.line, "", "cell_count", params, shown(subject))


def _values_of_uneven_row(cells: Sequence[Cell], row: Sequence[str], positions: dict[str, int]) -> list[Staged]:
    """Only the identifiers, so that what refers to the row is not reported as an unknown reference as well."""
    return [
        row[cell.position] if cell.column.kind == "id" and 0 <= cell.position < len(row) else None for cell in cells
    ]
