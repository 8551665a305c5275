"""The life of a debit command and of the bill it is for: every state, and every move that is legal.

`planned > submitted > {succeeded, declined, unknown}`: an unknown command is asked about and never sent again; its
bill gets no other command until it is known. A debit that succeeded may be returned by the payer's bank days later.
"""

from enum import StrEnum
from typing import Final


class CommandState(StrEnum):
    """Where a command stands.

    `submitted`: it has left, the answer is awaited. `unknown`: nobody knows whether money moved. `dropped`: it never
    left, because something forbade it at the last moment. `returned`: it had succeeded, and the money went back.
    """

    PLANNED = "planned"
    SUBMITTED = "submitted"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    DROPPED = "dropped"
    RETURNED = "returned"


C = CommandState

MOVES: Final[dict[CommandState, frozenset[CommandState]]] = {
    C.PLANNED: frozenset({C.SUBMITTED, C.DROPPED}),
    # Back to planned only when it certainly never left: no connection came about, or the rail did not take it.
    C.SUBMITTED: frozenset({C.PLANNED, C.SUCCEEDED, C.DECLINED, C.UNKNOWN, C.DROPPED}),
    C.UNKNOWN: frozenset({C.SUCCEEDED, C.DECLINED}),
    # A rail that said no and later proves that it debited is believed: the money has left the account.
    C.DECLINED: frozenset({C.SUCCEEDED}),
    C.DROPPED: frozenset({C.SUCCEEDED}),
    C.SUCCEEDED: frozenset({C.RETURNED}),
    C.RETURNED: frozenset(),
}

IN_FLIGHT: Final = frozenset({C.SUBMITTED, C.UNKNOWN})
"""Money may be moving: nothing else is asked of this loan's borrower until it is known."""
PENDING: Final = IN_FLIGHT | {C.PLANNED}
"""Something is still to be done about it."""
LEFT: Final = frozenset({C.SUBMITTED, C.UNKNOWN, C.SUCCEEDED, C.DECLINED, C.RETURNED})
"""It was handed to a rail."""


class BillState(StrEnum):
    """Where a bill planned for debiting stands.

    `open`: slots may still try it. `settled`: nothing is left to debit, whoever paid. `stopped`: a code or a rule ended
    the attempts, a person or the borrower has to act. `over`: its days are over and it is not settled.
    """

    OPEN = "open"
    SETTLED = "settled"
    STOPPED = "stopped"
    OVER = "over"


class StopEnd(StrEnum):
    """Why a stop of a loan's debits ends without a person."""

    NEWER_AGREEMENT = "newer_agreement"
    DAY_CAME = "day_came"
    ANOTHER_CAME = "another_stop"


def may_move(*, current: CommandState, to: CommandState) -> bool:
    """True when the table has the move."""
    return to in MOVES[current]
