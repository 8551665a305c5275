"""What the bank writes on a file rail: fetched, read whole or refused whole, and what it says of orders kept."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop

from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.bulk import fetch
from backoffice.repayment.domain.autopay.codes import Family, shipped_codes
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.outcomes import Said, read_refusal
from backoffice.repayment.domain.iso20022 import camt053, camt054, pain002
from backoffice.repayment.domain.iso20022.movements import Kind, Movement
from backoffice.repayment.domain.iso20022.reading import digest_of
from backoffice.repayment.domain.iso20022.refusals import MessageRefused
from backoffice.repayment.domain.iso20022.schemas import CAMT_053, CAMT_054, PAIN_002
from backoffice.repayment.models import BankFile, CollectionFile, Rail
from backoffice.repayment.services.autopay.fetching_settlements import reconcile_statement
from backoffice.repayment.services.autopay.filing import refuse_all
from backoffice.repayment.services.autopay.rails.addresses import address_of
from backoffice.repayment.services.autopay.rails.files import fetch_file, list_files
from backoffice.repayment.services.autopay.settling import Fact, settle, settle_return

logger = logging.getLogger(__name__)

KINDS: Final = frozenset({PAIN_002, CAMT_054, CAMT_053})
CHUNK: Final = 500
PLAYED_AGAIN: Final = gettext_noop("This message was taken before, under another name.")
NOT_OURS: Final = gettext_noop("It answers a message we did not send.")
UNKNOWN_KIND: Final = gettext_noop("Nobody here reads files of this kind.")
OTHER_CONTENT: Final = gettext_noop("The file is not what the bank's list says it is.")


def take_files(*, clock: Callable[[], datetime]) -> int:
    """Take every new file of every file rail; gives how many. One that cannot be fetched comes the next time."""
    return sum(
        take_files_of(rail=rail, at=clock())
        for rail in Rail.objects.filter(kind=Rail.Kind.ISO20022).order_by("pk")
        if settings.RAIL_SECRETS.get(rail.code)
    )


def take_files_of(*, rail: Rail, at: datetime) -> int:
    """Take the new files of a rail, the oldest first."""
    listed = list_files(address=address_of(rail)) or []
    known = set(BankFile.objects.filter(rail=rail).values_list("name", flat=True))
    taken = 0
    for file in listed:
        if file.name in known:
            continue
        content = fetch_file(name=file.name, address=address_of(rail))
        if content is None:
            break  # in order: what comes later may say more about the same orders
        take_file(rail=rail, name=file.name, kind=file.kind, content=content, promised=file.digest, at=at, actor=SYSTEM)
        taken += 1
    return taken


@transaction.atomic
def take_file(
    *, rail: Rail, name: str, kind: str, content: bytes, at: datetime, actor: Actor, promised: str = ""
) -> BankFile:
    """Read one file and write down what it says, in one transaction; a file that is wrong anywhere changes nothing.

    The second time the same name comes it is what it was the first time.
    """
    Rail.objects.select_for_update(no_key=True).get(pk=rail.pk)
    before = BankFile.objects.filter(rail=rail, name=name).first()
    if before is not None:
        return before
    digest = digest_of(content)
    file = BankFile(rail=rail, name=name, kind=kind, digest=digest, size=len(content), state=BankFile.State.TAKEN)
    try:
        if promised and promised != digest:
            raise _Refused(OTHER_CONTENT)
        file.message_id, file.counts = _take(rail, name, kind, content, at=at, actor=actor)
    except MessageRefused as error:
        file.state, file.line, file.reason = BankFile.State.REFUSED, error.line, str(error.reason)[:300]
    except _Refused as error:
        file.state, file.reason = BankFile.State.REFUSED, str(error)[:300]
    file.save()
    if file.state == BankFile.State.REFUSED:
        logger.warning("file %s of rail %s is refused: line %s, %s", name, rail.code, file.line, file.reason)
    return file


class _Refused(ValueError):
    """A file that can be read, and is not taken."""


def _take(
    rail: Rail, name: str, kind: str, content: bytes, *, at: datetime, actor: Actor
) -> tuple[str, dict[str, int]]:
    if kind == PAIN_002:
        report = pain002.read(content)
        _refuse_played_again(rail, kind, report.message_id)
        return report.message_id, _follow_report(rail, report, at=at, actor=actor)
    if kind == CAMT_054:
        told = camt054.read(content)
        _refuse_played_again(rail, kind, told.message_id)
        return told.message_id, _follow_movements(rail, told.movements(), at=at, actor=actor)
    if kind == CAMT_053:
        statement = camt053.read(content)
        _refuse_played_again(rail, kind, statement.message_id)
        counts = _follow_movements(rail, statement.movements(), at=at, actor=actor)
        is_kept = reconcile_statement(rail=rail, name=name, statement=statement, actor=actor)
        return statement.message_id, counts | {"reconciled": int(is_kept)}
    raise _Refused(UNKNOWN_KIND)


def _refuse_played_again(rail: Rail, kind: str, message_id: str) -> None:
    if BankFile.objects.filter(rail=rail, kind=kind, message_id=message_id, state=BankFile.State.TAKEN).exists():
        raise _Refused(PLAYED_AGAIN)


def _follow_report(rail: Rail, report: pain002.StatusReport, *, at: datetime, actor: Actor) -> dict[str, int]:
    """Refused entries are declined by their codes; a refused message or group takes all its entries with it."""
    sent = CollectionFile.objects.filter(rail=rail, name=report.original_message_id).first()
    if sent is None:
        raise _Refused(NOT_OURS)
    if report.is_rejected or any(group.is_rejected for group in report.groups):
        code = report.code or next((group.code for group in report.groups if group.is_rejected), "")
        return {"declined": refuse_all(file=sent, code=code, said="RJCT", at=at)}
    refused = {
        answer.order_no: read_refusal(answer.code, scheme=rail.scheme, codes=shipped_codes(), order_no=answer.order_no)
        for answer in report.answers
        if answer.kind == pain002.Kind.REJECTED
    }
    ids = _ids(rail, refused)
    facts = {ids[order_no]: Fact(said=said) for order_no, said in refused.items() if order_no in ids}
    return {"declined": _settle(facts, at=at, actor=actor)}


def _follow_movements(rail: Rail, movements: Iterable[Movement], *, at: datetime, actor: Actor) -> dict[str, int]:
    """Debits succeeded, at their time; returns take back what succeeded."""
    booked = [each for each in movements if each.is_booked and each.kind != Kind.OTHER]
    ids = _ids(rail, {each.order_no for each in booked})
    debits = {
        ids[each.order_no]: Fact(
            said=Said(CommandState.SUCCEEDED, "00", Family.DONE),
            at=_moment(each),
            amount=each.amount,
            reference=each.reference,
        )
        for each in booked
        if each.kind == Kind.DEBIT and each.order_no in ids
    }
    succeeded = _settle(debits, at=at, actor=actor)
    returned = sum(
        settle_return(
            command_id=ids[each.order_no],
            returned_at=_moment(each),
            code=each.code,
            reference=each.reference,
            at=at,
            actor=actor,
        )
        for each in booked
        if each.kind == Kind.RETURN and each.order_no in ids
    )
    strangers = sum(each.order_no not in ids for each in booked)
    return {"succeeded": succeeded, "returned": returned, "strangers": strangers}


def _settle(facts: dict[int, Fact], *, at: datetime, actor: Actor) -> int:
    ids = sorted(facts)
    return sum(
        settle(facts={key: facts[key] for key in ids[start : start + CHUNK]}, at=at, actor=actor)
        for start in range(0, len(ids), CHUNK)
    )


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
