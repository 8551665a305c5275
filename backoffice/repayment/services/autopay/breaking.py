"""Circuit breakers open, stop what they guard, tell the owner, and are closed by a person who says why."""

from datetime import datetime
from typing import ClassVar

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from backoffice.audit import outbox
from backoffice.audit.services import record
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.breakers import OF_COMMAND, BreakerKind, Tripped
from backoffice.repayment.domain.autopay.debit_states import BillState, CommandState
from backoffice.repayment.domain.autopay.last_look import Drop
from backoffice.repayment.models import Breaker, DebitBatch, DebitBill, Rail
from backoffice.repayment.services.autopay import commands
from backoffice.repayment.services.autopay.commands import Change

OPENED = "repayment.breaker.opened"


class BreakerNotOpen(Refusal):
    """There is no such breaker, or it is closed already."""

    code: ClassVar[str] = "repayment.breaker_not_open"
    status: ClassVar[int] = 409


class ReasonMissing(Refusal):
    """A breaker is closed for a reason."""

    code: ClassVar[str] = "repayment.breaker_reason_missing"


def open_breaker(
    *,
    tripped: Tripped,
    at: datetime,
    batch: DebitBatch | None = None,
    rail: Rail | None = None,
    command_id: int | None = None,
) -> bool:
    """Open a breaker and stop its batch, in the caller's transaction; False when it is open already.

    The batch's row is locked by the caller.
    """
    breaker, is_new = Breaker.objects.get_or_create(
        kind=tripped.kind.value,
        batch=batch,
        rail=rail,
        closed_at__isnull=True,
        defaults={
            "seen": tripped.seen[:80],
            "allowed": tripped.allowed[:80],
            "detail": tripped.detail[:300],
            "command_id": command_id,
            "opened_at": at,
        },
    )
    if batch is not None and batch.state in (DebitBatch.State.RUNNING, DebitBatch.State.BUILDING):
        batch.state, batch.reason, batch.moved_at = DebitBatch.State.STOPPED, tripped.kind.value, at
        batch.moved_by = SYSTEM.name
        batch.save(update_fields=["state", "reason", "moved_at", "moved_by"])
    if is_new:
        record(
            verb="repayment.breaker.opened",
            subject_type="repayment.breaker",
            subject_id=breaker.pk,
            actor=SYSTEM,
            after={"kind": breaker.kind, "seen": breaker.seen, "allowed": breaker.allowed, "detail": breaker.detail},
        )
        outbox.publish(event=OPENED, key=f"breaker:{breaker.pk}", payload={"breaker_id": breaker.pk})
    return is_new


@transaction.atomic
def close_breaker(*, breaker_id: int, reason: str, at: datetime, actor: Actor) -> Breaker:
    """Close a breaker; the batches that waited for it go on, unless another one stops them or their time is over.

    What is wrong with one command only would open it again: that command is dropped, and its bill is tried no more that
    day. Raises BreakerNotOpen, ReasonMissing.
    """
    if not reason.strip():
        raise ReasonMissing(
            _("A breaker is closed for a reason."),
            next_step=_("Say what was wrong and why it is right now."),
            fields={"reason": _("is missing")},
        )
    glimpse = Breaker.objects.select_related("batch").filter(pk=breaker_id).first()
    waiting = list(waiting_for(glimpse).select_for_update(no_key=True)) if glimpse else []
    breaker = Breaker.objects.select_for_update().filter(pk=breaker_id, closed_at__isnull=True).first()
    if breaker is None:
        raise BreakerNotOpen(_("This breaker is not open."), next_step=_("Look at the list of breakers again."))
    breaker.closed_at, breaker.closed_by, breaker.close_reason = at, actor.name, reason
    breaker.save(update_fields=["closed_at", "closed_by", "close_reason"])
    dropped = _set_aside(breaker, at=at, actor=actor)
    record(
        verb="repayment.breaker.closed",
        subject_type="repayment.breaker",
        subject_id=breaker.pk,
        actor=actor,
        reason=reason,
        after={"kind": breaker.kind} | ({"dropped": dropped} if dropped else {}),
    )
    for batch in waiting:
        if batch.state == DebitBatch.State.STOPPED and not is_any_open(batch):
            _go_on(batch, reason=reason, at=at, actor=actor)
    return breaker


def is_any_open(batch: DebitBatch) -> bool:
    """Whether a breaker stops a batch: its own, or one that an earlier batch of its version opened, on whatever day."""
    return stopping(batch).exists()


def stopping(batch: DebitBatch) -> QuerySet[Breaker]:
    """The open breakers that stop a batch."""
    return Breaker.objects.filter(
        closed_at__isnull=True, batch__version_id=batch.version_id, batch_id__lte=batch.pk
    ).order_by("pk")


def to_be_dropped(breaker: Breaker) -> bool:
    """Whether closing a breaker drops the command it names: it has not left, and would open the breaker again."""
    named = breaker.command
    return breaker.kind in OF_COMMAND and named is not None and named.state == CommandState.PLANNED


def waiting_for(breaker: Breaker) -> QuerySet[DebitBatch]:
    """The batches a breaker may have stopped: its own, and later ones of the version that are stopped."""
    own = breaker.batch
    if own is None:
        return DebitBatch.objects.none()
    later = Q(pk__gt=own.pk, version_id=own.version_id, state=DebitBatch.State.STOPPED)
    return DebitBatch.objects.filter(Q(pk=own.pk) | later).order_by("pk")


def _set_aside(breaker: Breaker, *, at: datetime, actor: Actor) -> str:
    """Drops the command a closed breaker names, if it is to be dropped; gives its order number, or nothing."""
    if breaker.command_id is None or breaker.kind not in OF_COMMAND:
        return ""
    row = commands.read(ids=[breaker.command_id], lock=True)[breaker.command_id]
    if row.state != CommandState.PLANNED:
        return ""
    drop = Drop.CARD_TIRED if breaker.kind == BreakerKind.PER_CARD else Drop.SET_ASIDE
    change = Change(row, CommandState.DROPPED, at, code=drop.value, values={"answered_at": at, "lease_until": None})
    commands.apply([change], actor=actor)
    commands.lock_bills([row.bill_id])
    DebitBill.objects.filter(commands=row.id, state=BillState.OPEN.value).update(
        state=BillState.STOPPED.value, stopped_by=drop.value
    )
    return row.order_no


def _go_on(batch: DebitBatch, *, reason: str, at: datetime, actor: Actor) -> None:
    """A stopped batch runs again, and its counts begin anew.

    What a person has looked at does not open the breaker again by itself, and what left before is not counted any more.
    """
    batch.state, batch.reason, batch.moved_at = DebitBatch.State.RUNNING, reason[:300], at
    batch.moved_by = actor.name
    batch.counting += 1
    batch.answered = batch.succeeded = batch.left = 0
    batch.families, batch.asked, batch.left_forecast = {}, 0, 0
    batch.save()
