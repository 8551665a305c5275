"""Receipts of gateways: signed, taken once, applied in the order that makes sense rather than the one they come in.

A forged or stale call is refused and nothing is read from it; the same receipt again is answered and changes nothing.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.core.signatures import Forged, Stale, check
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.receipts import Event, Receipt, ReceiptNotReadable, read_receipt
from backoffice.outreach.models import Gateway, GatewayReceipt, Message
from backoffice.outreach.services.arriving import happen
from backoffice.outreach.services.gate import record_fact
from backoffice.outreach.services.gateways import GatewayNotFound
from backoffice.outreach.services.moving import locked
from backoffice.outreach.services.replying import OPTED_OUT, Heard, hear, lock_writers, take_reply
from backoffice.outreach.services.sending import secret_of


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
    found = _message_of(gateway, receipt)
    heard = None
    if receipt.event is Event.REPLIED:
        channel = Channel(found.channel if found else gateway.channel)
        heard = hear(channel=channel, text=receipt.text, given=receipt.sender, message=found)
        lock_writers(heard)
    message = None if found is None else locked(message_id=found.pk, borrower_id=found.borrower_id)
    known = _known(gateway, receipt, digest)
    if known is not None:
        return known
    outcome = _outcome(message, heard, receipt, at=at)
    kept = GatewayReceipt.objects.create(
        gateway=gateway,
        receipt_id=receipt.receipt_id,
        digest=digest,
        message=message,
        event=receipt.event.value,
        code=receipt.code,
        outcome=outcome,
        at=receipt.at,
    )
    if heard is not None:
        take_reply(heard, message=message, receipt=kept, at=at)
    return Taken(receipt_id=receipt.receipt_id, outcome=outcome.value, is_new=True)


def _message_of(gateway: Gateway, receipt: Receipt) -> Message | None:
    """The message, if it left by this gateway: none speaks of another's messages."""
    if receipt.message_id is None:
        return None
    messages = Message.objects.select_related("endpoint", "template_version")
    return messages.filter(wire_id=receipt.message_id, gateway=gateway).first()


def _outcome(message: Message | None, heard: Heard | None, receipt: Receipt, *, at: datetime) -> GatewayReceipt.Outcome:
    """Moves the message, where there is one. A reply that answers none is applied if its sender is known."""
    if message is None:
        is_matched = heard is not None and bool(heard.writers)
        return GatewayReceipt.Outcome.APPLIED if is_matched else GatewayReceipt.Outcome.UNMATCHED
    fact = OPTED_OUT if heard is not None and heard.stop else ""
    if happen(message, event=receipt.event, code=receipt.code, at=at, fact=fact):
        return GatewayReceipt.Outcome.APPLIED
    if fact and message.contact_entry_id is not None:
        record_fact(entry_id=message.contact_entry_id, kind="delivery", code=fact, actor=SYSTEM, at=at)
    return GatewayReceipt.Outcome.LATE
