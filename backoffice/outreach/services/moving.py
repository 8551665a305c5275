"""The one way a message changes its state: by the table, under its lock, with its journey, the contact log, the outbox.

Locks are taken in one order: the borrower, then their messages.
"""

from datetime import datetime
from typing import Any

from backoffice.audit import outbox
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.bulk import fetch
from backoffice.outreach.domain.message_states import ANNOUNCED, ARRIVED, FACTS, LEFT, MessageState, may_move
from backoffice.outreach.models import Message, MessageMove
from backoffice.outreach.services.gate import record_fact

MOVED = "outreach.message.moved"


class IllegalMove(RuntimeError):
    """A message was to go where the table does not let it: a defect of the program; nothing is written."""


def locked(*, message_id: int, borrower_id: int) -> Message | None:
    """The message under lock, its borrower's row locked before it; None when there is none of that borrower."""
    fetch("SELECT 1 FROM customers_borrower WHERE id = %s FOR NO KEY UPDATE", [borrower_id])
    return (
        Message.objects.select_for_update(of=("self",))
        .select_related("template_version", "borrower", "endpoint", "gateway")
        .filter(pk=message_id, borrower_id=borrower_id)
        .first()
    )


def move(
    *,
    message: Message,
    to: MessageState,
    at: datetime,
    code: str = "",
    detail: str = "",
    fact: str = "",
    actor: Actor = SYSTEM,
    **fields: Any,
) -> None:
    """Moves a locked message and writes `fields` with it; the contact log is told `fact`, by default the state's own.

    Raises IllegalMove.
    """
    current = MessageState(message.state)
    if not may_move(current=current, to=to):
        msg = f"{message.pk}: {current} > {to}"
        raise IllegalMove(msg)
    entry_id = fields.get("contact_entry_id", message.contact_entry_id)
    changes = {"state": to.value, "code": code[:80], "moved_at": at} | fields
    for name, value in changes.items():
        setattr(message, name, value)
    message.save(update_fields=list(changes))
    MessageMove.objects.create(
        message=message,
        from_state=current.value,
        to_state=to.value,
        code=code[:80],
        detail=detail[:300],
        actor_id=actor.id,
        actor_name=actor.name,
        at=at,
    )
    said = fact or FACTS.get(to, "")
    if said and entry_id is not None and (current in LEFT or to in ARRIVED):
        record_fact(entry_id=entry_id, kind="delivery", code=said, actor=SYSTEM, at=at)
    if to in ANNOUNCED:
        outbox.publish(
            event=MOVED,
            key=f"message:{message.pk}",
            payload={
                "message_id": message.pk,
                "state": to.value,
                "borrower_id": message.borrower_id,
                "loan_id": message.loan_id,
                "source": message.source,
                "code": code[:80],
            },
        )
