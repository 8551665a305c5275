"""Sentences of experiments in the language of the reader: faults of a declaration, and why there is no verdict yet."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.core.formats import count_text, date_text
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.experiments.sentences import Sentence
from backoffice.outreach.models.contacts import CHANNEL_LABELS
from backoffice.outreach.models.templates import LANGUAGE_LABELS

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
    "fault.arm_without_subject": _("an arm names its words, but the experiment is about no template"),
    "fault.control_speaks_otherwise": _("the control speaks as the template does, and names no other words"),
    "fault.arms_speak_alike": _("two arms have the same words"),
    "fault.elements": _("about a template, each line changes another one of the six elements"),
    "fault.factors": _("must be at least two elements"),
    "fault.levels": _("two versions of an element are the same"),
    "fault.plan.L8": _("L8 holds at most seven elements, each in exactly two versions"),
    "fault.plan.L18": _("L18 holds at most seven elements in three versions and one in two"),
    "words.silent": _("%(template)s has no approved words yet."),
    "words.none": _("%(arm)s has no words yet."),
    "words.missing": _("%(arm)s has no approved words by %(channel)s in %(language)s, where the template speaks."),
    "words.more": _("%(arm)s speaks by %(channel)s in %(language)s, where the template is silent."),
    "words.open": _("%(arm)s leaves %(names)s open by %(channel)s in %(language)s, which the template does not."),
    "words.other": _("%(arm)s does not say by %(channel)s in %(language)s what its row of the plan prescribes."),
    "words.written_freely": _("%(template)s was written freely by %(channel)s in %(language)s; a plan changes pieces."),
    "words.as_today": _(
        "%(template)s has the piece %(version)s by %(channel)s in %(language)s today; it is no new version there."
    ),
    "words.purpose": _("%(arm)s speaks for another purpose than the template."),
}


def sentence_text(*, sentence: Sentence) -> str:
    """The sentence with its values as they read everywhere."""
    return str(TEXTS[sentence.code]) % {name: _shown(name, value) for name, value in sentence.params.items()}


def _shown(name: str, value: object) -> str:
    if name == "channel":
        return str(CHANNEL_LABELS[Channel(str(value))])
    if name == "language":
        return str(LANGUAGE_LABELS[str(value)])
    if isinstance(value, str):
        return value
    if isinstance(value, date):
        return date_text(value)
    if isinstance(value, int):
        return count_text(value)
    return f"{Decimal(str(value)).normalize():f}"
