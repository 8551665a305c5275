"""The gate's answers: may somebody be reached, and if not, why and from when."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import psycopg
from django.db import connection

from backoffice.calendars.domain.working_days import CALENDARS, WEEKEND, closed_because
from backoffice.core.bulk import array_text
from backoffice.customers.domain.hold_policy import let_through_pairs
from backoffice.outreach.domain.channels import ENDPOINT_KIND, VOICE
from backoffice.outreach.domain.compiling import PacksInForce, compile_rules
from backoffice.outreach.domain.purposes import MARKETING
from backoffice.outreach.domain.verdicts import Budget, Verdict, Wanted, latest
from backoffice.outreach.selectors.gate_text import Statement, statement
from backoffice.outreach.selectors.packs import PackHistory, pack_day, packs_in_force

CHUNK = 20_000
# How far ahead a permitted time is looked for, and how often the gate is asked again on the way there.
FURTHEST = timedelta(days=60)
MOST_STEPS = 60


def judge(*, wanted: Sequence[Wanted], packs: PacksInForce | None = None, before: Sequence[int] = ()) -> list[Verdict]:
    """One verdict for each contact wanted, in order; without the next permitted time.

    `packs` judges by other packs than those in force; `before` (the log entries of the contacts, side by side with
    `wanted`) judges each as things stood before it was written, by the packs then in force. One statement for
    20,000 contacts alike in channel, purpose, scope and party.
    """
    verdicts: list[Verdict | None] = [None] * len(wanted)
    for (rules, *_), places in _alike(wanted, packs, is_past=bool(before)).items():
        for start in range(0, len(places), CHUNK):
            part = places[start : start + CHUNK]
            asked = [wanted[place] for place in part]
            rows = _fetch(asked, rules, [before[place] for place in part] if before else None)
            denials: dict[int, list[tuple[str, datetime | None]]] = defaultdict(list)
            zones: dict[int, tuple[str, ...]] = {}
            for number, rule, release_at, *places_then in rows:
                denials[number].append((rule, release_at))
                zones[number] = tuple(places_then[0]) if places_then else ()
            for number, place in enumerate(part):
                verdicts[place] = Verdict(latest(denials.get(number, ())), rules.labels, zones=zones.get(number, ()))
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


def budgets(*, wanted: Wanted, packs: PacksInForce | None = None) -> list[Budget]:
    """What of every cap that bears on the contact is used up, by rule; one statement."""
    in_force = packs or packs_in_force(on=pack_day(wanted.at))
    text = statement("gate.sql", "gate_budgets.sql", is_single=True)
    return [Budget(*row[1:]) for row in run(text, parameters([wanted], packs=in_force))]


def _alike(wanted: Sequence[Wanted], packs: PacksInForce | None, *, is_past: bool) -> dict[tuple[Any, ...], list[int]]:
    """Places of contacts alike in all that the rules are chosen by; those of one day share their packs.

    Of the past: those of one day and between the same two changes of the packs.
    """
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    by_day: dict[date, PacksInForce] = {}
    history = PackHistory() if is_past and packs is None else None
    for place, each in enumerate(wanted):
        day = pack_day(each.at)
        if history is not None:
            chosen = history.at(on=day, at=each.at)
        elif (chosen := by_day.get(day)) is None:  # type: ignore[assignment]
            chosen = by_day[day] = packs or packs_in_force(on=day)
        groups[chosen, day, each.channel, each.purpose, each.actor_scope, each.party].append(place)
    return groups


def _fetch(asked: Sequence[Wanted], packs: PacksInForce, before: Sequence[int] | None) -> list[tuple[Any, ...]]:
    is_single, is_past = len(asked) == 1, before is not None
    last = "gate_verdicts_then.sql" if is_past else "gate_verdicts.sql"
    text = statement("gate.sql", last, is_single=is_single, is_past=is_past)
    return run(text, parameters(asked, packs=packs, before=before), is_planned_once=is_single)


def parameters(asked: Sequence[Wanted], *, packs: PacksInForce, before: Sequence[int] | None = None) -> dict[str, Any]:
    """What `gate.sql` takes for contacts alike in channel, purpose, actor scope, party and day."""
    one = asked[0]
    day = pack_day(one.at)
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
        "n": array_text(range(len(asked)), kind="int"),
        "borrowers": array_text((each.borrower_id for each in asked), kind="bigint"),
        "endpoints": array_text((each.endpoint_id for each in asked), kind="bigint"),
        "loans": array_text((each.loan_id for each in asked), kind="bigint"),
        "ats": array_text((each.at for each in asked), kind="timestamptz"),
        "before": array_text(before if before is not None else [None] * len(asked), kind="bigint"),
        "channel": one.channel.value,
        "purpose": one.purpose.value,
        "is_marketing": one.purpose in MARKETING,
        "hold_scope": "calls" if one.channel in VOICE else "texts",
        "passing_effects": _passing_effects(one.purpose.value, one.party),
        "endpoint_kind": ENDPOINT_KIND.get(one.channel, ""),
        "rules": compiled.rules,
        "rule_key": compiled.key,
        "rule_count": compiled.count,
        "is_by_number": compiled.is_by_number,
        "horizon": compiled.horizon_days,
        "named_countries": _named_countries(packs),
        "holiday_countries": array_text((country for country, _ in holidays), kind="text"),
        "holiday_days": array_text((holiday for _, holiday in holidays), kind="date"),
    }


def run(what: Statement, params: Mapping[str, Any], *, is_planned_once: bool = True) -> list[tuple[Any, ...]]:
    """Rows of a statement on Django's connection, in its transaction; errors are Django's.

    `is_planned_once`: the server keeps the plan, since planning the gate costs more than one answer of it. A set of
    thousands is planned for itself.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.RawCursor(connection.connection) as cursor:
        return list(
            cursor.execute(what.text, [params[name] for name in what.order], prepare=is_planned_once).fetchall()
        )


@lru_cache(maxsize=256)
def _passing_effects(purpose: str, party: str) -> str:
    """Effects of holds that let a contact through. What only a specialist or a verified owner may have fails closed."""
    met = {"", "once"} | ({"representative"} if party == "representative" else set())
    return array_text(
        (effect for effect, lets, only in let_through_pairs() if lets == purpose and only in met), kind="text"
    )


@lru_cache(maxsize=64)
def _named_countries(packs: PacksInForce) -> str:
    return array_text(packs.named_countries, kind="text")


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
