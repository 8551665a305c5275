"""What came of handing a message over: each answer moves it by one rule, if it is still the attempt it answers."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from backoffice.outreach.domain.handover import Answer, Outcome, Outgoing, Standing, next_look, wait_before_retry
from backoffice.outreach.domain.message_states import BOUNCED, NEVER_LEFT, MessageState, may_move
from backoffice.outreach.domain.receipts import BAD_ADDRESS_CODES, LEADS_TO, OPTED_OUT_CODE, Event
from backoffice.outreach.models import Message
from backoffice.outreach.services.endpoints import mark_unreachable
from backoffice.outreach.services.facts import ask_for_facts
from backoffice.outreach.services.following import follow_on
from backoffice.outreach.services.moving import locked, move
from backoffice.outreach.services.stopping import take_stop_of_carrier

S: Final = MessageState


@transaction.atomic
def settle(*, sent: Outgoing, borrower_id: int, answer: Answer, at: datetime) -> None:
    """Writes down what the gateway answered to one attempt; an answer to an earlier one, or a late one, is dropped.

    A receipt may have been quicker: then only the gateway's reference is added.
    """
    message = locked(message_id=sent.message_id, borrower_id=borrower_id)
    if message is None or message.tries != sent.attempt:
        return
    if message.state != S.SENDING:
        if answer.outcome is Outcome.ACCEPTED and message.state in {S.UNKNOWN, S.DELIVERED, S.READ, S.REPLIED}:
            _note_reference(message, answer, at=at)
        return
    match answer.outcome:
        case Outcome.ACCEPTED:
            accept(message, reference=answer.reference, at=at)
        case Outcome.REFUSED:
            give_up(message, code=answer.code, detail=answer.detail, at=at)
        case Outcome.NOT_NOW | Outcome.NEVER_LEFT:
            wait = wait_before_retry(tries=message.tries, retry_after=answer.retry_after)
            put_back(message, code=answer.code, detail=answer.detail, wait=wait, at=at)
        case Outcome.UNCLEAR:
            wonder(message, code=answer.code, detail=answer.detail, at=at)


@transaction.atomic
def learn(*, message_id: int, borrower_id: int, standing: Standing, at: datetime) -> None:
    """Writes down what a gateway said when it was asked about a message."""
    message = locked(message_id=message_id, borrower_id=borrower_id)
    if message is None or message.state not in {S.UNKNOWN, S.SENT} or not standing.is_clear:
        return
    if standing.event is None:
        if message.state == S.UNKNOWN:
            put_back(message, code="never_received", detail="", wait=timedelta(), at=at)
        return
    if standing.reference and not message.gateway_reference:
        message.gateway_reference = standing.reference
        message.save(update_fields=["gateway_reference"])
    if standing.event is Event.ACCEPTED:
        if message.state == S.UNKNOWN:
            accept(message, reference=message.gateway_reference, at=at)
        return
    happen(message, event=standing.event, code=standing.code or "asked", at=at)


def accept(message: Message, *, reference: str, at: datetime) -> None:
    """The gateway has it."""
    seconds = message.gateway.receipt_seconds if message.gateway else 0
    move(
        message=message,
        to=S.SENT,
        at=at,
        gateway_reference=reference,
        sent_at=message.sent_at or at,
        lease_until=None,
        look_at=at + timedelta(seconds=seconds) if seconds else None,
        looks=0,
    )


def give_up(message: Message, *, code: str, detail: str, at: datetime) -> None:
    """The gateway will never take it: failed, the address marked when it is at fault, and on to the next channel."""
    move(message=message, to=S.FAILED, at=at, code=code, detail=detail, lease_until=None, look_at=None, cost=None)
    if code in BAD_ADDRESS_CODES:
        mark_unreachable(message=message, code=code)
    _after_failure(message, code=code, at=at)


def put_back(message: Message, *, code: str, detail: str, wait: timedelta, at: datetime) -> None:
    """It certainly never left: planned again under the same id; failed when its time would be over by then.

    About a bill, it waits until somebody has looked whether the bill is still owed: money stops what is planned alone.
    """
    if at + wait >= message.send_before:
        move(message=message, to=S.FAILED, at=at, code=code, detail=detail, lease_until=None, look_at=None, cost=None)
        return
    move(
        message=message,
        to=S.PLANNED,
        at=at,
        code=code,
        detail=detail,
        fact=NEVER_LEFT,
        send_after=at + wait,
        waits_for_facts=message.about_due_date is not None,
        cost=None,
        lease_until=None,
        look_at=None,
        looks=0,
    )
    ask_for_facts(message)


def wonder(message: Message, *, code: str, detail: str, at: datetime) -> None:
    """Nobody knows whether the gateway has it: it is asked, where it can be, and not sent again."""
    can_be_asked = bool(message.gateway and message.gateway.url)
    move(
        message=message,
        to=S.UNKNOWN,
        at=at,
        code=code,
        detail=detail,
        lease_until=None,
        look_at=at + next_look(looks=0) if can_be_asked else None,
        looks=0,
    )


def happen(message: Message, *, event: Event, code: str, at: datetime, fact: str = "") -> bool:
    """An event at the gateway moves the message; False when it came too late to change anything.

    `fact` is what the contact log is told instead of the state's own. A bounce marks the address; whatever failed is
    followed by the next channel, unless the carrier says that the borrower opted out, which counts however late.
    """
    to = LEADS_TO[event]
    if to == message.state or not may_move(current=MessageState(message.state), to=to):
        if code == OPTED_OUT_CODE:
            take_stop_of_carrier(message=message, at=at)
        return False
    move(
        message=message,
        to=to,
        at=at,
        code=code,
        fact=fact or (BOUNCED if event is Event.BOUNCED else ""),
        sent_at=message.sent_at or at,
        lease_until=None,
        look_at=None,
    )
    if to is S.FAILED:
        if event is Event.BOUNCED or code in BAD_ADDRESS_CODES:
            mark_unreachable(message=message, code=code or event.value)
        _after_failure(message, code=code, at=at)
    elif code == OPTED_OUT_CODE:
        take_stop_of_carrier(message=message, at=at)
    return True


def _after_failure(message: Message, *, code: str, at: datetime) -> None:
    """On to the next channel; who told the carrier to stop is stopped here too, and reached by no other channel."""
    if code == OPTED_OUT_CODE:
        take_stop_of_carrier(message=message, at=at)
        return
    follow_on(message=message, at=at)


def _note_reference(message: Message, answer: Answer, *, at: datetime) -> None:
    if message.state == S.UNKNOWN:
        accept(message, reference=answer.reference, at=at)
        return
    message.gateway_reference = answer.reference
    message.save(update_fields=["gateway_reference"])
