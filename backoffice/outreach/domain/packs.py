"""Packs of contact rules as frozen values, read from TOML.

A pack is data: rules with their source, confidence and dates, and the vectors that prove them. What a rule says:

- `hours`: contacts only from `from_minute` to before `to_minute` (minutes since midnight at the borrower's place, in
  every plausible zone at once), on the ISO weekdays `days`, and on public holidays only when `holidays` is "open".
- `cap`: at most `limit` of what `counts` names, `per` person, debt or number, within `days_window` calendar days (the
  day of the contact included) or within `minutes_window` rolling minutes. Counted are past contacts on the rule's
  channels and in its actor scopes, for one of `counted_purposes` (the rule's own purposes unless it names others).
- `quiet`: after what `after` names, whoever began it and on whatever channel, no contact before the day `quiet_days`
  days later: a conversation on the 13th and 7 days make the 20th the next day. `counted_purposes` as above.
- `consent`: only with a live consent for the channel and endpoint; with `within_days` it must be that fresh, by its own
  date or because the borrower wrote from the endpoint.
- `forbid`: never.

`excepts` names what lifts a rule: "callback" (agreed at that time), "consent" (direct prior consent of at most 7 days),
"reply" (an answer to an inbound contact). A vector is judged by its pack alone; `expect` names the rules that deny. A
`callback_at` was agreed an hour before it.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import combinations
from typing import Any, Final, Literal, cast

from backoffice.outreach.domain.channels import ENDPOINT_KIND, Channel
from backoffice.outreach.domain.pack_faults import Fault, PackFaulty, Place, line_of_syntax
from backoffice.outreach.domain.pack_fields import Fields
from backoffice.outreach.domain.purposes import Purpose

Kind = Literal["hours", "cap", "quiet", "consent", "forbid"]

KINDS: Final[tuple[Kind, ...]] = ("hours", "cap", "quiet", "consent", "forbid")
ACTOR_SCOPES: Final = ("first_party", "third_party")
PARTIES: Final = ("borrower", "representative", "guarantor", "other")
DIRECTIONS: Final = ("out", "in")
UNITS: Final = ("person", "debt", "number")
COUNTS: Final = ("attempt", "call", "unanswered", "conversation", "message")
AFTER: Final = ("conversation",)
EXCEPTIONS: Final = ("callback", "consent", "reply")
HOLIDAYS: Final = ("open", "closed")
NEEDS: Final = ("consent",)
CONFIDENCES: Final = ("A", "B", "C", "D", "policy")
"""A: primary text read. B: regulator page, law-firm note or press. C: weak. D: general knowledge. policy: our own."""

EVERYWHERE: Final = "*"
MIDNIGHT: Final = 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Fields another kind has are None or empty."""

    id: str
    kind: Kind
    channels: frozenset[Channel]
    purposes: frozenset[Purpose]
    actor_scopes: frozenset[str]
    parties: frozenset[str]
    source: str
    confidence: str
    effective_from: date
    effective_to: date | None = None
    en: str
    zh: str
    source_zh: str = ""
    from_minute: int | None = None
    to_minute: int | None = None
    days: frozenset[int] = frozenset()
    holidays: str | None = None
    limit: int | None = None
    per: str | None = None
    counts: str | None = None
    counted_purposes: frozenset[Purpose] = frozenset()
    days_window: int | None = None
    minutes_window: int | None = None
    after: str | None = None
    quiet_days: int | None = None
    needs: str | None = None
    within_days: int | None = None
    excepts: frozenset[str] = frozenset()

    def is_in_force(self, *, on: date) -> bool:
        """True from `effective_from` to before `effective_to`."""
        return self.effective_from <= on and (self.effective_to is None or on < self.effective_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastContact:
    """A contact that was, in a vector. `code` is its disposition, `corrected` the one learned later ("P-WN")."""

    at: datetime
    channel: Channel
    code: str
    purpose: Purpose
    endpoint: int | None = 1
    loan: int | None = 1
    direction: str = "out"
    actor_scope: str = "first_party"
    party: str = "borrower"
    corrected: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastConsent:
    """A consent given before the contact of a vector, from `at` until it is withdrawn or to before `ends_at`."""

    at: datetime
    channel: Channel
    endpoint: int | None = 1
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One contact that is wanted, what went before, and the rules of the pack that must deny it (none: allowed)."""

    name: str
    name_zh: str
    country: str
    zones: tuple[str, ...]
    at: datetime
    channel: Channel
    purpose: Purpose
    expect: frozenset[str]
    actor_scope: str = "first_party"
    party: str = "borrower"
    endpoint: int | None = 1
    loan: int | None = 1
    history: tuple[PastContact, ...] = ()
    consents: tuple[PastConsent, ...] = ()
    callback_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A pack as the gate reads it. `read` and `not_read` say which texts stand behind it; it is never called compliant.

    `countries` names where it applies ("*" everywhere, on top of the others). The `default` pack names none: it applies
    where no other pack names the country, and where the country is not known. `notes` says what the pack leaves to
    holds, opt-outs or people.
    """

    code: str
    title: str
    title_zh: str
    countries: frozenset[str]
    default: bool
    read: tuple[str, ...]
    read_zh: tuple[str, ...]
    not_read: tuple[str, ...]
    not_read_zh: tuple[str, ...]
    rules: tuple[Rule, ...]
    vectors: tuple[Vector, ...]
    notes: tuple[str, ...] = ()
    notes_zh: tuple[str, ...] = ()

    def rule(self, *, id: str) -> Rule | None:
        """The rule with an id; None when the pack has none."""
        return next((rule for rule in self.rules if rule.id == id), None)

    def untested(self) -> tuple[str, ...]:
        """Ids of the rules no vector shows denying anything."""
        shown = frozenset().union(*(vector.expect for vector in self.vectors))
        return tuple(rule.id for rule in self.rules if rule.id not in shown)


def parse(text: str) -> Pack:
    """The pack a TOML text describes. Raises PackFaulty, which lists every fault by rule, field and line."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = line_of_syntax(message=str(error))
        fault = Fault(place=Place(), field="", problem="syntax", given=str(error), line=line)
        raise PackFaulty([fault]) from error
    top = Fields.of(values=values, text=text)
    read, not_read, notes = top.texts("read"), top.texts("not_read"), top.texts("notes", default=())
    pack = Pack(
        code=top.code("code"),
        title=top.label("title"),
        title_zh=top.label("title_zh"),
        countries=top.countries("countries"),
        default=top.flag("default", default=False),
        read=read,
        read_zh=top.texts("read_zh", default=read),
        not_read=not_read,
        not_read_zh=top.texts("not_read_zh", default=not_read),
        rules=tuple(_rule(each) for each in top.sections("rules", name="id")),
        vectors=tuple(_vector(each) for each in top.sections("vectors", name="name")),
        notes=notes,
        notes_zh=top.texts("notes_zh", default=notes),
    )
    top.close()
    _check_pack(pack, top)
    if not top.faults:
        _check_hours_meet(pack, top)
    if top.faults:
        raise PackFaulty(top.faults)
    return pack


def _rule(fields: Fields) -> Rule:
    before = len(fields.faults)
    kind = fields.word("kind", KINDS)
    is_known = len(fields.faults) == before
    purposes, source = fields.members("purposes", Purpose), fields.text("source")
    effective_from = fields.day("effective_from")
    effective_to = fields.day("effective_to") if fields.has("effective_to") else None
    if effective_to is not None and effective_to <= effective_from:
        fields.fault("effective_to", "end_not_after_start")
    rule = Rule(
        id=fields.identifier("id"),
        kind=cast("Kind", kind),
        channels=fields.members("channels", Channel),
        purposes=purposes,
        actor_scopes=fields.words("actor_scopes", ACTOR_SCOPES),
        parties=fields.words("parties", PARTIES),
        source=source,
        source_zh=fields.text("source_zh", default=source or EVERYWHERE),
        confidence=fields.word("confidence", CONFIDENCES),
        effective_from=effective_from,
        effective_to=effective_to,
        en=fields.text("en"),
        zh=fields.text("zh"),
        excepts=fields.words("excepts", EXCEPTIONS, default=()),
        **(_FIELDS_OF_KIND[kind](fields, purposes) if is_known else {}),
    )
    if is_known:
        fields.close()
    return rule


def _hours(fields: Fields, purposes: frozenset[Purpose]) -> dict[str, Any]:
    start, end = fields.minute("from"), fields.minute("to")
    if start >= end:
        fields.fault("from", "from_not_before_to")
    days, holidays = fields.weekdays("days"), fields.word("holidays", HOLIDAYS, default="open")
    return {"from_minute": start, "to_minute": end, "days": days, "holidays": holidays}


def _cap(fields: Fields, purposes: frozenset[Purpose]) -> dict[str, Any]:
    has_days, has_minutes = fields.has("days"), fields.has("minutes")
    if not has_days and not has_minutes:
        fields.fault("days", "no_window")
    elif has_days and has_minutes:
        fields.fault("minutes", "two_windows")
    return {
        "limit": fields.whole("limit"),
        "per": fields.word("per", UNITS),
        "counts": fields.word("counts", COUNTS),
        "counted_purposes": fields.members("counted_purposes", Purpose, default=purposes),
        "days_window": fields.whole("days", most=3660) if has_days else None,
        "minutes_window": fields.whole("minutes") if has_minutes else None,
    }


def _quiet(fields: Fields, purposes: frozenset[Purpose]) -> dict[str, Any]:
    return {
        "after": fields.word("after", AFTER),
        "per": fields.word("per", UNITS),
        "quiet_days": fields.whole("days", most=3660),
        "counted_purposes": fields.members("counted_purposes", Purpose, default=purposes),
    }


def _consent(fields: Fields, purposes: frozenset[Purpose]) -> dict[str, Any]:
    within = fields.whole("within_days", most=3660) if fields.has("within_days") else None
    return {"needs": fields.word("needs", NEEDS), "within_days": within}


def _forbid(fields: Fields, purposes: frozenset[Purpose]) -> dict[str, Any]:
    return {}


_FIELDS_OF_KIND: Final[dict[str, Callable[[Fields, frozenset[Purpose]], dict[str, Any]]]] = {
    "hours": _hours,
    "cap": _cap,
    "quiet": _quiet,
    "consent": _consent,
    "forbid": _forbid,
}


def _vector(fields: Fields) -> Vector:
    name, channel, purpose = fields.text("name"), fields.member("channel", Channel), fields.member("purpose", Purpose)
    scope = fields.word("actor_scope", ACTOR_SCOPES, default="first_party")
    party = fields.word("party", PARTIES, default="borrower")
    vector = Vector(
        name=name,
        name_zh=fields.text("name_zh", default=name),
        country=fields.country("country"),
        zones=fields.zones("zones"),
        at=fields.moment("at"),
        channel=channel,
        purpose=purpose,
        expect=frozenset(fields.texts("expect")),
        actor_scope=scope,
        party=party,
        endpoint=_endpoint(fields, channel),
        loan=fields.number_or_none("loan", default=1),
        history=tuple(_past(each, purpose, scope, party) for each in fields.tables("history")),
        consents=tuple(_past_consent(each) for each in fields.tables("consents")),
        callback_at=fields.moment("callback_at") if fields.has("callback_at") else None,
    )
    fields.close()
    return vector


def _past(fields: Fields, purpose: Purpose, scope: str, party: str) -> PastContact:
    """What a past contact leaves out it has in common with the contact that is wanted."""
    channel = fields.member("channel", Channel)
    past = PastContact(
        at=fields.moment("at"),
        channel=channel,
        code=fields.disposition("code"),
        purpose=fields.member("purpose", Purpose, default=purpose),
        endpoint=_endpoint(fields, channel),
        loan=fields.number_or_none("loan", default=1),
        direction=fields.word("direction", DIRECTIONS, default="out"),
        actor_scope=fields.word("actor_scope", ACTOR_SCOPES, default=scope),
        party=fields.word("party", PARTIES, default=party),
        corrected=fields.disposition("corrected") if fields.has("corrected") else None,
    )
    fields.close()
    return past


def _past_consent(fields: Fields) -> PastConsent:
    channel = fields.member("channel", Channel)
    consent = PastConsent(
        at=fields.moment("at"),
        channel=channel,
        endpoint=_endpoint(fields, channel),
        ends_at=fields.moment("ends_at") if fields.has("ends_at") else None,
    )
    fields.close()
    return consent


def _endpoint(fields: Fields, channel: Channel) -> int | None:
    """The first contact point unless another is named, where the channel goes to one."""
    return fields.number_or_none("endpoint", default=1 if channel in ENDPOINT_KIND else None)


def _check_pack(pack: Pack, top: Fields) -> None:
    """What the lists of a pack owe each other."""
    if not pack.rules:
        top.fault("rules", "not_listed")
    if not pack.read and not pack.not_read:
        top.fault("read", "not_listed")
    if pack.default == bool(pack.countries):
        top.fault("countries", "default_names_none" if pack.default else "not_listed")
    for field, texts, translated in (
        ("read_zh", pack.read, pack.read_zh),
        ("not_read_zh", pack.not_read, pack.not_read_zh),
        ("notes_zh", pack.notes, pack.notes_zh),
    ):
        if len(texts) != len(translated):
            top.fault(field, "lengths_differ")
    ids = {rule.id for rule in pack.rules}
    for section, names in (("rules", [rule.id for rule in pack.rules]), ("vectors", [v.name for v in pack.vectors])):
        for number, name in enumerate(names):
            if name and name in names[:number]:
                field = "id" if section == "rules" else "name"
                top.at(section=section, number=number, name=name).fault(field, "duplicate")
    for number, vector in enumerate(pack.vectors):
        for named in sorted(vector.expect - ids):
            top.at(section="vectors", number=number, name=vector.name).fault("expect", "unknown_rule", given=named)


def _check_hours_meet(pack: Pack, top: Fields) -> None:
    """Two rules on hours that hold for the same contacts must leave a minute between them."""
    hours = [(number, rule) for number, rule in enumerate(pack.rules) if rule.kind == "hours"]
    for (_first, one), (number, other) in combinations(hours, 2):
        if _meet(one, other) and (
            max(one.from_minute or 0, other.from_minute or 0) >= min(one.to_minute or 0, other.to_minute or 0)
            or not one.days & other.days
        ):
            place = top.at(section="rules", number=number, name=other.id)
            place.fault("from", "no_minute_left", given=one.id)


def _meet(one: Rule, other: Rule) -> bool:
    """True when some contact falls under both rules."""
    return bool(
        one.channels & other.channels
        and one.purposes & other.purposes
        and one.actor_scopes & other.actor_scopes
        and one.parties & other.parties
        and (one.effective_to is None or other.effective_from < one.effective_to)
        and (other.effective_to is None or one.effective_from < other.effective_to)
    )
