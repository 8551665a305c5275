"""One message leaves, or does not: judged again at that moment, recorded and marked in one transaction.

What is handed to the gateway comes out of it; the call itself is made afterwards, outside any transaction.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.contacts import NotAPhone, read_phone
from backoffice.customers.domain.sealing import Unopenable
from backoffice.customers.fields import seal_of, text_of
from backoffice.customers.models import ContactPoint
from backoffice.outreach.domain.channels import ENDPOINT_KIND, Channel
from backoffice.outreach.domain.fallback import goes_on
from backoffice.outreach.domain.handover import Outgoing
from backoffice.outreach.domain.message_states import MessageState
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.models import Gateway, Message
from backoffice.outreach.selectors.campaigns import may_leave
from backoffice.outreach.services.following import follow_on
from backoffice.outreach.services.gate import Reserved, Verdict, Wanted, reserve_contact
from backoffice.outreach.services.moving import locked, move
from backoffice.outreach.services.rendering import CannotRender, Rendered, render_message

NOT_USABLE = (ContactPoint.Quality.BAD, ContactPoint.Quality.WRONG_PERSON, ContactPoint.Quality.DO_NOT_USE)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a message goes: the contact point and what it says; no point for what reaches the person in the app."""

    endpoint_id: int | None
    to: str


class NoDestination(ValueError):
    """The borrower cannot be reached on the channel; the message is the code."""


@transaction.atomic
def let_out(*, message_id: int, borrower_id: int, gateway: Gateway, at: datetime, lease: timedelta) -> Outgoing | None:
    """Lets one claimed message out, if it is still planned and the gate agrees; None when nothing is to be handed over.

    Denied for now, it waits for the permitted time; for good, it is blocked, and the next channel is planned only where
    its own cannot reach the borrower. What stays in the house (inbox, pop-up) is sent with this very transaction.
    """
    message = locked(message_id=message_id, borrower_id=borrower_id)
    if message is None or message.state != MessageState.PLANNED or message.channel != gateway.channel:
        return None
    if at < message.send_after or message.waits_for_facts:
        # Somebody else had it in hand meanwhile and put it off.
        return None
    if at >= message.send_before:
        move(message=message, to=MessageState.EXPIRED, at=at, code="too_late", lease_until=None)
        return None
    if not may_leave(source=message.source):
        move(message=message, to=MessageState.STOPPED, at=at, code="campaign_not_running", lease_until=None)
        return None
    try:
        destination = _destination(message)
        rendered = render_message(message)
    except NoDestination as reason:
        _end(message, to=MessageState.BLOCKED, code=str(reason), at=at)
        return None
    except CannotRender as error:
        code, detail = "variable_missing", ", ".join(f"{{{name}}} {fault}" for name, fault in error.faults.items())
        _end(message, to=MessageState.FAILED, code=code, detail=detail, at=at)
        return None
    except Unopenable:
        _end(message, to=MessageState.FAILED, code="cannot_be_opened", at=at)
        return None
    answer = reserve_contact(wanted=_wanted(message, destination, at=at), actor=SYSTEM)
    if isinstance(answer, Verdict):
        _hold_back(message, answer, at=at)
        return None
    return _depart(message, destination, rendered, answer, gateway=gateway, at=at, lease=lease)


def _wanted(message: Message, destination: Destination, *, at: datetime) -> Wanted:
    return Wanted(
        borrower_id=message.borrower_id,
        channel=Channel(message.channel),
        purpose=Purpose(message.purpose),
        at=at,
        endpoint_id=destination.endpoint_id,
        loan_id=message.loan_id,
        message_id=message.pk,
    )


def _hold_back(message: Message, verdict: Verdict, *, at: datetime) -> None:
    """Later when there is a permitted time in its window; blocked otherwise, and on to the next channel if it may."""
    rules = ", ".join(denial.rule for denial in verdict.denials)
    code = verdict.denials[0].rule if verdict.denials else "denied"
    later = verdict.next_permitted_at
    if later is not None and at < later < message.send_before:
        move(
            message=message,
            to=MessageState.PLANNED,
            at=at,
            code=code,
            detail=rules,
            send_after=later,
            lease_until=None,
        )
        return
    move(message=message, to=MessageState.BLOCKED, at=at, code=code, detail=rules, lease_until=None)
    if goes_on(purpose=Purpose(message.purpose), rules=[denial.rule for denial in verdict.denials]):
        follow_on(message=message, at=at)


def _end(message: Message, *, to: MessageState, code: str, at: datetime, detail: str = "") -> None:
    """It cannot be sent on its channel, for reasons that are not the borrower's: the next one is tried."""
    move(message=message, to=to, at=at, code=code, detail=detail, lease_until=None)
    follow_on(message=message, at=at)


def _depart(
    message: Message,
    destination: Destination,
    rendered: Rendered,
    reserved: Reserved,
    *,
    gateway: Gateway,
    at: datetime,
    lease: timedelta,
) -> Outgoing | None:
    text = json.dumps({"subject": rendered.subject, "body": rendered.body}, ensure_ascii=False)
    move(
        message=message,
        to=MessageState.SENDING,
        at=at,
        lease_until=at + lease,
        gateway=gateway,
        contact_entry_id=reserved.entry_id,
        endpoint_id=destination.endpoint_id,
        text=seal_of(Message, "text", text),
        units=rendered.units,
        cost=gateway.unit_cost * rendered.units,
        currency=gateway.currency,
        tries=message.tries + 1,
        look_at=None,
        looks=0,
    )
    if gateway.kind == Gateway.Kind.APP:
        move(message=message, to=MessageState.SENT, at=at, sent_at=at, lease_until=None)
        return None
    return Outgoing(
        message_id=message.pk,
        wire_id=str(message.wire_id),
        attempt=message.tries,
        gateway_id=gateway.pk,
        channel=message.channel,
        purpose=message.purpose,
        language=message.template_version.language,
        to=destination.to,
        subject=rendered.subject,
        body=rendered.body,
        expires_at=message.send_before.isoformat(),
    )


def _destination(message: Message) -> Destination:
    """The contact point it was planned for, or the best one of its channel. Raises NoDestination, Unopenable."""
    kind = ENDPOINT_KIND.get(Channel(message.channel))
    if kind is None:
        return Destination(None, message.borrower.external_id)
    points = ContactPoint.objects.filter(borrower_id=message.borrower_id, kind=kind, ended_at__isnull=True).exclude(
        quality__in=NOT_USABLE
    )
    if message.endpoint_id is not None:
        points = points.filter(pk=message.endpoint_id)
    point = points.order_by(F("is_primary").desc(), "pk").first()
    if point is None:
        raise NoDestination("no_endpoint" if message.endpoint_id is None else "endpoint_not_usable")
    to = text_of(point, "value")
    return Destination(point.pk, _dialled(to) if kind == ContactPoint.Kind.PHONE else to)


def _dialled(number: str) -> str:
    """The number as a gateway takes it, E.164. Raises NoDestination for what is no number of any country."""
    try:
        return read_phone(number if number.startswith("+") else f"+{number}", country="").e164
    except NotAPhone as error:
        raise NoDestination("bad_number") from error
