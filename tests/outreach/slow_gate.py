"""The gate once more, slow and plain: one contact, lists in memory, a question at a time. Knows nothing of the SQL."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from backoffice.outreach.domain.channels import VOICE, Channel
from backoffice.outreach.domain.dispositions import CODES
from backoffice.outreach.domain.packs import Pack, Rule
from backoffice.outreach.domain.purposes import MARKETING, Purpose

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Past:
    """A contact that was, with everything found out about it since, in order."""

    at: datetime
    channel: Channel
    purpose: Purpose
    direction: str
    scope: str
    number: int | None
    loans: tuple[int, ...]
    codes: tuple[str, ...]

    def counts_as(self, what: str) -> bool:
        """By the last thing found out; when nothing was, as everything it may turn out to be."""
        outbound_only = what != "talked"
        if outbound_only and self.direction == "in":
            return False
        if self.codes:
            return bool(getattr(CODES[self.codes[-1]], what))
        if what == "attempt":
            return True
        return (self.channel not in VOICE) if what == "message" else (self.channel in VOICE)


@dataclass(frozen=True, slots=True)
class Word:
    """Something the borrower said: a consent, an opt-out and so on, in the order said."""

    kind: str
    at: datetime
    channel: str = ""
    number: int | None = None
    scope: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """A preferred time that still counts."""

    kind: str
    channel: str
    days: frozenset[int]
    from_minute: int
    to_minute: int


@dataclass(slots=True)
class Person:
    """Everything known of one borrower."""

    country: str
    evidence: list[frozenset[str]]
    country_zones: frozenset[str] = frozenset()
    past: list[Past] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """The contact wanted."""

    at: datetime
    channel: Channel
    purpose: Purpose
    scope: str
    number: int | None
    loan: int | None


def places(person: Person) -> set[str]:
    """Every zone the person may be in: what is vague gives way to what lies within it, contradictions add up."""
    if not person.evidence:
        return set(person.country_zones)
    return {
        zone for zones in person.evidence if not any(closer < zones for closer in person.evidence) for zone in zones
    }


def denied_by(person: Person, asked: Asked, packs: list[Pack], *, holidays: dict[str, set[date]]) -> set[str]:
    """Ids of all rules that deny the contact."""
    zones = places(person)
    found = set() if zones else {"core.place"}
    granted = _granted(person, asked)
    for pack in packs:
        named = {c for p in packs if not p.default for c in p.countries} - {"*"}
        if not (
            "*" in pack.countries or person.country in pack.countries or (pack.default and person.country not in named)
        ):
            continue
        for rule in pack.rules:
            bears = (
                asked.channel in rule.channels
                and asked.purpose in rule.purposes
                and asked.scope in rule.actor_scopes
                and "borrower" in rule.parties
            )
            if bears and not rule.excepts & granted and _denies(rule, person, asked, zones, holidays):
                found.add(rule.id)
    if _opted_out(person, asked) and "reply" not in granted:
        found.add("core.opt_out")
    if (
        asked.purpose != Purpose.NOTICE
        and not granted & {"callback", "reply"}
        and _against_wishes(person, asked, zones)
    ):
        found.add("core.preference")
    return found


def _denies(rule: Rule, person: Person, asked: Asked, zones: set[str], holidays: dict[str, set[date]]) -> bool:
    if rule.kind == "forbid":
        return True
    if rule.kind == "consent":
        return not _has_consent(rule, person, asked)
    if rule.kind == "hours":
        return any(_is_out_of_hours(rule, person, asked.at.astimezone(ZoneInfo(zone)), holidays) for zone in zones)
    counted_purposes = rule.counted_purposes or rule.purposes
    for zone in zones:
        today = asked.at.astimezone(ZoneInfo(zone)).date()
        hits = 0
        for past in person.past:
            day = past.at.astimezone(ZoneInfo(zone)).date()
            if past.purpose not in counted_purposes:
                continue
            about = not past.loans or asked.loan is None or asked.loan in past.loans
            if rule.kind == "quiet":
                if past.counts_as("talked") and (rule.per != "debt" or about) and today < day + rule.quiet_days * DAY:
                    return True
                continue
            if past.channel not in rule.channels or past.scope not in rule.actor_scopes:
                continue
            if rule.per == "debt" and not about:
                continue
            if rule.per == "number" and (asked.number is None or past.number != asked.number):
                continue
            if rule.days_window is not None:
                is_in_window = day > today - rule.days_window * DAY
            else:
                is_in_window = past.at > asked.at - timedelta(minutes=rule.minutes_window or 0)
            hits += is_in_window and past.counts_as(rule.counts or "")
        if rule.kind == "cap" and hits >= (rule.limit or 0):
            return True
    return False


def _is_out_of_hours(rule: Rule, person: Person, local: datetime, holidays: dict[str, set[date]]) -> bool:
    minute = local.hour * 60 + local.minute
    if not (rule.from_minute or 0) <= minute < (rule.to_minute or 0) or local.isoweekday() not in rule.days:
        return True
    return rule.holidays == "closed" and local.date() in holidays.get(person.country, set())


def _matching(person: Person, asked: Asked) -> list[Word]:
    return [
        word
        for word in person.words
        if word.channel in ("", asked.channel) and (word.number is None or word.number == asked.number)
    ]


def _standing(person: Person, asked: Asked) -> list[Word]:
    words = _matching(person, asked)
    standing = []
    for place, word in enumerate(words):
        later = words[place + 1 :]
        if word.kind in ("consent", "callback"):
            if not any(each.kind in ("revoked", "opt_out") for each in later):
                standing.append(word)
        elif word.kind == "opt_out":
            taken_back = any(
                each.kind == "opt_in"
                and each.channel in ("", word.channel)
                and each.number in (None, word.number)
                and each.scope in ("", word.scope)
                for each in later
            )
            if not taken_back:
                standing.append(word)
    return standing


def _granted(person: Person, asked: Asked) -> set[str]:
    granted = set()
    for word in _standing(person, asked):
        if any(past.counts_as("talked") and past.at > word.at for past in person.past):
            continue
        if word.kind == "callback" and word.starts_at <= asked.at < word.ends_at:  # type: ignore[operator]
            granted.add("callback")
        if word.kind == "consent" and word.at > asked.at - 7 * DAY and (not word.ends_at or asked.at < word.ends_at):
            granted.add("consent")
    if asked.purpose == Purpose.REPLY:
        same = [past for past in person.past if past.channel == asked.channel]
        for past in same:
            answered = any(p.direction == "out" and p.purpose == Purpose.REPLY and p.at > past.at for p in same)
            if past.direction == "in" and past.at > asked.at - DAY and not answered:
                granted.add("reply")
    return granted


def _opted_out(person: Person, asked: Asked) -> bool:
    return any(
        word.kind == "opt_out" and (word.scope == "" or asked.purpose in MARKETING) for word in _standing(person, asked)
    )


def _has_consent(rule: Rule, person: Person, asked: Asked) -> bool:
    for word in _standing(person, asked):
        if word.kind != "consent" or (word.ends_at and asked.at >= word.ends_at):
            continue
        if rule.within_days is None:
            return True
        fresh_since = asked.at - rule.within_days * DAY
        wrote = any(p.direction == "in" and p.channel == asked.channel and p.at > fresh_since for p in person.past)
        if word.at > fresh_since or wrote:
            return True
    return False


def _against_wishes(person: Person, asked: Asked, zones: set[str]) -> bool:
    wishes = [wish for wish in person.wishes if wish.channel in ("", asked.channel)]
    for zone in zones:
        local = asked.at.astimezone(ZoneInfo(zone))
        minute = local.hour * 60 + local.minute
        within = [w for w in wishes if local.isoweekday() in w.days and w.from_minute <= minute < w.to_minute]
        if any(wish.kind == "never" for wish in within):
            return True
        if any(wish.kind == "only" for wish in wishes) and not any(wish.kind == "only" for wish in within):
            return True
    return False
