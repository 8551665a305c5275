"""The gate's statements, put together from their files: numbered parameters, and what is written into the text."""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from backoffice.customers.domain.places import zones_by_country
from backoffice.outreach.domain.dispositions import CODES

SQL = Path(__file__).resolve().parent.parent / "sql"

ABSORBED = """UNION
    SELECT member.n, absorbed.id
    FROM member JOIN customers_borrower absorbed ON absorbed.merged_into_id = member.borrower_id"""
PARAMETERS = {
    "n": "int[]",
    "borrowers": "bigint[]",
    "endpoints": "bigint[]",
    "loans": "bigint[]",
    "ats": "timestamptz[]",
    "before": "bigint[]",
    "rules": "jsonb",
    "channel": "text",
    "purpose": "text",
    "is_marketing": "boolean",
    "is_by_number": "boolean",
    "hold_scope": "text",
    "passing_effects": "text[]",
    "endpoint_kind": "text",
    "horizon": "int",
    "named_countries": "text[]",
    "holiday_countries": "text[]",
    "holiday_days": "date[]",
    "actor_scope": "text",
    "party": "text",
    "message_id": "bigint",
    "packs": "text",
    "actor_id": "bigint",
    "actor_name": "text",
}
"""Names and types of everything the gate's statements take, in the order of their numbers."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with numbered parameters, and the names of those in their order."""

    text: bytes
    order: tuple[str, ...]


@lru_cache(maxsize=16)
def statement(*names: str, is_single: bool = False) -> Statement:
    """Files one after the other as one statement. `is_single`: for one contact, where small tables are kept."""
    text = filled(*names, is_single=is_single, knows_anything=True)
    order: list[str] = []

    def numbered(match: re.Match[str]) -> str:
        if match["name"] not in order:
            order.append(match["name"])
        return f"${order.index(match['name']) + 1}"

    return Statement(re.sub(r"%\((?P<name>\w+)\)s", numbered, text).encode(), tuple(order))


def filled(*names: str, is_single: bool, knows_anything: bool) -> str:
    """The text of the files, with what is written into it; parameters still by name."""
    text = "\n".join((SQL / name).read_text() for name in names)
    for place, words in (
        ("{codes}", _codes()),
        ("{zones}", _zones()),
        ("{absorbed}", ABSORBED if knows_anything else ""),
        ("{said}", "true" if knows_anything else "false"),
        ("{kept}", "MATERIALIZED" if knows_anything else "NOT MATERIALIZED"),
        ("{applies_kept}", "MATERIALIZED" if is_single else "NOT MATERIALIZED"),
    ):
        text = text.replace(place, words)
    return text


@lru_cache(maxsize=1)
def reserve_function() -> tuple[str, str]:
    """The name of the database function that reserves a contact, and the statement that makes it."""
    place = {name: f"${number}" for number, name in enumerate(PARAMETERS, start=1)}

    def body(*, knows_anything: bool) -> str:
        text = filled("gate.sql", "gate_reserve.sql", is_single=True, knows_anything=knows_anything)
        return re.sub(r"%\((?P<name>\w+)\)s", lambda match: place[match["name"]], text)

    text = (SQL / "reserve_function.sql").read_text()
    parts = {
        "arguments": ", ".join(PARAMETERS.values()),
        "everything": body(knows_anything=True),
        "nothing_said": body(knows_anything=False),
        **{name: place[name] for name in ("borrowers", "endpoints", "is_by_number", "purpose")},
    }
    for name, words in parts.items():
        text = text.replace(f"{{{name}}}", words)
    function = f"outreach_reserve_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return function, text.replace("{name}", function)


def made_by_migration(*, name: str) -> str:
    """What a migration that names a function runs: its text, or nothing when the gate's text has moved on since."""
    current, text = reserve_function()
    return text if name == current else "SELECT 1"


def _codes() -> str:
    """What each disposition counts as, as rows."""
    names = ("attempt", "call", "unanswered", "conversation", "talked", "message")
    rows = ((code, [str(getattr(counts, name)).lower() for name in names]) for code, counts in CODES.items())
    return ", ".join(f"('{code}', {', '.join(flags)})" for code, flags in rows)


def _zones() -> str:
    """The zones of each country, as rows."""
    pairs = ((country, zone) for country, zones in zones_by_country().items() for zone in zones)
    return ", ".join(f"('{country}', '{zone}')" for country, zone in pairs)
