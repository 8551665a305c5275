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
ABSORBED_THEN = """UNION
    SELECT member.n, merge.absorbed_id
    FROM member
    JOIN request ON request.n = member.n
    JOIN customers_merge merge ON merge.survivor_id = member.borrower_id AND merge.merged_at <= request.known_at
        AND (merge.undone_at IS NULL OR merge.undone_at > request.known_at)"""
NOW = (
    ABSORBED,
    "",
    "customers_contactpoint point ON point.borrower_id = member.borrower_id",
    "customers_hold hold ON hold.borrower_id = member.borrower_id",
    "",
)
THEN = (
    ABSORBED_THEN,
    "gate_then.sql",
    "point_then point ON point.n = member.n AND point.borrower_id = member.borrower_id",
    "hold_then hold ON hold.n = member.n AND hold.borrower_id = member.borrower_id",
    "id < seen.before DESC, ",
)
"""What differs where the past is judged: who belongs to the person, what says it, their points and holds, and which
result of an earlier contact counts first."""
GIVEN_RULES = """SELECT * FROM jsonb_to_recordset(%(rules)s::jsonb) AS rule (
        id text, kind text, countries text[], is_default boolean, channels text[], counted_purposes text[],
        counted_scopes text[],
        from_minute int, to_minute int, days int[], is_closed_on_holidays boolean,
        most int, per text, counts text, days_window int, minutes_window int, quiet_days int, within_days int,
        excepts text[]
    )"""
KEPT_RULES = """SELECT rule AS id, kind, countries, is_default, channels, counted_purposes, counted_scopes,
        from_minute, to_minute, days, is_closed_on_holidays, most, per, counts, days_window, minutes_window, quiet_days,
        within_days, excepts
    FROM outreach_compiledrule WHERE key = %(rule_key)s::uuid"""
PARAMETERS = {
    "n": "int[]",
    "borrowers": "bigint[]",
    "endpoints": "bigint[]",
    "loans": "bigint[]",
    "ats": "timestamptz[]",
    "before": "bigint[]",
    "rule_key": "uuid",
    "rule_count": "int",
    "generation": "uuid",
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
"""Names and types of everything the function that reserves takes, in the order of their numbers."""


STALE = "core.stale"
"""What the function answers when the packs moved on, or the rules are not kept yet: nothing was judged."""
TOLD_TO_THE_FUNCTION = (
    "borrowers",
    "endpoints",
    "ats",
    "horizon",
    "is_by_number",
    "purpose",
    "rule_key",
    "rule_count",
    "generation",
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with numbered parameters, and the names of those in their order."""

    text: bytes
    order: tuple[str, ...]


@lru_cache(maxsize=16)
def statement(*names: str, is_single: bool = False, is_past: bool = False) -> Statement:
    """Files one after the other as one statement. `is_single`: for one contact, where small tables are kept."""
    text = filled(*names, is_single=is_single, is_past=is_past)
    order: list[str] = []

    def numbered(match: re.Match[str]) -> str:
        if match["name"] not in order:
            order.append(match["name"])
        return f"${order.index(match['name']) + 1}"

    return Statement(re.sub(r"%\((?P<name>\w+)\)s", numbered, text).encode(), tuple(order))


def filled(
    *names: str,
    is_single: bool,
    is_past: bool = False,
    has_said: bool = True,
    was_seen: bool = True,
    rules: str = GIVEN_RULES,
) -> str:
    """The text of the files, with what is written into it; parameters still by name."""
    absorbed, then, points, holds, known_first = THEN if is_past else NOW
    text = "\n".join((SQL / name).read_text() for name in names)
    for place, words in (
        ("{rules}", rules),
        ("{codes}", _codes()),
        ("{zones}", _zones()),
        ("{absorbed}", absorbed if has_said else ""),
        ("{then}", (SQL / then).read_text() if then else ""),
        ("{points}", points),
        ("{holds}", holds),
        ("{known_first}", known_first),
        ("{past}", _known(is_past)),
        ("{said}", _known(has_said)),
        ("{kept}", _kept(has_said)),
        ("{seen}", _known(was_seen)),
        ("{seen_kept}", _kept(was_seen)),
        ("{applies_kept}", _kept(is_single)),
    ):
        text = text.replace(place, words)
    return text


@lru_cache(maxsize=1)
def reserve_function() -> tuple[str, str]:
    """The name of the database function that reserves a contact, and the statement that makes it."""
    place = {name: f"${number}" for number, name in enumerate(PARAMETERS, start=1)}

    def body(*, has_said: bool, was_seen: bool) -> str:
        text = filled(
            "gate.sql", "gate_reserve.sql", is_single=True, has_said=has_said, was_seen=was_seen, rules=KEPT_RULES
        )
        return re.sub(r"%\((?P<name>\w+)\)s", lambda match: place[match["name"]], text)

    text = (SQL / "reserve_function.sql").read_text()
    parts = {
        "arguments": ", ".join(PARAMETERS.values()),
        "stale": STALE,
        "everything": body(has_said=True, was_seen=True),
        "nothing_said": body(has_said=False, was_seen=True),
        "nothing_known": body(has_said=False, was_seen=False),
        **{name: place[name] for name in TOLD_TO_THE_FUNCTION},
    }
    for name, words in parts.items():
        text = text.replace(f"{{{name}}}", words)
    function = f"outreach_reserve_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return function, text.replace("{name}", function)


def made_by_migration(*, name: str) -> str:
    """What a migration that names a function runs: its text, or nothing when the gate's text has moved on since."""
    current, text = reserve_function()
    return text if name == current else "SELECT 1"


def _known(answer: bool) -> str:
    return "true" if answer else "false"


def _kept(answer: bool) -> str:
    return "MATERIALIZED" if answer else "NOT MATERIALIZED"


def _codes() -> str:
    """What each disposition counts as, as rows."""
    names = ("attempt", "call", "unanswered", "conversation", "talked", "message")
    rows = ((code, [str(getattr(counts, name)).lower() for name in names]) for code, counts in CODES.items())
    return ", ".join(f"('{code}', {', '.join(flags)})" for code, flags in rows)


def _zones() -> str:
    """The zones of each country, as rows."""
    pairs = ((country, zone) for country, zones in zones_by_country().items() for zone in zones)
    return ", ".join(f"('{country}', '{zone}')" for country, zone in pairs)
