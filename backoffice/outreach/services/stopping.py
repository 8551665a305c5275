"""A STOP takes effect: all it ends, on every channel and contact point of the borrower, with this transaction."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import transaction

from backoffice.audit import outbox
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.customers.selectors import borrower_ids_of, points_that_are
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.consents import Standing, Word, standings
from backoffice.outreach.domain.replies import WRITTEN
from backoffice.outreach.models import ConsentEntry, Message
from backoffice.outreach.services.confirming import confirm_opt_out
from backoffice.outreach.services.consents import opt_out

BY_REPLY: Final = "reply"
BY_CARRIER: Final = "carrier"
SHARED: Final = "outreach.carrier.opted_out"
LOCK: Final = "SELECT 1 FROM customers_borrower WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"


def take_stop(
    *, borrower_id: int, channels: Collection[Channel], source: str, words: str, at: datetime
) -> tuple[Channel, ...]:
    """Opts a borrower out of each of the channels and gives those that were open until now.

    One entry a channel, so that a later opt-in may open one of them; none for a channel that is stopped already.
    """
    stopped = _stopped(borrower_id, at=at)
    if "" in stopped:
        return ()
    news = tuple(channel for channel in Channel if channel in channels and channel.value not in stopped)
    for channel in news:
        opt_out(borrower_id=borrower_id, channel=channel, source=source, evidence=words, actor=SYSTEM, at=at)
    return news


def take_stop_of_carrier(*, message: Message, at: datetime) -> None:
    """The borrower told the carrier to stop: as good as a STOP to us, and confirmed like one.

    Whoever shares the phone or the mailbox is stopped by a task of its own: their locks come before the message's.
    """
    if message.endpoint_id is not None:
        outbox.publish(event=SHARED, key=f"message:{message.pk}", payload={"message_id": message.pk})
    news = take_stop(borrower_id=message.borrower_id, channels=WRITTEN, source=BY_CARRIER, words="", at=at)
    if news:
        confirm_opt_out(
            borrower_id=message.borrower_id,
            channel=Channel(message.channel),
            language=message.template_version.language,
            endpoint_id=message.endpoint_id,
            at=at,
        )


@transaction.atomic
def stop_those_who_share(*, message_id: int, at: datetime) -> int:
    """Opts out everybody else with the phone or mailbox whose owner told the carrier to stop; gives how many.

    It is the phone that must not be written to. Safe to run again.
    """
    message = Message.objects.select_related("endpoint").get(pk=message_id)
    points = points_that_are(point=message.endpoint) if message.endpoint else []
    others = sorted({point.borrower_id for point in points} - {message.borrower_id})
    if not others:
        return 0
    lock_in_order(borrower_ids=others)
    taken = [take_stop(borrower_id=other, channels=WRITTEN, source=BY_CARRIER, words="", at=at) for other in others]
    return sum(map(bool, taken))


def lock_in_order(*, borrower_ids: Collection[int]) -> None:
    """Takes the locks of borrowers in the order of their ids, the first of all locks."""
    fetch(LOCK, [sorted(borrower_ids)])


def _stopped(borrower_id: int, *, at: datetime) -> frozenset[str]:
    """The channels the borrower is opted out of, "" for all of them; opt-outs of a contact point alone left aside."""
    rows = list(ConsentEntry.objects.filter(borrower_id__in=borrower_ids_of(borrower_id=borrower_id)))
    stand = standings(
        [Word(row.pk, row.kind, row.channel, row.endpoint_id, row.scope, row.ends_at) for row in rows], at=at
    )
    return frozenset(
        row.channel
        for row in rows
        if row.kind == ConsentEntry.Kind.OPT_OUT
        and stand[row.pk] is Standing.IN_FORCE
        and row.endpoint_id is None
        and row.scope == ConsentEntry.Scope.ALL
    )
