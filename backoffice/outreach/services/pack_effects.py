"""What publishing a version changes: in plain words, and in counts over the contacts planned for tomorrow."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.utils.translation import gettext as _

from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core.formats import count_text, date_text
from backoffice.outreach.domain.verdicts import Verdict, Wanted
from backoffice.outreach.models import RulePackVersion
from backoffice.outreach.selectors.gate import judge
from backoffice.outreach.selectors.pack_words import Change, difference_in_words, title_of
from backoffice.outreach.selectors.packs import (
    content_of,
    packs_in_force,
    version_in_force,
    with_version,
    without_version,
)
from backoffice.outreach.selectors.planned import planned_contacts

MOST_JUDGED: Final = 50_000
"""Planned contacts judged twice while somebody waits; of more than that an even sample is taken, and said so."""


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How many planned contacts a rule denies now, and would deny."""

    rule: str
    was: int
    now: int


@dataclass(frozen=True, slots=True)
class Effect:
    """Planned contacts of a day under the packs as they are and as they would be.

    `planned` all of them, `judged` those looked at; `stopped` allowed now and denied then, `let_through` the reverse.
    """

    day: date
    planned: int
    judged: int
    allowed_was: int
    allowed_now: int
    stopped: int
    let_through: int
    rules: tuple[RuleCount, ...]


def effect_of(*, version: RulePackVersion, day: date | None = None) -> Effect:
    """What a version would change for the contacts planned for a day, tomorrow unless named; nothing is written."""
    return _effect(version, day=day, is_withdrawn=False)


def effect_of_rolling_back(*, version: RulePackVersion, day: date | None = None) -> Effect:
    """What withdrawing a version would change for the contacts planned for a day, tomorrow unless named."""
    return _effect(version, day=day, is_withdrawn=True)


def changes_of(*, version: RulePackVersion) -> tuple[Change, ...]:
    """What a version changes against the one in force, in words."""
    current = version_in_force(code=version.pack.code, on=business_date())
    before = content_of(version=current) if current is not None and current.pk != version.pk else None
    return difference_in_words(before=before, after=content_of(version=version))


def consequence_of(approval: Approval) -> str:
    """What approving a waiting request would change, in words and counts as of now."""
    version = RulePackVersion.objects.select_related("pack").filter(pk=approval.payload["version"]).first()
    if version is None:
        return approval.consequence
    return consequence_in_words(version=version, effective_from=date.fromisoformat(approval.payload["effective_from"]))


def consequence_in_words(*, version: RulePackVersion, effective_from: date) -> str:
    """The changes and their counts, in sentences."""
    sentences = [
        _("%(pack)s version %(number)s from %(day)s.")
        % {
            "pack": title_of(pack=content_of(version=version)),
            "number": version.number,
            "day": date_text(effective_from),
        }
    ]
    sentences += [
        f"{change.label}: {change.was or '–'} → {change.now or '–'}." for change in changes_of(version=version)
    ]
    return " ".join([*sentences, effect_in_words(effect=effect_of(version=version))])


def effect_in_words(*, effect: Effect) -> str:
    """The counts in a sentence or two."""
    if not effect.planned:
        return _("Nothing is planned for %(day)s, so no contact changes.") % {"day": date_text(effect.day)}
    said = _(
        "Of %(planned)s contacts planned for %(day)s, %(was)s are permitted now and %(now)s would be: "
        "%(stopped)s would be stopped, %(through)s let through."
    ) % {
        "planned": count_text(effect.judged),
        "day": date_text(effect.day),
        "was": count_text(effect.allowed_was),
        "now": count_text(effect.allowed_now),
        "stopped": count_text(effect.stopped),
        "through": count_text(effect.let_through),
    }
    if effect.judged < effect.planned:
        said += " " + _("An even sample of %(planned)s planned.") % {"planned": count_text(effect.planned)}
    return said


def _effect(version: RulePackVersion, *, day: date | None, is_withdrawn: bool) -> Effect:
    asked = day or business_date() + timedelta(days=1)
    planned = planned_contacts(on=asked)
    sample = _even(planned)
    was: list[Verdict] = []
    now: list[Verdict] = []
    if sample:
        packs = packs_in_force(on=asked)
        others = (
            without_version(packs=packs, version=version, on=asked)
            if is_withdrawn
            else with_version(packs=packs, version=version)
        )
        was, now = judge(wanted=sample, packs=packs), judge(wanted=sample, packs=others)
    pairs = list(zip(was, now, strict=True))
    return Effect(
        day=asked,
        planned=len(planned),
        judged=len(sample),
        allowed_was=sum(one.is_allowed for one in was),
        allowed_now=sum(one.is_allowed for one in now),
        stopped=sum(one.is_allowed and not other.is_allowed for one, other in pairs),
        let_through=sum(other.is_allowed and not one.is_allowed for one, other in pairs),
        rules=_by_rule(was, now),
    )


def _by_rule(was: Sequence[Verdict], now: Sequence[Verdict]) -> tuple[RuleCount, ...]:
    """The rules that deny a different number, those with the greatest difference first."""
    before = Counter(denial.rule for verdict in was for denial in verdict.denials)
    after = Counter(denial.rule for verdict in now for denial in verdict.denials)
    counts = [RuleCount(rule, before[rule], after[rule]) for rule in before | after if before[rule] != after[rule]]
    return tuple(sorted(counts, key=lambda count: (-abs(count.now - count.was), count.rule)))


def _even(planned: Sequence[Wanted]) -> list[Wanted]:
    """All, or an even sample in the order they are planned in."""
    step = -(-len(planned) // MOST_JUDGED) or 1
    return list(planned[::step])
