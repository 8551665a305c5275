"""What a gateway tells of a message, read and checked: receipts by webhook and answers to a question.

docs/gateways.md is the contract. Everything here comes from outside, so nothing is believed before it is read.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from backoffice.outreach.domain.message_states import MessageState

LONGEST_ID: Final = 100
LONGEST_TEXT: Final = 16_384
"""As long as a whole receipt may be: a reply by e-mail quotes what it answers, and its STOP has to be heard."""
MOST_AHEAD: Final = timedelta(minutes=5)
"""How far the clock of a gateway may be ahead of ours; as far as its signature may be."""
LONGEST_SENDER: Final = 254


class ReceiptNotReadable(ValueError):
    """The body is not a receipt; `field` says which part of it, "" for the whole."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


class Event(StrEnum):
    """What happened to a message at the gateway."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    READ = "read"
    REPLIED = "replied"
    BOUNCED = "bounced"
    FAILED = "failed"


LEADS_TO: Final[dict[Event, MessageState]] = {
    Event.ACCEPTED: MessageState.SENT,
    Event.DELIVERED: MessageState.DELIVERED,
    Event.READ: MessageState.READ,
    Event.REPLIED: MessageState.REPLIED,
    Event.BOUNCED: MessageState.FAILED,
    Event.FAILED: MessageState.FAILED,
}

BAD_ADDRESS_CODES: Final = frozenset({"invalid_number", "unknown_mailbox", "unsubscribed_device", "no_such_address"})
"""Codes of a failure that say nobody will ever be reached there."""
OPTED_OUT_CODE: Final = "recipient_opted_out"
"""The carrier says the borrower asked it to stop; as good as a STOP to us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One thing a gateway says happened. Of a reply, `text` is what was written and `sender` who wrote it.

    A reply that names its sender needs no message: it may answer none.
    """

    receipt_id: str
    message_id: UUID | None
    event: Event
    at: datetime
    code: str = ""
    text: str = ""
    sender: str = ""

    @property
    def is_bad_address(self) -> bool:
        """Whether the address itself is no good: a bounce, or a failure whose code says so."""
        return self.event is Event.BOUNCED or self.code in BAD_ADDRESS_CODES


def read_receipt(body: bytes, *, now: datetime) -> Receipt:
    """The receipt in a webhook's body that came `now`. Raises ReceiptNotReadable naming the field at fault."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ReceiptNotReadable("", "the body is not JSON") from error
    if not isinstance(given, dict):
        raise ReceiptNotReadable("", "the body is not an object")
    receipt_id = _text(given, "receipt_id", longest=LONGEST_ID)
    sender = _text(given, "from", longest=LONGEST_SENDER, needed=False).strip()
    is_needed = not sender or given.get("event") != Event.REPLIED
    return Receipt(
        receipt_id=receipt_id,
        message_id=_message_id(given, is_needed=is_needed),
        event=_event(given),
        at=_moment(given, now=now),
        code=_text(given, "code", longest=40, needed=False),
        text=_text(given, "text", longest=LONGEST_TEXT, needed=False),
        sender=sender,
    )


def _text(given: dict[str, Any], name: str, *, longest: int, needed: bool = True) -> str:
    value = given.get(name, "")
    if not isinstance(value, str) or "\x00" in value:
        raise ReceiptNotReadable(name, "must be a text")
    if needed and not value.strip():
        raise ReceiptNotReadable(name, "is needed")
    if len(value) > longest:
        raise ReceiptNotReadable(name, f"has more than {longest} characters")
    return value


def _message_id(given: dict[str, Any], *, is_needed: bool) -> UUID | None:
    try:
        text = _text(given, "message_id", longest=36, needed=is_needed)
        return UUID(text) if text else None
    except ValueError as error:
        if isinstance(error, ReceiptNotReadable):
            raise
        raise ReceiptNotReadable("message_id", "is not a message id") from error


def _event(given: dict[str, Any]) -> Event:
    try:
        return Event(_text(given, "event", longest=20))
    except ValueError as error:
        if isinstance(error, ReceiptNotReadable):
            raise
        raise ReceiptNotReadable("event", f"must be one of {', '.join(Event)}") from error


def _moment(given: dict[str, Any], *, now: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(_text(given, "at", longest=40))
    except ValueError as error:
        if isinstance(error, ReceiptNotReadable):
            raise
        raise ReceiptNotReadable("at", "is not a moment of ISO 8601") from error
    if at.tzinfo is None:
        raise ReceiptNotReadable("at", "has no offset from UTC")
    if at > now + MOST_AHEAD:
        raise ReceiptNotReadable("at", "lies in the future")
    return at
