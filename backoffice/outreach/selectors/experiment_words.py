"""Sentences of experiments in the language of the reader: faults of a declaration, and why there is no verdict yet."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.core.formats import count_text, date_text
from backoffice.outreach.domain.experiments.sentences import Sentence

TEXTS: Final[Mapping[str, Promise]] = {
    "ready.not_started": _("It has not started."),
    "ready.too_early": _(
        "Too early: units are taken in through %(stop_on)s, and the last of them have had their time on "
        "%(judged_from)s. Whoever stops when it looks good finds effects that are not there."
    ),
    "ready.cut_short": _(
        "It was stopped on %(stopped_on)s, before its declared last day %(stop_on)s: whatever it shows may be why "
        "it was stopped."
    ),
    "ready.too_few": _("Too few: the smallest arm has %(smallest_arm)s units of the %(minimum)s declared."),
    "ready.unsound": _(
        "The split is not sound: the arms do not hold what their shares say, so they cannot be compared. Find out who "
        "fell out of which arm."
    ),
    "ready.brought_in": _(
        "It was run elsewhere and brought in with its results; nothing was declared here beforehand, only its split "
        "was checked."
    ),
    "ready.ready": _("Its last day has passed, and every arm has the %(minimum)s units that were declared."),
    "fault.share": _("must be more than 0 and at most 1, with at most six decimals"),
    "fault.minimum_sample": _("must be at least 1"),
    "fault.stop_on": _("must be after %(as_of)s"),
    "fault.alpha": _("must be more than 0 and at most 0.2"),
    "fault.power": _("must be more than alpha and less than 1"),
    "fault.window_days": _("must be from 0 to %(most)s days"),
    "fault.watched": _("names the declared metric again"),
    "fault.arms": _("must be from 2 to %(most)s arms"),
    "fault.control": _("exactly one arm must be the control"),
    "fault.arm_share": _("every share must be more than 0 and less than 1, with at most six decimals"),
    "fault.shares": _("the shares sum to %(total)s, not to 1"),
    "fault.arm_names": _("two arms have the same name"),
    "fault.factors": _("must be at least two elements"),
    "fault.levels": _("two versions of an element are the same"),
    "fault.plan.L8": _("L8 holds at most seven elements, each in exactly two versions"),
    "fault.plan.L18": _("L18 holds at most seven elements in three versions and one in two"),
}


def sentence_text(*, sentence: Sentence) -> str:
    """The sentence with its values as they read everywhere."""
    return str(TEXTS[sentence.code]) % {name: _shown(value) for name, value in sentence.params.items()}


def _shown(value: object) -> str:
    if isinstance(value, date):
        return date_text(value)
    if isinstance(value, int):
        return count_text(value)
    return f"{Decimal(str(value)).normalize():f}"
