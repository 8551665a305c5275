"""Commands leave: locked, computed again, checked a second way, marked as submitted, committed; then the call is made.

A worker may die at any point. Before the commit nothing has left. After it the command is `submitted` with a lease and
an end: the rail refuses it once that is past. When the lease runs out it becomes unknown and the rail is asked
(`resolving`). A breaker or a person stops a batch between two commands: its row is locked before anything leaves.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import transaction

from backoffice.calendars.services import hold_business_date
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.outreach.services.facts import wait_for_debits
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Running, Tripped, judge
from backoffice.repayment.domain.autopay.codes import Family
from backoffice.repayment.domain.autopay.configuration import BreakerLimits, Configuration, parse
from backoffice.repayment.domain.autopay.debit_states import BillState, CommandState
from backoffice.repayment.domain.autopay.last_look import Drop, Facts, last_look
from backoffice.repayment.models import AutopaySwitch, DebitBatch, DebitBill, Rail
from backoffice.repayment.selectors.autopay.last_facts import Asked, SecondDue, facts_of, second_due
from backoffice.repayment.selectors.states import load_loans
from backoffice.repayment.services.autopay import breaking, commands
from backoffice.repayment.services.autopay.commands import Change, Row
from backoffice.repayment.services.autopay.filing import make_file, put_files
from backoffice.repayment.services.autopay.handing import (
    CHUNK,
    HANDS,
    Leaving,
    disagreement,
    hand_over,
    room_of_rails,
    send_off,
    take_from_rails,
)
from backoffice.repayment.services.autopay.rails.addresses import address_of
from backoffice.repayment.services.autopay.settling import learn

A_FILE_DAY: Final = timedelta(days=2)
"""How long an order of a file rail may take to be told of: the statement of its day comes the day after."""
CLAIM: Final = """
SELECT command.id, command.loan_id, command.mandate_id, bill.tries_without_funds, command.installment_number
FROM repayment_debitcommand command JOIN repayment_debitbill bill ON bill.id = command.bill_id
WHERE command.batch_id = %(batch_id)s AND command.state = 'planned' AND command.rail_id = ANY(%(rail_ids)s)
  AND (command.not_before IS NULL OR command.not_before <= %(at)s)
ORDER BY command.id LIMIT %(most)s
"""
ENDS_BILL: Final = {
    Drop.SETTLED: BillState.SETTLED,
    Drop.LOAN_NOT_ACTIVE: BillState.STOPPED,
    Drop.HELD: BillState.STOPPED,
}
"""Drops that end a bill's day; after the others a later slot may try it."""


def submit_while_due(*, clock: Callable[[], datetime], seconds: float) -> int:
    """Let commands out until none is due or `seconds` are over; gives how many left."""
    began, left = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        batches = DebitBatch.objects.filter(state=DebitBatch.State.RUNNING, begins_at__lte=clock()).order_by("id")
        gone = sum(submit_chunk(batch_id=batch_id, clock=clock) for batch_id in batches.values_list("pk", flat=True))
        left += gone
        if not gone:
            break
    return left


def submit_chunk(*, batch_id: int, clock: Callable[[], datetime]) -> int:
    """One chunk of a batch: out, over the wire side by side, and what was answered written down. How many left."""
    leaving = let_out(batch_id=batch_id, at=clock())
    if not leaving:
        return 0
    rails = {rail.pk: rail for rail in Rail.objects.filter(pk__in={one.row.rail_id for one in leaving})}
    called = [one for one in leaving if rails[one.row.rail_id].kind == Rail.Kind.HTTP]
    if len(called) < len(leaving):
        put_files(clock=clock)
    addresses = {rail.pk: address_of(rail) for rail in rails.values()}
    with ThreadPoolExecutor(max_workers=HANDS) as hands:
        answers = list(hands.map(lambda one: hand_over(one, addresses[one.row.rail_id]), called))
    learn(
        answers={one.row.id: answer for one, answer in zip(called, answers, strict=True) if answer is not None},
        at=clock(),
        actor=SYSTEM,
    )
    return len(leaving)


@transaction.atomic
def let_out(*, batch_id: int, at: datetime) -> list[Leaving]:
    """Mark the next commands of a running batch as submitted; those that may not leave are dropped with the reason.

    Nothing leaves while the switch is off, and none of a chunk that opens a breaker.
    """
    today = hold_business_date(at_least=date.min)
    batch = DebitBatch.objects.select_for_update(no_key=True).select_related("version").get(pk=batch_id)
    if batch.state != DebitBatch.State.RUNNING or AutopaySwitch.objects.filter(is_stopped=True).exists():
        return []
    if at >= batch.ends_at:
        end_batch(batch, to=DebitBatch.State.OVER, drop=Drop.OUT_OF_TIME, at=at)
        return []
    room = room_of_rails(at=at)
    most = min(CHUNK, max(room.values(), default=0))
    claim = {"batch_id": batch_id, "at": at, "most": most, "rail_ids": sorted(room)}
    asked = [Asked(*row) for row in fetch(CLAIM, claim)] if most else []
    if not asked:
        _finish_if_done(batch, at=at)
        return []
    loans = load_loans(loan_ids={one.loan_id for one in asked}, business_date=today, lock=True, near=True)
    facts = facts_of(asked=asked, loans=loans, day=batch.day)
    rows = commands.read(ids=[one.command_id for one in asked], lock=True)
    configuration = parse(batch.version.content)
    chosen = _choose(rows, facts, configuration=configuration, room=room)
    second = second_due(loans=loans, day=batch.day)
    tripped = _tripped(chosen, rows, facts, second, configuration.breakers) or _off_course(
        batch, chosen, rows, configuration.breakers
    )
    if tripped is not None:
        breaking.open_breaker(tripped=tripped[0], batch=batch, command_id=tripped[1], at=at)
        return []
    return _leave(batch, rows, chosen, at=at, room=room)


def end_what_is_over(*, at: datetime) -> int:
    """End batches that wait for a person while their time runs out, so that the next slot may try their bills."""
    waiting = [DebitBatch.State.PAUSED, DebitBatch.State.STOPPED, DebitBatch.State.BUILDING]
    return sum(
        _end_over(batch_id=batch_id, at=at)
        for batch_id in DebitBatch.objects.filter(state__in=waiting, ends_at__lte=at).values_list("pk", flat=True)
    )


@transaction.atomic
def _end_over(*, batch_id: int, at: datetime) -> int:
    batch = DebitBatch.objects.select_for_update(no_key=True).get(pk=batch_id)
    if batch.state in (DebitBatch.State.DONE, DebitBatch.State.OVER):
        return 0
    end_batch(batch, to=DebitBatch.State.OVER, drop=Drop.OUT_OF_TIME, at=at)
    return 1


def end_batch(batch: DebitBatch, *, to: str, drop: Drop, at: datetime) -> int:
    """Drop what a locked batch has not let out, and end it; gives how many commands."""
    ids = [row[0] for row in fetch(_STILL_PLANNED, [batch.pk])]
    rows = commands.read(ids=ids, lock=True)
    dropped = [_dropped(row, drop, at=at) for row in rows.values() if row.state == CommandState.PLANNED]
    commands.apply(dropped, actor=SYSTEM)
    batch.state, batch.moved_at, batch.moved_by = to, at, SYSTEM.name
    batch.save(update_fields=["state", "moved_at", "moved_by"])
    return len(dropped)


_STILL_PLANNED: Final = "SELECT id FROM repayment_debitcommand WHERE batch_id = %s AND state = 'planned' ORDER BY id"


def _choose(
    rows: Mapping[int, Row], facts: Mapping[int, Facts], *, configuration: Configuration, room: Mapping[int, int]
) -> dict[int, Decimal | Drop]:
    """What becomes of each command now: an amount, or a drop. Those left out wait.

    A command waits while another order of its loan is in flight, while one of its loan or card leaves in this very
    chunk (what that asks for is not in its limits yet), or while its rail is full.
    """
    chosen: dict[int, Decimal | Drop] = {}
    going: set[int | str] = set()
    left_of_rail = dict(room)
    for command_id, row in sorted(rows.items()):
        if row.state != CommandState.PLANNED or going & {row.loan_id, facts[command_id].card}:
            continue
        decided = last_look(facts[command_id], configuration=configuration)
        if decided is Drop.IN_FLIGHT:
            continue
        if isinstance(decided, Decimal):
            if left_of_rail[row.rail_id] < 1:
                continue
            left_of_rail[row.rail_id] -= 1
            going |= {row.loan_id, facts[command_id].card}
        chosen[command_id] = decided
    return chosen


def _tripped(
    chosen: Mapping[int, Decimal | Drop],
    rows: Mapping[int, Row],
    facts: Mapping[int, Facts],
    second: Mapping[int, SecondDue],
    limits: BreakerLimits,
) -> tuple[Tripped, int] | None:
    """What the second calculation, or the count of a card's debits, has against one of the amounts."""
    for command_id, amount in chosen.items():
        if not isinstance(amount, Decimal):
            continue
        row = rows[command_id]
        tripped = disagreement(amount, opinion=second[row.loan_id], order_no=row.order_no, currency=row.currency)
        if tripped is not None:
            return tripped, command_id
        if facts[command_id].card_debits >= limits.debits_per_card:
            seen = str(facts[command_id].card_debits + 1)
            return Tripped(BreakerKind.PER_CARD, seen, str(limits.debits_per_card), row.order_no), command_id
    return None


def _off_course(
    batch: DebitBatch, chosen: Mapping[int, Decimal | Drop], rows: Mapping[int, Row], limits: BreakerLimits
) -> tuple[Tripped, None] | None:
    """Whether the batch with this chunk would ask for too much of its forecast, or has gone wrong so far."""
    amounts = {key: amount for key, amount in chosen.items() if isinstance(amount, Decimal)}
    running = Running(
        forecast=batch.left_forecast + sum((rows[key].forecast for key in amounts), Decimal(0)),
        asked=batch.asked + sum(amounts.values(), Decimal(0)),
        answered=batch.answered,
        succeeded=batch.succeeded,
    )
    running.families.update({Family(name): count for name, count in batch.families.items()})
    tripped = judge(running, limits=limits) if amounts else None
    return (tripped, None) if tripped else None


def _leave(
    batch: DebitBatch,
    rows: Mapping[int, Row],
    chosen: Mapping[int, Decimal | Drop],
    *,
    at: datetime,
    room: Mapping[int, int],
) -> list[Leaving]:
    by_file = {rail.pk: rail for rail in Rail.objects.filter(kind=Rail.Kind.ISO20022, pk__in=room)}
    changes: list[Change] = []
    leaving: list[Leaving] = []
    ended: dict[BillState, list[tuple[int | None, str]]] = {}
    for command_id, decided in chosen.items():
        row = rows[command_id]
        if isinstance(decided, Drop):
            changes.append(_dropped(row, decided, at=at))
            if decided in ENDS_BILL:
                ended.setdefault(ENDS_BILL[decided], []).append((row.bill_id, decided.value))
            continue
        told_by = batch.ends_at + A_FILE_DAY if row.rail_id in by_file else None
        change, gone = send_off(row, amount=decided, at=at, told_by=told_by)
        changes.append(change)
        leaving.append(gone)
    commands.apply(changes, actor=SYSTEM)
    for rail in by_file.values():
        amounts = [(one.row, one.outgoing.amount) for one in leaving if one.row.rail_id == rail.pk]
        if amounts:
            make_file(batch=batch, rail=rail, amounts=amounts, at=at)
    wait_for_debits(loan_ids=[one.row.loan_id for one in leaving])
    for state, bills in ended.items():
        for reason in sorted({why for _bill, why in bills}):
            DebitBill.objects.filter(pk__in=[bill for bill, why in bills if why == reason]).update(
                state=state.value, stopped_by="" if state == BillState.SETTLED else reason
            )
    batch.left += len(leaving)
    batch.left_forecast += sum((one.row.forecast for one in leaving), Decimal(0))
    batch.asked += sum((one.outgoing.amount for one in leaving), Decimal(0))
    batch.save(update_fields=["left", "left_forecast", "asked"])
    take_from_rails(leaving)
    return leaving


def _dropped(row: Row, drop: Drop, *, at: datetime) -> Change:
    return Change(row, CommandState.DROPPED, at, code=drop.value, values={"answered_at": at, "lease_until": None})


def _finish_if_done(batch: DebitBatch, *, at: datetime) -> None:
    """A batch is done once nothing of it waits to leave."""
    if not fetch(_STILL_PLANNED + " LIMIT 1", [batch.pk]):
        batch.state, batch.moved_at, batch.moved_by = DebitBatch.State.DONE, at, SYSTEM.name
        batch.save(update_fields=["state", "moved_at", "moved_by"])
