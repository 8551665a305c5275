"""The life of a claim on a guarantor, and of the rule it follows: every state, and every move that is legal."""

from enum import StrEnum
from typing import Final


class ClaimState(StrEnum):
    """Where a claim stands.

    `candidate`: on the list of a day. `confirmed`: the funder agrees. `transferred`: the guarantor has paid. `matched`:
    the guarantor's file says so too. `dropped`: nothing is claimed, for one of the reasons below.
    """

    CANDIDATE = "candidate"
    CONFIRMED = "confirmed"
    TRANSFERRED = "transferred"
    MATCHED = "matched"
    DROPPED = "dropped"


class DroppedBecause(StrEnum):
    """Why nothing is claimed: paid before the cut-off, declined by the funder, beyond the cap, another's loan."""

    PAID = "paid"
    DECLINED = "declined"
    CAP = "cap"
    CREDITOR = "creditor"


class RuleState(StrEnum):
    """Where a rule stands: drafted by one person, agreed to by a second, retired by anybody who may."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    RETIRED = "retired"


C = ClaimState
R = RuleState

MOVES: Final[dict[ClaimState, frozenset[ClaimState]]] = {
    C.CANDIDATE: frozenset({C.CONFIRMED, C.DROPPED}),
    C.CONFIRMED: frozenset({C.TRANSFERRED, C.DROPPED}),
    C.TRANSFERRED: frozenset({C.MATCHED}),
    C.MATCHED: frozenset(),
    # What the cap had no room for is listed as soon as there is room, what was paid when the payment was taken back.
    C.DROPPED: frozenset({C.CANDIDATE}),
}
RULE_MOVES: Final[dict[RuleState, frozenset[RuleState]]] = {
    R.DRAFT: frozenset({R.SUBMITTED, R.RETIRED}),
    R.SUBMITTED: frozenset({R.APPROVED, R.RETIRED}),
    R.APPROVED: frozenset({R.RETIRED}),
    R.RETIRED: frozenset(),
}
STANDING: Final = frozenset({C.CANDIDATE, C.CONFIRMED, C.TRANSFERRED, C.MATCHED})
"""States in which a claim uses its part of the cap; a bill or loan has one such claim at most."""
PAID: Final = frozenset({C.TRANSFERRED, C.MATCHED})
"""States in which the guarantor has paid: what the borrower still owes of it is owed to the guarantor."""


LISTED_AGAIN: Final = frozenset({DroppedBecause.CAP, DroppedBecause.PAID})
"""Why a claim was dropped that comes back while its bill is owed."""


def may_move(*, current: ClaimState, to: ClaimState, because: str = "") -> bool:
    """True when the table has the move; `because` is why a dropped claim was dropped."""
    if current is ClaimState.DROPPED and because not in LISTED_AGAIN:
        return False
    return to in MOVES[current]


def rule_may_move(*, current: RuleState, to: RuleState) -> bool:
    """True when the table has the move."""
    return to in RULE_MOVES[current]
