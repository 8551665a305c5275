"""The life of a message, from the plan to the borrower's answer: every state, and every move that is legal."""

from enum import StrEnum
from typing import Final


class MessageState(StrEnum):
    """Where a message stands.

    `sending`: it has left, and what came of it is not known yet. `unknown`: the answer never came; the gateway is
    asked, the message is not sent again. `blocked`: the gate denies it for good. `expired`: its time is over.
    """

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    REPLIED = "replied"
    UNKNOWN = "unknown"
    FAILED = "failed"
    STOPPED = "stopped"
    EXPIRED = "expired"
    BLOCKED = "blocked"


S = MessageState
ARRIVED: Final = frozenset({S.DELIVERED, S.READ, S.REPLIED})

MOVES: Final[dict[MessageState, frozenset[MessageState]]] = {
    # Planned to planned: later, because the gate or the gateway said so. One that a gateway said it never had may turn
    # out to have arrived: whatever became of it since, a receipt is the truth.
    S.PLANNED: frozenset({S.PLANNED, S.SENDING, S.STOPPED, S.EXPIRED, S.BLOCKED, S.FAILED}) | ARRIVED,
    # Back to planned only when it certainly never left. A receipt may be quicker than the gateway's own answer.
    S.SENDING: frozenset({S.SENT, S.UNKNOWN, S.FAILED, S.PLANNED}) | ARRIVED,
    S.UNKNOWN: frozenset({S.SENT, S.FAILED, S.PLANNED}) | ARRIVED,
    S.SENT: frozenset({S.FAILED}) | ARRIVED,
    S.DELIVERED: frozenset({S.READ, S.REPLIED, S.FAILED}),
    S.READ: frozenset({S.REPLIED}),
    S.REPLIED: frozenset(),
    S.FAILED: ARRIVED,
    S.STOPPED: ARRIVED,
    S.EXPIRED: ARRIVED,
    S.BLOCKED: ARRIVED,
}

LEFT: Final = frozenset({S.SENDING, S.SENT, S.UNKNOWN}) | ARRIVED
"""The borrower has it, or may have it."""
OPEN: Final = frozenset({S.PLANNED, S.SENDING, S.UNKNOWN})
"""Something is still to be done about it."""
ANNOUNCED: Final = frozenset({S.SENT, S.REPLIED, S.FAILED, S.UNKNOWN, S.BLOCKED, S.EXPIRED})
"""States that others are told of through the outbox."""

FACTS: Final[dict[MessageState, str]] = {
    S.SENT: "S-SENT",
    S.DELIVERED: "S-DELIVERED",
    S.READ: "S-READ",
    S.REPLIED: "S-REPLIED",
    S.FAILED: "S-FAILED",
    S.UNKNOWN: "S-UNKNOWN",
}
"""What the contact log is told when a message that left reaches a state (collections 6)."""
NEVER_LEFT: Final = "S-FAILED"
BOUNCED: Final = "S-BOUNCED"


def may_move(*, current: MessageState, to: MessageState) -> bool:
    """True when the table has the move."""
    return to in MOVES[current]
