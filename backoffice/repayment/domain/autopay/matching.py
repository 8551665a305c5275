"""对账: what our record and the channel's say about one movement of one order, and what follows. mechanics 3.7.

A movement is a debit or the return of one. `sql/match_settlement.sql` judges a whole day in one statement by the same
rules; this is the rule it is held against.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from backoffice.repayment.domain.autopay.debit_states import IN_FLIGHT, CommandState
from backoffice.repayment.domain.autopay.differences import DifferenceKind


class Outcome(StrEnum):
    """What a comparison comes to.

    `settle`, `return` and `decline` are done without asking: an unknown command stands in the file, money came back of
    which no notice told, an unknown command stands in no file. `wait`: the next file may still have it. `nothing`:
    neither side moved anything, or it is judged on another day. The others are differences.
    """

    MATCHED = "matched"
    NOTHING = "nothing"
    SETTLE = "settle"
    RETURN = "return"
    DECLINE = "decline"
    WAIT = "wait"
    LONG = "long"
    SHORT = "short"
    AMOUNT = "amount"
    STATUS = "status"
    CUT_OFF = "cutoff"


DIFFERENCES: Final = frozenset({Outcome.LONG, Outcome.SHORT, Outcome.AMOUNT, Outcome.STATUS, Outcome.CUT_OFF})
EXPLAINED: Final = frozenset({DifferenceKind.CUT_OFF})
"""Differences that explain themselves: the next file is expected to have the other side."""


class Why(StrEnum):
    """The finer reason of a difference."""

    NONE = ""
    NO_ORDER = "no_order"
    CODE = "code"
    SAYS_NO = "says_no"
    TWICE = "twice"
    NOT_BOOKED = "not_booked"
    NOT_PLACED = "not_placed"
    NOT_SUCCEEDED = "not_succeeded"
    CURRENCY = "currency"
    AMOUNT = "amount"
    ABSENT = "absent"
    NEXT_FILE = "next_file"


@dataclass(frozen=True, slots=True)
class Ours:
    """Our record of a movement: amounts in major units.

    `booked` is what the ledger holds of it, None when nothing; for the return of a debit that still counts as
    succeeded it is what is booked of the debit. `on` is the rail's day the movement belongs to, `moved_on` the date it
    happened: the day before when it was after the cut-off. `is_unplaced`: the money came, the loan had no room for it,
    and nothing is booked of it yet. `is_taken_back`: we took it back ourselves, because the channel never had it.
    `is_after_file`: it happened after the file of its day was here, so that only a later one can have it.
    """

    state: CommandState
    amount: Decimal
    currency: str
    booked: Decimal | None
    on: date | None
    moved_on: date | None = None
    is_unplaced: bool = False
    is_taken_back: bool = False
    is_after_file: bool = False


@dataclass(frozen=True, slots=True)
class Theirs:
    """The channel's line: `on` is the rail's day by its own time, `is_twice` when an earlier file has moved it already.

    `is_done`: its code says that money moved. A debit with the code of a refusal contradicts itself; one that is
    pending has moved nothing yet.
    """

    amount: Decimal
    currency: str
    on: date
    is_twice: bool = False
    is_done: bool = True


@dataclass(frozen=True, slots=True)
class Judgement:
    """The outcome of one movement and the finer reason."""

    outcome: Outcome
    why: Why = Why.NONE


MATCHED: Final = Judgement(Outcome.MATCHED)
NOTHING: Final = Judgement(Outcome.NOTHING)


def rail_day(*, at: datetime, cut_off: time) -> date:
    """The rail's day of a time given in the lender's zone: after the cut-off it is the next one."""
    return at.date() + timedelta(days=1) if at.time() > cut_off else at.date()


@dataclass(frozen=True, slots=True)
class Files:
    """Which files are here beside the one of the day: that of the next day (`next`), that of any later day (`later`).

    A rail need not write a file on every day: what the next file decides, any later one does.
    """

    next: bool = False
    later: bool = False


def judge(
    *, movement: str, ours: Ours | None, theirs: Theirs | None, day: date, files: Files, is_elsewhere: bool
) -> Judgement:
    """What the two records of a movement come to on a rail's day.

    `is_elsewhere`: another file has the line, which judges it there; of a line that moved nothing, a later file says
    that it moved.
    """
    if theirs is None:
        return NOTHING if ours is None or is_elsewhere else _judge_absent(movement, ours, day, files)
    if not theirs.is_done and is_elsewhere:
        return NOTHING
    if theirs.is_done and theirs.is_twice:
        return Judgement(Outcome.LONG, Why.TWICE)
    may_follow = theirs.on > day and not files.later
    if ours is None:
        return Judgement(Outcome.CUT_OFF, Why.NEXT_FILE) if may_follow else Judgement(Outcome.LONG, Why.NO_ORDER)
    if not theirs.is_done:
        return NOTHING if ours.is_taken_back else Judgement(Outcome.STATUS, Why.CODE)
    if movement == "debit":
        return _judge_debit(ours, theirs, may_follow=may_follow)
    return _judge_return(ours, theirs)


def _judge_debit(ours: Ours, theirs: Theirs, *, may_follow: bool) -> Judgement:
    if ours.state in IN_FLIGHT:
        return _same(ours.amount, ours, theirs, otherwise=Judgement(Outcome.SETTLE))
    if ours.is_taken_back:
        return Judgement(Outcome.STATUS, Why.SAYS_NO)
    if ours.state in {CommandState.SUCCEEDED, CommandState.RETURNED}:
        agreed = Judgement(Outcome.STATUS, Why.NOT_PLACED) if ours.is_unplaced else MATCHED
        return _same(ours.booked, ours, theirs, otherwise=agreed)
    if may_follow:
        return Judgement(Outcome.CUT_OFF, Why.NEXT_FILE)
    return Judgement(Outcome.STATUS, Why.SAYS_NO)


def _judge_return(ours: Ours, theirs: Theirs) -> Judgement:
    if ours.state == CommandState.RETURNED:
        return _same(ours.booked, ours, theirs, otherwise=MATCHED)
    if ours.state == CommandState.SUCCEEDED:
        return _same(ours.booked, ours, theirs, otherwise=Judgement(Outcome.RETURN))
    return Judgement(Outcome.STATUS, Why.NOT_SUCCEEDED)


def _same(amount: Decimal | None, ours: Ours, theirs: Theirs, *, otherwise: Judgement) -> Judgement:
    """The difference of the amounts; `otherwise` when there is none."""
    if amount is None:
        return Judgement(Outcome.STATUS, Why.NOT_BOOKED)
    if ours.currency != theirs.currency:
        return Judgement(Outcome.AMOUNT, Why.CURRENCY)
    if amount != theirs.amount:
        return Judgement(Outcome.AMOUNT, Why.AMOUNT)
    return otherwise


def _judge_absent(movement: str, ours: Ours, day: date, files: Files) -> Judgement:
    """What we have of the day and the file has not."""
    if ours.state in IN_FLIGHT:
        if movement == "return" or ours.on != day:
            return NOTHING
        return Judgement(Outcome.DECLINE if files.later else Outcome.WAIT)
    if ours.is_taken_back:
        return NOTHING
    moved = (CommandState.SUCCEEDED, CommandState.RETURNED) if movement == "debit" else (CommandState.RETURNED,)
    if ours.state not in moved or ours.booked is None or ours.on is None or ours.on < day:
        return NOTHING
    if ours.on > day:
        if files.next or ours.moved_on != day:
            return NOTHING
        # The rail wrote no file of the day it belongs to: it can only be judged here.
        return Judgement(Outcome.SHORT, Why.ABSENT) if files.later else Judgement(Outcome.CUT_OFF, Why.NEXT_FILE)
    if ours.is_after_file and not files.later:
        return Judgement(Outcome.CUT_OFF, Why.NEXT_FILE)
    return Judgement(Outcome.SHORT, Why.ABSENT)
