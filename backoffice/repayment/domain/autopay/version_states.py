"""The life of a version of a configuration: draft, checked, simulated, agreed by a second person, canary, active."""

from enum import StrEnum
from typing import Final


class VersionState(StrEnum):
    """Where a version stands; `canary` and `active` ones debit, and each debit keeps the version it was made under."""

    DRAFT = "draft"
    CHECKED = "checked"
    SIMULATED = "simulated"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    CANARY = "canary"
    ACTIVE = "active"
    RETIRED = "retired"


S = VersionState

MOVES: Final[dict[VersionState, frozenset[VersionState]]] = {
    S.DRAFT: frozenset({S.CHECKED, S.RETIRED}),
    # Changing a draft takes it back to the beginning.
    S.CHECKED: frozenset({S.DRAFT, S.SIMULATED, S.RETIRED}),
    S.SIMULATED: frozenset({S.DRAFT, S.SIMULATED, S.SUBMITTED, S.RETIRED}),
    S.SUBMITTED: frozenset({S.DRAFT, S.APPROVED, S.RETIRED}),
    S.APPROVED: frozenset({S.CANARY, S.ACTIVE, S.RETIRED}),
    S.CANARY: frozenset({S.ACTIVE, S.RETIRED}),
    S.ACTIVE: frozenset({S.RETIRED}),
    # Rolling back puts a version in force again that two people agreed to.
    S.RETIRED: frozenset({S.ACTIVE}),
}

IN_THE_MAKING: Final = frozenset({S.DRAFT, S.CHECKED, S.SIMULATED, S.SUBMITTED})
IN_FORCE: Final = frozenset({S.CANARY, S.ACTIVE})


def may_become(*, current: VersionState, to: VersionState) -> bool:
    """True when the table has the move."""
    return to in MOVES[current]
