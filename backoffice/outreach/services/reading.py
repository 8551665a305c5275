"""What the lender's app fetches and marks: inbox messages and pop-ups, in clear, for the person they belong to."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.core.errors import Refusal
from backoffice.customers.fields import text_of
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.message_states import MessageState, may_move
from backoffice.outreach.models import Message
from backoffice.outreach.selectors.messages import inbox_of
from backoffice.outreach.services.moving import locked, move

MOST: int = 50
IN_THE_APP = (Channel.INBOX, Channel.POPUP)


class InboxMessageNotFound(Refusal):
    """The person has no such message in the app."""

    code: ClassVar[str] = "outreach.inbox_message_not_found"
    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class InApp:
    """One message as the app shows it."""

    id: int
    channel: str
    subject: str
    body: str
    sent_at: datetime | None
    is_read: bool


def fetch_inbox(*, borrower_id: int, channel: Channel, at: datetime) -> list[InApp]:
    """The newest fifty of a person, in clear; what the app has not fetched before counts as delivered from now on."""
    rows = list(inbox_of(borrower_id=borrower_id, channel=channel).order_by("-id")[:MOST])
    _mark([row for row in rows if row.state == MessageState.SENT], to=MessageState.DELIVERED, at=at)
    return [_in_app(row) for row in rows]


@transaction.atomic
def mark_read(*, message_id: int, borrower_id: int, at: datetime) -> InApp:
    """The person opened a message; marking it again changes nothing. Raises InboxMessageNotFound."""
    message = locked(message_id=message_id, borrower_id=borrower_id)
    known = message is not None and message.channel in IN_THE_APP and message.sent_at is not None
    if message is None or not known:
        raise InboxMessageNotFound(_("The person has no such message."), next_step=_("Fetch the inbox again."))
    if may_move(current=MessageState(message.state), to=MessageState.READ):
        move(message=message, to=MessageState.READ, at=at)
    return _in_app(message)


@transaction.atomic
def _mark(rows: Sequence[Message], *, to: MessageState, at: datetime) -> None:
    for row in sorted(rows, key=lambda one: one.pk):
        message = locked(message_id=row.pk, borrower_id=row.borrower_id)
        if message is not None and may_move(current=MessageState(message.state), to=to) and message.state != to:
            move(message=message, to=to, at=at)


def _in_app(message: Message) -> InApp:
    text = json.loads(text_of(message, "text") or "{}")
    return InApp(
        id=message.pk,
        channel=message.channel,
        subject=text.get("subject", ""),
        body=text.get("body", ""),
        sent_at=message.sent_at,
        is_read=message.state in {MessageState.READ, MessageState.REPLIED},
    )
