"""States of a request for approval and the moves between them: the whole table."""

from enum import StrEnum
from typing import Final


class ApprovalState(StrEnum):
    """Where a request stands."""

    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"


MOVES: Final[dict[ApprovalState, frozenset[ApprovalState]]] = {
    ApprovalState.PENDING: frozenset(
        {
            ApprovalState.APPROVED,
            ApprovalState.DECLINED,
            ApprovalState.WITHDRAWN,
            ApprovalState.FAILED,
        }
    ),
    ApprovalState.APPROVED: frozenset(),
    ApprovalState.DECLINED: frozenset(),
    ApprovalState.WITHDRAWN: frozenset(),
    ApprovalState.FAILED: frozenset(),
}

TONES: Final[dict[ApprovalState, str]] = {
    ApprovalState.PENDING: "warning",
    ApprovalState.APPROVED: "success",
    ApprovalState.DECLINED: "neutral",
    ApprovalState.WITHDRAWN: "neutral",
    ApprovalState.FAILED: "danger",
}


def may_move(*, current: ApprovalState, to: ApprovalState) -> bool:
    """True when the table has the move."""
    return to in MOVES[current]
