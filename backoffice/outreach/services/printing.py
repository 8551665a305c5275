"""Letters leave as a print file: all letters of a batch in one, sealed until somebody fetches it, with a trace."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.customers.fields import seal_of, text_of
from backoffice.outreach.domain.handover import Outgoing
from backoffice.outreach.domain.message_states import MessageState
from backoffice.outreach.models import Gateway, Message, PrintFile
from backoffice.outreach.services.moving import locked, move


class PrintFileNotFound(Refusal):
    """There is no such print file."""

    code: ClassVar[str] = "outreach.print_file_not_found"
    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class Fetched:
    """A print file in clear: one JSON object a line, one line a letter; never cached."""

    name: str
    content: str


@transaction.atomic
def print_letters(*, letters: Sequence[Outgoing], gateway: Gateway, at: datetime) -> PrintFile | None:
    """One print file of the letters that left; they are sent with this transaction, or none of them is."""
    owners = dict(Message.objects.filter(pk__in=[one.message_id for one in letters]).values_list("pk", "borrower_id"))
    by_id = {one.message_id: one for one in letters}
    messages = [
        message
        for message_id, borrower_id in sorted(owners.items(), key=lambda pair: (pair[1], pair[0]))
        if (message := locked(message_id=message_id, borrower_id=borrower_id)) is not None
        and message.state == MessageState.SENDING
        and message.tries == by_id[message_id].attempt
    ]
    if not messages:
        return None
    lines = [_line(by_id[message.pk]) for message in messages]
    made = PrintFile.objects.create(
        gateway=gateway, letters=len(lines), content=seal_of(PrintFile, "content", "\n".join(lines))
    )
    for message in messages:
        move(
            message=message,
            to=MessageState.SENT,
            at=at,
            gateway_reference=f"print-{made.pk}",
            sent_at=at,
            lease_until=None,
        )
    return made


@transaction.atomic
def fetch_print_file(*, print_file_id: int, reason: str, actor: Actor) -> Fetched:
    """The letters of a file in clear, with an entry in the trail. Raises PrintFileNotFound."""
    found = PrintFile.objects.filter(pk=print_file_id).first()
    if found is None:
        raise PrintFileNotFound(_("There is no such print file."), next_step=_("Look in the list of the gateway."))
    audit.record(
        verb="outreach.print_file.fetched",
        subject_type="outreach.print_file",
        subject_id=found.pk,
        actor=actor,
        reason=reason,
        after={"letters": found.letters},
    )
    return Fetched(name=f"letters-{found.pk}.jsonl", content=text_of(found, "content"))


def _line(letter: Outgoing) -> str:
    return json.dumps(
        {
            "message_id": letter.wire_id,
            "language": letter.language,
            "address": letter.to,
            "subject": letter.subject,
            "body": letter.body,
        },
        ensure_ascii=False,
    )
