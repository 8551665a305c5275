"""What publishing a version changes: in plain words, and in counts over the messages that have still to leave."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.utils.translation import gettext as _

from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core.formats import count_text, date_text, is_chinese
from backoffice.outreach.domain.verdicts import Verdict
from backoffice.outreach.models import RulePackVersion
from backoffice.outreach.selectors.gate import judge
from backoffice.outreach.selectors.pack_words import Change, difference_in_words, title_of
from backoffice.outreach.selectors.packs import (
    content_of,
    pack_day,
    packs_in_force,
    version_in_force,
    with_version,
    without_version,
)
from backoffice.outreach.selectors.planned import Leaving, planned_contacts

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
    """Messages that have still to leave, under the packs as they are and as they would be.

    Those planned through a day, which is the business date or the first day of the change, whichever is later; the
    change is taken to hold already. `days`: how many leave on each day of the lender's zone. `planned` all of them,
    `judged` those looked at. A message is allowed that leaves at its first minute or later before its time is over;
    `stopped` are those allowed now and not then, `let_through` the reverse.
    """

    through: date
    days: tuple[tuple[date, int], ...]
    planned: int
    judged: int
    allowed_was: int
    allowed_now: int
    stopped: int
    let_through: int
    rules: tuple[RuleCount, ...]


def effect_of(*, version: RulePackVersion, effective_from: date | None = None) -> Effect:
    """What a version would change for the messages that have still to leave; nothing is written.

    It starts on `effective_from`, else on the day it was submitted for, else the day after the business date.
    """
    today = business_date()
    starts = effective_from or version.effective_from or today + timedelta(days=1)
    return _effect(version, through=max(today, starts), starts=starts)


def effect_of_rolling_back(*, version: RulePackVersion) -> Effect:
    """What withdrawing a version would change, at once, for the messages that have still to leave."""
    return _effect(version, through=business_date(), starts=None)


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
    return " ".join([*sentences, effect_in_words(effect=effect_of(version=version, effective_from=effective_from))])


def effect_in_words(*, effect: Effect) -> str:
    """The days counted and the counts, in a few sentences."""
    if not effect.planned:
        return _("No message is planned to leave through %(day)s, so none changes.") % {
            "day": date_text(effect.through)
        }
    said = _("Messages planned to leave through %(day)s: %(planned)s (%(days)s).") % {
        "day": date_text(effect.through),
        "planned": count_text(effect.planned),
        "days": days_in_words(effect=effect),
    }
    said += " " + _(
        "If it held already: %(was)s leave now, at their time or later that day, and %(now)s would; "
        "%(stopped)s would be stopped, %(through)s let through."
    ) % {
        "was": count_text(effect.allowed_was),
        "now": count_text(effect.allowed_now),
        "stopped": count_text(effect.stopped),
        "through": count_text(effect.let_through),
    }
    if effect.judged < effect.planned:
        said += " " + _("An even sample of %(judged)s was judged.") % {"judged": count_text(effect.judged)}
    return said


def days_in_words(*, effect: Effect) -> str:
    """How many messages leave on each day: `12 on 25 Nov 2026, 731 on 26 Nov 2026`."""
    said = (
        _("%(count)s on %(day)s") % {"count": count_text(count), "day": date_text(day)} for day, count in effect.days
    )
    return ("、" if is_chinese() else ", ").join(said)


def _effect(version: RulePackVersion, *, through: date, starts: date | None) -> Effect:
    """What it changes when it holds already as it will on the day it `starts`; None: when it is withdrawn."""
    planned = planned_contacts(through=through)
    sample = _even(planned)
    by_day: dict[date, list[Leaving]] = defaultdict(list)
    for leaving in sample:
        by_day[pack_day(leaving.wanted.at)].append(leaving)
    was: list[Verdict] = []
    now: list[Verdict] = []
    pairs: list[tuple[bool, bool]] = []
    for day, then in by_day.items():
        packs, wanted = packs_in_force(on=day), [leaving.wanted for leaving in then]
        others = (
            without_version(packs=packs, version=version, on=day)
            if starts is None
            else with_version(packs=packs, version=version, as_on=starts)
        )
        before, after = judge(wanted=wanted, packs=packs), judge(wanted=wanted, packs=others)
        was += before
        now += after
        pairs += [
            (leaving.can_leave(verdict=one), leaving.can_leave(verdict=other))
            for leaving, one, other in zip(then, before, after, strict=True)
        ]
    return Effect(
        through=through,
        days=tuple(sorted(Counter(pack_day(leaving.wanted.at) for leaving in planned).items())),
        planned=len(planned),
        judged=len(sample),
        allowed_was=sum(one for one, _other in pairs),
        allowed_now=sum(other for _one, other in pairs),
        stopped=sum(one and not other for one, other in pairs),
        let_through=sum(other and not one for one, other in pairs),
        rules=_by_rule(was, now),
    )


def _by_rule(was: Sequence[Verdict], now: Sequence[Verdict]) -> tuple[RuleCount, ...]:
    """The rules that deny a different number, those with the greatest difference first."""
    before = Counter(denial.rule for verdict in was for denial in verdict.denials)
    after = Counter(denial.rule for verdict in now for denial in verdict.denials)
    counts = [RuleCount(rule, before[rule], after[rule]) for rule in before | after if before[rule] != after[rule]]
    return tuple(sorted(counts, key=lambda count: (-abs(count.now - count.was), count.rule)))


def _even(planned: Sequence[Leaving]) -> list[Leaving]:
    """All, or an even sample in the order they are planned in."""
    step = -(-len(planned) // MOST_JUDGED) or 1
    return list(planned[::step])
