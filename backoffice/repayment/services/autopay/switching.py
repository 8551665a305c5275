"""People stop and go: one batch, everything at once, and everything on again."""

from datetime import datetime
from typing import ClassVar

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.last_look import Drop
from backoffice.repayment.models import AutopaySwitch, Breaker, DebitBatch
from backoffice.repayment.services.autopay import wire
from backoffice.repayment.services.autopay.submitting import end_batch


class BatchNotInState(Refusal):
    """The batch is not in a state that allows this."""

    code: ClassVar[str] = "repayment.debit_batch_state"
    status: ClassVar[int] = 409


class BatchNotFound(Refusal):
    """There is no such batch."""

    code: ClassVar[str] = "repayment.debit_batch_not_found"
    status: ClassVar[int] = 404


class SwitchReasonMissing(Refusal):
    """Stopping or starting all debits takes a reason."""

    code: ClassVar[str] = "repayment.autopay_reason_missing"


def pause_batch(*, batch_id: int, reason: str, at: datetime, actor: Actor) -> DebitBatch:
    """No further command of a batch leaves until it is resumed, nor one of a chunk that is being called.

    Raises BatchNotFound, BatchNotInState.
    """
    return _move(batch_id, {"running"}, DebitBatch.State.PAUSED, reason=reason, at=at, actor=actor, verb="paused")


def resume_batch(*, batch_id: int, reason: str, at: datetime, actor: Actor) -> DebitBatch:
    """A batch goes on that was paused, or stopped by a breaker closed since. Raises BatchNotFound, BatchNotInState."""
    return _move(
        batch_id, {"paused", "stopped"}, DebitBatch.State.RUNNING, reason=reason, at=at, actor=actor, verb="resumed"
    )


@transaction.atomic
def cancel_batch(*, batch_id: int, reason: str, at: datetime, actor: Actor) -> int:
    """Drop for good what a batch has not let out; gives how many commands. Raises BatchNotFound, BatchNotInState."""
    batch = _locked(batch_id, {"running", "paused", "stopped", "building"})
    dropped = end_batch(batch, to=DebitBatch.State.OVER, drop=Drop.STOPPED, at=at)
    _note(batch, verb="cancelled", reason=reason, actor=actor, after={"dropped": dropped})
    return dropped


@transaction.atomic
def stop_everything(*, reason: str, at: datetime, actor: Actor) -> AutopaySwitch:
    """The kill switch: no order of any batch, file or link leaves once this has returned. Raises SwitchReasonMissing.

    No call begins any more, and those under way are waited for, as long as calls take; the trail says so if one took
    longer.
    """
    return _switch(is_stopped=True, reason=reason, at=at, actor=actor)


@transaction.atomic
def start_again(*, reason: str, at: datetime, actor: Actor) -> AutopaySwitch:
    """Debits go on where they stopped, as far as their slots last. Raises SwitchReasonMissing."""
    return _switch(is_stopped=False, reason=reason, at=at, actor=actor)


def _switch(*, is_stopped: bool, reason: str, at: datetime, actor: Actor) -> AutopaySwitch:
    if not reason.strip():
        raise SwitchReasonMissing(
            _("A reason is missing."), next_step=_("Say why."), fields={"reason": _("is missing")}
        )
    if is_stopped:
        wire.announce_stop()
    # Every batch's row, so that a chunk being marked is marked before this is said to be done.
    list(DebitBatch.objects.select_for_update(no_key=True).filter(state="running").order_by("pk"))
    AutopaySwitch.objects.get_or_create(pk=AutopaySwitch.ONLY)
    switch = AutopaySwitch.objects.select_for_update().get(pk=AutopaySwitch.ONLY)
    switch.is_stopped, switch.reason, switch.actor_name, switch.at = is_stopped, reason[:300], actor.name, at
    switch.save()
    is_free = not is_stopped or wire.wait_until_free()
    record(
        verb="repayment.autopay.stopped" if is_stopped else "repayment.autopay.started",
        subject_type="repayment.autopay",
        subject_id="switch",
        actor=actor,
        reason=reason,
        after={"is_stopped": is_stopped} | ({} if is_free else {"is_still_calling": True}),
    )
    return switch


@transaction.atomic
def _move(
    batch_id: int, allowed: set[str], to: str, *, reason: str, at: datetime, actor: Actor, verb: str
) -> DebitBatch:
    batch = _locked(batch_id, allowed)
    if to == DebitBatch.State.RUNNING and Breaker.objects.filter(batch=batch, closed_at__isnull=True).exists():
        raise _not_in_state(batch)
    batch.state, batch.reason, batch.moved_by, batch.moved_at = to, reason[:300], actor.name, at
    batch.save(update_fields=["state", "reason", "moved_by", "moved_at"])
    _note(batch, verb=verb, reason=reason, actor=actor, after={"state": batch.state})
    return batch


def _locked(batch_id: int, allowed: set[str]) -> DebitBatch:
    batch = DebitBatch.objects.select_for_update(no_key=True).filter(pk=batch_id).first()
    if batch is None:
        raise BatchNotFound(_("There is no such batch."), next_step=_("Look at the slots of the day."))
    if batch.state not in allowed:
        raise _not_in_state(batch)
    return batch


def _not_in_state(batch: DebitBatch) -> BatchNotInState:
    return BatchNotInState(
        _("The batch is in the state “%(state)s”; this cannot be done to it.") % {"state": batch.get_state_display()},
        next_step=_("Look at the batch again; a breaker has to be closed before it goes on."),
    )


def _note(batch: DebitBatch, *, verb: str, reason: str, actor: Actor, after: dict[str, object]) -> None:
    record(
        verb=f"repayment.debit_batch.{verb}",
        subject_type="repayment.debit_batch",
        subject_id=batch.pk,
        actor=actor,
        reason=reason,
        after=after,
    )
