"""What became of commands is written down: booked, split, followed by what the code of a refusal asks for.

Answers, notices, questions and files all end here. Everything is one transaction, and the same fact twice is one fact:
a command moves by the table, and a payment has the order number as its external id.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import transaction

from backoffice.audit import outbox
from backoffice.calendars.clock import lenders_day
from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch, update_rows
from backoffice.outreach.domain.handover import wait_before_retry
from backoffice.repayment.domain.autopay.actions import PASSING
from backoffice.repayment.domain.autopay.breakers import OF_RAIL, BreakerKind, Tripped
from backoffice.repayment.domain.autopay.codes import Family, shipped_codes
from backoffice.repayment.domain.autopay.configuration import Configuration, parse
from backoffice.repayment.domain.autopay.debit_states import IN_FLIGHT, BillState, CommandState, may_move
from backoffice.repayment.domain.autopay.handover import Answer
from backoffice.repayment.domain.autopay.last_look import Drop
from backoffice.repayment.domain.autopay.order_numbers import Purpose
from backoffice.repayment.domain.autopay.outcomes import (
    BillAfter,
    Said,
    amount_alarm,
    bill_after,
    read_answer,
    value_date,
)
from backoffice.repayment.models import AutopayVersion, DebitBatch, DebitBill, Rail
from backoffice.repayment.selectors.states import LoanId
from backoffice.repayment.services.autopay import breaking, commands, debit_stops, splitting
from backoffice.repayment.services.autopay.commands import Change, Row
from backoffice.repayment.services.autopay.debit_stops import Aftermath
from backoffice.repayment.services.autopay.settling_shared import (
    SOURCE,
    TRANSIENT,
    aftermath_of,
    alarm_unbooked,
    lock_for_settling,
)
from backoffice.repayment.services.posting import Booked, Draft, book
from backoffice.repayment.services.reminders import put_right

logger = logging.getLogger(__name__)
FIRST_LOOK: Final = timedelta(seconds=10)
KNOWN: Final = "repayment.debits.known"
BILL_COLUMNS: Final = {
    "attempts": "int",
    "debited": "numeric",
    "state": "text",
    "stopped_by": "text",
    "tries_without_funds": "int",
    "tries_over_limit": "int",
    "skipped_mandates": "jsonb",
}
NEVER_LEFT: Final = frozenset({CommandState.PLANNED, CommandState.DROPPED})
NOT_BOOKED: Final = "not_booked"
"""Why a command is unknown of which something was said that could not be written down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something said of a command: what it says, when money moved at the channel, how much, and its reference."""

    said: Said
    at: datetime | None = None
    amount: Decimal | None = None
    reference: str = ""
    retry_after: int = 0


def learn(*, answers: Mapping[int, Answer], at: datetime, actor: Actor) -> int:
    """Write down what a rail answered to commands just handed over, by their ids; gives how many moved."""
    rows = commands.read(ids=answers, lock=False)
    facts = {
        command_id: Fact(
            said=_of_answer(rows[command_id], answer),
            at=answer.at,
            amount=answer.amount,
            reference=answer.reference,
            retry_after=answer.retry_after,
        )
        for command_id, answer in answers.items()
    }
    return settle(facts=facts, at=at, actor=actor)


def _of_answer(row: Row, answer: Answer) -> Said:
    """What an answer says. A payment by link that certainly never left is over: nobody tries it again for the payer."""
    said = read_answer(answer, scheme=row.scheme, codes=shipped_codes(), order_no=row.order_no)
    if said.to == CommandState.PLANNED and row.purpose == Purpose.ACTIVE:
        return replace(said, to=CommandState.DROPPED)
    return said


def settle(*, facts: Mapping[int, Fact], at: datetime, actor: Actor) -> int:
    """Write down what is known of commands, by their ids; gives how many moved; what changes nothing is none.

    One that cannot be written down is set aside as unknown with an alarm; the others are booked all the same.
    """
    if not facts:
        return 0
    try:
        return _settle(facts=facts, at=at, actor=actor)
    except TRANSIENT:
        raise
    except Exception:
        logger.exception("%d answers cannot be written down together", len(facts))
        return _settle_one_by_one(facts=facts, at=at, actor=actor)


@transaction.atomic
def _settle_one_by_one(*, facts: Mapping[int, Fact], at: datetime, actor: Actor) -> int:
    lock_for_settling(facts)
    moved = 0
    for command_id, fact in sorted(facts.items()):
        try:
            moved += _settle(facts={command_id: fact}, at=at, actor=actor)
        except TRANSIENT:
            raise
        except Exception as error:
            logger.exception("what is said of command %d cannot be written down", command_id)
            unknown = Said(CommandState.UNKNOWN, NOT_BOOKED, Family.UNKNOWN, type(error).__name__)
            moved += _settle(facts={command_id: Fact(said=unknown)}, at=at, actor=actor)
            alarm_unbooked(commands.read(ids=[command_id], lock=True)[command_id], why=type(error).__name__, at=at)
    return moved


@transaction.atomic
def _settle(*, facts: Mapping[int, Fact], at: datetime, actor: Actor) -> int:
    today = lock_for_settling(facts)
    glimpse = commands.read(ids=facts, lock=False)
    beside = debit_stops.lock_agreements(row for row in glimpse.values() if _may_outlive_day(facts[row.id]))
    rows = commands.read(ids={*facts, *beside}, lock=True)
    over = _batches_over(rows.values())
    moving = [
        (rows[command_id], _in_time(fact, is_over=rows[command_id].batch_id in over))
        for command_id, fact in sorted(facts.items())
        if command_id in rows and _moves(rows[command_id], fact)
    ]
    successes = [(row, fact) for row, fact in moving if fact.said.to == CommandState.SUCCEEDED]
    owes_nothing = _owe_nothing(row for row, _fact in successes)
    booked = _book(successes, today=today, at=at, actor=actor)
    commands.apply([_change(row, fact, at=at, operation=booked.get(row.id)) for row, fact in moving], actor=actor)
    _count(moving, owes_nothing=owes_nothing, booked=booked, at=at)
    aftermath = _follow_bills(moving)
    debit_stops.follow_up(aftermath, at=at, actor=actor)
    put_right(
        loan_ids={row.loan_id for row, fact in moving if row.state in IN_FLIGHT and fact.said.to not in IN_FLIGHT}
    )
    if moving:
        outbox.publish(
            event=KNOWN,
            key=f"debits:{moving[0][0].id}:{at.isoformat()}",
            payload={"command_ids": [row.id for row, fact in moving if fact.said.to not in NEVER_LEFT]},
        )
    return len(moving)


def _moves(row: Row, fact: Fact) -> bool:
    """Whether a fact changes a command: what leaves it as it is does not, what the table forbids came too late."""
    current, to = CommandState(row.state), fact.said.to
    if current == CommandState.PLANNED:
        return False
    if to == current:
        return False
    return may_move(current=current, to=to)


def _batches_over(rows: Iterable[Row]) -> set[int]:
    """Of the batches of commands, those out of time: nothing of them leaves any more."""
    ids = {row.batch_id for row in rows if row.batch_id is not None}
    return set(DebitBatch.objects.filter(pk__in=ids, state=DebitBatch.State.OVER).values_list("pk", flat=True))


def _in_time(fact: Fact, *, is_over: bool) -> Fact:
    """The fact as its batch stands: what did not leave and would be tried again has nobody left to try it."""
    if not is_over or fact.said.to != CommandState.PLANNED:
        return fact
    return replace(fact, said=replace(fact.said, to=CommandState.DROPPED, code=Drop.OUT_OF_TIME.value))


def _book(moving: Sequence[tuple[Row, Fact]], *, today: date, at: datetime, actor: Actor) -> dict[int, int]:
    """The payments of successes, by command. What a loan owes nothing for is held for the borrower.

    The books refuse only what cannot be a payment of that loan at all.
    """
    drafts = [
        Draft(
            loan_id=LoanId(row.loan_id),
            kind="payment",
            value_date=value_date(channel_day=lenders_day(fact.at or at), planned_day=row.day, business_date=today),
            amount=fact.amount or row.amount,
            currency=row.currency,
            source=SOURCE,
            external_id=row.order_no,
            channel=row.rail_code,
            reference=fact.reference,
        )
        for row, fact in moving
    ]
    if not drafts:
        return {}
    outcomes = book(drafts=drafts, actor=actor, business_date=today)
    booked = {
        row.id: int(outcome.operation_id)
        for (row, _fact), outcome in zip(moving, outcomes, strict=True)
        if isinstance(outcome, Booked)
    }
    splitting.split_payments(
        payments={
            row.id: (booked[row.id], row.version_id, row.currency, draft.value_date)
            for (row, _fact), draft in zip(moving, drafts, strict=True)
            if row.id in booked
        }
    )
    return booked


def _change(row: Row, fact: Fact, *, at: datetime, operation: int | None) -> Change:
    to, said = fact.said.to, fact.said
    values: dict[str, Any] = {"lease_until": None, "family": said.family.value if said.family else ""}
    if to == CommandState.PLANNED:
        wait = wait_before_retry(tries=row.tries, retry_after=fact.retry_after)
        values |= {"not_before": at + wait, "submitted_at": None, "expires_at": None, "look_at": None}
    elif to == CommandState.UNKNOWN:
        values |= {"look_at": at + FIRST_LOOK, "looks": 0, "reference": fact.reference}
    elif to == CommandState.DROPPED:
        values |= {"answered_at": at, "submitted_at": None, "expires_at": None, "look_at": None}
    else:
        values |= {"answered_at": at, "look_at": None, "reference": fact.reference}
    if to == CommandState.SUCCEEDED:
        values |= {
            "succeeded_at": fact.at or at,
            "amount": fact.amount or row.amount,
            "operation_id": operation,
            "is_unplaced": operation is None,
        }
    return Change(row, to, at, code=said.code, detail=said.detail, values=values)


def _owe_nothing(rows: Iterable[Row]) -> set[int]:
    """Of the loans of commands, those that are paid off already."""
    ids = sorted({row.loan_id for row in rows})
    return {row[0] for row in fetch("SELECT id FROM repayment_loan WHERE id = ANY(%s) AND status = 'closed'", [ids])}


def _count(
    moving: Sequence[tuple[Row, Fact]], *, owes_nothing: Collection[int], booked: Mapping[int, int], at: datetime
) -> None:
    """Batches count what was answered, and open the breakers of what was said."""
    batches = DebitBatch.objects.in_bulk({row.batch_id for row, _fact in moving if row.batch_id})
    for row, fact in moving:
        batch = batches.get(row.batch_id or 0)
        if batch is not None:
            _tally(batch, row, fact)
        for alarm in _alarms(row, fact, is_booked=row.id in booked, owes_nothing=row.loan_id in owes_nothing):
            if alarm.kind in OF_RAIL:
                rail = Rail.objects.get(pk=row.rail_id)
                breaking.open_breaker(tripped=alarm, rail=rail, command_id=row.id, at=at)
            else:
                breaking.open_breaker(tripped=alarm, batch=batch, command_id=row.id, at=at)
    for batch in batches.values():
        batch.save(update_fields=["state", "answered", "succeeded", "families", "left", "left_forecast", "asked"])


def _tally(batch: DebitBatch, row: Row, fact: Fact) -> None:
    is_back = fact.said.to == CommandState.PLANNED
    if is_back and batch.state == DebitBatch.State.DONE:
        # Another worker found nothing left to do while this command was on its way.
        batch.state = DebitBatch.State.STOPPED if breaking.is_any_open(batch) else DebitBatch.State.RUNNING
    if row.counting != batch.counting:
        return  # It left before the counts began anew, and was never counted in these.
    if fact.said.to in NEVER_LEFT:
        batch.left -= 1
        batch.left_forecast -= row.forecast
        batch.asked -= row.amount
        return
    # One that was dropped as if it had never left was not counted as answered yet.
    batch.answered += row.state in (CommandState.SUBMITTED, CommandState.DROPPED)
    if fact.said.to == CommandState.SUCCEEDED:
        batch.succeeded += 1
    elif fact.said.family is not None and fact.said.to == CommandState.DECLINED:
        name = fact.said.family.value
        batch.families[name] = batch.families.get(name, 0) + 1


def _alarms(row: Row, fact: Fact, *, is_booked: bool, owes_nothing: bool) -> list[Tripped]:
    alarms = [fact.said.alarm] if fact.said.alarm else []
    if fact.said.to == CommandState.SUCCEEDED:
        odd = amount_alarm(asked=row.amount, moved=fact.amount or row.amount, order_no=row.order_no)
        if odd is not None:
            alarms.append(odd)
        if row.state == CommandState.DECLINED:
            # Another attempt may have followed the refusal: a person looks at both.
            alarms.append(Tripped(BreakerKind.DOUBLE, f"{row.code}, 00", "", row.order_no))
        if owes_nothing or not is_booked:
            alarms.append(Tripped(BreakerKind.SETTLED, f"{row.amount:f} {row.currency}", "0", row.order_no))
    return alarms


def _follow_bills(moving: Sequence[tuple[Row, Fact]]) -> list[Aftermath]:
    """Bills take what was debited, and what the configuration does about a refusal; gives what outlives their day."""
    about: dict[int, list[tuple[Row, Fact]]] = defaultdict(list)
    for row, fact in moving:
        if row.bill_id is not None and _concerns_bill(fact):
            about[row.bill_id].append((row, fact))
    if not about:
        return []
    bills = list(DebitBill.objects.select_for_update(no_key=True).filter(pk__in=about).order_by("pk"))
    contents = AutopayVersion.objects.in_bulk({bill.version_id for bill in bills})
    configurations = {pk: parse(version.content) for pk, version in contents.items()}
    settled = _settled(bills)
    aftermath: list[Aftermath] = []
    for bill in bills:
        for row, fact in about[bill.pk]:
            after = _follow(
                bill, row, fact, configuration=configurations[bill.version_id], is_settled=bill.pk in settled
            )
            if after is not None:
                aftermath.append(aftermath_of(row, after, code=fact.said.code, family=fact.said.family))
    update_rows(
        table="repayment_debitbill",
        columns=BILL_COLUMNS,
        rows=[
            (
                bill.pk,
                bill.attempts,
                bill.debited,
                bill.state,
                bill.stopped_by,
                bill.tries_without_funds,
                bill.tries_over_limit,
                json.dumps(bill.skipped_mandates),
            )
            for bill in bills
        ],
    )
    return aftermath


def _may_outlive_day(fact: Fact) -> bool:
    """Whether a refusal may suspend an agreement or stop a loan."""
    return fact.said.to == CommandState.DECLINED and fact.said.family not in PASSING


def _concerns_bill(fact: Fact) -> bool:
    return fact.said.to in (CommandState.SUCCEEDED, CommandState.DECLINED)


def _follow(
    bill: DebitBill, row: Row, fact: Fact, *, configuration: Configuration, is_settled: bool
) -> BillAfter | None:
    """The bill as it is after a command; gives what followed from a refusal."""
    bill.attempts += 1
    if fact.said.to == CommandState.SUCCEEDED:
        bill.debited += fact.amount or row.amount
        if is_settled or bill.debited >= bill.amount:
            bill.state = BillState.SETTLED.value
        return None
    known = shipped_codes().find(scheme=row.scheme, code=fact.said.code)
    after = bill_after(
        fact.said.family or Family.UNKNOWN,
        configuration=configuration,
        tries_without_funds=bill.tries_without_funds,
        is_spent=known is not None and known.period_spent,
    )
    bill.tries_without_funds = after.tries_without_funds
    bill.tries_over_limit += after.is_over_limit
    if bill.state == BillState.OPEN:
        bill.state, bill.stopped_by = after.state.value, after.stopped_by
    if after.skip_mandate and row.mandate_id not in bill.skipped_mandates:
        bill.skipped_mandates = [*bill.skipped_mandates, row.mandate_id]
    return after


def _settled(bills: Sequence[DebitBill]) -> set[int]:
    """Bills that have nothing left to pay in the books."""
    rows = fetch(
        "SELECT bill.id FROM repayment_debitbill bill JOIN repayment_installment due ON due.loan_id = bill.loan_id "
        "AND due.number = bill.installment_number AND due.from_version = bill.from_version "
        "WHERE bill.id = ANY(%s) AND due.settled_on IS NOT NULL",
        [[bill.pk for bill in bills]],
    )
    return {row[0] for row in rows}
