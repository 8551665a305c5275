"""Holds on many borrowers at once: prepared, placed when a second person agreed, lifted likewise."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

PLACE_BULK: Final = "customers.hold.place_bulk"
LIFT_BULK: Final = "customers.hold.lift_bulk"
"""The verbs a second person agrees to."""

MOST_BORROWERS: Final = 500_000
"""More at once is a change of policy, not a hold."""

LONGEST: Final = timedelta(days=366)
"""A hold on many ends within a year; who still needs it then is looked at one by one."""


class BulkState(StrEnum):
    """Where a bulk hold stands. Whether somebody was asked is told by the request, not by the state."""

    PREPARED = "prepared"
    DISCARDED = "discarded"
    PLACED = "placed"
    LIFTED = "lifted"


MOVES: Final[dict[BulkState, frozenset[BulkState]]] = {
    BulkState.PREPARED: frozenset({BulkState.PLACED, BulkState.DISCARDED}),
    BulkState.PLACED: frozenset({BulkState.LIFTED}),
    BulkState.DISCARDED: frozenset(),
    BulkState.LIFTED: frozenset(),
}


def may_move(*, current: BulkState, to: BulkState) -> bool:
    """True when the table has the move."""
    return to in MOVES[current]
