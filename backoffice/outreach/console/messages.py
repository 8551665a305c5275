"""The message log, the journey of one message, and what staff may decide about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.calendars import clock
from backoffice.core import tones
from backoffice.core.access import may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.http import refused
from backoffice.core.tables import Choice, Column, Day, Table, Words
from backoffice.core.tones import Tone
from backoffice.outreach.console import message_states as states
from backoffice.outreach.domain.channels import MESSAGES
from backoffice.outreach.domain.message_states import MessageState
from backoffice.outreach.models import Exposure, Gateway, GatewayReceipt, Message, MessageMove
from backoffice.outreach.models.contacts import CHANNEL_LABELS, PURPOSE_CHOICES
from backoffice.outreach.models.messages import STATE_CHOICES
from backoffice.outreach.selectors.messages import MessageShown, message_shown, visible_messages
from backoffice.outreach.services.messages import stop_messages
from backoffice.outreach.services.resolving import decide_unknown
from backoffice.staff.access import person_of

CHANNELS = [(channel.value, CHANNEL_LABELS[channel]) for channel in CHANNEL_LABELS if channel in MESSAGES]


def _gateways() -> list[tuple[str, str]]:
    return [(str(gateway.pk), gateway.name) for gateway in Gateway.objects.order_by("name")]


LOG = Table(
    name="messages",
    caption=gettext_lazy("Messages"),
    columns=(
        Column("send_after", gettext_lazy("Time"), kind="moment", value=lambda row: row.sent_at or row.send_after),
        Column("borrower", gettext_lazy("Borrower"), kind="id", value="borrower.external_id"),
        Column("channel", gettext_lazy("Channel"), value=lambda row: row.get_channel_display()),
        Column(
            "template", gettext_lazy("Template"), value=lambda row: row.template_version.template.title, css="words"
        ),
        Column("state", gettext_lazy("State"), kind="state", family=states.MESSAGE),
        Column("why", gettext_lazy("Why"), value=lambda row: states.reason_in_words(row.code), css="muted words"),
        Column("gateway", gettext_lazy("Gateway"), value=lambda row: row.gateway.name if row.gateway else None),
        Column("source", gettext_lazy("Source"), css="muted"),
        Column("cost", gettext_lazy("Cost"), kind="money"),
    ),
    filters=(
        Choice("state", gettext_lazy("State"), choices=STATE_CHOICES),
        Choice("channel", gettext_lazy("Channel"), choices=CHANNELS),
        Choice("purpose", gettext_lazy("Purpose"), choices=PURPOSE_CHOICES),
        Choice("gateway", gettext_lazy("Gateway"), choices=_gateways, path="gateway_id"),
        Day("from", gettext_lazy("From"), lookup="send_after__date__gte"),
        Day("to", gettext_lazy("To"), lookup="send_after__date__lte"),
        Words(
            "borrower",
            gettext_lazy("Borrower"),
            narrow=lambda rows, words: rows.filter(borrower__external_id=words),
        ),
        Words(
            "template",
            gettext_lazy("Template"),
            narrow=lambda rows, words: rows.filter(template_version__template__code=words),
        ),
        Words(
            "experiment",
            gettext_lazy("Experiment"),
            narrow=lambda rows, words: rows.filter(
                key__in=Exposure.objects.filter(experiment__code=words).values("message_key")
            ),
        ),
        Words("source", gettext_lazy("Source"), narrow=lambda rows, words: rows.filter(source=words)),
    ),
    order=("-id",),
    row_url=lambda row: reverse("outreach:message", args=[row.pk]),
    row_css=lambda row: "alarm" if row.state == MessageState.UNKNOWN else "",
    empty_title=gettext_lazy("No message yet"),
    empty_text=gettext_lazy("Reminder plans and campaigns plan messages; they appear here with their journey."),
)


@requires("outreach.message.view")
def messages(request: HttpRequest) -> HttpResponse:
    """Messages of the borrowers the person may see, the latest first."""
    try:
        table = LOG.shown(rows=visible_messages(user=person_of(request)), query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("outreach:messages"))
    return render(request, "outreach/messages.html", {"table": table})


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a journey as the timeline draws it."""

    title: str
    at: datetime
    detail: str
    tone: Tone
    url: str = ""
    undone: bool = False
    amount: None = None
    on: None = None
    currency: str = ""


@requires("outreach.message.view")
def message(request: HttpRequest, message_id: int) -> HttpResponse:
    """One message: its words with the name masked, its journey, its receipts, and where it went on."""
    try:
        shown = message_shown(message_id=message_id, user=person_of(request))
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("outreach:messages"))
    context = {
        "shown": shown,
        "message": shown.message,
        "why": states.reason_in_words(shown.message.code),
        "events": _events(shown),
        "may_stop": may(request, "outreach.message.stop") and shown.message.state == MessageState.PLANNED,
        "may_reveal": may(request, "customers.borrower.reveal"),
        "may_decide": may(request, "outreach.message.decide") and shown.message.state == MessageState.UNKNOWN,
    }
    return render(request, "outreach/message.html", context)


def _events(shown: MessageShown) -> list[Event]:
    """The journey with late receipts in their place, oldest first."""
    events = [_event_of_move(move) for move in shown.moves]
    late = [one for one in shown.receipts if one.outcome == GatewayReceipt.Outcome.LATE]
    events += [
        Event(
            title=_("receipt: %(event)s") % {"event": one.event},
            at=one.received_at,
            detail=_("too late to change anything"),
            tone="neutral",
            undone=True,
        )
        for one in late
    ]
    return sorted(events, key=lambda event: event.at)


def _event_of_move(move: MessageMove) -> Event:
    look = tones.look_of(family=states.MESSAGE, state=move.to_state)
    is_later = move.from_state == move.to_state == MessageState.PLANNED
    said = [states.reason_in_words(move.code), move.detail if move.detail != move.code else ""]
    if move.actor_id is not None:
        said.append(move.actor_name)
    return Event(
        title=_("put off") if is_later else str(look.label),
        at=move.at,
        detail=" · ".join(filter(None, said)),
        tone=look.tone,
    )


class MessageVerb(ConfirmView):
    """What the verbs of a message have in common."""

    def load(self, *, request: HttpRequest, **address: Any) -> Message:
        """The message, if the person may see it. Raises MessageNotFound."""
        return message_shown(message_id=address["message_id"], user=person_of(request)).message

    def back_url(self, *, subject: Any) -> str:
        """The message's page."""
        return reverse("outreach:message", args=[subject.pk])

    def subject_line(self, *, subject: Any) -> str:
        """What it is and for whom."""
        return _("%(template)s to borrower %(borrower)s") % {
            "template": subject.template_version.template.title,
            "borrower": subject.borrower.external_id,
        }


class StopMessage(MessageVerb):
    """Takes a message out of the queue."""

    permission = "outreach.message.stop"
    title: ClassVar[Text] = gettext_lazy("Stop the message")
    verb: ClassVar[Text] = gettext_lazy("Stop")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """That it is not sent, nor what would follow it."""
        return Consequence(
            lines=(Line(_("Would leave"), str(subject.send_after.date())),),
            warnings=(_("It is not sent, and neither are the channels that would follow it."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Stops it."""
        stopped = stop_messages(message_ids=[subject.pk], reason="by_staff", detail=values["reason"], actor=actor)
        return _("The message is stopped.") if stopped else _("The message had left already.")


class DecideForm(ConfirmForm):
    """What became of a message."""

    arrived = forms.TypedChoiceField(
        label=gettext_lazy("It"),
        choices=[("yes", gettext_lazy("was taken by the gateway")), ("no", gettext_lazy("was never taken"))],
        coerce=lambda chosen: chosen == "yes",
    )


class DecideUnknown(MessageVerb):
    """Says what became of a message the gateway cannot tell of."""

    permission = "outreach.message.decide"
    title: ClassVar[Text] = gettext_lazy("Decide what became of it")
    verb: ClassVar[Text] = gettext_lazy("Decide")
    costly = True
    form_class = DecideForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Taken, which sends nothing more."""
        return {"arrived": "yes"}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What follows from either answer."""
        if values["arrived"]:
            return Consequence(warnings=(_("It counts as sent. Nothing more leaves."),))
        return Consequence(warnings=(_("It counts as failed. The next channel is planned, if it names one."),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Decides it."""
        decide_unknown(
            message_id=subject.pk,
            borrower_id=subject.borrower_id,
            arrived=values["arrived"],
            reason=values["reason"],
            actor=actor,
            at=clock.now(),
        )
        return _("The message is not unknown any more.")
