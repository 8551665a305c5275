"""What a bank's file says of orders, written down entry by entry: one our books refuse does not keep the rest out.

A file is read whole before anything of it is followed. What it says is followed in chunks, each in a transaction of its
own: the same file again, after a worker died half-way, changes nothing that was done.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.core.words import Phrase, phrase, written
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Tripped
from backoffice.repayment.domain.autopay.codes import Family, shipped_codes
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.outcomes import Said, amount_alarm, read_refusal
from backoffice.repayment.domain.iso20022 import camt053, camt054, pain002
from backoffice.repayment.domain.iso20022.camt053 import StatementMessage
from backoffice.repayment.domain.iso20022.movements import Kind, Movement
from backoffice.repayment.domain.iso20022.schemas import CAMT_053, CAMT_054, PAIN_002
from backoffice.repayment.models import BankFile, CollectionFile, DebitBatch, DebitCommand, Rail
from backoffice.repayment.services.autopay import breaking, commands
from backoffice.repayment.services.autopay.fetching_settlements import reconcile_statement
from backoffice.repayment.services.autopay.filing import refuse_all
from backoffice.repayment.services.autopay.returning import settle_return
from backoffice.repayment.services.autopay.settling import Fact, settle
from backoffice.repayment.services.autopay.settling_shared import TRANSIENT

logger = logging.getLogger(__name__)

CHUNK: Final = 500
MOST_TROUBLES: Final = 100
"""Entries a person has to look at that are kept by name; beyond them they are counted."""
PLAYED_AGAIN: Final = phrase("This message was taken before, under another name.")
NOT_OURS: Final = phrase("It answers a message we did not send.")
UNKNOWN_KIND: Final = phrase("Nobody here reads files of this kind.")


class FileRefused(ValueError):
    """A file that can be read, and is not taken; `said` is why."""

    def __init__(self, said: Phrase) -> None:
        super().__init__(said)
        self.said = said


@dataclass(slots=True)
class Followed:
    """What came of a file: its number at the bank, how many of its entries did what, and what a person has to see."""

    message_id: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    troubles: list[dict[str, Any]] = field(default_factory=list)

    def note_trouble(self, order_no: str, said: str) -> None:
        """An entry was not followed."""
        self.counts["refused"] = self.counts.get("refused", 0) + 1
        if len(self.troubles) < MOST_TROUBLES:
            self.troubles.append(trouble_of(said, order_no=order_no))

    def attempt(self, one: Callable[[], int], *, order_no: str) -> int:
        """Do what one entry says; what our books refuse, and a defect of ours, is noted. Gives what it did, else 0."""
        try:
            return one()
        except TRANSIENT:
            raise
        except Refusal as refusal:
            self.note_trouble(order_no, refusal.message)
        except Exception as error:
            logger.exception("order %s of a bank's file cannot be followed", order_no)
            self.note_trouble(order_no, type(error).__name__)
        return 0


def trouble_of(said: str, *, order_no: str = "") -> dict[str, Any]:
    """A trouble as a file keeps it."""
    return {"order_no": order_no, "said": written(said)}


def follow(*, rail: Rail, name: str, kind: str, content: bytes, at: datetime, actor: Actor) -> Followed:
    """Read a file and do what it says. Raises MessageRefused, FileRefused before anything of it was done."""
    followed = Followed()
    if kind == PAIN_002:
        report = pain002.read(content)
        followed.message_id = report.message_id
        _refuse_played_again(rail, kind, report.message_id)
        _follow_report(rail, report, followed, at=at, actor=actor)
    elif kind == CAMT_054:
        told = camt054.read(content)
        followed.message_id = told.message_id
        _refuse_played_again(rail, kind, told.message_id)
        debits = _follow_movements(rail, told.movements(), followed, at=at, actor=actor)
        _look_for_doubles(debits, at=at)
    elif kind == CAMT_053:
        statement = camt053.read(content)
        followed.message_id = statement.message_id
        _refuse_played_again(rail, kind, statement.message_id)
        _follow_movements(rail, statement.movements(), followed, at=at, actor=actor)
        _reconcile(rail, name, statement, followed, actor=actor)
    else:
        raise FileRefused(UNKNOWN_KIND)
    return followed


def _refuse_played_again(rail: Rail, kind: str, message_id: str) -> None:
    if BankFile.objects.filter(rail=rail, kind=kind, message_id=message_id, state=BankFile.State.TAKEN).exists():
        raise FileRefused(PLAYED_AGAIN)


def _follow_report(rail: Rail, report: pain002.StatusReport, followed: Followed, *, at: datetime, actor: Actor) -> None:
    """Refused entries are declined by their codes; a refused message or group takes all its entries with it."""
    sent = CollectionFile.objects.filter(rail=rail, name=report.original_message_id).first()
    if sent is None:
        raise FileRefused(NOT_OURS)
    # The bank answers it, so it has it, whatever came of putting it.
    CollectionFile.objects.filter(pk=sent.pk, state__in=_PERHAPS_THERE).update(
        state=CollectionFile.State.PUT, put_at=at, try_at=None, out_until=None
    )
    if report.is_rejected or any(group.is_rejected for group in report.groups):
        code = report.code or next((group.code for group in report.groups if group.is_rejected), "")
        followed.counts["declined"] = refuse_all(file=sent, code=code, said="RJCT", at=at)
        return
    refused = {
        answer.order_no: read_refusal(answer.code, scheme=rail.scheme, codes=shipped_codes(), order_no=answer.order_no)
        for answer in report.answers
        if answer.kind == pain002.Kind.REJECTED
    }
    ids = _ids(rail, refused)
    facts = {ids[order_no]: Fact(said=said) for order_no, said in refused.items() if order_no in ids}
    followed.counts["declined"] = _settle(facts, ids, followed, at=at, actor=actor)


_PERHAPS_THERE: Final = (CollectionFile.State.MADE, CollectionFile.State.UNSURE)


def _follow_movements(
    rail: Rail, movements: Iterable[Movement], followed: Followed, *, at: datetime, actor: Actor
) -> dict[int, Movement]:
    """Debits succeeded, at their time; returns take back what succeeded. Gives the debits by command."""
    booked = [each for each in movements if each.is_booked and each.kind != Kind.OTHER]
    ids = _ids(rail, {each.order_no for each in booked})
    debits = {ids[each.order_no]: each for each in booked if each.kind == Kind.DEBIT and each.order_no in ids}
    facts = {
        command_id: Fact(
            said=Said(CommandState.SUCCEEDED, "00", Family.DONE),
            at=_moment(each),
            amount=each.amount,
            reference=each.reference,
        )
        for command_id, each in debits.items()
    }
    followed.counts["succeeded"] = _settle(facts, ids, followed, at=at, actor=actor)
    followed.counts["returned"] = sum(
        _take_back(ids[each.order_no], each, followed, at=at, actor=actor)
        for each in booked
        if each.kind == Kind.RETURN and each.order_no in ids
    )
    followed.counts["strangers"] = sum(each.order_no not in ids for each in booked)
    return debits


def _settle(facts: dict[int, Fact], ids: dict[str, int], followed: Followed, *, at: datetime, actor: Actor) -> int:
    """Settle in chunks; of a chunk that is refused each by itself, so that only what cannot be settled is left out."""
    order_nos = {command_id: order_no for order_no, command_id in ids.items()}
    keys, moved = sorted(facts), 0
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        try:
            moved += settle(facts={key: facts[key] for key in chunk}, at=at, actor=actor)
        except TRANSIENT:
            raise
        except Exception:
            logger.exception("a chunk of a bank's file is followed one by one")
            for key in chunk:
                one = partial(settle, facts={key: facts[key]}, at=at, actor=actor)
                moved += followed.attempt(one, order_no=order_nos[key])
    return moved


def _take_back(command_id: int, movement: Movement, followed: Followed, *, at: datetime, actor: Actor) -> int:
    one = partial(
        settle_return,
        command_id=command_id,
        returned_at=_moment(movement),
        code=movement.code,
        reference=movement.reference,
        at=at,
        actor=actor,
    )
    return followed.attempt(one, order_no=movement.order_no)


def _reconcile(rail: Rail, name: str, statement: StatementMessage, followed: Followed, *, actor: Actor) -> None:
    """The day of a statement is compared with it; the locks of its orders are let go before the day's is taken."""
    one = partial(reconcile_statement, rail=rail, name=name, statement=statement, actor=actor)
    followed.counts["reconciled"] = int(followed.attempt(one, order_no=""))


def _look_for_doubles(debits: dict[int, Movement], *, at: datetime) -> None:
    """Alarms of debits that were booked before: the bank has another number for it, so it debited twice.

    The same entry may come in a second file: it has the same number. What a person decided has none.
    """
    known = DebitCommand.objects.filter(pk__in=debits, state__in=[CommandState.SUCCEEDED, CommandState.RETURNED])
    for command in known.order_by("pk"):
        alarm = _alarm_of(command, debits[command.pk])
        if alarm is not None:
            _raise_alarm(command, alarm, at=at)


def _alarm_of(command: DebitCommand, told: Movement) -> Tripped | None:
    if command.reference and told.reference and command.reference != told.reference:
        return Tripped(BreakerKind.DOUBLE, f"{command.reference}, {told.reference}", "1", command.order_no)
    return amount_alarm(asked=command.amount, moved=told.amount, order_no=command.order_no)


@transaction.atomic
def _raise_alarm(command: DebitCommand, alarm: Tripped, *, at: datetime) -> None:
    commands.lock_batches([command.batch_id])
    batch = DebitBatch.objects.get(pk=command.batch_id) if command.batch_id is not None else None
    breaking.open_breaker(tripped=alarm, batch=batch, command_id=command.pk, at=at)


def _ids(rail: Rail, order_nos: Iterable[str]) -> dict[str, int]:
    """Commands of the rail by order number; one query."""
    return dict(
        fetch(
            "SELECT order_no, id FROM repayment_debitcommand WHERE rail_id = %s AND order_no = ANY(%s)",
            [rail.pk, sorted(order_nos)],
        )
    )


def _moment(movement: Movement) -> datetime:
    """When it was booked; where the bank tells a day alone, its first minute at the lender's place."""
    return movement.at or datetime.combine(movement.booked_on, time(0, 1), tzinfo=ZoneInfo(settings.LENDER_TIME_ZONE))
