"""The gate's answers: may somebody be reached, and if not, why and from when."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

from backoffice.calendars.domain.working_days import CALENDARS, WEEKEND, closed_because
from backoffice.customers.domain.places import zones_by_country
from backoffice.outreach.domain.channels import ENDPOINT_KIND, VOICE
from backoffice.outreach.domain.compiling import PacksInForce, compile_rules
from backoffice.outreach.domain.dispositions import CODES
from backoffice.outreach.domain.purposes import MARKETING
from backoffice.outreach.domain.verdicts import Denial, Verdict, Wanted
from backoffice.outreach.selectors.packs import packs_in_force

SQL = Path(__file__).resolve().parent.parent / "sql"
CHUNK = 20_000
# How far ahead a permitted time is looked for, and how often the gate is asked again on the way there.
FURTHEST = timedelta(days=60)
MOST_STEPS = 60


def judge(
    *, wanted: Sequence[Wanted], packs: PacksInForce | None = None, before: Sequence[int | None] = ()
) -> list[Verdict]:
    """One verdict for each contact wanted, in order; without the next permitted time.

    `packs` judges by other packs than those in force now; `before` (log entries, side by side with `wanted`) judges as
    things stood before each was written. One statement for 20,000 contacts alike in channel, purpose, scope and party.
    """
    verdicts: list[Verdict | None] = [None] * len(wanted)
    for (rules, *_), places in _alike(wanted, packs).items():
        for start in range(0, len(places), CHUNK):
            part = places[start : start + CHUNK]
            asked = [wanted[place] for place in part]
            rows = _fetch(asked, rules, [before[place] for place in part] if before else None)
            denials: dict[int, list[Denial]] = defaultdict(list)
            for number, rule, release_at in rows:
                denials[number].append(Denial(rule, release_at))
            for number, place in enumerate(part):
                verdicts[place] = Verdict(tuple(denials[number]), rules.labels)
    return [verdict for verdict in verdicts if verdict is not None]


def may_contact(*, wanted: Wanted, packs: PacksInForce | None = None) -> Verdict:
    """May this contact be made; if not, every rule that denies it and the next permitted time."""
    verdict = judge(wanted=[wanted], packs=packs)[0]
    return verdict if verdict.is_allowed else with_next_time(verdict, wanted=wanted, packs=packs)


def with_next_time(verdict: Verdict, *, wanted: Wanted, packs: PacksInForce | None = None) -> Verdict:
    """The verdict with the first instant the gate would let the contact through, found by asking it again."""
    at, current = wanted.at, verdict
    for _ in range(MOST_STEPS):
        releases = [denial.release_at for denial in current.denials]
        if not all(releases) or at > wanted.at + FURTHEST:
            return verdict
        at = max(at + timedelta(minutes=1), *(release for release in releases if release))
        current = judge(wanted=[replace(wanted, at=at)], packs=packs)[0]
        if current.is_allowed:
            return replace(verdict, next_permitted_at=at)
    return verdict


def _alike(wanted: Sequence[Wanted], packs: PacksInForce | None) -> dict[tuple[Any, ...], list[int]]:
    """Places of contacts alike in all that the rules are chosen by; those of one day share their packs."""
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    by_day: dict[date, PacksInForce] = {}
    for place, each in enumerate(wanted):
        day = each.at.astimezone(UTC).date()
        if day not in by_day:
            by_day[day] = packs or packs_in_force(on=day)
        groups[by_day[day], day, each.channel, each.purpose, each.actor_scope, each.party].append(place)
    return groups


def _fetch(asked: Sequence[Wanted], packs: PacksInForce, before: Sequence[int | None] | None) -> list[tuple[Any, ...]]:
    params = parameters(asked, packs=packs, before=before)
    with connection.cursor() as cursor:
        cursor.execute(statement("gate.sql", "gate_verdicts.sql"), params)
        return list(cursor.fetchall())


def parameters(
    asked: Sequence[Wanted], *, packs: PacksInForce, before: Sequence[int | None] | None = None
) -> dict[str, Any]:
    """What `gate.sql` takes for contacts alike in channel, purpose, actor scope, party and day."""
    one = asked[0]
    day = one.at.astimezone(UTC).date()
    compiled = compile_rules(
        packs=packs,
        channel=one.channel,
        purpose=one.purpose,
        actor_scope=one.actor_scope,
        party=one.party,
        on=day,
    )
    holidays = _holidays(day) if compiled.looks_at_holidays else ()
    return {
        **_KNOWN_BEFOREHAND,
        "n": list(range(len(asked))),
        "borrowers": [each.borrower_id for each in asked],
        "endpoints": [each.endpoint_id for each in asked],
        "loans": [each.loan_id for each in asked],
        "ats": [each.at for each in asked],
        "before": list(before) if before is not None else [None] * len(asked),
        "channel": one.channel.value,
        "purpose": one.purpose.value,
        "is_marketing": one.purpose in MARKETING,
        "hold_scope": "calls" if one.channel in VOICE else "texts",
        "endpoint_kind": ENDPOINT_KIND.get(one.channel, ""),
        "rules": compiled.rules,
        "is_by_number": compiled.is_by_number,
        "horizon": compiled.horizon_days,
        "named_countries": packs.named_countries,
        "holiday_countries": [country for country, _ in holidays],
        "holiday_days": [holiday for _, holiday in holidays],
    }


@lru_cache(maxsize=8)
def statement(*names: str) -> str:
    """The text of the gate, of several files one after the other."""
    return "\n".join((SQL / name).read_text() for name in names)


def run_prepared(text: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of a statement the server keeps planned: planning the gate costs more than one answer of it.

    On Django's connection and in its transaction; errors are Django's.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return list(cursor.execute(text, params, prepare=True).fetchall())


def _columns_of_codes() -> dict[str, list[Any]]:
    names = ("attempt", "call", "unanswered", "conversation", "talked", "message")
    return {
        "codes": list(CODES),
        **{f"code_{name}": [getattr(counts, name) for counts in CODES.values()] for name in names},
    }


def _columns_of_zones() -> dict[str, list[str]]:
    pairs = [(country, zone) for country, zones in zones_by_country().items() for zone in zones]
    return {"zone_countries": [country for country, _ in pairs], "zone_names": [zone for _, zone in pairs]}


_KNOWN_BEFOREHAND: Mapping[str, Any] = {**_columns_of_codes(), **_columns_of_zones()}


@lru_cache(maxsize=256)
def _holidays(day: date) -> tuple[tuple[str, date], ...]:
    """Public holidays by country on a day and those beside it, which it may be somewhere. Weekends are no holidays."""
    days = [day + timedelta(days=offset) for offset in (-1, 0, 1)]
    return tuple(
        (country, each)
        for country in CALENDARS
        for each in days
        if closed_because(calendar=country, day=each) not in ("", WEEKEND)
    )
