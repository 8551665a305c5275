"""The list of replies nobody has dealt with yet, one reply, its words in clear for a reason, and saying it is done."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.calendars import clock
from backoffice.core.access import actor_of, may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Text
from backoffice.core.errors import Refusal
from backoffice.core.fields import ReasonField
from backoffice.core.http import page_or_part, refused
from backoffice.core.tables import Choice, Column, Day, Rows, Table, Words
from backoffice.customers.services.personal_data import SHORTEST_REASON
from backoffice.outreach.console import message_states as states
from backoffice.outreach.domain.channels import MESSAGES
from backoffice.outreach.domain.reply_states import ReplyState
from backoffice.outreach.models import Reply
from backoffice.outreach.models.contacts import CHANNEL_LABELS
from backoffice.outreach.models.replies import REPLY_STATE_LABELS
from backoffice.outreach.selectors.replies import of_kind, reply_shown, visible_replies
from backoffice.outreach.services.dealing import deal_with, reveal_reply
from backoffice.staff.access import person_of

EITHER = "either"
KIND_LABELS = {
    "stop": gettext_lazy("says stop"),
    "other": gettext_lazy("says something else"),
    "unmatched": gettext_lazy("nobody knows whose"),
}


def _in_state(rows: Rows, chosen: str) -> Rows:
    return rows if chosen == EITHER else rows.filter(state=chosen)


LIST = Table(
    name="replies",
    caption=gettext_lazy("Replies"),
    columns=(
        Column("at", gettext_lazy("Came"), kind="moment"),
        Column(
            "borrower",
            gettext_lazy("Borrower"),
            kind="id",
            value=lambda row: row.borrower.external_id if row.borrower else "–",
        ),
        Column("channel", gettext_lazy("Channel"), value=lambda row: row.get_channel_display()),
        Column("sender", pgettext_lazy("sender", "From"), value=lambda row: row.sender_masked or None, css="muted"),
        Column(
            "answers",
            gettext_lazy("In reply to"),
            value=lambda row: row.message.template_version.template.title if row.message else None,
            css="words",
        ),
        Column("says", gettext_lazy("Says"), value=lambda row: _says(row), css="words"),
        Column("state", gettext_lazy("State"), kind="state", family=states.REPLY),
        Column("done_by", gettext_lazy("Dealt with by"), value=lambda row: row.done_by_name or None, css="muted"),
    ),
    filters=(
        Choice(
            "state",
            gettext_lazy("State"),
            choices=[
                (ReplyState.DONE.value, REPLY_STATE_LABELS[ReplyState.DONE]),
                (EITHER, pgettext_lazy("replies", "open and done")),
            ],
            narrow=_in_state,
            usual=lambda rows: rows.filter(state=ReplyState.OPEN.value),
            usual_label=REPLY_STATE_LABELS[ReplyState.OPEN],
        ),
        Choice(
            "kind",
            gettext_lazy("What"),
            choices=list(KIND_LABELS.items()),
            narrow=lambda rows, kind: of_kind(rows, kind=kind),
        ),
        Choice(
            "channel",
            gettext_lazy("Channel"),
            choices=[(channel.value, label) for channel, label in CHANNEL_LABELS.items() if channel in MESSAGES],
        ),
        Day("from", gettext_lazy("From"), lookup="at__date__gte"),
        Day("to", gettext_lazy("To"), lookup="at__date__lte"),
        Words(
            "borrower", gettext_lazy("Borrower"), narrow=lambda rows, words: rows.filter(borrower__external_id=words)
        ),
    ),
    order=("-id",),
    row_url=lambda row: reverse("outreach:reply", args=[row.pk]),
    empty_title=gettext_lazy("No reply waits"),
    empty_text=gettext_lazy(
        "What borrowers write back, unless it is a mere STOP, stands here until somebody has dealt with it."
    ),
)


def _says(row: Reply) -> Text:
    """The words of a STOP; of anything else that it is there, as personal data is revealed one by one."""
    if row.stop_words:
        return f"“{row.stop_words}”"
    return "•••" if row.text else _("none told")


@requires("outreach.reply.view")
def replies(request: HttpRequest) -> HttpResponse:
    """Replies of the borrowers the person may see, the newest first; those that are open unless asked otherwise."""
    try:
        table = LIST.shown(rows=visible_replies(user=person_of(request)), query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("outreach:replies"))
    return render(request, "outreach/replies.html", {"table": table})


@requires("outreach.reply.view")
def reply(request: HttpRequest, reply_id: int) -> HttpResponse:
    """One reply: whose it is, what it answers, what it stopped, who dealt with it."""
    try:
        shown = reply_shown(reply_id=reply_id, user=person_of(request))
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("outreach:replies"))
    context = {
        "reply": shown,
        "may_reveal": may(request, "customers.borrower.reveal") and bool(shown.text or shown.sender),
        "may_deal": may(request, "outreach.reply.deal") and shown.state == ReplyState.OPEN,
    }
    return render(request, "outreach/reply.html", context)


class RevealForm(forms.Form):
    """Why the words are needed; the reason is read by compliance."""

    reason = forms.CharField(
        label=gettext_lazy("Why do you need it?"),
        min_length=SHORTEST_REASON,
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
        help_text=gettext_lazy("Each look is kept in the audit trail with your name and this reason."),
    )


@requires("customers.borrower.reveal")
def reveal(request: HttpRequest, reply_id: int) -> HttpResponse:
    """The words and the sender in clear, for a reason; the answer is never kept by the browser."""
    back_url = reverse("outreach:reply", args=[reply_id])
    form = RevealForm(request.POST or None)
    revealed, status = None, 200
    try:
        shown = reply_shown(reply_id=reply_id, user=person_of(request))
        if request.method == "POST" and form.is_valid():
            revealed = reveal_reply(reply_id=reply_id, reason=form.cleaned_data["reason"], actor=actor_of(request.user))
        elif request.method == "POST":
            status = 422
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("outreach:replies"))
    response = page_or_part(
        request,
        page="outreach/reveal_reply.html",
        part="outreach/_reveal_reply.html",
        context={"reply": shown, "form": form, "revealed": revealed, "back_url": back_url},
        status=status,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


class DealForm(ConfirmForm):
    """What was done about it."""

    reason = ReasonField(
        label=gettext_lazy("What was done about it?"),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Kept with the reply and in the audit trail."),
    )


class DealWithReply(ConfirmView):
    """Says that a reply is dealt with, and how."""

    permission = "outreach.reply.deal"
    title: ClassVar[Text] = gettext_lazy("Mark the reply as done")
    verb: ClassVar[Text] = gettext_lazy("Mark as done")
    form_class = DealForm

    def load(self, *, request: HttpRequest, **address: Any) -> Reply:
        """The reply, if the person may see it. Raises ReplyNotFound."""
        return reply_shown(reply_id=address["reply_id"], user=person_of(request))

    def back_url(self, *, subject: Any) -> str:
        """The reply's page."""
        return reverse("outreach:reply", args=[subject.pk])

    def done_url(self, *, subject: Any) -> str:
        """On to the next one."""
        return reverse("outreach:replies")

    def subject_line(self, *, subject: Any) -> str:
        """Whose it is."""
        if subject.borrower is None:
            return _("A reply nobody knows the writer of")
        return _("Borrower %(id)s") % {"id": subject.borrower.external_id}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """That it leaves the list."""
        return Consequence(warnings=(_("It leaves the list of open replies. Nothing is sent and nothing is stopped."),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Marks it."""
        deal_with(reply_id=subject.pk, note=values["reason"], actor=actor, at=clock.now())
        return _("The reply is done.")
