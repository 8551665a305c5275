"""The ways a borrower can be reached, and what each needs."""

from enum import StrEnum
from typing import Final


class Channel(StrEnum):
    """One way to reach a person. A human call is only ever permitted here; it is placed elsewhere."""

    CALL = "call"
    BOT = "bot"
    SMS = "sms"
    EMAIL = "email"
    PUSH = "push"
    INBOX = "inbox"
    POPUP = "popup"
    LETTER = "letter"


VOICE: Final = frozenset({Channel.CALL, Channel.BOT})
TEXTS: Final = frozenset(Channel) - VOICE
MESSAGES: Final = frozenset(Channel) - {Channel.CALL}
"""What the product sends itself: everything but the human call."""

ENDPOINT_KIND: Final[dict[Channel, str]] = {
    Channel.CALL: "phone",
    Channel.BOT: "phone",
    Channel.SMS: "phone",
    Channel.EMAIL: "email",
    Channel.LETTER: "address",
}
"""The kind of contact point a channel goes to; a channel that is missing reaches the person in the lender's own app."""
