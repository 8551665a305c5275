"""Lifting holds: by two people where it matters, with everything that was placed together or a part of it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.audit import approvals, outbox
from backoffice.audit import services as audit
from backoffice.audit.models import Approval
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.customers.domain.hold_policy import takes_two_to_lift
from backoffice.customers.domain.holds import LIFT, HoldReason, HoldScope
from backoffice.customers.models import Borrower, Hold
from backoffice.customers.models.hold_labels import SCOPE_LABELS
from backoffice.customers.selectors.holds import HoldNotFound
from backoffice.customers.services.locking import locked_one

LIFTED_EVENT = "customers.hold.lifted"


class HoldIsOver(Refusal):
    """The hold has ended or was lifted before the day named."""

    code: ClassVar[str] = "customers.hold_is_over"
    status: ClassVar[int] = 409


class LiftIsAskedFor(Refusal):
    """Somebody has asked to lift the hold and waits for a decision."""

    code: ClassVar[str] = "customers.hold_lift_is_asked_for"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class LiftOutcome:
    """What became of the wish to lift: done at once, or waiting under an approval."""

    is_lifted: bool
    approval_id: int | None


@transaction.atomic
def lift_hold(
    *, hold_id: int, on: date, reason: str, actor: Actor, scopes: Collection[str] | None = None
) -> LiftOutcome:
    """Ends a hold on a day (the first day it does not count any more), or asks a second person to agree.

    With the hold goes what was placed together with it; `scopes` takes only those out of it.
    Raises HoldNotFound, HoldIsOver, LiftIsAskedFor, approvals.ReasonMissing.
    """
    group = locked_group(hold_id=hold_id)
    holds = _running([hold for hold in group if scopes is None or hold.scope in scopes], on=on)
    if not reason.strip():
        raise approvals.ReasonMissing(
            _("Say why the hold should be lifted."),
            next_step=_("The reason is kept with the hold."),
            fields={"reason": _("This is needed.")},
        )
    if not _takes_two(holds) or not approvals.needs_approval(verb=LIFT, amount=None, actor=actor):
        lift_now(holds=holds, on=on, reason=reason, actor=actor)
        return LiftOutcome(is_lifted=True, approval_id=None)
    return LiftOutcome(is_lifted=False, approval_id=ask_to_lift(holds=holds, on=on, reason=reason, actor=actor))


def ask_to_lift(*, holds: Sequence[Hold], on: date, reason: str, actor: Actor) -> int:
    """Asks a second person to end holds of one group; the number of the request. Raises LiftIsAskedFor."""
    first = holds[0]
    ids = [int(hold.pk) for hold in holds]
    for pending in Approval.objects.filter(verb=LIFT, subject_id=str(first.group_id), state="pending"):
        if set(pending.payload["hold_ids"]) & set(ids):
            raise LiftIsAskedFor(
                _("Lifting this hold was asked for already and waits for a decision."),
                next_step=_("See the requests for approval."),
            )
    request = approvals.submit(
        verb=LIFT,
        subject_type="customers.hold",
        subject_id=first.group_id,
        payload={"hold_ids": ids, "on": on.isoformat()},
        reason=reason,
        actor=actor,
        borrower_id=first.borrower_id,
        portfolio=first.borrower.portfolio,
        consequence=_consequence(holds, on=on),
    )
    return int(request.pk)


def lift_as_approved(request: approvals.ApprovedRequest) -> list[int]:
    """The deed behind `LIFT`; gives the ids of the holds it ended. Raises HoldNotFound, HoldIsOver."""
    ids = [int(hold_id) for hold_id in request.payload["hold_ids"]]
    on = date.fromisoformat(request.payload["on"])
    holds = _running([hold for hold in locked_group(hold_id=ids[0]) if hold.pk in ids], on=on)
    lift_now(holds=holds, on=on, reason=request.reason, actor=request.checker)
    return [int(hold.pk) for hold in holds]


def consequence_of_lifting(approval: Approval) -> str:
    """What approving would do, as of now."""
    holds = list(Hold.objects.filter(pk__in=approval.payload["hold_ids"]).order_by("pk"))
    if not holds:
        return _("The hold does not exist any more.")
    running = [hold for hold in holds if hold.lifted_at is None]
    if not running:
        return _("The hold was lifted meanwhile; approving changes nothing.")
    return _consequence(running, on=date.fromisoformat(approval.payload["on"]))


def locked_group(*, hold_id: int) -> list[Hold]:
    """A hold and what was placed together with it, locked after their borrower, in id order. Raises HoldNotFound."""
    seen = Hold.objects.filter(pk=hold_id).first()
    if seen is None:
        raise HoldNotFound(_("There is no such hold."), next_step=_("Reload the borrower's page."))
    locked_one(borrower_id=seen.borrower_id)
    rows = Hold.objects.select_for_update(of=("self",)).select_related("borrower").order_by("pk")
    return list(rows.filter(group_id=seen.group_id, borrower_id=seen.borrower_id))


def lift_now(*, holds: Sequence[Hold], on: date, reason: str, actor: Actor) -> None:
    """Ends locked holds of one borrower on a day, with trail and event, in the caller's transaction."""
    entries = []
    for hold in holds:
        before = hold_facts(hold)
        end = max(hold.period.lower, on)
        hold.period = DateRange(hold.period.lower, end)
        hold.lifted_by = actor.id
        hold.lifted_by_name = actor.name
        hold.lifted_at = Now()
        hold.lift_reason = reason.strip()
        hold.save(update_fields=["period", "lifted_by", "lifted_by_name", "lifted_at", "lift_reason"])
        entries.append(
            audit.Entry(
                verb="customers.hold.lifted",
                subject_type="customers.hold",
                subject_id=hold.pk,
                actor=actor,
                reason=reason.strip(),
                before=before,
                after=before | {"end_exclusive": end},
                borrower_id=hold.borrower_id,
            )
        )
    audit.record_many(entries)
    _tell(holds[0].borrower, holds=holds, on=on)


def hold_facts(hold: Hold) -> dict[str, Any]:
    """What the trail keeps of a hold."""
    return {
        "loan_id": hold.loan_id,
        "scope": hold.scope,
        "effect": hold.effect,
        "start": hold.period.lower,
        "end_exclusive": hold.period.upper,
        "review_on": hold.review_on,
        "reason": hold.reason,
    }


def is_running(hold: Hold, *, on: date) -> bool:
    """True when the hold still counts on the day or after it."""
    ended = hold.period.isempty or (hold.period.upper is not None and hold.period.upper <= on)
    return hold.lifted_at is None and not ended


def _running(holds: Iterable[Hold], *, on: date) -> list[Hold]:
    running = [hold for hold in holds if is_running(hold, on=on)]
    if not running:
        raise HoldIsOver(
            _("This hold is over by then."), next_step=_("Nothing needs to be lifted; reload the page to see it.")
        )
    return running


def _takes_two(holds: Sequence[Hold]) -> bool:
    return takes_two_to_lift(reason=HoldReason(holds[0].reason), scopes=[HoldScope(hold.scope) for hold in holds])


def _consequence(holds: Sequence[Hold], *, on: date) -> str:
    first = holds[0]
    words = {
        "scope": ", ".join(str(SCOPE_LABELS[HoldScope(hold.scope)]) for hold in holds),
        "day": on.isoformat(),
        "start": first.period.lower,
    }
    if first.period.upper is None:
        return _("The hold on %(scope)s since %(start)s ends on %(day)s; it has no planned end.") % words
    return _("The hold on %(scope)s since %(start)s ends on %(day)s instead of %(end)s.") % (
        words | {"end": first.period.upper.isoformat()}
    )


def _tell(borrower: Borrower, *, holds: Sequence[Hold], on: date) -> None:
    outbox.publish(
        event=LIFTED_EVENT,
        key=f"borrower:{borrower.pk}",
        payload={
            "borrower_id": borrower.pk,
            "loan_id": holds[0].loan_id,
            "scopes": [hold.scope for hold in holds],
            "hold_ids": [int(hold.pk) for hold in holds],
            "start": max(holds[0].period.lower, on),
        },
    )
