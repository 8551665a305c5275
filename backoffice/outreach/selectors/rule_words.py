"""Rules of the gate as people read them: the sentence of the pack, or words of the gate's own checks."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core.formats import is_chinese
from backoffice.customers.models import Hold
from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.domain.packs import Pack, Rule
from backoffice.outreach.domain.verdicts import NoTime, Verdict, why_no_time
from backoffice.outreach.selectors.pack_words import CONFIDENCE_LABELS

HOLD: Final = "core.hold."
CORE_RULES: Final[dict[str, Promise]] = {
    "core.borrower": gettext_lazy("The record is no borrower any more, or was merged into another one."),
    "core.endpoint": gettext_lazy("There is no number or address that may be used for this."),
    "core.opt_out": gettext_lazy("The borrower opted out."),
    "core.place": gettext_lazy("Nobody knows where the borrower is, so no hour is sure to be permitted."),
    "core.preference": gettext_lazy("The borrower asked not to be reached at this time."),
}
"""What the gate checks whatever the packs say; holds, by their reason, come on top."""
CORE_GIVEN: Final[dict[str, Promise]] = {
    "core.borrower": gettext_lazy("The record is the borrower's own."),
    "core.endpoint": gettext_lazy("There is a number or address that may be used."),
    "core.opt_out": gettext_lazy("The borrower has not opted out."),
    "core.place": gettext_lazy("It is known where the borrower may be."),
    "core.preference": gettext_lazy("No wish of the borrower speaks against this time."),
    "core.hold": gettext_lazy("No hold stands in the way."),
}
"""The same checks when they let a contact through."""

NO_TIME: Final[dict[NoTime, Promise]] = {
    NoTime.NEEDS_A_PERSON: gettext_lazy("Time alone does not change this."),
    NoTime.PLACES_NEVER_AGREE: gettext_lazy(
        "No minute is permitted at all the places where the borrower may be at once. "
        "Say the borrower's time zone, or end the contact points that are not theirs."
    ),
    NoTime.RULES_NEVER_AGREE: gettext_lazy(
        "No minute of the coming weeks suits all of these rules at once. "
        "Look at the borrower's wishes, and at the hours of the rule packs."
    ),
}
"""Why there is no next permitted time, and what to do about it."""


@dataclass(frozen=True, slots=True)
class RuleSaid:
    """A rule in the reader's language: what it says, where it comes from, how sure that is, in which pack it stands."""

    id: str
    says: str
    source: str
    confidence: str
    confidence_says: str
    pack: str

    @property
    def is_core(self) -> bool:
        """True for what the gate checks by itself."""
        return self.id.startswith("core.")


def rule_said(*, rule_id: str, packs: PacksInForce) -> RuleSaid:
    """The rule in words; one that no pack in force has any more reads as its id."""
    if rule_id.startswith("core."):
        return RuleSaid(rule_id, _core(rule_id), _("check of the gate itself"), "", "", "")
    found = _rules(packs).get(rule_id)
    if found is None:
        return RuleSaid(rule_id, rule_id, "", "", "", "")
    label, pack, rule = found
    return RuleSaid(
        id=rule_id,
        says=rule.zh if is_chinese() else rule.en,
        source=rule.source,
        confidence=rule.confidence,
        confidence_says=str(CONFIDENCE_LABELS.get(rule.confidence, rule.confidence)),
        pack=f"{pack.title_zh if is_chinese() else pack.title} ({label})",
    )


def core_given(*, check: str) -> str:
    """What one of the gate's own checks found when it lets a contact through."""
    return str(CORE_GIVEN[check])


def no_time_said(verdict: Verdict, *, zones: Collection[str], at: datetime) -> str:
    """Why a denied contact has no next permitted time; "" when it has one or is allowed."""
    why = why_no_time(verdict, zones=zones, at=at)
    return "" if why is None else str(NO_TIME[why])


def _core(rule_id: str) -> str:
    if rule_id.startswith(HOLD):
        reasons = dict(Hold._meta.get_field("reason").flatchoices)
        reason = rule_id.removeprefix(HOLD).partition(".")[0]
        return _("A hold is in force: %(reason)s.") % {"reason": reasons.get(reason, reason)}
    return str(CORE_RULES.get(rule_id, rule_id))


@lru_cache(maxsize=16)
def _rules(packs: PacksInForce) -> dict[str, tuple[str, Pack, Rule]]:
    return {
        rule.id: (label, pack, rule)
        for label, pack in zip(packs.labels, packs.packs, strict=True)
        for rule in pack.rules
    }
