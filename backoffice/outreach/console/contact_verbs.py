"""Panels that write into the contact log: a contact that was made, its result, a correction."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.calendars import clock
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.formats import moment_text
from backoffice.outreach.console.of_borrower import MomentField, OutreachVerb, endpoints_of, this_minute
from backoffice.outreach.domain.channels import VOICE, Channel
from backoffice.outreach.domain.dispositions import PENDING_CALL, PENDING_MESSAGE, Counts, counts_of
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.models import ContactEntry
from backoffice.outreach.models.contacts import CHANNEL_CHOICES, PURPOSE_CHOICES
from backoffice.outreach.selectors.contact_log import Attempt, ContactNotFound, attempt_of
from backoffice.outreach.selectors.disposition_words import chosen_by_people, label_of
from backoffice.outreach.services.recording import TEACHES, log_by_hand, record_result
from backoffice.staff.access import person_of

COUNTED: dict[str, Text] = {
    "attempt": gettext_lazy("an attempt"),
    "call": gettext_lazy("a call"),
    "unanswered": gettext_lazy("an unanswered try"),
    "conversation": gettext_lazy("a conversation"),
    "talked": gettext_lazy("the start of a quiet period"),
    "message": gettext_lazy("a message"),
}


def counted_as(counts: Counts) -> str:
    """What a disposition counts as, in words."""
    return ", ".join(str(label) for name, label in COUNTED.items() if getattr(counts, name)) or _("nothing")


def _counts_as(values: Mapping[str, Any], *, is_ours: bool) -> str:
    """What a contact counts as from then on; without a result as whatever it may turn out to be."""
    if values["code"]:
        return counted_as(counts_of(values["code"]))
    pending = PENDING_CALL if Channel(values["channel"]) in VOICE else PENDING_MESSAGE
    return counted_as(pending if is_ours else Counts(talked=pending.talked))


class LogForm(ConfirmForm):
    """A contact that was made already."""

    direction = forms.ChoiceField(label=gettext_lazy("Who began it"), choices=ContactEntry.Direction.choices)
    channel = forms.ChoiceField(label=gettext_lazy("Channel"), choices=CHANNEL_CHOICES)
    purpose = forms.ChoiceField(label=gettext_lazy("About"), choices=PURPOSE_CHOICES)
    at = MomentField(label=gettext_lazy("When"))
    endpoint_id = forms.TypedChoiceField(
        label=gettext_lazy("Number or address"), required=False, coerce=int, empty_value=None
    )
    code = forms.ChoiceField(label=gettext_lazy("Result"), required=False)

    def __init__(self, *args: Any, endpoints: list[tuple[int, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["endpoint_id"].choices = [("", _("not known")), *endpoints]  # type: ignore[attr-defined]
        self.fields["code"].choices = [  # type: ignore[attr-defined]
            ("", _("not known yet")),
            (_("the borrower began it"), chosen_by_people(direction="in")),
            (_("we began it"), chosen_by_people(direction="out")),
        ]
        self.fields["reason"].label = _("What was said")


class LogContact(OutreachVerb):
    """Writes down a contact the borrower made, or one that was made outside of the product."""

    permission = "outreach.contact.log"
    title: ClassVar[Text] = gettext_lazy("Log a contact")
    verb: ClassVar[Text] = gettext_lazy("Log")
    form_class = LogForm
    page = "outreach:contact_log"

    def form_options(self, *, subject: Any) -> dict[str, Any]:
        """Their contact points."""
        return {"endpoints": endpoints_of(subject)}

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """A call of the borrower, just now."""
        return {"direction": "in", "channel": "call", "purpose": "service", "at": this_minute()}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What it counts as from then on."""
        is_ours = values["direction"] == ContactEntry.Direction.OUT
        warnings = (
            (_("A call the gate was not asked for. It counts, and the next replay judges it."),) if is_ours else ()
        )
        return Consequence(
            lines=(
                Line(_("Time"), moment_text(values["at"])),
                Line(_("Counts as"), _counts_as(values, is_ours=is_ours)),
            ),
            warnings=warnings,
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Logs it."""
        log_by_hand(
            borrower_id=subject.pk,
            channel=Channel(values["channel"]),
            purpose=Purpose(values["purpose"]),
            direction=values["direction"],
            at=values["at"],
            now=clock.now(),
            code=values["code"],
            endpoint_id=values["endpoint_id"],
            reason=values["reason"],
            actor=actor,
        )
        return gettext_lazy("The contact is in the log.")


class ResultForm(ConfirmForm):
    """Whom the contact reached and what came of it."""

    code = forms.ChoiceField(label=gettext_lazy("Result"))
    at = MomentField(label=gettext_lazy("Learned at"))

    def __init__(self, *args: Any, direction: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["code"].choices = chosen_by_people(direction=direction)  # type: ignore[attr-defined]


class RecordResult(ConfirmView):
    """Says what came of a contact."""

    permission = "outreach.contact.log"
    title: ClassVar[Text] = gettext_lazy("Record the result")
    verb: ClassVar[Text] = gettext_lazy("Record")
    form_class = ResultForm
    is_correction: ClassVar[bool] = False

    def load(self, *, request: HttpRequest, **address: Any) -> Attempt:
        """The contact, if the person may see its borrower."""
        try:
            return attempt_of(entry_id=address["entry_id"], user=person_of(request))
        except ContactNotFound as error:
            raise Http404 from error

    def back_url(self, *, subject: Any) -> str:
        """The entry in the log."""
        return f"{reverse('outreach:contact_log', args=[subject.borrower_id])}#entry-{subject.id}"

    def subject_line(self, *, subject: Any) -> str:
        """Which contact."""
        return f"{subject.channel_label}, {moment_text(subject.at)}, {subject.endpoint or subject.borrower}"

    def form_options(self, *, subject: Any) -> dict[str, Any]:
        """The codes that fit who began it."""
        return {"direction": subject.direction}

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Now."""
        return {"at": this_minute()}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What the contact counts as before and after."""
        before = counted_as(counts_of(subject.code)) if subject.code else _("everything it may turn out to be")
        warnings = (
            (_("The number %(number)s is not used any more.") % {"number": subject.endpoint},)
            if values["code"] in TEACHES and subject.endpoint
            else ()
        )
        return Consequence(
            lines=(
                Line(_("Result"), label_of(values["code"]), before=subject.says or _("not known yet")),
                Line(_("Counts as"), counted_as(counts_of(values["code"])), before=before),
            ),
            warnings=warnings,
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Records it."""
        record_result(
            entry_id=subject.id,
            code=values["code"],
            at=values["at"],
            now=clock.now(),
            reason=values["reason"],
            actor=actor,
            is_correction=self.is_correction,
        )
        return gettext_lazy("The result is in the log.")


class CorrectResult(RecordResult):
    """Says that an earlier result was wrong; the contact is counted anew."""

    title: ClassVar[Text] = gettext_lazy("Correct the result")
    verb: ClassVar[Text] = gettext_lazy("Correct")
    is_correction: ClassVar[bool] = True
