"""Messages nobody knows the fate of: leases that ran out become unknown, and gateways are asked.

Unknown is never resent. Only when the gateway says that it never had the message is it planned again, under the same
id. A gateway that cannot be asked leaves it unknown, on the list of its page, until a receipt or a person decides.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.core.signed_http import Address
from backoffice.outreach.domain.handover import RECEIPT_LOOKS, Standing, next_look
from backoffice.outreach.domain.message_states import MessageState
from backoffice.outreach.models import Gateway, Message
from backoffice.outreach.services.arriving import accept, give_up, learn, put_back, wonder
from backoffice.outreach.services.moving import locked
from backoffice.outreach.services.sending import secret_of
from backoffice.outreach.services.transports import gateway_http

BATCH: Final = 200
HANDS: Final = 16

RUN_OUT: Final = """
SELECT id, borrower_id FROM outreach_message
WHERE state = 'sending' AND lease_until <= %(at)s ORDER BY lease_until LIMIT %(most)s
"""
# Taking a question in hand sets the next one, so that a worker that dies asking leaves it to be asked again.
TAKE: Final = """
UPDATE outreach_message message SET look_at = %(at)s + make_interval(secs => %(wait)s), looks = looks + 1
WHERE id IN (
    SELECT id FROM outreach_message WHERE look_at <= %(at)s ORDER BY look_at, id LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
RETURNING id, borrower_id, wire_id, gateway_id, state, looks
"""


class MessageNotUnknown(Refusal):
    """Only the fate of an unknown message is for a person to say."""

    code: ClassVar[str] = "outreach.message_not_unknown"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Question:
    """A message a gateway is asked about."""

    message_id: int
    borrower_id: int
    wire_id: UUID
    gateway_id: int
    state: str
    looks: int


def resolve(*, clock: Callable[[], datetime]) -> int:
    """Gives up leases that ran out, then asks about every message whose time for a question has come. How many."""
    seen = 0
    while given_up := give_up_leases(at=clock()):
        seen += given_up
    while asked := ask_gateways(clock=clock):
        seen += asked
    return seen


def give_up_leases(*, at: datetime) -> int:
    """Messages whose sender has gone silent become unknown; what stays in the house never left. How many."""
    rows = fetch(RUN_OUT, {"at": at, "most": BATCH})
    return sum(_give_up_lease(message_id=row[0], borrower_id=row[1], at=at) for row in rows)


def ask_gateways(*, clock: Callable[[], datetime]) -> int:
    """One batch of questions, side by side, and what was learned, one by one. How many were asked."""
    at = clock()
    rows = fetch(TAKE, {"at": at, "wait": int(next_look(looks=0).total_seconds()), "most": BATCH})
    questions = [Question(*row) for row in rows]
    gateways = {gateway.pk: gateway for gateway in Gateway.objects.filter(pk__in={one.gateway_id for one in questions})}
    with ThreadPoolExecutor(max_workers=HANDS) as hands:
        standings = hands.map(lambda one: _ask(one, gateways[one.gateway_id]), questions)
        for question, standing in zip(questions, standings, strict=True):
            learn(message_id=question.message_id, borrower_id=question.borrower_id, standing=standing, at=clock())
            _set_next_look(question, at=at)
    return len(questions)


@transaction.atomic
def decide_unknown(
    *, message_id: int, borrower_id: int, arrived: bool, reason: str, actor: Actor, at: datetime
) -> None:
    """A person says what became of a message no gateway can tell of. Raises MessageNotUnknown."""
    message = locked(message_id=message_id, borrower_id=borrower_id)
    if message is None or message.state != MessageState.UNKNOWN:
        raise MessageNotUnknown(
            _("This message is not unknown any more."), next_step=_("Look at its journey; a receipt came in.")
        )
    if arrived:
        accept(message, reference=message.gateway_reference, at=at)
    else:
        give_up(message, code="decided_by_staff", detail=reason, at=at)
    audit.record(
        verb="outreach.message.decided",
        subject_type="outreach.message",
        subject_id=message.pk,
        actor=actor,
        reason=reason,
        borrower_id=message.borrower_id,
        before={"state": MessageState.UNKNOWN.value},
        after={"state": message.state},
    )


@transaction.atomic
def _give_up_lease(*, message_id: int, borrower_id: int, at: datetime) -> int:
    message = locked(message_id=message_id, borrower_id=borrower_id)
    if message is None or message.state != MessageState.SENDING or message.lease_until is None:
        return 0
    if message.lease_until > at:
        return 0
    if message.gateway is not None and message.gateway.kind == Gateway.Kind.PRINT:
        # A letter is sent in the transaction that writes its print file; without one it certainly never left.
        put_back(message, code="sender_gone", detail="", wait=timedelta(), at=at)
        return 1
    wonder(message, code="sender_gone", detail="", at=at)
    return 1


def _ask(question: Question, gateway: Gateway) -> Standing:
    if not gateway.url:
        return Standing(is_clear=False)
    address = Address(url=gateway.url, secret=secret_of(gateway))
    return gateway_http.ask(wire_id=str(question.wire_id), address=address)


def _set_next_look(question: Question, *, at: datetime) -> None:
    """When to ask again, if the message still waits: about an unknown one always, about a receipt a few times."""
    waiting = Message.objects.filter(pk=question.message_id, state=question.state, looks=question.looks)
    if question.state == MessageState.SENT and question.looks >= RECEIPT_LOOKS:
        waiting.update(look_at=None)
    else:
        waiting.update(look_at=at + next_look(looks=question.looks))
