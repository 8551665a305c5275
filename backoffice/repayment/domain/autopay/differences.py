"""What two records of one order may disagree about. mechanics 3.7, 对账."""

from enum import StrEnum
from typing import Final


class DifferenceKind(StrEnum):
    """长款 `long`: the channel has it, we do not. 短款 `short`: we have it, the channel does not. The rest by name.

    `cutoff`: it happened after the rail's cut-off and is expected in the next file. `payee`: a funder's or guarantor's
    file says otherwise than our split.
    """

    LONG = "long"
    SHORT = "short"
    AMOUNT = "amount"
    STATUS = "status"
    CUT_OFF = "cutoff"
    PAYEE = "payee"


class Resolution(StrEnum):
    """How a ticket ends.

    `believe`: booked as the channel says, at its time. `refund`: booked, and paid back to the borrower, because it was
    not due. `reverse`: what we booked is taken back as a return. `correct`: booked anew with the channel's amount.
    `later`: the file of a named day is expected to have it. `explain`: nothing is booked, a person says why.
    `cleared`: the two records agree by now, nobody had to do anything.
    """

    BELIEVE = "believe"
    REFUND = "refund"
    REVERSE = "reverse"
    CORRECT = "correct"
    LATER = "later"
    EXPLAIN = "explain"
    CLEARED = "cleared"


R = Resolution

RESOLUTIONS: Final[dict[DifferenceKind, tuple[Resolution, ...]]] = {
    DifferenceKind.LONG: (R.BELIEVE, R.REFUND, R.EXPLAIN),
    DifferenceKind.STATUS: (R.BELIEVE, R.REFUND, R.REVERSE, R.EXPLAIN),
    DifferenceKind.SHORT: (R.REVERSE, R.LATER, R.EXPLAIN),
    DifferenceKind.AMOUNT: (R.CORRECT, R.EXPLAIN),
    DifferenceKind.CUT_OFF: (R.EXPLAIN,),
    DifferenceKind.PAYEE: (R.LATER, R.EXPLAIN),
}
WEIGHED: Final = frozenset({R.REFUND, R.REVERSE, R.CORRECT, R.EXPLAIN})
"""Money moves back, or is not booked at all: beyond a person's limit a second one agrees."""
OPENED_AGAIN: Final = frozenset({R.CLEARED})
"""A ticket that ended like this opens again when the cause is back."""


def resolutions_of(*, kind: DifferenceKind, movement: str, is_booked: bool, has_line: bool) -> tuple[Resolution, ...]:
    """What may be done about a ticket. `is_booked`: our books count it as succeeded; `has_line`: the file has it.

    Of a return nothing is booked by hand: it is expected later, or explained.
    """
    impossible: set[Resolution] = set()
    if movement == "return":
        impossible |= {R.BELIEVE, R.REFUND, R.REVERSE, R.CORRECT}
    if not has_line:
        impossible |= {R.BELIEVE, R.REFUND, R.CORRECT}
    if not is_booked:
        impossible.add(R.REVERSE)
    elif kind is DifferenceKind.STATUS:
        impossible |= {R.BELIEVE, R.REFUND}
    return tuple(each for each in RESOLUTIONS[kind] if each not in impossible)


class Urgency(StrEnum):
    """Who has to look at a ticket, by its age."""

    OWNER = "owner"
    LEAD = "lead"
    HEAD = "head"


LEAD_AFTER: Final = 2
HEAD_AFTER: Final = 5
"""Days a ticket may be open before it goes up one step. Practice; mechanics 3.7 asks for an age and an owner."""


def urgency_of(*, days_open: int) -> Urgency:
    """The step a ticket of that age has gone up to."""
    if days_open >= HEAD_AFTER:
        return Urgency.HEAD
    return Urgency.LEAD if days_open >= LEAD_AFTER else Urgency.OWNER
