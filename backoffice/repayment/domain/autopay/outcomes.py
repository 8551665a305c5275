"""What follows from what a rail says of a command: its next state, what becomes of its bill, which alarm it raises."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.actions import GOES_ON, OF_THE_ACCOUNT, PASSING, SUSPENDS, Action
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Tripped
from backoffice.repayment.domain.autopay.codes import Codes, Family
from backoffice.repayment.domain.autopay.configuration import Configuration
from backoffice.repayment.domain.autopay.debit_states import BillState, CommandState
from backoffice.repayment.domain.autopay.handover import Answer, Known, Outcome, Standing

NOT_TAKEN = "not_taken"
"""The rail proves that it never had the command: nothing was debited."""
NOT_IN_FILE = "not_in_file"
"""No settlement file has it: declined for it, or taken back by ourselves. The payer's bank has no part in it."""
RETURNED = "returned"
"""What stopped a bill whose debit was taken back."""
ALARMS: Final = {Family.REQUEST: BreakerKind.REQUEST, Family.MERCHANT: BreakerKind.MERCHANT}
"""Refusals that are our own fault. The action of the first is `halt`: its breaker stops the batch. mechanics 3.7."""


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a command, by its answer, a notice, a question or a file.

    `to` is its state by that; UNKNOWN when it is not known yet. `alarm` opens a breaker. Amounts in major units.
    """

    to: CommandState
    code: str = ""
    family: Family | None = None
    detail: str = ""
    alarm: Tripped | None = None


def read_answer(answer: Answer, *, scheme: str, codes: Codes, order_no: str) -> Said:
    """What an answer to handing a command over says. `PLANNED`: it certainly did not leave, and may be tried again."""
    if answer.outcome in (Outcome.NEVER_LEFT, Outcome.NOT_NOW):
        return Said(CommandState.PLANNED, answer.code or answer.outcome.value, detail=answer.detail)
    if answer.outcome == Outcome.REFUSED_REQUEST:
        alarm = Tripped(BreakerKind.REQUEST, answer.code or "-", "", f"{order_no}: {answer.detail}")
        return Said(CommandState.DECLINED, answer.code, Family.REQUEST, answer.detail, alarm)
    if answer.outcome == Outcome.SUCCEEDED:
        return Said(CommandState.SUCCEEDED, answer.code, Family.DONE)
    if answer.outcome == Outcome.DECLINED:
        return read_refusal(answer.code, scheme=scheme, codes=codes, order_no=order_no)
    return Said(CommandState.UNKNOWN, answer.code or answer.outcome.value, Family.UNKNOWN, answer.detail)


def read_refusal(code: str, *, scheme: str, codes: Codes, order_no: str, is_asked: bool = False) -> Said:
    """What a code of refusal says, whichever way it came; `is_asked`: the rail was asked what became of the command.

    One that may have moved money, and one nobody mapped, leave it unknown. So does a busy rail, until it is asked and
    says that it did not take it. Our own fault stops the batch (`halt`); what is wrong with our contract is an alarm.
    """
    known = codes.find(scheme=scheme, code=code)
    if known is None:
        alarm = Tripped(BreakerKind.UNMAPPED, code or "-", "", order_no)
        return Said(CommandState.UNKNOWN, code, None, "unmapped", alarm)
    if known.was_debited or known.family in (Family.UNKNOWN, Family.DUPLICATE, Family.DONE):
        return Said(CommandState.UNKNOWN, code, Family.UNKNOWN)
    if known.family == Family.BUSY and not (is_asked or known.not_taken):
        return Said(CommandState.UNKNOWN, code, Family.UNKNOWN)
    kind = ALARMS.get(known.family)
    return Said(CommandState.DECLINED, code, known.family, alarm=Tripped(kind, code, "", order_no) if kind else None)


def read_standing(standing: Standing, *, scheme: str, codes: Codes, order_no: str, has_expired: bool) -> Said:
    """What a rail says when it is asked. That it never had the command counts once the command has expired."""
    if standing.known in (Known.SUCCEEDED, Known.RETURNED):
        return Said(CommandState.SUCCEEDED, standing.code, Family.DONE)
    if standing.known == Known.DECLINED:
        return read_refusal(standing.code, scheme=scheme, codes=codes, order_no=order_no, is_asked=True)
    if standing.known == Known.NEVER and has_expired:
        return Said(CommandState.DECLINED, NOT_TAKEN, Family.EXPIRED)
    return Said(CommandState.UNKNOWN, standing.code, Family.UNKNOWN)


@dataclass(frozen=True, slots=True)
class BillAfter:
    """A bill after one of its commands is known, and what outlives its day.

    `suspend_mandate`: nothing is debited over the agreement until somebody resumes it or another takes over.
    `stop_loan`: nothing of the loan is debited until a person lets it go on, or the month is over
    (`until_next_month`). `is_over_limit`: a smaller part is next.
    """

    state: BillState
    stopped_by: str
    tries_without_funds: int
    skip_mandate: bool
    suspend_mandate: bool = False
    stop_loan: bool = False
    until_next_month: bool = False
    is_over_limit: bool = False


def bill_after(
    family: Family, *, configuration: Configuration, tries_without_funds: int, is_spent: bool = False
) -> BillAfter:
    """What becomes of a bill whose command was declined with a code of that family.

    `is_spent`: its code says that the limit of a month or year is used up. Then no part of it is asked for in the next
    slot; the loan stops until the next month, unless another agreement is to be used or a person to look.
    """
    action = configuration.actions[family]
    waits = is_spent and action in (Action.SPLIT, Action.NEXT_SLOT, Action.STOP)
    # A halt stops the batch in the bill's stead: the fault is ours, and the bill is tried again once it is mended.
    is_open = (action in GOES_ON or action is Action.HALT) and not waits
    return BillAfter(
        state=BillState.OPEN if is_open else BillState.STOPPED,
        stopped_by="" if is_open else family.value,
        tries_without_funds=tries_without_funds + (family == Family.INSUFFICIENT_FUNDS),
        skip_mandate=action == Action.OTHER_MANDATE,
        suspend_mandate=action in SUSPENDS,
        stop_loan=waits or action == Action.MANUAL or (action == Action.STOP and family not in PASSING),
        until_next_month=waits,
        is_over_limit=action == Action.SPLIT and not waits,
    )


def next_month(day: date) -> date:
    """The first day of the month after."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def bill_after_return(
    code: str, family: Family | None, *, actions: Mapping[Family, Action], tries_without_funds: int
) -> BillAfter:
    """What becomes of a bill whose debit the payer's bank took back; no family: nobody mapped the code.

    For want of funds it is tried on its next day by the rule, and so is what was never debited. What the account or the
    agreement cannot be used for suspends that agreement or goes over another, as for a refusal. Whatever else it was, a
    person looks first.
    """
    action = actions.get(family) if family is not None else None
    is_unfunded = family == Family.INSUFFICIENT_FUNDS
    is_over_another = action == Action.OTHER_MANDATE and family in OF_THE_ACCOUNT
    goes_on = is_unfunded or is_over_another or action in SUSPENDS or code == NOT_IN_FILE
    return BillAfter(
        state=BillState.STOPPED,
        stopped_by=NOT_IN_FILE if code == NOT_IN_FILE else RETURNED,
        tries_without_funds=tries_without_funds + is_unfunded,
        skip_mandate=is_over_another,
        suspend_mandate=action in SUSPENDS,
        stop_loan=not goes_on,
    )


NOT_THEIRS: Final = frozenset({Family.REQUEST, Family.EXPIRED, Family.BUSY, Family.MERCHANT, Family.DUPLICATE})
"""Refusals that say nothing of the borrower or their account."""


def told_of(*, to: CommandState, family: Family | None, configuration: Configuration) -> str:
    """The outcome a borrower is told of a debit that is known, a name of `configuration.OUTCOMES`; "" for none.

    `stopped` when nothing more is tried and they have to act. A refusal that is our own or the channel's fault, and is
    tried again, is none of their business.
    """
    if to == CommandState.SUCCEEDED:
        return "succeeded"
    if to != CommandState.DECLINED or family is None or family == Family.REQUEST:
        return ""
    after = bill_after(family, configuration=configuration, tries_without_funds=0)
    if after.state == BillState.STOPPED:
        return "stopped"
    return "" if family in NOT_THEIRS else "declined"


def amount_alarm(*, asked: Decimal, moved: Decimal, order_no: str) -> Tripped | None:
    """An alarm when a rail moved another amount than was asked for."""
    if moved == asked or moved <= ZERO:
        return None
    return Tripped(BreakerKind.DOUBLE if moved > asked else BreakerKind.AMOUNT, f"{moved:f}", f"{asked:f}", order_no)


def value_date(*, channel_day: date, planned_day: date, business_date: date) -> date:
    """The day a success is booked on: the channel's, in the lender's zone.

    Not before the day it was planned for (a slot begun ahead of its day), nor after the business date (an answer after
    midnight, before the day has been closed).
    """
    return min(max(channel_day, min(planned_day, business_date)), business_date)
