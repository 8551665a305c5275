"""What every order that leaves needs, whoever set it off: room on its rail, a lease and an end, and the call itself."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings

from backoffice.core.signed_http import Address
from backoffice.outreach.domain.handover import refilled
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Tripped
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.handover import Answer, Outgoing
from backoffice.repayment.domain.autopay.order_numbers import INITIATED_BY, Purpose
from backoffice.repayment.domain.autopay.second_look import SecondDue, Span
from backoffice.repayment.models import Rail
from backoffice.repayment.services.autopay.commands import Change, Row
from backoffice.repayment.services.autopay.rails import http

CHUNK: Final = 200
FILE_CHUNK: Final = 2_000
"""How many debits go into one collection file: they leave together and need no call of their own."""
HANDS: Final = 16
LEASE: Final = timedelta(seconds=90)
EXPIRES: Final = timedelta(seconds=120)
CALL_SECONDS: Final = 15.0
"""What a call may take at most, connecting and waiting for the answer."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """A command that is marked as submitted and has to be handed over before its deadline (monotonic seconds)."""

    row: Row
    outgoing: Outgoing
    deadline: float


def is_open(rail: Rail, *, at: datetime) -> bool:
    """Whether anything may leave over a rail now: not while it is paused, closed or without a secret."""
    local = at.astimezone(ZoneInfo(settings.LENDER_TIME_ZONE)).time()
    return not rail.is_paused and bool(settings.RAIL_SECRETS.get(rail.code)) and rail.opens <= local <= rail.closes


def room_of_rails(*, at: datetime) -> dict[int, int]:
    """How many commands each rail takes now: its bucket, nothing while it is paused, closed or without a secret.

    The rails' rows are locked.
    """
    room: dict[int, int] = {}
    for rail in Rail.objects.filter(is_paused=False).select_for_update(no_key=True).order_by("pk"):
        if not is_open(rail, at=at):
            continue
        rail.tokens = refilled(
            tokens=rail.tokens,
            elapsed=at - rail.refilled_at,
            per_second=rail.per_second,
            burst=max(int(rail.per_second), FILE_CHUNK if rail.kind == Rail.Kind.ISO20022 else CHUNK),
        )
        rail.refilled_at = at
        rail.save(update_fields=["tokens", "refilled_at"])
        room[rail.pk] = int(rail.tokens.to_integral_value(rounding=ROUND_DOWN))
    return room


def take_from_rails(leaving: Sequence[Leaving]) -> None:
    """Takes out of the buckets what leaves; the rails' rows are locked."""
    for rail_id in sorted({one.row.rail_id for one in leaving}):
        rail = Rail.objects.get(pk=rail_id)
        rail.tokens -= sum(one.row.rail_id == rail_id for one in leaving)
        rail.save(update_fields=["tokens"])


def disagreement(amount: Decimal, *, opinion: SecondDue, span: Span, order_no: str, currency: str) -> Tripped | None:
    """What the second calculation has against an amount (major units); `span` are those it finds right."""
    if opinion.is_held or not opinion.is_active or opinion.most_due <= 0:
        why = "held" if opinion.is_held else "settled"
        return Tripped(BreakerKind.SETTLED, f"{amount:f} {currency}", "0", f"{order_no}: {why}")
    if not span.holds(amount):
        return Tripped(BreakerKind.AMOUNT, f"{amount:f}", str(span), order_no)
    return None


def send_off(
    row: Row, *, amount: Decimal, at: datetime, told_by: datetime | None = None, counting: int = 0
) -> tuple[Change, Leaving]:
    """What is written of a command that leaves now with an amount (major units), and what is handed over.

    `told_by`: of an order that goes in a file, when a file must have told of it. `counting`: that of its batch.
    """
    expires_at = told_by or at + EXPIRES
    change = Change(
        row,
        CommandState.SUBMITTED,
        at,
        values={
            "amount": amount,
            "tries": row.tries + 1,
            "submitted_at": at,
            "expires_at": expires_at,
            "lease_until": told_by or at + LEASE,
            "not_before": None,
            "counting": counting,
        },
    )
    outgoing = Outgoing(
        order_no=row.order_no,
        agreement_no=row.agreement_no,
        amount=amount,
        currency=row.currency,
        initiated_by=INITIATED_BY[Purpose(row.purpose)],
        expires_at=expires_at,
    )
    return change, Leaving(row, outgoing, time.monotonic() + LEASE.total_seconds())


def hand_over(one: Leaving, address: Address) -> Answer | None:
    """The call itself, without the database; None when the lease is over and it must not be made."""
    if time.monotonic() > one.deadline - CALL_SECONDS:
        return None
    return http.submit(command=one.outgoing, address=address)
