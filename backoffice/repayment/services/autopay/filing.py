"""Collections of a file rail: made in the transaction in which commands leave, and put until the bank has them."""

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.calendars.services import hold_business_date
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Tripped
from backoffice.repayment.domain.autopay.codes import Family
from backoffice.repayment.domain.autopay.debit_states import IN_FLIGHT, CommandState
from backoffice.repayment.domain.autopay.last_look import Drop
from backoffice.repayment.domain.autopay.outcomes import NOT_TAKEN, Said
from backoffice.repayment.domain.iso20022 import pain008
from backoffice.repayment.domain.iso20022.pain008 import Collection, CollectionGroup, CollectionMessage, Creditor
from backoffice.repayment.domain.iso20022.reading import digest_of
from backoffice.repayment.models import CollectionFile, DebitBatch, DebitCommand, Rail
from backoffice.repayment.services.autopay import commands, settling, wire
from backoffice.repayment.services.autopay.commands import Row
from backoffice.repayment.services.autopay.handing import is_open
from backoffice.repayment.services.autopay.rails.addresses import address_of
from backoffice.repayment.services.autopay.rails.files import Put, PutOutcome, put_file

logger = logging.getLogger(__name__)

AGAIN: Final = timedelta(seconds=30)
PER_RUN: Final = 20
LEASE: Final = timedelta(seconds=90)
"""How long putting a file may take before whoever does it counts as dead."""


class FileUnderWay(Refusal):
    """Nobody can say that a debit will not happen while its file is being put."""

    code: ClassVar[str] = "repayment.collection_file_under_way"
    status: ClassVar[int] = 409


def make_file(*, batch: DebitBatch, rail: Rail, amounts: Sequence[tuple[Row, Decimal]], at: datetime) -> CollectionFile:
    """The file of commands that leave now over a file rail, in the transaction of their leaving."""
    number = CollectionFile.objects.filter(batch=batch).count() + 1
    name = f"B{batch.pk}-{number}"
    accounts = _accounts([row.mandate_id for row, _amount in amounts])
    content = pain008.build(
        CollectionMessage(
            message_id=name,
            created_at=at,
            creditor=Creditor(
                name=str(rail.settings.get("creditor_name", rail.name)),
                account=str(rail.settings.get("creditor_account", "COLLECTIONS")),
                bank=str(rail.settings.get("creditor_bank", pain008.UNKNOWN_BANK)),
                scheme_id=str(rail.settings.get("creditor_scheme", "LENDER")),
            ),
            groups=(
                CollectionGroup(
                    group_id=name,
                    collect_on=batch.day,
                    collections=tuple(
                        Collection(
                            order_no=row.order_no,
                            agreement_no=row.agreement_no,
                            signed_on=accounts[row.mandate_id][1] or batch.day,
                            debtor_name=row.agreement_no,
                            account=accounts[row.mandate_id][0],
                            amount=amount,
                            currency=row.currency,
                        )
                        for row, amount in amounts
                    ),
                ),
            ),
        )
    )
    return CollectionFile.objects.create(
        rail=rail,
        batch=batch,
        name=name,
        content=content,
        digest=digest_of(content),
        command_ids=[row.id for row, _amount in amounts],
        count=len(amounts),
        total=sum((amount for _row, amount in amounts), Decimal(0)),
        currency=batch.currency,
        try_at=at,
        made_at=at,
    )


def put_files(*, clock: Callable[[], datetime]) -> int:
    """Put every file whose time has come; gives how many the bank has now. Safe side by side: putting twice is once.

    A file waits while everything, its rail or its batch is stopped. One that may leave no more is given up.
    """
    due = CollectionFile.objects.filter(state=CollectionFile.State.MADE, try_at__lte=clock()).order_by("try_at", "pk")
    taken = 0
    for file_id in list(due.values_list("pk", flat=True)[:PER_RUN]):
        try:
            taken += _put(file_id, clock=clock)
        except Exception:
            logger.exception("collection file %s cannot be put", file_id)
    return taken


def waits_to_leave(*, command_id: int) -> bool:
    """Whether a command lies in a file that the bank certainly does not have yet."""
    here = CollectionFile.objects.filter(state=CollectionFile.State.MADE, may_be_there=False, out_until__isnull=True)
    return here.filter(command_ids__contains=[command_id]).exists()


def keep_from_leaving(*, command_id: int, at: datetime) -> bool:
    """The file of a command that is declared not debited is not put any more; in the caller's transaction.

    Its other commands are dropped when the bank certainly never had it, which is given. To be called before any loan is
    locked. Raises FileUnderWay.
    """
    hold_business_date(at_least=date.min)
    batch_id = DebitCommand.objects.filter(pk=command_id).values_list("batch_id", flat=True).get()
    commands.lock_batches([batch_id])
    waiting = CollectionFile.objects.select_for_update(of=("self",)).select_related("batch")
    file = waiting.filter(state=CollectionFile.State.MADE, command_ids__contains=[command_id]).first()
    if file is None:
        return False
    if file.out_until is not None and file.out_until > at:
        raise FileUnderWay(
            _("The file of this debit is on its way to the bank at this moment."),
            next_step=_("Wait a minute, then look at the debit again."),
        )
    commands.lock_loans(row.loan_id for row in commands.read(ids=file.command_ids, lock=False).values())
    _give_up(file, at=at, but=command_id)
    return file.state == CollectionFile.State.WITHDRAWN


@transaction.atomic
def _take_in_hand(file_id: int, *, at: datetime) -> CollectionFile | None:
    """The file, marked as on its way until a moment; None when it is not put now."""
    file = _locked(file_id)
    if file.state != CollectionFile.State.MADE or (file.out_until is not None and file.out_until > at):
        return None
    if _may_leave_no_more(file, at=at):
        _give_up(file, at=at)
        return None
    if not (is_open(file.rail, at=at) and wire.may_go(batch_id=file.batch_id, rail_id=file.rail_id)):
        file.try_at = at + AGAIN
        file.save(update_fields=["try_at"])
        return None
    file.may_be_there = file.may_be_there or file.out_until is not None
    file.tries += 1
    file.out_until = file.try_at = at + LEASE
    file.save(update_fields=["may_be_there", "tries", "out_until", "try_at"])
    return file


def _put(file_id: int, *, clock: Callable[[], datetime]) -> bool:
    file = _take_in_hand(file_id, at=clock())
    if file is None:
        return False
    with wire.held() as is_held:
        if is_held and wire.may_go(batch_id=file.batch_id, rail_id=file.rail_id):
            answer = put_file(name=file.name, content=bytes(file.content), address=address_of(file.rail))
        else:
            answer = Put(PutOutcome.NOT_TAKEN, wire.STOPPED.code)
    _write_down(file_id, answer=answer, tries=file.tries, at=clock())
    return answer.outcome == PutOutcome.TAKEN


@transaction.atomic
def _write_down(file_id: int, *, answer: Put, tries: int, at: datetime) -> None:
    """What came of putting a file for the `tries`th time."""
    file = _locked(file_id)
    is_mine = file.tries == tries
    if file.state != CollectionFile.State.MADE or not (is_mine or answer.outcome == PutOutcome.TAKEN):
        return
    file.said, file.out_until = answer.said[:300], None
    if answer.outcome == PutOutcome.TAKEN:
        file.state, file.put_at, file.try_at = CollectionFile.State.PUT, at, None
    elif answer.outcome == PutOutcome.REFUSED:
        file.state, file.try_at = CollectionFile.State.REFUSED, None
        refuse_all(file=file, code="FF01", said=answer.said, at=at)
    else:
        file.may_be_there = file.may_be_there or answer.outcome == PutOutcome.UNCLEAR
        file.try_at = at + AGAIN * min(file.tries, 20)
    file.save(update_fields=["said", "state", "put_at", "try_at", "may_be_there", "out_until"])


def _locked(file_id: int) -> CollectionFile:
    """The file under its lock, which is taken after that of its batch and before those of loans."""
    hold_business_date(at_least=date.min)
    commands.lock_batches([CollectionFile.objects.values_list("batch_id", flat=True).get(pk=file_id)])
    return CollectionFile.objects.select_for_update(of=("self",)).select_related("batch", "rail").get(pk=file_id)


def _may_leave_no_more(file: CollectionFile, *, at: datetime) -> bool:
    """The time of its batch is over, or something was said of one of its debits: another may have followed that."""
    if at >= file.batch.ends_at or file.batch.state == DebitBatch.State.OVER:
        return True
    return len(commands_of(file=file)) < len(file.command_ids)


def _give_up(file: CollectionFile, *, at: datetime, but: int | None = None) -> None:
    """A locked file is not put any more: what certainly never left is dropped, `but` one; else the statement tells."""
    may_be_there = file.may_be_there or file.out_until is not None
    file.state = CollectionFile.State.UNSURE if may_be_there else CollectionFile.State.WITHDRAWN
    file.try_at = file.out_until = None
    file.may_be_there = may_be_there
    file.save(update_fields=["state", "try_at", "out_until", "may_be_there"])
    logger.warning("collection file %s is not put any more: %s", file.name, file.state)
    if may_be_there:
        return
    why = Drop.OUT_OF_TIME if at >= file.batch.ends_at else Drop.STOPPED
    never_left = settling.Fact(said=Said(CommandState.DROPPED, why.value, detail=file.name))
    never_had = settling.Fact(said=Said(CommandState.DECLINED, NOT_TAKEN, Family.EXPIRED, file.name))
    others = [command_id for command_id in commands_of(file=file) if command_id != but]
    states = DebitCommand.objects.filter(pk__in=others).values_list("pk", "state")
    facts = {key: never_left if state == CommandState.SUBMITTED else never_had for key, state in states}
    settling.settle(facts=facts, at=at, actor=SYSTEM)


def refuse_all(*, file: CollectionFile, code: str, said: str, at: datetime) -> int:
    """Nothing of a file is executed: its commands are declined, and the breaker of our own mistakes opens."""
    alarm = Tripped(BreakerKind.REQUEST, code, "", f"{file.name}: {said}")
    refused = settling.Fact(said=Said(CommandState.DECLINED, code, Family.REQUEST, said, alarm))
    return settling.settle(facts=dict.fromkeys(commands_of(file=file), refused), at=at, actor=SYSTEM)


def commands_of(*, file: CollectionFile) -> list[int]:
    """The commands of a file that are still in flight."""
    in_flight = [state.value for state in IN_FLIGHT]
    return list(
        DebitCommand.objects.filter(pk__in=file.command_ids, state__in=in_flight)
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def _accounts(mandate_ids: Sequence[int]) -> dict[int, tuple[str, date | None]]:
    rows = fetch("SELECT id, token, signed_on FROM repayment_mandate WHERE id = ANY(%s)", [sorted(set(mandate_ids))])
    return {row[0]: (row[1], row[2]) for row in rows}
