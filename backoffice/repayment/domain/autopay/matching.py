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
    happened: the day before when it was after the cut-off.
    """

    state: CommandState
    amount: Decimal
    currency: str
    booked: Decimal | None
    on: date | None
    moved_on: date | None = None


@dataclass(frozen=True, slots=True)
class Theirs:
    """The channel's line: `on` is the rail's day by its own time, `is_twice` when an earlier file has it already.

    `is_done`: its code says that money moved; a debit with the code of a refusal contradicts itself.
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


def judge(
    *, movement: str, ours: Ours | None, theirs: Theirs | None, day: date, is_next_known: bool, is_elsewhere: bool
) -> Judgement:
    """What the two records of a movement come to on a rail's day.

    `is_next_known`: the file of the next day is here. `is_elsewhere`: another file has the line, which judges it there.
    """
    if theirs is None:
        return NOTHING if ours is None or is_elsewhere else _judge_absent(movement, ours, day, is_next_known)
    if theirs.is_twice:
        return Judgement(Outcome.LONG, Why.TWICE)
    may_follow = theirs.on > day and not is_next_known
    if ours is None:
        return Judgement(Outcome.CUT_OFF, Why.NEXT_FILE) if may_follow else Judgement(Outcome.LONG, Why.NO_ORDER)
    if not theirs.is_done:
        return Judgement(Outcome.STATUS, Why.CODE)
    if movement == "debit":
        return _judge_debit(ours, theirs, may_follow=may_follow)
    return _judge_return(ours, theirs)


def _judge_debit(ours: Ours, theirs: Theirs, *, may_follow: bool) -> Judgement:
    if ours.state in IN_FLIGHT:
        return _same(ours.amount, ours, theirs, otherwise=Outcome.SETTLE)
    if ours.state in {CommandState.SUCCEEDED, CommandState.RETURNED}:
        return _same(ours.booked, ours, theirs, otherwise=Outcome.MATCHED)
    if may_follow:
        return Judgement(Outcome.CUT_OFF, Why.NEXT_FILE)
    return Judgement(Outcome.STATUS, Why.SAYS_NO)


def _judge_return(ours: Ours, theirs: Theirs) -> Judgement:
    if ours.state == CommandState.RETURNED:
        return _same(ours.booked, ours, theirs, otherwise=Outcome.MATCHED)
    if ours.state == CommandState.SUCCEEDED:
        return _same(ours.booked, ours, theirs, otherwise=Outcome.RETURN)
    return Judgement(Outcome.STATUS, Why.NOT_SUCCEEDED)


def _same(amount: Decimal | None, ours: Ours, theirs: Theirs, *, otherwise: Outcome) -> Judgement:
    """The difference of the amounts; `otherwise` when there is none."""
    if amount is None:
        return Judgement(Outcome.STATUS, Why.NOT_BOOKED)
    if ours.currency != theirs.currency:
        return Judgement(Outcome.AMOUNT, Why.CURRENCY)
    if amount != theirs.amount:
        return Judgement(Outcome.AMOUNT, Why.AMOUNT)
    return Judgement(otherwise)


def _judge_absent(movement: str, ours: Ours, day: date, is_next_known: bool) -> Judgement:
    """What we have of the day and the file has not."""
    if ours.state in IN_FLIGHT:
        if movement == "return" or ours.on != day:
            return NOTHING
        return Judgement(Outcome.DECLINE if is_next_known else Outcome.WAIT)
    moved = (CommandState.SUCCEEDED, CommandState.RETURNED) if movement == "debit" else (CommandState.RETURNED,)
    if ours.state not in moved or ours.booked is None or ours.on is None or ours.on < day:
        return NOTHING
    if ours.on > day:
        return NOTHING if is_next_known or ours.moved_on != day else Judgement(Outcome.CUT_OFF, Why.NEXT_FILE)
    return Judgement(Outcome.SHORT, Why.ABSENT)
