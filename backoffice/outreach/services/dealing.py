"""What people do about replies: read one in clear for a reason, and say that it is dealt with."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.customers.fields import text_of
from backoffice.customers.services.personal_data import SHORTEST_REASON, NothingToReveal, ReasonMissing
from backoffice.outreach.domain.reply_states import ReplyState
from backoffice.outreach.models import Reply
from backoffice.outreach.selectors.replies import ReplyNotFound

SUBJECT: Final = "outreach.reply"


class ReplyDealtWith(Refusal):
    """Somebody dealt with it before."""

    code: ClassVar[str] = "outreach.reply_dealt_with"
    status: ClassVar[int] = 409


class NoteMissing(Refusal):
    """A reply is done with a note that says what was done."""

    code: ClassVar[str] = "outreach.note_missing"


@dataclass(frozen=True, slots=True)
class Revealed:
    """A reply in clear, for one person and one moment; never logged, never cached."""

    reply_id: int
    sender: str
    text: str


@transaction.atomic
def reveal_reply(*, reply_id: int, reason: str, actor: Actor) -> Revealed:
    """The words and the sender in clear, with one entry in the trail that says who asked and why, never what it says.

    Raises ReasonMissing, ReplyNotFound, NothingToReveal; Unopenable for a damaged value.
    """
    if len(reason.strip()) < SHORTEST_REASON:
        raise ReasonMissing(
            _("Say why you need this."),
            next_step=_("The reason is kept in the audit trail."),
            fields={"reason": _("This is needed.")},
        )
    reply = Reply.objects.filter(pk=reply_id).first()
    if reply is None:
        raise _not_found()
    text, sender = text_of(reply, "text"), text_of(reply, "sender")
    if not text and not sender:
        raise NothingToReveal(_("The gateway told of a reply without its words."), next_step=_("Ask the borrower."))
    audit.record(
        verb="outreach.reply.revealed",
        subject_type=SUBJECT,
        subject_id=reply.pk,
        actor=actor,
        reason=reason.strip(),
        borrower_id=reply.borrower_id,
    )
    return Revealed(reply_id=reply.pk, sender=sender, text=text)


@transaction.atomic
def deal_with(*, reply_id: int, note: str, actor: Actor, at: datetime) -> None:
    """Says that a reply is dealt with, and how. Raises ReplyNotFound, ReplyDealtWith, NoteMissing."""
    if not note.strip():
        raise NoteMissing(
            _("Say what was done about it."),
            next_step=_("A few words that whoever looks at it next understands."),
            fields={"note": _("This is needed.")},
        )
    reply = Reply.objects.select_for_update(of=("self",)).filter(pk=reply_id).first()
    if reply is None:
        raise _not_found()
    if reply.state == ReplyState.DONE:
        raise ReplyDealtWith(
            _("%(name)s dealt with this reply before.") % {"name": reply.done_by_name}, next_step=_("Reload the page.")
        )
    reply.state, reply.note = ReplyState.DONE.value, note.strip()
    reply.done_by, reply.done_by_name, reply.done_at = actor.id, actor.name, at
    reply.save(update_fields=["state", "note", "done_by", "done_by_name", "done_at"])
    audit.record(
        verb="outreach.reply.dealt_with",
        subject_type=SUBJECT,
        subject_id=reply.pk,
        actor=actor,
        reason=reply.note,
        borrower_id=reply.borrower_id,
    )


def _not_found() -> ReplyNotFound:
    return ReplyNotFound(_("There is no such reply."), next_step=_("Look in the list of replies."))
