"""The life of a version of a template: drafted, submitted, active once a second person agreed, retired."""

from enum import StrEnum
from typing import Final


class TemplateState(StrEnum):
    """Where a version stands; a retired one is never sent from a new plan."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    ACTIVE = "active"
    RETIRED = "retired"


MOVES: Final[dict[TemplateState, frozenset[TemplateState]]] = {
    TemplateState.DRAFT: frozenset({TemplateState.SUBMITTED, TemplateState.RETIRED}),
    TemplateState.SUBMITTED: frozenset({TemplateState.DRAFT, TemplateState.ACTIVE}),
    TemplateState.ACTIVE: frozenset({TemplateState.RETIRED}),
    TemplateState.RETIRED: frozenset(),
}
OPEN: Final = frozenset({TemplateState.DRAFT, TemplateState.SUBMITTED})


def may_become(*, current: TemplateState, to: TemplateState) -> bool:
    """True when the table has the move."""
    return to in MOVES[current]
