"""A pack as plain values for JSON, and the digest of its text."""

import hashlib
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

from backoffice.outreach.domain.packs import Pack


def to_json(pack: Pack) -> dict[str, Any]:
    """Every field of a pack, its rules and its vectors as JSON holds them; sets in alphabetical order."""
    written: dict[str, Any] = _written(pack)
    return written


def digest_of(text: str) -> str:
    """SHA-256 of the text, with line ends as Unix writes them: the same pack from any machine."""
    return hashlib.sha256(tidy(text).encode()).hexdigest()


def tidy(text: str) -> str:
    """The text with Unix line ends and one at the end, as it is stored."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip() + "\n"


def _written(value: Any) -> Any:
    if is_dataclass(value):
        return {each.name: _written(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_written(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return value
