"""Sending what is due: claim a batch, let each message out in its own transaction, hand them over, write the answers.

A worker may be killed at any point. Before the transaction of a message, its claim runs out and another worker takes
it. After it, the message is `sending` with a lease: when that runs out it becomes `unknown` and the gateway is asked
(`resolving`). Nothing is handed over once the lease has run out.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Final

from django.conf import settings
from django.db import transaction

from backoffice.core import signed_http
from backoffice.core.bulk import fetch
from backoffice.core.signed_http import Address
from backoffice.outreach.domain.handover import Answer, Outgoing, refilled
from backoffice.outreach.models import Gateway
from backoffice.outreach.services import printing
from backoffice.outreach.services.arriving import settle
from backoffice.outreach.services.departing import let_out
from backoffice.outreach.services.transports import gateway_http, mail

logger = logging.getLogger(__name__)

BATCH: Final = 100
HANDS: Final = 16
LEASE: Final = timedelta(seconds=120)

# Taken out first and once: inside an IN, the plan may run the limit again for every row it looks at.
CLAIM: Final = """
WITH due AS MATERIALIZED (
    SELECT id FROM outreach_message
    WHERE state = 'planned' AND channel = %(channel)s AND send_after <= %(at)s AND send_before > %(at)s
      AND (lease_until IS NULL OR lease_until <= %(at)s) AND NOT waits_for_facts
    ORDER BY send_after, id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE outreach_message message SET lease_until = %(until)s FROM due WHERE message.id = due.id
RETURNING message.id, message.borrower_id
"""
EXPIRE: Final = """
WITH over AS (
    SELECT id FROM outreach_message WHERE state = 'planned' AND send_before <= %(at)s
    ORDER BY id LIMIT 5000 FOR UPDATE SKIP LOCKED
), expired AS (
    UPDATE outreach_message message SET state = 'expired', code = 'too_late', moved_at = %(at)s, lease_until = NULL
    FROM over WHERE message.id = over.id RETURNING message.id
), journeys AS (
    INSERT INTO outreach_messagemove (message_id, from_state, to_state, code, detail, actor_name, at)
    SELECT id, 'planned', 'expired', 'too_late', '', 'system', %(at)s FROM expired
)
SELECT count(*) FROM expired
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message this worker has in hand."""

    message_id: int
    borrower_id: int


def send_while_due(*, clock: Callable[[], datetime], seconds: float) -> int:
    """Sends batch after batch until nothing is due, or the gateways are full, or `seconds` are over.

    Gives how many messages were handed over or sent within the house.
    """
    began, sent = time.monotonic(), 0
    expire(at=clock())
    while time.monotonic() - began < seconds:
        taken, left = send_batch(clock=clock)
        sent += left
        if not taken:
            break
    return sent


def send_batch(*, clock: Callable[[], datetime]) -> tuple[int, int]:
    """One batch of every gateway that lets messages through; gives how many were claimed and how many left."""
    taken = left = 0
    for gateway in open_gateways():
        claimed = claim(gateway=gateway, at=clock())
        taken += len(claimed)
        left += _send(claimed, gateway=gateway, clock=clock)
    return taken, left


def expire(*, at: datetime) -> int:
    """What was not sent in its time is not sent any more; gives how many."""
    return int(fetch(EXPIRE, {"at": at})[0][0])


def open_gateways() -> list[Gateway]:
    """The gateway of each channel: the first in order that is not paused and whose secret is there; one query."""
    chosen: dict[str, Gateway] = {}
    for gateway in Gateway.objects.filter(is_paused=False).order_by("channel", "rank"):
        if gateway.kind != Gateway.Kind.HTTP or secret_of(gateway):
            chosen.setdefault(gateway.channel, gateway)
    return list(chosen.values())


def secret_of(gateway: Gateway) -> str:
    """The secret shared with a gateway; empty when the environment holds none."""
    return str(settings.GATEWAY_SECRETS.get(gateway.code, ""))


@transaction.atomic
def claim(*, gateway: Gateway, at: datetime) -> list[Claimed]:
    """Messages that are due, as many as the gateway's bucket allows, taken in hand for the length of a lease."""
    bucket = Gateway.objects.select_for_update(no_key=True).get(pk=gateway.pk)
    tokens = refilled(
        tokens=bucket.tokens, elapsed=at - bucket.refilled_at, per_second=bucket.per_second, burst=bucket.burst
    )
    most = min(BATCH, int(tokens.to_integral_value(rounding=ROUND_DOWN)))
    rows = fetch(CLAIM, {"until": at + LEASE, "channel": gateway.channel, "at": at, "most": most}) if most else []
    if rows:
        bucket.tokens, bucket.refilled_at = tokens - Decimal(len(rows)), at
        bucket.save(update_fields=["tokens", "refilled_at"])
    return [Claimed(*row) for row in sorted(rows)]


def _send(claimed: Sequence[Claimed], *, gateway: Gateway, clock: Callable[[], datetime]) -> int:
    """Lets the claimed messages out one by one, hands them over side by side, writes the answers one by one."""
    going: list[tuple[Claimed, Outgoing, float]] = []
    left = 0
    for one in claimed:
        deadline = time.monotonic() + LEASE.total_seconds()
        outgoing = _let_out(one, gateway=gateway, at=clock())
        if outgoing is not None:
            going.append((one, outgoing, deadline))
        left += 1
    if gateway.kind == Gateway.Kind.PRINT:
        printing.print_letters(letters=[outgoing for _one, outgoing, _deadline in going], gateway=gateway, at=clock())
        return left
    address = Address(url=gateway.url, secret=secret_of(gateway))
    with ThreadPoolExecutor(max_workers=HANDS) as hands:
        answers = hands.map(lambda item: _hand_over(item[1], gateway, address, item[2]), going)
        for (one, outgoing, _deadline), answer in zip(going, answers, strict=True):
            if answer is not None:
                settle(sent=outgoing, borrower_id=one.borrower_id, answer=answer, at=clock())
    return left


def _let_out(one: Claimed, *, gateway: Gateway, at: datetime) -> Outgoing | None:
    """One message; what goes wrong with it is logged and leaves the others alone. Its claim runs out by itself."""
    try:
        return let_out(message_id=one.message_id, borrower_id=one.borrower_id, gateway=gateway, at=at, lease=LEASE)
    except Exception:
        logger.exception("message %s could not be let out", one.message_id)
        return None


def _hand_over(outgoing: Outgoing, gateway: Gateway, address: Address, deadline: float) -> Answer | None:
    """The call itself, in a thread, without the database; None when the lease is over and it must not be made."""
    if time.monotonic() > deadline - signed_http.CONNECT_SECONDS - signed_http.ANSWER_SECONDS:
        return None
    if gateway.kind == Gateway.Kind.SMTP:
        return mail.hand_over(message=outgoing)
    return gateway_http.hand_over(message=outgoing, address=address)
