"""The life of a version of a reminder plan."""

from enum import StrEnum
from typing import Final


class PlanState(StrEnum):
    """Where a version stands. One version of a plan is active at a time; a retired one can be put back in force."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    ACTIVE = "active"
    RETIRED = "retired"


MOVES: Final[dict[PlanState, frozenset[PlanState]]] = {
    PlanState.DRAFT: frozenset({PlanState.SUBMITTED, PlanState.RETIRED}),
    PlanState.SUBMITTED: frozenset({PlanState.DRAFT, PlanState.APPROVED}),
    PlanState.APPROVED: frozenset({PlanState.ACTIVE, PlanState.RETIRED}),
    PlanState.ACTIVE: frozenset({PlanState.RETIRED}),
    PlanState.RETIRED: frozenset({PlanState.ACTIVE}),
}
OPEN: Final = frozenset({PlanState.DRAFT, PlanState.SUBMITTED, PlanState.APPROVED})


def may_become(*, current: PlanState, to: PlanState) -> bool:
    """True when the table has the move."""
    return to in MOVES[current]
