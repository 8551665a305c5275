"""What two records of one order may disagree about. mechanics 3.7, 对账."""

from dataclasses import dataclass
from datetime import date, timedelta
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
    not due. `decline`: as the channel's code says, nothing was debited. `reverse`: what we booked is taken back as a
    return. `correct`: booked anew with the channel's amount. `later`: the file of a named day is expected to have it.
    `explain`: nothing is booked, a person says why.
    `cleared`: the two records agree by now, nobody had to do anything.
    """

    BELIEVE = "believe"
    REFUND = "refund"
    DECLINE = "decline"
    REVERSE = "reverse"
    CORRECT = "correct"
    LATER = "later"
    EXPLAIN = "explain"
    CLEARED = "cleared"


R = Resolution

RESOLUTIONS: Final[dict[DifferenceKind, tuple[Resolution, ...]]] = {
    DifferenceKind.LONG: (R.BELIEVE, R.REFUND, R.EXPLAIN),
    DifferenceKind.STATUS: (R.BELIEVE, R.REFUND, R.DECLINE, R.REVERSE, R.EXPLAIN),
    DifferenceKind.SHORT: (R.REVERSE, R.LATER, R.EXPLAIN),
    DifferenceKind.AMOUNT: (R.CORRECT, R.EXPLAIN),
    DifferenceKind.CUT_OFF: (R.EXPLAIN,),
    DifferenceKind.PAYEE: (R.LATER, R.EXPLAIN),
}
WEIGHED: Final = frozenset({R.REFUND, R.DECLINE, R.REVERSE, R.CORRECT, R.LATER, R.EXPLAIN})
"""Money moves back, or is not booked at all: beyond a person's limit a second one agrees."""
FURTHEST: Final = timedelta(days=7)
"""How far ahead the file may be that is expected to have it."""
OPENED_AGAIN: Final = frozenset({R.CLEARED})
"""A ticket that ended like this opens again when the cause is back."""


class Says(StrEnum):
    """What the line of a file says of its money: it moved, it did not or is pending, or nobody knows the code."""

    NOTHING = ""
    MOVED = "moved"
    REFUSED = "refused"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Records:
    """What the two records of a ticket are by now; our side is the command, theirs the line.

    `is_unplaced`: it succeeded, and nothing is booked of it.
    """

    has_command: bool = False
    is_in_flight: bool = False
    is_succeeded: bool = False
    is_returned: bool = False
    is_unplaced: bool = False
    says: Says = Says.NOTHING
    is_one_currency: bool = True


def resolutions_of(*, kind: DifferenceKind, movement: str, records: Records) -> tuple[Resolution, ...]:
    """What may be done about a ticket.

    Of a return nothing is booked by hand: it is expected later, or explained. A debit under way is never explained
    while it can be brought to an end.
    """
    impossible: set[Resolution] = set()
    if movement == "return":
        impossible |= {R.BELIEVE, R.REFUND, R.DECLINE, R.REVERSE, R.CORRECT}
    if records.says in {Says.NOTHING, Says.REFUSED} or (records.has_command and not records.is_one_currency):
        impossible |= {R.BELIEVE, R.REFUND, R.CORRECT}
    if not records.is_in_flight or records.says in {Says.NOTHING, Says.MOVED}:
        impossible.add(R.DECLINE)
    if records.is_returned:
        impossible.add(R.CORRECT)
    if not records.is_succeeded or (records.is_unplaced and kind is DifferenceKind.STATUS):
        impossible.add(R.REVERSE)
    elif kind is DifferenceKind.STATUS:
        impossible |= {R.BELIEVE, R.REFUND}
    ways = tuple(each for each in RESOLUTIONS[kind] if each not in impossible)
    return tuple(each for each in ways if each is not R.EXPLAIN) if records.is_in_flight and len(ways) > 1 else ways


def is_weighed(resolution: Resolution, *, records: Records) -> bool:
    """True when a second person agrees beyond a limit: also where a person alone names the loan, or reads the code."""
    if resolution is R.BELIEVE:
        return not records.has_command or records.says is not Says.MOVED
    return resolution in WEIGHED


def is_near_enough(due_on: date, *, day: date, today: date) -> bool:
    """True when the file of a day may be waited for: a later one than the ticket's, and not far ahead."""
    return day < due_on <= today + FURTHEST


LATE_AFTER: Final = timedelta(days=2)
"""The file of a day is written on the morning after; on the day after that it is late."""


def overdue_since(day: date) -> date:
    """The first day on which the file of a day is late."""
    return day + LATE_AFTER


def is_overdue(day: date, *, today: date) -> bool:
    """True when the file of a day should be here by now."""
    return overdue_since(day) <= today


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
