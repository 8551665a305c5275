"""Message catalogues compiled and checked in Python, so that no machine needs GNU gettext."""

import io
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Something wrong in a catalogue: the file, the line of the message, and what it is."""

    file: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


def catalogues(*, folders: list[Path]) -> list[Path]:
    """All message catalogues below the locale folders, in alphabetical order."""
    return sorted(file for folder in folders for file in folder.glob("*/LC_MESSAGES/*.po"))


def compile_all(*, folders: list[Path]) -> list[Path]:
    """Writes the compiled form beside each catalogue that is newer than it; gives the catalogues compiled."""
    compiled = []
    for source in catalogues(folders=folders):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        binary = io.BytesIO()
        write_mo(binary, _read(source))
        # Another process may compile the same file at this moment: each moves a finished file into place.
        draft = target.with_name(f"{target.name}.{id(binary)}.new")
        draft.write_bytes(binary.getvalue())
        draft.replace(target)
        compiled.append(source)
    return compiled


def flaws(*, folders: list[Path]) -> list[Flaw]:
    """Messages that are untranslated, only guessed (fuzzy), or whose placeholders differ from the original's."""
    found = []
    for source in catalogues(folders=folders):
        try:
            catalog = _read(source, strict=True)
        except PoFileError as error:
            found.append(Flaw(file=source, line=error.lineno + 1, reason=str(error)))
            continue
        for message in catalog:
            if not message.id:
                continue
            texts = message.string if isinstance(message.string, (list, tuple)) else [message.string]
            line = message.lineno or 0
            if not all(texts):
                found.append(Flaw(file=source, line=line, reason=f"not translated: {message.id!r}"))
            elif message.fuzzy:
                found.append(Flaw(file=source, line=line, reason=f"marked fuzzy: {message.id!r}"))
            else:
                found += [Flaw(file=source, line=line, reason=str(error)) for error in message.check()]
    return found


def _read(source: Path, *, strict: bool = False) -> Catalog:
    """The catalogue; what cannot be read is left out, or raises `PoFileError` when `strict`."""
    with source.open("rb") as file:
        return read_po(file, locale=source.parent.parent.name, abort_invalid=strict)
