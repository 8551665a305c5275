"""The verbs of a version of a pack as confirm panels: submit, take back, discard, roll back."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.calendars.selectors import business_date
from backoffice.core import formats
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Grid, Line, Text
from backoffice.core.fields import DayField
from backoffice.outreach.models import RulePackVersion
from backoffice.outreach.selectors.pack_words import Change, difference_in_words, title_of
from backoffice.outreach.selectors.packs import content_of, visible_versions
from backoffice.outreach.services import pack_publishing, packs
from backoffice.outreach.services.pack_effects import (
    Effect,
    changes_of,
    effect_in_words,
    effect_of,
    effect_of_rolling_back,
)


class SubmitForm(ConfirmForm):
    """When the version starts."""

    effective_from = DayField(label=gettext_lazy("Starts on"))


class PackVerb(ConfirmView):
    """What the verbs of a version have in common."""

    permission = "outreach.pack.edit"
    states: tuple[str, ...] = ()

    def load(self, *, request: HttpRequest, **address: Any) -> RulePackVersion:
        """The version, in a state the verb is for. Raises Http404."""
        found: RulePackVersion | None = (
            visible_versions(user=request.user).filter(pk=address["version_id"], state__in=self.states).first()
        )
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The page of the version."""
        return reverse("outreach:pack_version", args=[subject.pk])

    def subject_line(self, *, subject: Any) -> str:
        """The pack and the number of the version."""
        return _("%(pack)s, version %(number)s") % {
            "pack": title_of(pack=content_of(version=subject)),
            "number": subject.number,
        }


class SubmitPack(PackVerb):
    """Asks a second person; shows what changes, in words and in counts over the messages that have still to leave."""

    title, verb = gettext_lazy("Submit for approval"), gettext_lazy("Ask for approval")
    wide = True
    form_class = SubmitForm
    states = ("checked",)

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Tomorrow: the rules of a day do not change in the middle of it."""
        return {"effective_from": business_date() + timedelta(days=1)}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """The rules that change, and what that does to the messages planned."""
        effect = effect_of(version=subject, effective_from=values["effective_from"])
        return Consequence(
            grid=_grid(changes_of(version=subject)),
            lines=_lines(effect),
            warnings=() if effect.planned else (effect_in_words(effect=effect),),
            approval=_("A compliance officer or another administrator decides. The version holds from %(day)s.")
            % {"day": formats.date_text(values["effective_from"])},
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Submits it."""
        pack_publishing.submit_version(version_id=subject.pk, actor=actor, **values)
        return _("Version %(number)s waits for approval.") % {"number": subject.number}


class TakeBackPack(PackVerb):
    """The version becomes a draft again; a request that waits is withdrawn."""

    title, verb = gettext_lazy("Take back"), gettext_lazy("Make it a draft again")
    states = ("submitted",)

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Takes it back."""
        pack_publishing.take_back(version_id=subject.pk, actor=actor, reason=values["reason"])
        return _("Version %(number)s is a draft again.") % {"number": subject.number}


class DiscardPack(PackVerb):
    """A draft that is not wanted."""

    title, verb = gettext_lazy("Discard the draft"), gettext_lazy("Discard")
    costly = True
    states = ("draft", "checked")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """Nothing that holds changes."""
        return Consequence(warnings=(_("The draft ends. The rules in force do not change."),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Discards it."""
        packs.discard(version_id=subject.pk, actor=actor, reason=values["reason"])
        return _("Version %(number)s is discarded.") % {"number": subject.number}


class RollBackPack(PackVerb):
    """The version before holds again at once, for queued messages too; one that waits for its day is called off."""

    permission = "outreach.pack.publish"
    title, verb = gettext_lazy("Roll back"), gettext_lazy("Roll back")
    costly = wide = True
    states = ("approved", "active")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """The rules that come back, and what that does to the messages planned."""
        before = pack_publishing.version_behind(version=subject)
        if before is None:
            return Consequence(warnings=(_("This version will not start. The rules in force do not change."),))
        effect = effect_of_rolling_back(version=subject)
        said = _("Version %(number)s holds again at once, for messages already queued too.")
        changes = difference_in_words(before=content_of(version=subject), after=content_of(version=before))
        return Consequence(
            grid=_grid(changes),
            lines=_lines(effect),
            warnings=(said % {"number": before.number}, *(() if effect.planned else (effect_in_words(effect=effect),))),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Rolls it back."""
        before = pack_publishing.roll_back(version_id=subject.pk, actor=actor, reason=values["reason"])
        if before is None:
            return _("Version %(number)s is called off.") % {"number": subject.number}
        return _("Version %(before)s holds again.") % {"before": before.number}


def _grid(changes: tuple[Change, ...]) -> Grid | None:
    if not changes:
        return None
    return Grid(
        caption=_("What changes"),
        columns=((_("Rule"), "text"), (_("Before"), "text"), (_("After"), "text")),
        rows=tuple((change.label, change.was or "–", change.now or "–") for change in changes),
    )


def _lines(effect: Effect) -> tuple[Line, ...]:
    """The planned messages before and after, with the days they leave on; none when nothing is planned."""
    if not effect.planned:
        return ()
    return (
        *(
            Line(_("Messages planned for %(day)s") % {"day": formats.date_text(day)}, count)
            for day, count in effect.days
        ),
        Line(_("Judged as if it held already"), effect.judged),
        Line(_("Permitted"), effect.allowed_now, before=effect.allowed_was, total=True),
        Line(_("Would be stopped"), effect.stopped, tone="warn" if effect.stopped else "neutral"),
        Line(_("Would be let through"), effect.let_through, tone="warn" if effect.let_through else "neutral"),
        *(Line(count.rule, count.now, before=count.was) for count in effect.rules),
    )
