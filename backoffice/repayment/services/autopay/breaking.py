"""Circuit breakers open, stop what they guard, tell the owner, and are closed by a person who says why."""

from datetime import datetime
from typing import ClassVar

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit import outbox
from backoffice.audit.services import record
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.breakers import Tripped
from backoffice.repayment.models import Breaker, DebitBatch, Rail

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
    """Close a breaker; its batch goes on when no other breaker of it is open and its time is not over.

    Raises BreakerNotOpen, ReasonMissing.
    """
    if not reason.strip():
        raise ReasonMissing(
            _("A breaker is closed for a reason."),
            next_step=_("Say what was wrong and why it is right now."),
            fields={"reason": _("is missing")},
        )
    batch_id = Breaker.objects.filter(pk=breaker_id).values_list("batch_id", flat=True).first()
    batch = DebitBatch.objects.select_for_update(no_key=True).get(pk=batch_id) if batch_id else None
    breaker = Breaker.objects.select_for_update().filter(pk=breaker_id, closed_at__isnull=True).first()
    if breaker is None:
        raise BreakerNotOpen(_("This breaker is not open."), next_step=_("Look at the list of breakers again."))
    breaker.closed_at, breaker.closed_by, breaker.close_reason = at, actor.name, reason
    breaker.save(update_fields=["closed_at", "closed_by", "close_reason"])
    record(
        verb="repayment.breaker.closed",
        subject_type="repayment.breaker",
        subject_id=breaker.pk,
        actor=actor,
        reason=reason,
        after={"kind": breaker.kind},
    )
    if batch is not None and batch.state == DebitBatch.State.STOPPED and not is_any_open(batch):
        batch.state, batch.reason, batch.moved_at = DebitBatch.State.RUNNING, reason[:300], at
        batch.moved_by = actor.name
        # The count begins anew: what a person has looked at does not open the breaker again by itself.
        batch.answered = batch.succeeded = batch.left = 0
        batch.families, batch.asked, batch.left_forecast = {}, 0, 0
        batch.save()
    return breaker


def is_any_open(batch: DebitBatch) -> bool:
    """Whether a breaker of a batch is open."""
    return Breaker.objects.filter(batch=batch, closed_at__isnull=True).exists()
