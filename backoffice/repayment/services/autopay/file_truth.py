"""What a settlement file proves of a command, carried out: debited, given back, another amount, or never debited.

A file that speaks of another currency than the command proves nothing of it.

The one place where reconciliation moves a command; `settling` books it. The same proof twice is one proof.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from backoffice.calendars import clock
from backoffice.calendars.clock import lenders_day
from backoffice.calendars.services import hold_business_date
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.codes import Family, shipped_codes
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.outcomes import NOT_IN_FILE, Said, value_date
from backoffice.repayment.models import DebitBill, DebitCommand
from backoffice.repayment.selectors.states import LoanId, OperationId
from backoffice.repayment.services.autopay import commands, splitting
from backoffice.repayment.services.autopay.filing import keep_from_leaving
from backoffice.repayment.services.autopay.returning import settle_return
from backoffice.repayment.services.autopay.settling import Fact, settle
from backoffice.repayment.services.autopay.settling_shared import SOURCE
from backoffice.repayment.services.posting import Draft, book_one

BY_FILE: Final = "settlement file"


class CommandCannotBecome(Refusal):
    """The command stands where the proof of a file can no longer move it to."""

    code = "repayment.command_cannot_become"
    status = 409


class OtherCurrency(Refusal):
    """The file speaks of another currency than the command."""

    code = "repayment.proof_of_other_currency"
    status = 409


@dataclass(frozen=True, slots=True)
class Proof:
    """What the other side says: when, how much (major units) of which currency, its code and reference."""

    at: datetime
    amount: Decimal
    currency: str
    code: str = ""
    reference: str = ""


@transaction.atomic
def prove_debited(*, command_id: int, proof: Proof, actor: Actor) -> int | None:
    """The command succeeded and is booked at the channel's time; gives the operation, None when the loan had no room.

    Raises CommandCannotBecome, OtherCurrency.
    """
    _check_currency(command_id, proof)
    said = Said(CommandState.SUCCEEDED, proof.code, Family.DONE, BY_FILE)
    fact = Fact(said=said, at=proof.at, amount=proof.amount, reference=proof.reference)
    settle(facts={command_id: fact}, at=clock.now(), actor=actor)
    command = DebitCommand.objects.get(pk=command_id)
    if command.state not in {CommandState.SUCCEEDED, CommandState.RETURNED}:
        raise _cannot_become(command)
    return command.operation_id


@transaction.atomic
def prove_returned(*, command_id: int, proof: Proof, actor: Actor) -> int | None:
    """The money went back: what was booked is taken back; gives the operation that does.

    Raises CommandCannotBecome, OtherCurrency.
    """
    _check_currency(command_id, proof)
    settle_return(
        command_id=command_id,
        returned_at=proof.at,
        code=proof.code,
        reference=proof.reference,
        at=clock.now(),
        actor=actor,
    )
    command = DebitCommand.objects.get(pk=command_id)
    if command.state != CommandState.RETURNED:
        raise _cannot_become(command)
    return command.return_operation_id


@transaction.atomic
def prove_amount(*, command_id: int, proof: Proof, actor: Actor, reason: str) -> int | None:
    """The debit brought another amount than was booked: booked and split anew with the channel's.

    A command of which nothing is booked yet is booked with it. Gives the operation. Raises CommandCannotBecome for one
    that went back meanwhile, OtherCurrency.
    """
    _check_currency(command_id, proof)
    today = hold_business_date(at_least=date.min)
    glimpse = DebitCommand.objects.get(pk=command_id)
    commands.lock_batches([glimpse.batch_id])
    commands.lock_loans([glimpse.loan_id])
    command = DebitCommand.objects.select_for_update(no_key=True).get(pk=command_id)
    if command.state not in {CommandState.SUCCEEDED, CommandState.RETURNED}:
        return prove_debited(command_id=command_id, proof=proof, actor=actor)
    if command.state == CommandState.RETURNED or command.operation_id is None:
        raise _cannot_become(command)
    loan_id, old = LoanId(command.loan_id), command.operation_id
    book_one(
        draft=Draft(
            loan_id=loan_id, kind="reversal", value_date=today, reverses=OperationId(old), source=SOURCE, reason=reason
        ),
        actor=actor,
        business_date=today,
    )
    channel_day = lenders_day(proof.at)
    day = value_date(channel_day=channel_day, planned_day=command.day, business_date=today)
    booked = book_one(
        draft=Draft(
            loan_id=loan_id,
            kind="payment",
            value_date=day,
            amount=proof.amount,
            currency=command.currency,
            source=SOURCE,
            external_id=f"{command.order_no}:corrected",
            channel=command.rail.code,
            reference=proof.reference,
            reason=reason,
        ),
        actor=actor,
        business_date=today,
    )
    splitting.split_payments(payments={command.pk: (booked.operation_id, command.version_id, command.currency, day)})
    if command.bill_id is not None:
        more = proof.amount - command.amount
        DebitBill.objects.filter(pk=command.bill_id).update(debited=F("debited") + more)
    DebitCommand.objects.filter(pk=command.pk).update(amount=proof.amount, operation_id=booked.operation_id)
    return int(booked.operation_id)


@transaction.atomic
def prove_placed(*, command_id: int, actor: Actor) -> int:
    """The debit is booked that the loan had no room for when its money came; gives the operation.

    Raises CommandCannotBecome, and what booking refuses while there is still no room.
    """
    today = hold_business_date(at_least=date.min)
    glimpse = DebitCommand.objects.get(pk=command_id)
    commands.lock_batches([glimpse.batch_id])
    commands.lock_loans([glimpse.loan_id])
    command = DebitCommand.objects.select_for_update(no_key=True).get(pk=command_id)
    if command.state != CommandState.SUCCEEDED or command.operation_id is not None or command.succeeded_at is None:
        raise _cannot_become(command)
    channel_day = lenders_day(command.succeeded_at)
    day = value_date(channel_day=channel_day, planned_day=command.day, business_date=today)
    booked = book_one(
        draft=Draft(
            loan_id=LoanId(command.loan_id),
            kind="payment",
            value_date=day,
            amount=command.amount,
            currency=command.currency,
            source=SOURCE,
            external_id=command.order_no,
            channel=command.rail.code,
            reference=command.reference,
        ),
        actor=actor,
        business_date=today,
    )
    splitting.split_payments(payments={command.pk: (booked.operation_id, command.version_id, command.currency, day)})
    DebitCommand.objects.filter(pk=command.pk).update(operation_id=booked.operation_id, is_unplaced=False)
    return int(booked.operation_id)


@transaction.atomic
def prove_absent(*, command_id: int, actor: Actor, code: str = NOT_IN_FILE) -> None:
    """Nothing was debited, and nothing will be: no file has it, or one has it with a refusal's code.

    Raises CommandCannotBecome, FileUnderWay.
    """
    keep_from_leaving(command_id=command_id, at=clock.now())
    scheme = DebitCommand.objects.values_list("rail__scheme", flat=True).get(pk=command_id)
    known = shipped_codes().find(scheme=scheme, code=code)
    said = Said(CommandState.DECLINED, code, known.family if known else Family.EXPIRED, BY_FILE)
    settle(facts={command_id: Fact(said=said)}, at=clock.now(), actor=actor)
    command = DebitCommand.objects.get(pk=command_id)
    if command.state != CommandState.DECLINED:
        raise _cannot_become(command)


def _check_currency(command_id: int, proof: Proof) -> None:
    command = DebitCommand.objects.get(pk=command_id)
    if command.currency == proof.currency:
        return
    raise OtherCurrency(
        _("The debit %(order)s is in %(ours)s, the file has it in %(theirs)s.")
        % {"order": command.order_no, "ours": command.currency, "theirs": proof.currency},
        next_step=_("Ask the rail which currency it debited. An amount is never booked in another currency."),
    )


def _cannot_become(command: DebitCommand) -> CommandCannotBecome:
    return CommandCannotBecome(
        _("The debit %(order)s is %(state)s by now.")
        % {"order": command.order_no, "state": command.get_state_display()},
        next_step=_("Compare the day again: the difference may be gone."),
    )
