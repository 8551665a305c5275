"""The life of a campaign. It has no versions: what two people agreed to is frozen, another run is another campaign."""

from enum import StrEnum
from typing import Final


class CampaignState(StrEnum):
    """Where a campaign stands. Only a running one plans messages; an ended one never does again."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"


S = CampaignState
MOVES: Final[dict[CampaignState, frozenset[CampaignState]]] = {
    S.DRAFT: frozenset({S.SUBMITTED, S.ENDED}),
    # Back to draft: taken back, or the second person said no.
    S.SUBMITTED: frozenset({S.DRAFT, S.APPROVED}),
    # The close before its first day starts it; somebody may hold it back until then.
    S.APPROVED: frozenset({S.RUNNING, S.PAUSED, S.ENDED}),
    S.RUNNING: frozenset({S.PAUSED, S.ENDED}),
    S.PAUSED: frozenset({S.RUNNING, S.ENDED}),
    S.ENDED: frozenset(),
}
STARTED: Final = frozenset({S.RUNNING, S.PAUSED, S.ENDED})
UNDER_WAY: Final = frozenset({S.APPROVED, S.RUNNING, S.PAUSED})


def may_become(*, current: CampaignState, to: CampaignState) -> bool:
    """True when the table has the move."""
    return to in MOVES[current]
