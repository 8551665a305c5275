"""Where the files of a tape are: a folder, a .zip, or single files; nothing is unpacked by the name it has there."""

import lzma
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from backoffice.repayment.tape.findings import Finding, TapeStopped
from backoffice.repayment.tape.format import LIMITS, TABLE_BY_NAME, TABLES, TableName
from backoffice.repayment.tape.values import shown

Form = Literal["csv", "parquet"]
# Endings, longest first; the stem before them is the table's name.
ENDINGS: tuple[tuple[str, Form, bool], ...] = (
    (".csv.gz", "csv", True),
    (".csv", "csv", False),
    (".parquet", "parquet", False),
)
# What zip programs and file managers leave behind.
CLUTTER = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")

ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OSError,
    ValueError,
    LookupError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class TapeFile:
    """One file of the tape: the table it holds, its form, and where its bytes are."""

    table: TableName
    name: str
    form: Form
    is_gzip: bool
    path: Path
    member: str = ""

    def open(self) -> IO[bytes]:
        """The bytes as stored (a gzip member still compressed). Raises TapeStopped for a damaged archive."""
        if not self.member:
            return self.path.open("rb")
        try:
            # The member keeps the archive's file open for itself.
            with zipfile.ZipFile(self.path) as archive:
                return archive.open(self.member)
        except ARCHIVE_ERRORS as error:
            raise TapeStopped(damaged(self.name, error)) from error
        except RuntimeError as error:
            # zipfile says so, and nothing else, when a password is needed.
            raise TapeStopped(Finding(self.name, 0, "", "archive_encrypted")) from error


def damaged(name: str, error: Exception) -> Finding:
    """The finding for an archive that cannot be read on."""
    return Finding(name, 0, "", "archive_damaged", {"detail": shown(str(error)) or type(error).__name__})


def find_files(*, paths: list[Path]) -> tuple[list[TapeFile], list[Finding]]:
    """The files of a tape in reading order, and what is wrong with the set of them.

    `paths` is one folder, one .zip, or the single files. Never raises for what the paths hold.
    """
    found: list[TapeFile] = []
    findings: list[Finding] = []
    for path in paths:
        files, problems = _look_into(path)
        found += files
        findings += problems
    by_table: dict[str, TapeFile] = {}
    for file in found:
        first = by_table.setdefault(file.table, file)
        if first is not file:
            params = {"name": file.table, "first": first.name, "second": file.name}
            findings.append(Finding(file.name, 0, "", "file_twice", params))
    if not found and not findings:
        findings.append(Finding(_shown_name(paths), 0, "", "tape_empty"))
    elif found:
        findings += [
            Finding(table.name, 0, "", "missing_file", {"name": table.name})
            for table in TABLES
            if table.is_required and table.name not in by_table
        ]
    return [by_table[table.name] for table in TABLES if table.name in by_table], findings


def _look_into(path: Path) -> tuple[list[TapeFile], list[Finding]]:
    if path.is_dir():
        return _sorted_out([(entry.name, entry, "") for entry in sorted(path.iterdir()) if entry.is_file()])
    if not path.is_file():
        return [], [Finding(path.name, 0, "", "tape_not_found")]
    if path.suffix.lower() == ".zip" or _is_zip(path):
        return _look_into_archive(path)
    return _sorted_out([(path.name, path, "")])


def _look_into_archive(path: Path) -> tuple[list[TapeFile], list[Finding]]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except ARCHIVE_ERRORS as error:
        return [], [damaged(path.name, error)]
    members = [info for info in members if not _is_clutter(info.filename)]
    if len(members) > LIMITS.archive_members:
        return [], [Finding(path.name, 0, "", "too_many_members", {"most": str(LIMITS.archive_members)})]
    if sum(info.file_size for info in members) > LIMITS.tape_bytes:
        return [], [Finding(path.name, 0, "", "tape_too_big", {"most": str(LIMITS.tape_bytes >> 20)})]
    return _sorted_out([(PurePosixPath(info.filename).name, path, info.filename) for info in members])


def _sorted_out(entries: list[tuple[str, Path, str]]) -> tuple[list[TapeFile], list[Finding]]:
    files: list[TapeFile] = []
    findings: list[Finding] = []
    for name, path, member in entries:
        if _is_clutter(name):
            continue
        file = _tape_file(name, path, member)
        if file is None:
            known = ", ".join(table.name for table in TABLES)
            findings.append(Finding(shown(name), 0, "", "unknown_file", {"name": shown(name), "known": known}))
        else:
            files.append(file)
    return files, findings


def _tape_file(name: str, path: Path, member: str) -> TapeFile | None:
    for ending, form, is_gzip in ENDINGS:
        if name.lower().endswith(ending):
            table = TABLE_BY_NAME.get(name[: -len(ending)].lower())
            if table is None:
                return None
            return TapeFile(table=table.name, name=name, form=form, is_gzip=is_gzip, path=path, member=member)
    return None


def _is_clutter(name: str) -> bool:
    return name.startswith(CLUTTER) or PurePosixPath(name).name.startswith(("._", ".")) or name in CLUTTER


def _is_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"PK\x03\x04"


def _shown_name(paths: list[Path]) -> str:
    return shown(", ".join(path.name for path in paths))
