"""Commands leave: locked, computed again, checked a second way, marked as submitted, committed; then the call is made.

A worker may die at any point. Before the commit nothing has left. After it the command is `submitted` with a lease and
an end: the rail refuses it once that is past. When the lease runs out it becomes unknown and the rail is asked
(`resolving`). A breaker or a person stops a batch between two commands: its row is locked before anything leaves, and
asked about again before every call (`wire`).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal
from threading import BoundedSemaphore
from typing import Final

from django.db import transaction
from django.db.models import Q

from backoffice.calendars.services import hold_business_date
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.core.signed_http import Address
from backoffice.outreach.services.facts import wait_for_debits
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Running, Tripped, judge
from backoffice.repayment.domain.autopay.codes import Family
from backoffice.repayment.domain.autopay.configuration import BreakerLimits, Configuration, parse
from backoffice.repayment.domain.autopay.debit_states import BillState, CommandState
from backoffice.repayment.domain.autopay.handover import Answer
from backoffice.repayment.domain.autopay.last_look import Drop, Facts, last_look
from backoffice.repayment.domain.autopay.second_look import SecondDue, span_of
from backoffice.repayment.models import DebitBatch, DebitBill, Rail
from backoffice.repayment.selectors.autopay.last_facts import Asked, facts_of, second_due
from backoffice.repayment.selectors.states import load_loans
from backoffice.repayment.services.autopay import breaking, commands, wire
from backoffice.repayment.services.autopay.commands import Change, Row
from backoffice.repayment.services.autopay.filing import make_file, put_files
from backoffice.repayment.services.autopay.handing import (
    CHUNK,
    FILE_CHUNK,
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
# Each rail's next commands, as many as it has room for: one that is slow does not keep the others waiting, nor does a
# command whose loan has an order in flight. Borrowers are locked against holds; one somebody is working on waits. The
# longest due leave first: commands have their ids in the order they were built.
CLAIM: Final = """
SELECT next.* FROM unnest(%(rail_ids)s::bigint[], %(rooms)s::int[]) AS rail (id, room)
CROSS JOIN LATERAL (
    SELECT command.id, command.loan_id, command.mandate_id, bill.tries_without_funds, command.installment_number,
           bill.tries_over_limit, bill.amount
    FROM repayment_debitcommand command JOIN repayment_debitbill bill ON bill.id = command.bill_id
    JOIN repayment_loan loan ON loan.id = command.loan_id
    JOIN customers_borrower borrower ON borrower.id = loan.borrower_id
    WHERE command.batch_id = %(batch_id)s AND command.state = 'planned' AND command.rail_id = rail.id
      AND (command.not_before IS NULL OR command.not_before <= %(at)s)
      AND NOT EXISTS (SELECT 1 FROM repayment_debitcommand busy
                      WHERE busy.loan_id = command.loan_id AND busy.state IN ('submitted', 'unknown'))
    ORDER BY command.id LIMIT rail.room FOR SHARE OF borrower SKIP LOCKED
) next
ORDER BY next.id
"""
WAITING: Final = (DebitBatch.State.PAUSED, DebitBatch.State.STOPPED)
"""A batch waits for a person, until its time is over."""
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
        gone = sum(submit_chunk(batch_id=batch_id, clock=clock) for batch_id in _batches_at_work(at=clock()))
        left += gone
        if not gone:
            break
    return left


def _batches_at_work(*, at: datetime) -> list[int]:
    """Batches with something to do: running ones, and those that wait for a person and are out of time."""
    is_running = Q(state=DebitBatch.State.RUNNING, begins_at__lte=at)
    is_forgotten = Q(state__in=WAITING, ends_at__lte=at)
    return list(DebitBatch.objects.filter(is_running | is_forgotten).order_by("id").values_list("pk", flat=True))


def submit_chunk(*, batch_id: int, clock: Callable[[], datetime]) -> int:
    """One chunk of a batch: out, over the wire side by side, and what was answered written down. How many left."""
    leaving = let_out(batch_id=batch_id, at=clock())
    if not leaving:
        return 0
    rails = {rail.pk: rail for rail in Rail.objects.filter(pk__in={one.row.rail_id for one in leaving})}
    called = [one for one in leaving if rails[one.row.rail_id].kind == Rail.Kind.HTTP]
    if len(called) < len(leaving):
        put_files(clock=clock)
    answers = _call(called, addresses={rail.pk: address_of(rail) for rail in rails.values()})
    learn(answers=answers, at=clock(), actor=SYSTEM)
    return len(leaving)


def _call(called: Sequence[Leaving], *, addresses: Mapping[int, Address]) -> dict[int, Answer]:
    """The calls, `HANDS` of them side by side, and what was answered; what was stopped meanwhile is not called."""
    answers: dict[int, Answer] = {}
    calls: dict[int, Future[Answer | None]] = {}
    free = BoundedSemaphore(HANDS)
    with wire.held() as is_held, ThreadPoolExecutor(max_workers=HANDS) as hands:
        for one in called:
            free.acquire()
            if is_held and wire.may_go(batch_id=one.row.batch_id, rail_id=one.row.rail_id):
                call = calls[one.row.id] = hands.submit(hand_over, one, addresses[one.row.rail_id])
                call.add_done_callback(lambda _call: free.release())
            else:
                answers[one.row.id] = wire.STOPPED
                free.release()
    answered = {command_id: call.result() for command_id, call in calls.items()}
    return answers | {command_id: answer for command_id, answer in answered.items() if answer is not None}


@transaction.atomic
def let_out(*, batch_id: int, at: datetime) -> list[Leaving]:
    """Mark the next commands of a running batch as submitted; those that may not leave are dropped with the reason.

    Nothing leaves while the switch is off, and none of a chunk that opens a breaker.
    """
    today = hold_business_date(at_least=date.min)
    batches = DebitBatch.objects.select_for_update(no_key=True, of=("self",)).select_related("version")
    batch = batches.get(pk=batch_id)
    if at >= batch.ends_at and batch.state in (DebitBatch.State.RUNNING, *WAITING):
        end_batch(batch, to=DebitBatch.State.OVER, drop=Drop.OUT_OF_TIME, at=at)
        return []
    if batch.state != DebitBatch.State.RUNNING or _is_switched_off():
        return []
    room = room_of_rails(at=at)
    asked = _claim(batch_id, room=room, at=at)
    if not asked:
        _finish_if_done(batch, at=at)
        return []
    loans = load_loans(loan_ids={one.loan_id for one in asked}, business_date=today, lock=True, near=True)
    facts = facts_of(asked=asked, loans=loans, day=batch.day)
    rows = commands.read(ids=[one.command_id for one in asked], lock=True)
    configuration = parse(batch.version.content)
    chosen = _choose(rows, facts, configuration=configuration, room=room)
    second = second_due(loans=loans, day=batch.day)
    tripped = _tripped(chosen, rows, facts, second, configuration) or _off_course(
        batch, chosen, rows, configuration.breakers
    )
    if tripped is not None:
        breaking.open_breaker(tripped=tripped[0], batch=batch, command_id=tripped[1], at=at)
        return []
    return _leave(batch, rows, chosen, at=at, room=room)


def _is_switched_off() -> bool:
    """Whether all debits are stopped; while they run, nobody can stop them before the caller's transaction ends."""
    return any(row[0] for row in fetch("SELECT is_stopped FROM repayment_autopayswitch FOR SHARE"))


def _claim(batch_id: int, *, room: Mapping[int, int], at: datetime) -> list[Asked]:
    by_file = set(Rail.objects.filter(kind=Rail.Kind.ISO20022, pk__in=room).values_list("pk", flat=True))
    rooms = {
        rail_id: min(FILE_CHUNK if rail_id in by_file else CHUNK, most) for rail_id, most in room.items() if most > 0
    }
    claim = {"batch_id": batch_id, "at": at, "rail_ids": list(rooms), "rooms": list(rooms.values())}
    return [Asked(*row) for row in fetch(CLAIM, claim)] if rooms else []


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
    rows: Mapping[int, Row],
    facts: Mapping[int, Facts],
    *,
    configuration: Configuration,
    room: Mapping[int, int],
) -> dict[int, Decimal | Drop]:
    """What becomes of each command now: an amount, or a drop. Those left out wait.

    A command waits while another order of its loan is in flight, or its rail is full. So does one whose loan or account
    has another leaving in this very chunk: what that one asks for is not in the facts yet.
    """
    chosen: dict[int, Decimal | Drop] = {}
    going: set[int | tuple[int, str]] = set()
    left_of_rail = dict(room)
    for command_id, row in sorted(rows.items()):
        account = (row.rail_id, facts[command_id].card)
        if row.state != CommandState.PLANNED or row.loan_id in going or account in going:
            continue
        decided = last_look(facts[command_id], configuration=configuration)
        if decided is Drop.IN_FLIGHT:
            continue
        if isinstance(decided, Decimal):
            if left_of_rail[row.rail_id] < 1:
                continue
            left_of_rail[row.rail_id] -= 1
            going |= {row.loan_id, account}
        chosen[command_id] = decided
    return chosen


def _tripped(
    chosen: Mapping[int, Decimal | Drop],
    rows: Mapping[int, Row],
    facts: Mapping[int, Facts],
    second: Mapping[int, SecondDue],
    configuration: Configuration,
) -> tuple[Tripped, int] | None:
    """What the second calculation, or the count of a card's debits, has against one of the amounts."""
    for command_id, amount in chosen.items():
        if not isinstance(amount, Decimal):
            continue
        row, known = rows[command_id], facts[command_id]
        opinion = second[row.loan_id]
        span = span_of(
            opinion,
            number=row.installment_number,
            history=known.history,
            room=known.room,
            configuration=configuration,
        )
        tripped = disagreement(amount, opinion=opinion, span=span, order_no=row.order_no, currency=row.currency)
        if tripped is not None:
            return tripped, command_id
        most = configuration.breakers.debits_per_card
        if known.card_debits >= most:
            return Tripped(BreakerKind.PER_CARD, str(known.card_debits + 1), str(most), row.order_no), command_id
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
        change, gone = send_off(row, amount=decided, at=at, told_by=told_by, counting=batch.counting)
        changes.append(change)
        leaving.append(gone)
    commands.apply(changes, actor=SYSTEM)
    for rail in by_file.values():
        amounts = [(one.row, one.outgoing.amount) for one in leaving if one.row.rail_id == rail.pk]
        if amounts:
            make_file(batch=batch, rail=rail, amounts=amounts, at=at)
    wait_for_debits(loan_ids=[one.row.loan_id for one in leaving])
    commands.lock_bills(bill for bills in ended.values() for bill, _why in bills)
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
