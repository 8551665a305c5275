"""A file of the tape as rows of text: decoded, cut into lines and cells, with bounded memory whatever it holds.

Lines are physical lines of the file as stored, the header is line 1. A Parquet file is turned into such rows by a
process of its own (`parquet_rows`), because a damaged one may take its reader down with it; its "lines" count on from
the header that a CSV file would have.
"""

import codecs
import csv
import gzip
import json
import os
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from backoffice.repayment.tape.findings import Finding, TapeStopped
from backoffice.repayment.tape.format import LIMITS
from backoffice.repayment.tape.sources import ARCHIVE_ERRORS, TapeFile, damaged
from backoffice.repayment.tape.values import shown

BLOCK_BYTES = 1 << 20
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
PARQUET_ENDS = b"PAR1"
PARQUET_ERROR_BYTES = 4_000
PARQUET_SECONDS = 3_600

# The longest cell csv lets through; a longer one is an unfinished quote in all but name.
csv.field_size_limit(LIMITS.line_bytes)


@dataclass(frozen=True, slots=True)
class Record:
    """One row: `line` is where it begins; `is_cut` when it is the last and its line never ends."""

    line: int
    cells: list[str]
    is_cut: bool = False


def read_records(file: TapeFile) -> Iterator[Record]:
    """The rows of a file, header first. Raises TapeStopped at the first thing that cannot be read past."""
    if file.form == "parquet":
        with _parquet_lines(file) as stream:
            yield from _records(file.name, _lines(file.name, _blocks(file.name, stream)))
        return
    with file.open() as stored, _unpacked(file, stored) as stream:
        yield from _records(file.name, _lines(file.name, _blocks(file.name, stream)))


def _unpacked(file: TapeFile, stored: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=stored)) if file.is_gzip else stored


def _blocks(name: str, stream: IO[bytes]) -> Iterator[bytes]:
    read = 0
    while True:
        try:
            block = stream.read(BLOCK_BYTES)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            detail = {"detail": shown(str(error)) or type(error).__name__}
            raise TapeStopped(Finding(name, 0, "", "compressed_damaged", detail)) from error
        except ARCHIVE_ERRORS as error:
            raise TapeStopped(damaged(name, error)) from error
        if not block:
            return
        read += len(block)
        if read > LIMITS.file_bytes:
            raise TapeStopped(Finding(name, 0, "", "file_too_big", {"most": str(LIMITS.file_bytes >> 20)}))
        yield block


def _lines(name: str, blocks: Iterator[bytes]) -> Iterator[str]:
    """Physical lines with their line ends, decoded; the byte order mark of UTF-8 is dropped."""
    number = 0
    rest = b""
    for block in blocks:
        pieces = (rest + block).split(b"\n")
        rest = pieces.pop()
        if len(rest) > LIMITS.line_bytes:
            raise TapeStopped(_too_long(name, number + len(pieces) + 1))
        for piece in pieces:
            number += 1
            yield _decoded(name, number, piece) + "\n"
    if rest:
        yield _decoded(name, number + 1, rest)


def _decoded(name: str, number: int, line: bytes) -> str:
    if number == 1:
        if line.startswith(UTF16_MARKS):
            raise TapeStopped(Finding(name, 1, "", "encoding_utf16"))
        line = line.removeprefix(codecs.BOM_UTF8)
    if len(line) > LIMITS.line_bytes:
        raise TapeStopped(_too_long(name, number))
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        params = {"byte": f"0x{line[error.start]:02X}", "position": str(error.start + 1)}
        raise TapeStopped(Finding(name, number, "", "encoding", params)) from error


def _too_long(name: str, number: int) -> Finding:
    return Finding(name, number, "", "line_too_long", {"most": str(LIMITS.line_bytes >> 10)})


def _records(name: str, lines: Iterator[str]) -> Iterator[Record]:
    last_line = ""

    def tapped() -> Iterator[str]:
        nonlocal last_line
        for line in lines:
            last_line = line
            yield line

    reader = csv.reader(tapped(), strict=True)
    while True:
        first_line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise TapeStopped(_not_csv(name, first_line, error)) from error
        if cells is None:
            return
        if cells:
            yield Record(line=first_line, cells=cells, is_cut=not last_line.endswith("\n"))


def _not_csv(name: str, line: int, error: csv.Error) -> Finding:
    detail = str(error)
    if "unexpected end of data" in detail or "field larger than field limit" in detail:
        return Finding(name, line, "", "unfinished_quote")
    return Finding(name, line, "", "not_csv", {"detail": shown(detail)})


@contextmanager
def _parquet_lines(file: TapeFile) -> Iterator[IO[bytes]]:
    """The rows of a Parquet file as CSV bytes, written by a process that may die without harm to this one."""
    with tempfile.TemporaryDirectory(prefix="tape-") as folder:
        path = file.path
        if file.member:
            path = _copied_member(file, folder)
        _check_parquet_ends(file.name, path)
        memory = LIMITS.parquet_memory_bytes
        arguments = [sys.executable, "-m", "backoffice.repayment.tape.parquet_rows", str(path), str(memory)]
        with (
            tempfile.TemporaryFile() as complaints,
            subprocess.Popen(
                arguments,
                stdout=subprocess.PIPE,
                stderr=complaints,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "POLARS_MAX_THREADS": "1"},
            ) as child,
        ):
            assert child.stdout is not None  # noqa: S101 - it is a pipe by the line above
            try:
                yield child.stdout
                child.stdout.close()
                status = child.wait(timeout=PARQUET_SECONDS)
            finally:
                child.kill()
            if status != 0:
                complaints.seek(0)
                raise TapeStopped(_parquet_finding(file.name, complaints.read(PARQUET_ERROR_BYTES)))


def _copied_member(file: TapeFile, folder: str) -> Path:
    target = Path(folder, "member.parquet")
    with file.open() as stored, target.open("wb") as copy:
        for block in _blocks(file.name, stored):
            copy.write(block)
    return target


def _check_parquet_ends(name: str, path: Path) -> None:
    with path.open("rb") as stream:
        head = stream.read(4)
        size = stream.seek(0, 2)
        stream.seek(max(0, size - 4))
        tail = stream.read(4)
    if head != PARQUET_ENDS or tail != PARQUET_ENDS or size < 12:
        raise TapeStopped(Finding(name, 0, "", "parquet_damaged", {"detail": "PAR1"}))


def _parquet_finding(name: str, complaint: bytes) -> Finding:
    """What the reading process said in its last line, as a finding."""
    lines = complaint.decode("utf-8", "replace").strip().splitlines()
    try:
        said = json.loads(lines[-1])
        return Finding(name, 1, said["field"], said["code"], said["params"])
    except (IndexError, ValueError, KeyError, TypeError):
        return Finding(name, 0, "", "parquet_damaged", {"detail": shown(lines[-1] if lines else "")})
