"""Holds on many borrowers at once: chosen and shown, placed when a second person agreed, lifted likewise.

Each step is a fixed number of statements, however many borrowers there are; trail and events go in batches.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.audit import approvals, outbox
from backoffice.audit import services as audit
from backoffice.audit.models import Approval
from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.customers.domain.bulk_holds import LIFT_BULK, LONGEST, PLACE_BULK, BulkState, may_move
from backoffice.customers.domain.hold_policy import BULK_REASONS, MATRIX
from backoffice.customers.domain.holds import HoldReason
from backoffice.customers.models import BulkHold
from backoffice.customers.models.bulk_holds import STATE_LABELS
from backoffice.customers.services.choosing import Choice, choose, statement
from backoffice.customers.services.holding import HoldRefused, checked_plan, contact_from
from backoffice.customers.services.lifting import LiftOutcome

PLACED_EVENT = "customers.bulk_hold.placed"
LIFTED_EVENT = "customers.bulk_hold.lifted"
BATCH = 1_000
MOST_UNKNOWN_KEPT = 1_000


class BulkHoldNotFound(Refusal):
    """There is no such bulk hold, or none the person may see."""

    code: ClassVar[str] = "customers.bulk_hold_not_found"
    status: ClassVar[int] = 404


class WrongState(Refusal):
    """The bulk hold is not where the verb needs it."""

    code: ClassVar[str] = "customers.bulk_hold_wrong_state"
    status: ClassVar[int] = 409


class IsAskedFor(Refusal):
    """Somebody has asked already and waits for a decision."""

    code: ClassVar[str] = "customers.bulk_hold_is_asked_for"
    status: ClassVar[int] = 409


def bulk_not_found() -> BulkHoldNotFound:
    """The refusal for a bulk hold that is not there, or not for this person."""
    return BulkHoldNotFound(_("There is no such bulk hold."), next_step=_("Open it from the list."))


@transaction.atomic
def prepare_bulk(
    *,
    name: str,
    reason: str,
    scopes: Sequence[str],
    start: date,
    end_exclusive: date,
    choice: Choice,
    portfolios: Sequence[str] | None,
    actor: Actor,
    note: str = "",
    evidence: str = "",
) -> int:
    """Settles whom a bulk hold is for and what it does, and places nothing; gives its id.

    `portfolios` are those the person works on, None for all. Raises HoldRefused, NobodyChosen.
    """
    faults = {}
    if not name.strip():
        faults["name"] = _("Give it a name, such as what happened and where.")
    if reason not in set(BULK_REASONS):
        faults["reason"] = _("This reason is not one that befalls many at once.")
    if end_exclusive > start + LONGEST:
        faults["end_exclusive"] = _("A hold on many borrowers ends within a year.")
    if faults:
        raise HoldRefused(
            _("The hold cannot be placed like this."), next_step=_("Correct the fields named."), fields=faults
        )
    plan = checked_plan(
        reason=reason,
        scopes=scopes,
        leave_out=(),
        start=start,
        end_exclusive=end_exclusive,
        review_on=None,
        note=note,
    )
    chosen, unknown = choose(choice=choice, portfolios=portfolios)
    bulk = BulkHold.objects.create(
        name=name.strip(),
        reason=reason,
        scopes=[scope.value for scope in plan.effects],
        start=start,
        end_exclusive=end_exclusive,
        note=note.strip(),
        evidence=evidence.strip(),
        chosen_by=choice.described(),
        borrower_ids=[row[0] for row in chosen],
        portfolios=sorted({row[1] for row in chosen}),
        unknown_ids=[external_id[:80] for external_id in unknown[:MOST_UNKNOWN_KEPT]],
        unknown_count=len(unknown),
        prepared_by=actor.id,
        prepared_by_name=actor.name,
    )
    _note(bulk, verb="customers.bulk_hold.prepared", actor=actor, reason=note, after={"borrowers": len(chosen)})
    return int(bulk.pk)


@transaction.atomic
def ask_to_place_bulk(*, bulk_id: int, reason: str, consequence: str, actor: Actor) -> LiftOutcome:
    """Places it when the actor may alone, else asks a second person. `consequence` says in numbers what it comes to.

    Raises BulkHoldNotFound, WrongState, IsAskedFor, approvals.ReasonMissing.
    """
    bulk = _locked(bulk_id, to=BulkState.PLACED)
    return _do_or_ask(bulk, verb=PLACE_BULK, payload={}, reason=reason, consequence=consequence, actor=actor)


@transaction.atomic
def ask_to_lift_bulk(*, bulk_id: int, on: date, reason: str, consequence: str, actor: Actor) -> LiftOutcome:
    """Ends all its holds on a day when the actor may alone, else asks a second person. Raises as for placing."""
    bulk = _locked(bulk_id, to=BulkState.LIFTED)
    payload = {"on": on.isoformat()}
    return _do_or_ask(bulk, verb=LIFT_BULK, payload=payload, reason=reason, consequence=consequence, actor=actor)


@transaction.atomic
def discard_bulk(*, bulk_id: int, reason: str, actor: Actor) -> None:
    """Gives a prepared bulk hold up. Raises BulkHoldNotFound, WrongState, IsAskedFor."""
    bulk = _locked(bulk_id, to=BulkState.DISCARDED)
    _check_not_asked(bulk)
    bulk.state = BulkState.DISCARDED.value
    bulk.save(update_fields=["state"])
    _note(bulk, verb="customers.bulk_hold.discarded", actor=actor, reason=reason)


def place_bulk_as_approved(request: approvals.ApprovedRequest) -> None:
    """The deed behind `PLACE_BULK`."""
    bulk = _locked(int(request.payload["bulk_id"]), to=BulkState.PLACED)
    _place(bulk, reason=request.reason, maker=request.maker, actor=request.checker)


def lift_bulk_as_approved(request: approvals.ApprovedRequest) -> None:
    """The deed behind `LIFT_BULK`."""
    bulk = _locked(int(request.payload["bulk_id"]), to=BulkState.LIFTED)
    _lift(bulk, on=date.fromisoformat(request.payload["on"]), reason=request.reason, actor=request.checker)


def _do_or_ask(
    bulk: BulkHold, *, verb: str, payload: Mapping[str, Any], reason: str, consequence: str, actor: Actor
) -> LiftOutcome:
    if not reason.strip():
        raise approvals.ReasonMissing(
            _("Say why it should be done."),
            next_step=_("The reason is kept with the hold."),
            fields={"reason": _("This is needed.")},
        )
    _check_not_asked(bulk)
    if not approvals.needs_approval(verb=verb, amount=None, actor=actor):
        if verb == PLACE_BULK:
            _place(bulk, reason=reason, maker=actor, actor=actor)
        else:
            _lift(bulk, on=date.fromisoformat(payload["on"]), reason=reason, actor=actor)
        return LiftOutcome(is_lifted=True, approval_id=None)
    request = approvals.submit(
        verb=verb,
        subject_type="customers.bulk_hold",
        subject_id=bulk.pk,
        payload={"bulk_id": bulk.pk, **payload},
        reason=reason,
        actor=actor,
        portfolio=bulk.portfolios[0] if len(bulk.portfolios) == 1 else "",
        consequence=consequence,
    )
    return LiftOutcome(is_lifted=False, approval_id=int(request.pk))


def _place(bulk: BulkHold, *, reason: str, maker: Actor, actor: Actor) -> None:
    policy = MATRIX[HoldReason(bulk.reason)]
    plan = checked_plan(
        reason=bulk.reason,
        scopes=bulk.scopes,
        leave_out=(),
        start=bulk.start,
        end_exclusive=bulk.end_exclusive,
        review_on=None,
        note=bulk.note,
    )
    rows = fetch(
        statement("place_bulk_hold.sql"),
        {
            "borrower_ids": bulk.borrower_ids,
            "scopes": [scope.value for scope in plan.effects],
            "effects": [effect.value for effect in plan.effects.values()],
            "contact_from": [contact_from(start=bulk.start, scope=scope) for scope in plan.effects],
            "start": bulk.start,
            "end": bulk.end_exclusive,
            "bulk_id": bulk.pk,
            "reason": bulk.reason,
            "note": bulk.note or bulk.name,
            "evidence": bulk.evidence,
            "owner_id": maker.id,
            "owner_name": maker.name if maker.id is not None else "",
            "owner_role": policy.owner,
            "set_by": maker.id,
            "set_by_name": maker.name,
        },
    )
    bulk.state = BulkState.PLACED.value
    bulk.placed_by_name = actor.name
    bulk.placed_at = Now()
    bulk.placed_holds = len(rows)
    bulk.placed_borrowers = len({row[1] for row in rows})
    bulk.save(update_fields=["state", "placed_by_name", "placed_at", "placed_holds", "placed_borrowers"])
    _note(bulk, verb="customers.bulk_hold.placed", actor=actor, reason=reason, after={"holds": len(rows)})
    after = {"bulk_id": bulk.pk, "start": bulk.start, "end_exclusive": bulk.end_exclusive, "reason": bulk.reason}
    _note_holds(rows, verb="customers.hold.placed", actor=actor, reason=reason, after=after)
    _tell(PLACED_EVENT, bulk, rows=rows)


def _lift(bulk: BulkHold, *, on: date, reason: str, actor: Actor) -> None:
    rows = fetch(
        statement("lift_bulk_hold.sql"),
        {"bulk_id": bulk.pk, "on": on, "by": actor.id, "by_name": actor.name, "reason": reason.strip()},
    )
    bulk.state = BulkState.LIFTED.value
    bulk.lifted_by_name = actor.name
    bulk.lifted_at = Now()
    bulk.lifted_on = on
    bulk.lift_reason = reason.strip()
    bulk.save(update_fields=["state", "lifted_by_name", "lifted_at", "lifted_on", "lift_reason"])
    _note(bulk, verb="customers.bulk_hold.lifted", actor=actor, reason=reason, after={"holds": len(rows), "on": on})
    after = {"bulk_id": bulk.pk, "end_exclusive": max(on, bulk.start)}
    _note_holds(rows, verb="customers.hold.lifted", actor=actor, reason=reason, after=after)
    _tell(LIFTED_EVENT, bulk, rows=rows)


def _locked(bulk_id: int, *, to: BulkState) -> BulkHold:
    bulk = BulkHold.objects.select_for_update().filter(pk=bulk_id).first()
    if bulk is None:
        raise bulk_not_found()
    if not may_move(current=BulkState(bulk.state), to=to):
        raise WrongState(
            _("This bulk hold is %(state)s.") % {"state": STATE_LABELS[BulkState(bulk.state)]},
            next_step=_("Reload its page to see what can be done."),
        )
    return bulk


def _check_not_asked(bulk: BulkHold) -> None:
    if Approval.objects.filter(
        verb__in=(PLACE_BULK, LIFT_BULK), subject_id=str(bulk.pk), subject_type="customers.bulk_hold", state="pending"
    ).exists():
        raise IsAskedFor(
            _("This was asked for already and waits for a decision."), next_step=_("See the requests for approval.")
        )


def _note(bulk: BulkHold, *, verb: str, actor: Actor, reason: str, after: Mapping[str, Any] | None = None) -> None:
    audit.record(
        verb=verb,
        subject_type="customers.bulk_hold",
        subject_id=bulk.pk,
        actor=actor,
        reason=reason.strip(),
        after={"name": bulk.name, "state": bulk.state, **(after or {})},
    )


def _note_holds(
    rows: Sequence[tuple[Any, ...]], *, verb: str, actor: Actor, reason: str, after: Mapping[str, Any]
) -> None:
    """One entry per borrower, under the first of the holds, so that each history tells of it."""
    by_borrower: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        by_borrower.setdefault(row[1], []).append(row)
    audit.record_many(
        audit.Entry(
            verb=verb,
            subject_type="customers.hold",
            subject_id=mine[0][0],
            actor=actor,
            reason=reason.strip(),
            after={**after, "scopes": [row[2] for row in mine]},
            borrower_id=borrower_id,
        )
        for borrower_id, mine in by_borrower.items()
    )


def _tell(event: str, bulk: BulkHold, *, rows: Sequence[tuple[Any, ...]]) -> None:
    """One event per batch of borrowers, by range of their ids: what follows is done range by range."""
    borrower_ids = sorted({row[1] for row in rows})
    batches = [borrower_ids[first : first + BATCH] for first in range(0, len(borrower_ids), BATCH)]
    outbox.publish_many(
        outbox.Event(
            event=event,
            key=f"bulk_hold:{bulk.pk}:{batch[0]}",
            payload={
                "bulk_id": bulk.pk,
                "scopes": sorted({row[2] for row in rows}),
                "first_borrower_id": batch[0],
                "last_borrower_id": batch[-1],
            },
        )
        for batch in batches
    )
