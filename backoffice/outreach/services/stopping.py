"""A STOP takes effect: all it ends, on every channel and contact point of the borrower, with this transaction."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from backoffice.core.actors import SYSTEM
from backoffice.customers.selectors import borrower_ids_of
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.consents import Standing, Word, standings
from backoffice.outreach.domain.replies import WRITTEN
from backoffice.outreach.models import ConsentEntry, Message
from backoffice.outreach.services.confirming import confirm_opt_out
from backoffice.outreach.services.consents import opt_out

BY_REPLY: Final = "reply"
BY_CARRIER: Final = "carrier"


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
    """The borrower told the carrier to stop: as good as a STOP to us, and confirmed like one."""
    news = take_stop(borrower_id=message.borrower_id, channels=WRITTEN, source=BY_CARRIER, words="", at=at)
    if news:
        confirm_opt_out(
            borrower_id=message.borrower_id,
            channel=Channel(message.channel),
            language=message.template_version.language,
            endpoint_id=message.endpoint_id,
            at=at,
        )


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
