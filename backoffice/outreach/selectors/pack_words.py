"""Packs in words people read: rules as sentences, faults of a text, and the difference of two versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, ngettext, npgettext
from django.utils.translation import gettext as _

from backoffice.core.formats import date_text
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.packs import ACTOR_SCOPES, EVERYWHERE, KINDS, PARTIES, Pack, Rule, Vector
from backoffice.outreach.domain.purposes import MARKETING, Purpose
from backoffice.outreach.models.contacts import CHANNEL_LABELS, PURPOSE_LABELS

Labels = Mapping[str, Promise]

KIND_LABELS: Final[Labels] = {
    "hours": gettext_lazy("Permitted hours"),
    "cap": gettext_lazy("How often"),
    "quiet": gettext_lazy("Quiet after a conversation"),
    "consent": gettext_lazy("Consent"),
    "forbid": gettext_lazy("Never"),
}
SCOPE_LABELS: Final[Labels] = {
    "first_party": gettext_lazy("the lender itself"),
    "third_party": gettext_lazy("agencies"),
}
PARTY_LABELS: Final[Labels] = {
    "borrower": gettext_lazy("borrower"),
    "representative": gettext_lazy("representative"),
    "guarantor": gettext_lazy("guarantor"),
    "other": gettext_lazy("anybody else"),
}
EXCEPTION_LABELS: Final[Labels] = {
    "callback": gettext_lazy("a call back agreed for that time"),
    "consent": gettext_lazy("consent given in the last 7 days"),
    "reply": gettext_lazy("one answer to a message of theirs"),
}
CONFIDENCE_LABELS: Final[Labels] = {
    "A": gettext_lazy("primary text read"),
    "B": gettext_lazy("regulator page, law firm or press"),
    "C": gettext_lazy("weak source"),
    "D": gettext_lazy("general knowledge, to be verified"),
    "policy": gettext_lazy("own policy, not law"),
}
PER: Final[Labels] = {
    "person": gettext_lazy("to a person"),
    "debt": gettext_lazy("about a debt"),
    "number": gettext_lazy("on a number"),
}
WEEKDAYS: Final[Mapping[int, Promise]] = {
    1: gettext_lazy("Monday"),
    2: gettext_lazy("Tuesday"),
    3: gettext_lazy("Wednesday"),
    4: gettext_lazy("Thursday"),
    5: gettext_lazy("Friday"),
    6: gettext_lazy("Saturday"),
    7: gettext_lazy("Sunday"),
}


@dataclass(frozen=True, slots=True)
class RuleWords:
    """A rule as it is read: what it says, whom it binds, what lifts it, where it comes from."""

    id: str
    says: str
    wording: str
    scope: str
    excepts: str
    source: str
    confidence: str
    period: str


@dataclass(frozen=True, slots=True)
class KindWords:
    """The rules of one kind."""

    kind: str
    label: str
    rules: tuple[RuleWords, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing before and after; None where it did not or does not exist."""

    label: str
    was: str | None
    now: str | None


def title_of(*, pack: Pack) -> str:
    """The title of a pack in the reader's language."""
    return pack.title_zh if _is_chinese() else pack.title


def texts_of(*, pack: Pack) -> dict[str, tuple[str, ...]]:
    """What was read, what was not, and what the pack leaves to others, in the reader's language."""
    if _is_chinese():
        return {"read": pack.read_zh, "not_read": pack.not_read_zh, "notes": pack.notes_zh}
    return {"read": pack.read, "not_read": pack.not_read, "notes": pack.notes}


def where_of(*, pack: Pack) -> str:
    """Where a pack applies."""
    if pack.default:
        return _("where no other pack names the country")
    if EVERYWHERE in pack.countries:
        return _("everywhere, on top of the others")
    return ", ".join(sorted(pack.countries))


def confidences_of(*, pack: Pack) -> tuple[tuple[str, str], ...]:
    """The marks of confidence a pack uses, with what each means."""
    used = {rule.confidence for rule in pack.rules}
    return tuple((mark, str(CONFIDENCE_LABELS[mark])) for mark in CONFIDENCE_LABELS if mark in used)


def vector_name(*, vector: Vector) -> str:
    """The name of a vector in the reader's language."""
    return vector.name_zh if _is_chinese() else vector.name


def pack_in_words(*, pack: Pack) -> tuple[KindWords, ...]:
    """The rules of a pack by kind, in the order they are written."""
    return tuple(
        KindWords(kind, str(KIND_LABELS[kind]), rules)
        for kind in KINDS
        if (rules := tuple(_rule_words(rule) for rule in pack.rules if rule.kind == kind))
    )


def rule_in_words(*, rule: Rule) -> str:
    """What a rule says, from its own numbers."""
    match rule.kind:
        case "hours":
            return ", ".join(filter(None, [_hours(rule), _days(rule), _holidays(rule)]))
        case "cap":
            return _("at most %(limit)s %(counted)s %(per)s %(window)s") % {
                "limit": rule.limit,
                "counted": _counted(rule),
                "per": PER[rule.per or ""],
                "window": _window(rule),
            }
        case "quiet":
            days = ngettext("%(count)s day", "%(count)s days", rule.quiet_days or 0) % {"count": rule.quiet_days}
            return _("nothing for %(days)s after a conversation %(per)s, whoever began it") % {
                "days": days,
                "per": PER[rule.per or ""],
            }
        case "consent":
            if rule.within_days is None:
                return _("only with consent")
            return _("only with consent given or renewed in the last %(days)s days") % {"days": rule.within_days}
        case "forbid":
            return _("no contact at all")


def difference_in_words(*, before: Pack | None, after: Pack) -> tuple[Change, ...]:
    """What changed between two versions of a pack, rule by rule; empty when nothing did."""
    changes = _changes(_head(before) if before else {}, _head(after))
    was = {rule.id: rule for rule in before.rules} if before else {}
    now = {rule.id: rule for rule in after.rules}
    for rule_id in [*was, *(each for each in now if each not in was)]:
        old, new = was.get(rule_id), now.get(rule_id)
        if old is None or new is None:
            label = _("rule %(rule)s added") if old is None else _("rule %(rule)s removed")
            changes.append(Change(label % {"rule": rule_id}, _whole(old), _whole(new)))
        elif old != new:
            changes += [
                Change(f"{rule_id} · {change.label}", change.was, change.now)
                for change in _changes(_facts(old), _facts(new))
            ]
    return tuple(changes)


def _rule_words(rule: Rule) -> RuleWords:
    return RuleWords(
        id=rule.id,
        says=_sentence(rule_in_words(rule=rule)),
        wording=rule.zh if _is_chinese() else rule.en,
        scope=_scope(rule),
        excepts=_listed([str(EXCEPTION_LABELS[each]) for each in sorted(rule.excepts)]),
        source=rule.source_zh if _is_chinese() else rule.source,
        confidence=rule.confidence,
        period=_period(rule),
    )


def _head(pack: Pack) -> dict[str, str]:
    """What a pack says of itself, in the reader's language."""
    texts = texts_of(pack=pack)
    return {
        _("title"): title_of(pack=pack),
        _("applies"): where_of(pack=pack),
        _("texts read"): "; ".join(texts["read"]),
        _("texts not read"): "; ".join(texts["not_read"]),
        _("left to others"): "; ".join(texts["notes"]),
        _("vectors"): str(len(pack.vectors)),
    }


def _facts(rule: Rule) -> dict[str, str]:
    """Every field of a rule with a label, as it reads."""
    facts = {_("kind"): str(KIND_LABELS[rule.kind])}
    match rule.kind:
        case "hours":
            facts |= {_("hours"): _hours(rule), _("days"): _days(rule) or _("every day")}
            facts |= {_("holidays"): _holidays(rule) or _("open")}
        case "cap":
            facts |= {_("limit"): str(rule.limit), _("counted"): _counted(rule), _("per"): str(PER[rule.per or ""])}
            facts |= {_("window"): _window(rule)}
        case "quiet":
            facts |= {_("quiet days"): str(rule.quiet_days), _("per"): str(PER[rule.per or ""])}
            facts |= {_("counted"): _purposes(rule.counted_purposes)}
        case "consent":
            facts |= {_("consent"): rule_in_words(rule=rule)}
        case "forbid":
            pass
    return facts | {
        _("channels"): _channels(rule),
        _("purposes"): _purposes(rule.purposes),
        _("who contacts"): _named(rule.actor_scopes, SCOPE_LABELS, ACTOR_SCOPES),
        _("who is contacted"): _named(rule.parties, PARTY_LABELS, PARTIES),
        _("lifted by"): _listed([str(EXCEPTION_LABELS[each]) for each in sorted(rule.excepts)]) or _("nothing"),
        _("in force"): _period(rule),
        _("source"): rule.source_zh if _is_chinese() else rule.source,
        _("confidence"): f"{rule.confidence} · {CONFIDENCE_LABELS[rule.confidence]}",
        _("wording"): rule.zh if _is_chinese() else rule.en,
        _("wording in the other language"): rule.en if _is_chinese() else rule.zh,
    }


def _changes(was: Mapping[str, str], now: Mapping[str, str]) -> list[Change]:
    labels = [*was, *(label for label in now if label not in was)]
    return [
        Change(label, was.get(label), now.get(label))
        for label in labels
        if (was.get(label) or "") != now.get(label, "")
    ]


def _whole(rule: Rule | None) -> str | None:
    return None if rule is None else f"{_sentence(rule_in_words(rule=rule))} {_scope(rule)}"


def _hours(rule: Rule) -> str:
    return _("from %(start)s to before %(end)s at their place") % {
        "start": _clock(rule.from_minute or 0),
        "end": _clock(rule.to_minute or 0),
    }


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _days(rule: Rule) -> str:
    """The weekdays, as a span where they follow each other; empty when it is every day."""
    days = sorted(rule.days)
    if len(days) == len(WEEKDAYS):
        return ""
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        return _("%(first)s to %(last)s") % {"first": WEEKDAYS[days[0]], "last": WEEKDAYS[days[-1]]}
    return _listed([str(WEEKDAYS[day]) for day in days])


def _holidays(rule: Rule) -> str:
    return _("not on public holidays") if rule.holidays == "closed" else ""


def _counted(rule: Rule) -> str:
    counted = _what_counts(rule)
    if rule.counted_purposes == rule.purposes:
        return counted
    return _("%(counted)s (counted for: %(purposes)s)") % {
        "counted": counted,
        "purposes": _purposes(rule.counted_purposes),
    }


def _what_counts(rule: Rule) -> str:
    most = rule.limit or 0
    match rule.counts:
        case "attempt":
            return npgettext("how often", "attempt", "attempts", most)
        case "call":
            return npgettext("how often", "call that counts", "calls that count", most)
        case "unanswered":
            return npgettext("how often", "unanswered try", "unanswered tries", most)
        case "conversation":
            return npgettext("how often", "effective conversation we began", "effective conversations we began", most)
        case _:
            return npgettext("how often", "message", "messages", most)


def _window(rule: Rule) -> str:
    if rule.minutes_window is not None:
        return ngettext("in %(count)s minute", "in %(count)s minutes", rule.minutes_window) % {
            "count": rule.minutes_window
        }
    days = rule.days_window or 0
    return _("on a day") if days == 1 else _("in %(count)s days") % {"count": days}


def _scope(rule: Rule) -> str:
    parts = [_channels(rule), _purposes(rule.purposes)]
    if len(rule.actor_scopes) < len(ACTOR_SCOPES):
        parts.append(_("by %(who)s") % {"who": _named(rule.actor_scopes, SCOPE_LABELS, ACTOR_SCOPES)})
    if len(rule.parties) < len(PARTIES):
        parts.append(_("with: %(who)s") % {"who": _named(rule.parties, PARTY_LABELS, PARTIES)})
    return " · ".join(parts)


def _channels(rule: Rule) -> str:
    if rule.channels == frozenset(Channel):
        return _("every channel")
    return _listed([str(CHANNEL_LABELS[each]) for each in Channel if each in rule.channels])


def _purposes(purposes: frozenset[Purpose]) -> str:
    if purposes == frozenset(Purpose):
        return _("every purpose")
    if purposes == MARKETING:
        return _("whatever sells")
    return _listed([str(PURPOSE_LABELS[each]) for each in Purpose if each in purposes])


def _named(given: frozenset[str], labels: Labels, everything: tuple[str, ...]) -> str:
    if len(given) == len(everything):
        return _("everybody")
    return _listed([str(labels[each]) for each in everything if each in given])


def _period(rule: Rule) -> str:
    if rule.effective_to is None:
        return _("since %(day)s") % {"day": date_text(rule.effective_from)}
    return _("from %(first)s to before %(end)s") % {
        "first": date_text(rule.effective_from),
        "end": date_text(rule.effective_to),
    }


def _listed(words: list[str]) -> str:
    return ("、" if _is_chinese() else ", ").join(words)


def _sentence(words: str) -> str:
    """The words as a sentence of their own."""
    return f"{words[0].upper()}{words[1:]}{'。' if _is_chinese() else '.'}"


def _is_chinese() -> bool:
    return (get_language() or "").startswith("zh")
