"""Collections of a file rail: made in the transaction in which commands leave, and put until the bank has them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import transaction

from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Tripped
from backoffice.repayment.domain.autopay.codes import Family
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.outcomes import Said
from backoffice.repayment.domain.iso20022 import pain008
from backoffice.repayment.domain.iso20022.pain008 import Collection, CollectionGroup, CollectionMessage, Creditor
from backoffice.repayment.domain.iso20022.reading import digest_of
from backoffice.repayment.models import CollectionFile, DebitBatch, Rail
from backoffice.repayment.services.autopay import settling
from backoffice.repayment.services.autopay.commands import Row
from backoffice.repayment.services.autopay.rails.addresses import address_of
from backoffice.repayment.services.autopay.rails.files import PutOutcome, put_file

AGAIN: Final = timedelta(seconds=30)
PER_RUN: Final = 20


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
        count=len(amounts),
        total=sum((amount for _row, amount in amounts), Decimal(0)),
        currency=batch.currency,
        try_at=at,
        made_at=at,
    )


def put_files(*, clock: Callable[[], datetime]) -> int:
    """Put every file whose time has come; gives how many the bank has now. Safe side by side: putting twice is once."""
    taken = 0
    for file_id in CollectionFile.objects.filter(state="made", try_at__lte=clock()).values_list("pk")[:PER_RUN]:
        taken += _put(file_id[0], at=clock())
    return taken


def _put(file_id: int, *, at: datetime) -> bool:
    file = CollectionFile.objects.select_related("rail").get(pk=file_id)
    answer = put_file(name=file.name, content=bytes(file.content), address=address_of(file.rail))
    with transaction.atomic():
        locked = CollectionFile.objects.select_for_update().select_related("batch").get(pk=file_id)
        if locked.state != CollectionFile.State.MADE:
            return False
        locked.tries += 1
        locked.said = answer.said[:300]
        if answer.outcome == PutOutcome.TAKEN:
            locked.state, locked.put_at, locked.try_at = CollectionFile.State.PUT, at, None
        elif answer.outcome == PutOutcome.REFUSED:
            locked.state, locked.try_at = CollectionFile.State.REFUSED, None
        else:
            locked.try_at = at + AGAIN * min(locked.tries, 20)
        locked.save(update_fields=["tries", "said", "state", "put_at", "try_at"])
    if answer.outcome == PutOutcome.REFUSED:
        refuse_all(file=locked, code="FF01", said=answer.said, at=at)
    return answer.outcome == PutOutcome.TAKEN


def refuse_all(*, file: CollectionFile, code: str, said: str, at: datetime) -> int:
    """Nothing of a file is executed: its commands are declined, and the breaker of our own mistakes opens."""
    alarm = Tripped(BreakerKind.REQUEST, code, "", f"{file.name}: {said}")
    refused = settling.Fact(said=Said(CommandState.DECLINED, code, Family.REQUEST, said, alarm))
    return settling.settle(facts=dict.fromkeys(commands_of(file=file).values(), refused), at=at, actor=SYSTEM)


def commands_of(*, file: CollectionFile) -> Mapping[str, int]:
    """The commands of a file that are still in flight, by order number."""
    orders = [each.order_no for each in pain008.read(bytes(file.content)).collections()]
    rows = fetch(
        "SELECT order_no, id FROM repayment_debitcommand "
        "WHERE order_no = ANY(%s) AND state IN ('submitted', 'unknown')",
        [orders],
    )
    return dict(rows)


def _accounts(mandate_ids: Sequence[int]) -> dict[int, tuple[str, date | None]]:
    rows = fetch("SELECT id, token, signed_on FROM repayment_mandate WHERE id = ANY(%s)", [sorted(set(mandate_ids))])
    return {row[0]: (row[1], row[2]) for row in rows}
