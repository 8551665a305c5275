"""The life of a mandate: every state, and every move that is legal."""

from enum import StrEnum
from typing import Final


class MandateState(StrEnum):
    """Where an agreement stands; only an active one is debited.

    `signing`: the rail has been asked and the borrower has not confirmed yet. `suspended`: no debits until somebody
    resumes it. `replaced`: another agreement took over, as when a new card is bound.
    """

    SIGNING = "signing"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    REPLACED = "replaced"
    EXPIRED = "expired"


S = MandateState

MOVES: Final[dict[MandateState, frozenset[MandateState]]] = {
    S.SIGNING: frozenset({S.ACTIVE, S.REVOKED}),
    S.ACTIVE: frozenset({S.SUSPENDED, S.REVOKED, S.REPLACED, S.EXPIRED}),
    S.SUSPENDED: frozenset({S.ACTIVE, S.REVOKED, S.REPLACED, S.EXPIRED}),
    # What is over is over: a borrower signs anew, and that is another agreement.
    S.REVOKED: frozenset(),
    S.REPLACED: frozenset(),
    S.EXPIRED: frozenset(),
}


def may_move(*, current: MandateState, to: MandateState) -> bool:
    """True when the table has the move."""
    return to in MOVES[current]
