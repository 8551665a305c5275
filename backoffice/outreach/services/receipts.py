"""Receipts of gateways: signed, taken once, applied in the order that makes sense rather than the one they come in.

A forged or stale call is refused and nothing is read from it; the same receipt again is answered and changes nothing.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.customers.fields import seal_of
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.receipts import OPTED_OUT_CODE, Event, Receipt, ReceiptNotReadable, read_receipt
from backoffice.outreach.domain.replies import is_stop
from backoffice.outreach.domain.signatures import Forged, Stale, check
from backoffice.outreach.models import Gateway, GatewayReceipt, Message
from backoffice.outreach.services.arriving import happen
from backoffice.outreach.services.confirming import confirm_opt_out
from backoffice.outreach.services.consents import opt_out
from backoffice.outreach.services.gate import log_contact
from backoffice.outreach.services.gateways import GatewayNotFound
from backoffice.outreach.services.moving import locked
from backoffice.outreach.services.sending import secret_of

STOPS_ALSO: Final[dict[Channel, tuple[Channel, ...]]] = {
    Channel.SMS: (Channel.SMS, Channel.BOT),
    Channel.BOT: (Channel.BOT, Channel.SMS),
}
"""What a STOP on one channel stops: a number that wants no texts wants no calls of a machine either."""


class WebhookForged(Refusal):
    """The call was not signed with the gateway's secret."""

    code: ClassVar[str] = "outreach.webhook_forged"
    status: ClassVar[int] = 401


class WebhookStale(Refusal):
    """The call was signed too long ago: it may be a recorded one, played again."""

    code: ClassVar[str] = "outreach.webhook_stale"
    status: ClassVar[int] = 401


class ReceiptRefused(Refusal):
    """The body is no receipt; `fields` says which part of it."""

    code: ClassVar[str] = "outreach.receipt_not_readable"
    status: ClassVar[int] = 400


class ReceiptConflicts(Refusal):
    """Another receipt came under the same id before."""

    code: ClassVar[str] = "outreach.receipt_conflicts"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a receipt. `is_new` False: it was here before, and nothing was done again."""

    receipt_id: str
    outcome: str
    is_new: bool


def take_receipt(*, gateway_code: str, timestamp: str, signature: str, body: bytes, at: datetime) -> Taken:
    """Takes one signed receipt.

    Raises GatewayNotFound, WebhookForged, WebhookStale, ReceiptRefused, ReceiptConflicts.
    """
    gateway = Gateway.objects.filter(code=gateway_code).first()
    if gateway is None:
        raise GatewayNotFound(_("There is no such gateway."), next_step=_("Use the address you were given."))
    _check(gateway, timestamp=timestamp, signature=signature, body=body, at=at)
    receipt = _read(body, at=at)
    digest = hashlib.sha256(body).digest()
    try:
        with transaction.atomic():
            return _known(gateway, receipt, digest) or _take(gateway, receipt, digest, at=at)
    except IntegrityError:
        # The same receipt came twice at one moment; the other one was quicker.
        known = _known(gateway, receipt, digest)
        if known is None:
            raise
        return known


def _check(gateway: Gateway, *, timestamp: str, signature: str, body: bytes, at: datetime) -> None:
    try:
        check(
            secret=secret_of(gateway),
            timestamp=timestamp,
            signature=signature,
            body=body,
            now=int(at.timestamp()),
        )
    except Forged as error:
        raise WebhookForged(
            _("The signature is not that of this gateway."),
            next_step=_("Sign the timestamp, a full stop and the body with the shared secret."),
        ) from error
    except Stale as error:
        raise WebhookStale(
            _("The call was signed more than five minutes ago, or ahead of time."),
            next_step=_("Set the clock and sign again; a repeated receipt keeps its id."),
        ) from error


def _read(body: bytes, *, at: datetime) -> Receipt:
    try:
        return read_receipt(body, now=at)
    except ReceiptNotReadable as error:
        fields = {error.field: str(error)} if error.field else {}
        raise ReceiptRefused(
            _("The receipt cannot be read: %(why)s.") % {"why": f"{error.field} {error}".strip()},
            next_step=_("See the contract of gateways; nothing was taken."),
            fields=fields,
        ) from error


def _known(gateway: Gateway, receipt: Receipt, digest: bytes) -> Taken | None:
    """The receipt as it was taken before. Raises ReceiptConflicts when it said something else then."""
    before = GatewayReceipt.objects.filter(gateway=gateway, receipt_id=receipt.receipt_id).first()
    if before is None:
        return None
    if bytes(before.digest) != digest:
        raise ReceiptConflicts(
            _("A different receipt came under the id %(id)s before.") % {"id": receipt.receipt_id},
            next_step=_("Give every receipt an id of its own."),
            fields={"receipt_id": _("was used before")},
        )
    return Taken(receipt_id=receipt.receipt_id, outcome=before.outcome, is_new=False)


def _take(gateway: Gateway, receipt: Receipt, digest: bytes, *, at: datetime) -> Taken:
    message = _message_of(gateway, receipt)
    outcome = GatewayReceipt.Outcome.UNMATCHED
    if message is not None:
        known = _known(gateway, receipt, digest)
        if known is not None:
            return known
        moved = happen(message, event=receipt.event, code=receipt.code, at=at)
        outcome = GatewayReceipt.Outcome.APPLIED if moved else GatewayReceipt.Outcome.LATE
        if receipt.text:
            message.reply = seal_of(Message, "reply", receipt.text)
            message.save(update_fields=["reply"])
        if receipt.event is Event.REPLIED:
            _log_reply(message, at=at)
        if _says_stop(receipt):
            _stop(message, at=at)
    GatewayReceipt.objects.create(
        gateway=gateway,
        receipt_id=receipt.receipt_id,
        digest=digest,
        message=message,
        event=receipt.event.value,
        code=receipt.code,
        outcome=outcome,
        at=receipt.at,
    )
    return Taken(receipt_id=receipt.receipt_id, outcome=outcome.value, is_new=True)


def _message_of(gateway: Gateway, receipt: Receipt) -> Message | None:
    """The message under lock, if it left by this gateway: none speaks of another's messages."""
    found = Message.objects.filter(wire_id=receipt.message_id, gateway=gateway).values_list("pk", "borrower_id").first()
    return None if found is None else locked(message_id=found[0], borrower_id=found[1])


def _log_reply(message: Message, *, at: datetime) -> None:
    """The borrower reached us: the log knows it, and one answer on that channel is permitted, STOP or not."""
    log_contact(
        borrower_id=message.borrower_id,
        channel=Channel(message.channel),
        purpose=Purpose.REPLY,
        direction="in",
        at=at,
        actor=SYSTEM,
        endpoint_id=message.endpoint_id,
        loan_ids=() if message.loan_id is None else (message.loan_id,),
    )


def _says_stop(receipt: Receipt) -> bool:
    return (receipt.event is Event.REPLIED and is_stop(receipt.text)) or receipt.code == OPTED_OUT_CODE


def _stop(message: Message, *, at: datetime) -> None:
    """The borrower wants no more on this channel: it takes effect with this transaction, and is confirmed once."""
    channel = Channel(message.channel)
    for stopped in STOPS_ALSO.get(channel, (channel,)):
        opt_out(borrower_id=message.borrower_id, channel=stopped, source="reply", actor=SYSTEM, at=at)
    confirm_opt_out(message=message, at=at)
