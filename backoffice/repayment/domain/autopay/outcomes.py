"""What follows from what a rail says of a command: its next state, what becomes of its bill, which alarm it raises."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.actions import GOES_ON, Action
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Tripped
from backoffice.repayment.domain.autopay.codes import Codes, Family
from backoffice.repayment.domain.autopay.configuration import Configuration
from backoffice.repayment.domain.autopay.debit_states import BillState, CommandState
from backoffice.repayment.domain.autopay.handover import Answer, Known, Outcome, Standing

NOT_TAKEN = "not_taken"
"""The rail proves that it never had the command: nothing was debited."""
NOT_IN_FILE = "not_in_file"
"""No settlement file has it: declined for it, or taken back by ourselves. The payer's bank has no part in it."""


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


def read_refusal(code: str, *, scheme: str, codes: Codes, order_no: str) -> Said:
    """What a code of refusal says; one that may have moved money, and one nobody mapped, leave it unknown."""
    known = codes.find(scheme=scheme, code=code)
    if known is None:
        alarm = Tripped(BreakerKind.UNMAPPED, code or "-", "", order_no)
        return Said(CommandState.UNKNOWN, code, None, "unmapped", alarm)
    if known.was_debited or known.family in (Family.UNKNOWN, Family.DUPLICATE, Family.DONE):
        return Said(CommandState.UNKNOWN, code, Family.UNKNOWN)
    return Said(CommandState.DECLINED, code, known.family)


def read_standing(standing: Standing, *, scheme: str, codes: Codes, order_no: str, has_expired: bool) -> Said:
    """What a rail says when it is asked. That it never had the command counts once the command has expired."""
    if standing.known in (Known.SUCCEEDED, Known.RETURNED):
        return Said(CommandState.SUCCEEDED, standing.code, Family.DONE)
    if standing.known == Known.DECLINED:
        return read_refusal(standing.code, scheme=scheme, codes=codes, order_no=order_no)
    if standing.known == Known.NEVER and has_expired:
        return Said(CommandState.DECLINED, NOT_TAKEN, Family.EXPIRED)
    return Said(CommandState.UNKNOWN, standing.code, Family.UNKNOWN)


@dataclass(frozen=True, slots=True)
class BillAfter:
    """A bill after one of its commands is known."""

    state: BillState
    stopped_by: str
    tries_without_funds: int
    skip_mandate: bool


def bill_after(family: Family, *, configuration: Configuration, tries_without_funds: int) -> BillAfter:
    """What becomes of a bill whose command was declined with a code of that family."""
    action = configuration.actions[family]
    return BillAfter(
        state=BillState.OPEN if action in GOES_ON else BillState.STOPPED,
        stopped_by="" if action in GOES_ON else family.value,
        tries_without_funds=tries_without_funds + (family == Family.INSUFFICIENT_FUNDS),
        skip_mandate=action == Action.OTHER_MANDATE,
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
