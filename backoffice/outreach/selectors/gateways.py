"""How the gateways do: what left, what failed, what nobody knows, what is missing, how quick they are."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from backoffice.core.bulk import fetch
from backoffice.outreach.models import Gateway

HEALTH: Final = (Path(__file__).resolve().parent.parent / "sql" / "gateway_health.sql").read_text()
WINDOW: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Health:
    """One gateway over the last day. `p95` is seconds from the hand-over to the answer, None when nothing was answered.

    `unknown`, `sending`, `waiting` are as of now; `waiting` counts what is due on its channel; `per_minute` is of the
    last minute; `has_secret` False: the environment holds no secret, so nothing can leave.
    """

    gateway: Gateway
    handed_over: int
    accepted: int
    delivered: int
    read: int
    failed: int
    per_minute: int
    cost: Decimal
    unknown: int
    sending: int
    receipts_missing: int
    waiting: int
    p95: Decimal | None
    has_secret: bool

    @property
    def state(self) -> str:
        """In one word, the worst first: no_secret, paused, troubled, well, idle."""
        if not self.has_secret:
            return "no_secret"
        if self.gateway.is_paused:
            return "paused"
        if self.unknown or self.failed * 20 > self.handed_over or self.receipts_missing * 20 > self.handed_over:
            return "troubled"
        return "well" if self.handed_over else "idle"


def health_of_gateways(*, at: datetime) -> list[Health]:
    """Every gateway by channel and order; two queries whatever the number of messages."""
    gateways = {gateway.pk: gateway for gateway in Gateway.objects.all()}
    rows = fetch(HEALTH, {"since": at - WINDOW, "at": at})
    return [_health(gateways[row[0]], row[1:]) for row in rows if row[0] in gateways]


def _health(gateway: Gateway, row: tuple[Any, ...]) -> Health:
    handed_over, accepted, delivered, read, failed, per_minute, cost, unknown, sending, missing, waiting, p95 = row
    return Health(
        gateway=gateway,
        handed_over=handed_over,
        accepted=accepted,
        delivered=delivered,
        read=read,
        failed=failed,
        per_minute=per_minute,
        cost=cost or Decimal(0),
        unknown=unknown,
        sending=sending,
        receipts_missing=missing,
        waiting=waiting,
        p95=None if p95 is None else Decimal(str(round(p95, 3))),
        has_secret=gateway.kind != Gateway.Kind.HTTP or gateway.code in settings.GATEWAY_SECRETS,
    )
