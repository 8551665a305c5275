"""The verbs of a gateway: set up, paused with a reason, resumed."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.models import Gateway
from backoffice.outreach.services import waking

SUBJECT: Final = "outreach.gateway"


class GatewayNotFound(Refusal):
    """There is no such gateway."""

    code: ClassVar[str] = "outreach.gateway_not_found"
    status: ClassVar[int] = 404


class GatewayInState(Refusal):
    """It is paused already, or it is not."""

    code: ClassVar[str] = "outreach.gateway_in_state"
    status: ClassVar[int] = 409


class GatewayRefused(Refusal):
    """The settings cannot be used; `fields` says which and why."""

    code: ClassVar[str] = "outreach.gateway_refused"


class ReasonMissing(Refusal):
    """A gateway is paused for a reason."""

    code: ClassVar[str] = "outreach.reason_missing"


SANDBOX_GATEWAYS: Final = (
    ("sms", "Sandbox SMS", Channel.SMS, Gateway.Kind.HTTP, "0.0450", 60),
    ("bot", "Sandbox voice bot", Channel.BOT, Gateway.Kind.HTTP, "0.1200", 60),
    ("push", "Sandbox push", Channel.PUSH, Gateway.Kind.HTTP, "0.0010", 60),
    ("email", "Sandbox e-mail", Channel.EMAIL, Gateway.Kind.SMTP, "0.0020", 60),
    ("inbox", "Inbox of the app", Channel.INBOX, Gateway.Kind.APP, "0", 0),
    ("popup", "Pop-up of the app", Channel.POPUP, Gateway.Kind.APP, "0", 0),
    ("letter", "Print file", Channel.LETTER, Gateway.Kind.PRINT, "1.8000", 0),
)
"""Code, name, channel, kind, cost of a unit, seconds until a receipt is missed."""
SET_BY_PEOPLE: Final = (
    "name",
    "channel",
    "kind",
    "url",
    "rank",
    "per_second",
    "burst",
    "unit_cost",
    "currency",
    "receipt_seconds",
)


@transaction.atomic
def set_gateway(
    *,
    code: str,
    name: str,
    channel: Channel,
    kind: str,
    actor: Actor,
    url: str = "",
    rank: int = 1,
    per_second: Decimal = Decimal(50),
    burst: int = 100,
    unit_cost: Decimal = Decimal(0),
    currency: str = "CNY",
    receipt_seconds: int = 600,
    reason: str = "",
) -> Gateway:
    """Sets a gateway up, or changes one, by its code. The secret is not among it. Raises GatewayRefused."""
    values: dict[str, Any] = {
        "name": name,
        "channel": channel.value,
        "kind": kind,
        "url": url.rstrip("/"),
        "rank": rank,
        "per_second": per_second,
        "burst": burst,
        "unit_cost": unit_cost,
        "currency": currency,
        "receipt_seconds": receipt_seconds,
    }
    gateway = Gateway.objects.select_for_update().filter(code=code).first()
    before = None if gateway is None else {field: getattr(gateway, field) for field in SET_BY_PEOPLE}
    _check(code, values, gateway)
    if gateway is None:
        gateway = Gateway(code=code, tokens=burst)
    for field, value in values.items():
        setattr(gateway, field, value)
    gateway.save()
    if before != values:
        _note(gateway, verb="outreach.gateway.set", actor=actor, reason=reason, before=before, after=values)
    return gateway


@transaction.atomic
def set_sandbox_gateways(*, url: str, actor: Actor) -> int:
    """Sets up one gateway a channel: the sandbox's under `url`, the app's and the printer's in the house. How many."""
    base = f"{url.rstrip('/')}/gateways"
    for code, name, channel, kind, cost, receipt_seconds in SANDBOX_GATEWAYS:
        is_outside = kind in {Gateway.Kind.HTTP, Gateway.Kind.SMTP}
        set_gateway(
            code=code,
            name=name,
            channel=channel,
            kind=kind,
            url=f"{base}/{code}" if is_outside else "",
            unit_cost=Decimal(cost),
            receipt_seconds=receipt_seconds,
            actor=actor,
        )
    return len(SANDBOX_GATEWAYS)


@transaction.atomic
def pause_gateway(*, gateway_id: int, reason: str, actor: Actor) -> Gateway:
    """Lets nothing more out by a gateway; what is on its way stays there, what is planned waits or takes the next one.

    Raises GatewayNotFound, GatewayInState, ReasonMissing.
    """
    if not reason.strip():
        raise ReasonMissing(
            _("Say why the gateway is paused."),
            next_step=_("Whoever resumes it reads the reason."),
            fields={"reason": _("This is needed.")},
        )
    gateway = _locked(gateway_id, paused=False)
    gateway.is_paused = True
    gateway.paused_reason = reason.strip()
    gateway.paused_by_name = actor.name
    gateway.paused_at = Now()
    gateway.save(update_fields=["is_paused", "paused_reason", "paused_by_name", "paused_at"])
    _note(gateway, verb="outreach.gateway.paused", actor=actor, reason=reason, after={"is_paused": True})
    return gateway


@transaction.atomic
def resume_gateway(*, gateway_id: int, reason: str, actor: Actor) -> Gateway:
    """Lets messages out again; its bucket starts empty, so that what waited does not leave at one blow.

    Raises GatewayNotFound, GatewayInState.
    """
    gateway = _locked(gateway_id, paused=True)
    gateway.is_paused = False
    gateway.paused_reason = gateway.paused_by_name = ""
    gateway.paused_at = None
    gateway.tokens = Decimal(0)
    gateway.refilled_at = Now()
    gateway.save(update_fields=["is_paused", "paused_reason", "paused_by_name", "paused_at", "tokens", "refilled_at"])
    _note(gateway, verb="outreach.gateway.resumed", actor=actor, reason=reason, after={"is_paused": False})
    transaction.on_commit(waking.wake_sender, robust=True)
    return gateway


def _locked(gateway_id: int, *, paused: bool) -> Gateway:
    gateway = Gateway.objects.select_for_update().filter(pk=gateway_id).first()
    if gateway is None:
        raise GatewayNotFound(_("There is no such gateway."), next_step=_("Look in the list of gateways."))
    if gateway.is_paused != paused:
        said = _("The gateway is not paused.") if paused else _("The gateway is paused already.")
        raise GatewayInState(said, next_step=_("Look at the gateway again; somebody was quicker."))
    return gateway


def _check(code: str, values: Mapping[str, Any], gateway: Gateway | None) -> None:
    faults: dict[str, str] = {}
    if values["kind"] == Gateway.Kind.HTTP and not values["url"]:
        faults["url"] = _("a gateway of this kind has an address")
    if values["per_second"] <= 0:
        faults["per_second"] = _("must be more than zero")
    taken = Gateway.objects.filter(channel=values["channel"], rank=values["rank"]).exclude(code=code)
    if taken.exists():
        faults["rank"] = _("another gateway of the channel has this place")
    if gateway is not None and gateway.channel != values["channel"]:
        faults["channel"] = _("a gateway keeps its channel")
    if faults:
        raise GatewayRefused(
            _("The gateway cannot be set up like this."),
            next_step=_("Correct what is marked and try again."),
            fields=faults,
        )


def _note(
    gateway: Gateway,
    *,
    verb: str,
    actor: Actor,
    reason: str,
    after: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        verb=verb,
        subject_type=SUBJECT,
        subject_id=gateway.pk,
        actor=actor,
        reason=reason.strip(),
        before=before,
        after=after,
    )
