"""The payer's bank takes a debit back, days later: reversed, its bill open again, what outlives the day begun."""

import logging
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import transaction

from backoffice.audit import outbox
from backoffice.calendars.clock import lenders_day
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.actions import USUAL
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Tripped
from backoffice.repayment.domain.autopay.codes import ISO20022, Family, shipped_codes
from backoffice.repayment.domain.autopay.configuration import parse
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.outcomes import BillAfter, bill_after_return, value_date
from backoffice.repayment.models import AutopayVersion, DebitBill, Operation, Rail
from backoffice.repayment.selectors.states import LoanId, OperationId
from backoffice.repayment.services.autopay import breaking, commands, debit_stops
from backoffice.repayment.services.autopay.commands import Change, Row
from backoffice.repayment.services.autopay.settling_shared import (
    SOURCE,
    TRANSIENT,
    aftermath_of,
    alarm_unbooked,
    lock_for_settling,
)
from backoffice.repayment.services.posting import Booked, Draft, book

logger = logging.getLogger(__name__)
RETURNED: Final = "repayment.debits.returned"


def settle_return(
    *, command_id: int, returned_at: datetime, code: str, reference: str, at: datetime, actor: Actor
) -> bool:
    """The payer's bank took a debit back: the payment is reversed, what it closed opens again, the split is mirrored.

    What somebody took back before is not taken back twice. What the books refuse, as when the money was paid back to
    the borrower already, is returned all the same, marked as not in the books, with an alarm for a person to end.
    False when it changes nothing: the command had not succeeded, or is returned already; or when it cannot be written
    down, which opens a breaker.
    """
    returned = _Return(at=returned_at, code=code, reference=reference)
    try:
        return _settle_return(command_id, returned, at=at, actor=actor)
    except TRANSIENT:
        raise
    except Exception as error:
        logger.exception("the return of command %d cannot be written down", command_id)
        with transaction.atomic():
            lock_for_settling([command_id])
            alarm_unbooked(commands.read(ids=[command_id], lock=True)[command_id], why=type(error).__name__, at=at)
        return False


@dataclass(frozen=True, slots=True)
class _Return:
    """A return as it is told: when, its code and reference."""

    at: datetime
    code: str
    reference: str


@transaction.atomic
def _settle_return(command_id: int, returned: _Return, *, at: datetime, actor: Actor) -> bool:
    today = lock_for_settling([command_id])
    beside = debit_stops.lock_agreements(commands.read(ids=[command_id], lock=False).values())
    row = commands.read(ids=[command_id, *beside], lock=True).get(command_id)
    if row is None or row.state != CommandState.SUCCEEDED:
        return False
    operation, refusal = _take_back(row, returned, today=today, actor=actor)
    commands.apply(
        [
            Change(
                row,
                CommandState.RETURNED,
                at,
                code=returned.code,
                detail=refusal.code if refusal else "",
                values={
                    "returned_at": returned.at,
                    "return_operation_id": operation,
                    "is_unplaced": operation is None,
                    "look_at": None,
                },
            )
        ],
        actor=actor,
    )
    if refusal is not None:
        tripped = Tripped(
            BreakerKind.UNBOOKED, f"-{row.amount:f} {row.currency}", "", f"{row.order_no}: {refusal.code}"
        )
        breaking.open_breaker(tripped=tripped, rail=Rail.objects.get(pk=row.rail_id), command_id=row.id, at=at)
    family = _family_of_return(row, returned.code)
    after = _follow_return(row, code=returned.code, family=family)
    debit_stops.follow_up([aftermath_of(row, after, code=returned.code, family=family)], at=at, actor=actor)
    outbox.publish(
        event=RETURNED, key=f"debit:{row.id}:returned", payload={"command_id": row.id, "code": returned.code}
    )
    return True


def _family_of_return(row: Row, code: str) -> Family | None:
    """Returns carry ISO return reasons on every rail; a code of the rail's own scheme is read as well."""
    codes = shipped_codes()
    found = codes.find(scheme=ISO20022, code=code) or codes.find(scheme=row.scheme, code=code)
    return found.family if found else None


def _follow_return(row: Row, *, code: str, family: Family | None) -> BillAfter:
    """The bill of a debit that was taken back has not got its money, though other parts of it may stand."""
    version = AutopayVersion.objects.get(pk=row.version_id) if row.version_id is not None else None
    actions = parse(version.content).actions if version else USUAL
    if row.bill_id is None:
        return bill_after_return(code, family, actions=actions, tries_without_funds=0)
    bill = DebitBill.objects.select_for_update(no_key=True).get(pk=row.bill_id)
    after = bill_after_return(code, family, actions=actions, tries_without_funds=bill.tries_without_funds)
    bill.debited = max(bill.debited - row.amount, ZERO)
    bill.state, bill.stopped_by = after.state.value, after.stopped_by
    bill.tries_without_funds = after.tries_without_funds
    if after.skip_mandate and row.mandate_id not in bill.skipped_mandates:
        bill.skipped_mandates = [*bill.skipped_mandates, row.mandate_id]
    bill.save(update_fields=["debited", "state", "stopped_by", "tries_without_funds", "skipped_mandates"])
    return after


def _take_back(row: Row, returned: _Return, *, today: date, actor: Actor) -> tuple[int | None, Refusal | None]:
    """The operation that takes a debit's payment back, whoever booked it; or why the books refuse it."""
    if row.operation_id is None:
        return None, None
    before = Operation.objects.filter(reverses_id=row.operation_id).values_list("pk", flat=True).first()
    if before is not None:
        return before, None
    draft = Draft(
        loan_id=LoanId(row.loan_id),
        kind="reversal",
        value_date=value_date(channel_day=lenders_day(returned.at), planned_day=row.day, business_date=today),
        reverses=OperationId(row.operation_id),
        source=SOURCE,
        external_id=f"{row.order_no}:return",
        channel=row.rail_code,
        reference=returned.reference,
        reason=returned.code,
    )
    (outcome,) = book(drafts=[draft], actor=actor, business_date=today)
    return (int(outcome.operation_id), None) if isinstance(outcome, Booked) else (None, outcome.refusal)
