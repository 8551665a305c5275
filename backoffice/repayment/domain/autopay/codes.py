"""What a rail's answer means: its code belongs to a family, and the family decides what follows (`mechanics 3.7`).

Codes are data (`repayment/data/return_codes.toml`), one table per scheme. A code that no table has is unmapped: nobody
may guess its family, so `family_of` answers None and the caller treats the debit as unknown and raises an alarm.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).parents[2] / "data" / "return_codes.toml"

UNIONPAY: Final = "unionpay"
ISO20022: Final = "iso20022"
SCHEMES: Final = (UNIONPAY, ISO20022)

_TEXTS: Final = ("code", "family", "en", "zh", "source", "confidence")
_MARKS: Final = ("was_debited", "period_spent", "not_taken")


class Family(StrEnum):
    """What an answer comes down to."""

    DONE = "done"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    LIMIT = "limit"
    CARD_INVALID = "card_invalid"
    AGREEMENT = "agreement"
    IDENTITY = "identity"
    RISK = "risk"
    BUSY = "busy"
    UNKNOWN = "unknown"
    DUPLICATE = "duplicate"
    MERCHANT = "merchant"
    REQUEST = "request"
    EXPIRED = "expired"
    RETURNED_BY_PAYER = "returned_by_payer"
    DECEASED = "deceased"


class Confidence(StrEnum):
    """How sure a meaning is: published, read in public code, or common knowledge."""

    PUBLISHED = "P"
    PUBLIC_CODE = "C"
    COMMON_KNOWLEDGE = "K"


class BadCodes(ValueError):
    """The table of codes cannot be used; the message names the entry at fault."""


@dataclass(frozen=True, slots=True)
class ReturnCode:
    """One code of one scheme, with its meaning for people.

    `was_debited`: the money has left the account although the code reads like a failure (42, 74, 75 of UnionPay).
    `period_spent`: the limit of a month or year is used up, so that no smaller part goes through before the next.
    `not_taken`: by the rail's contract it proves that the debit was not accepted, though others of its family do not.
    """

    scheme: str
    code: str
    family: Family
    en: str
    zh: str
    source: str
    confidence: Confidence
    was_debited: bool
    period_spent: bool = False
    not_taken: bool = False


@dataclass(frozen=True, slots=True)
class Codes:
    """All codes known, by scheme and code."""

    by_scheme: Mapping[str, Mapping[str, ReturnCode]]

    def find(self, *, scheme: str, code: str) -> ReturnCode | None:
        """The code of a scheme; None when nobody mapped it."""
        return self.by_scheme.get(scheme, {}).get(code)

    def __iter__(self) -> Iterator[ReturnCode]:
        """Every code, in the order of the table."""
        return (each for codes in self.by_scheme.values() for each in codes.values())


def read_codes(text: str) -> Codes:
    """The codes a TOML text lists. Raises BadCodes for a scheme, family or field that is not known, or a code twice."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadCodes(str(error)) from error
    by_scheme: dict[str, dict[str, ReturnCode]] = {scheme: {} for scheme in SCHEMES}
    for scheme, entries in tables.items():
        if scheme not in by_scheme or not isinstance(entries, list):
            msg = f"{scheme} is not a scheme"
            raise BadCodes(msg)
        for number, entry in enumerate(entries, start=1):
            read = _read(entry, scheme=scheme, place=f"{scheme} entry {number}")
            if read.code in by_scheme[scheme]:
                msg = f"{scheme} entry {number}: {read.code} stands twice"
                raise BadCodes(msg)
            by_scheme[scheme][read.code] = read
    return Codes(by_scheme)


@cache
def shipped_codes() -> Codes:
    """The codes this product ships with."""
    return read_codes(FILE.read_text(encoding="utf-8"))


def family_of(scheme: str, code: str) -> Family | None:
    """The family of a code as shipped; None when nobody mapped it: unknown, and an alarm."""
    found = shipped_codes().find(scheme=scheme, code=code)
    return found.family if found else None


def _read(entry: Any, *, scheme: str, place: str) -> ReturnCode:
    if not isinstance(entry, dict):
        msg = f"{place} is not a table"
        raise BadCodes(msg)
    if strange := sorted(entry.keys() - {*_TEXTS, *_MARKS}):
        msg = f"{place}: {strange[0]} is not known"
        raise BadCodes(msg)
    for name in _TEXTS:
        value = entry.get(name)
        if not isinstance(value, str) or not value.strip():
            msg = f"{place}: {name} must be a text"
            raise BadCodes(msg)
    for name in _MARKS:
        if not isinstance(entry.get(name, False), bool):
            msg = f"{place}: {name} must be true or false"
            raise BadCodes(msg)
    try:
        family, confidence = Family(entry["family"]), Confidence(entry["confidence"])
    except ValueError as error:
        msg = f"{place}: {error}"
        raise BadCodes(msg) from error
    return ReturnCode(
        scheme=scheme,
        code=entry["code"],
        family=family,
        en=entry["en"],
        zh=entry["zh"],
        source=entry["source"],
        confidence=confidence,
        was_debited=entry.get("was_debited", False),
        period_spent=entry.get("period_spent", False),
        not_taken=entry.get("not_taken", False),
    )
