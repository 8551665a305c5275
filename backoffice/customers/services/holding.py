"""Holds: placed by one person, lifted by two."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.audit import approvals, outbox
from backoffice.audit import services as audit
from backoffice.audit.models import Approval
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.customers.domain.holds import LIFT, HoldReason, HoldScope
from backoffice.customers.models import Borrower, Hold
from backoffice.customers.models.holds import SCOPE_LABELS
from backoffice.customers.selectors.holds import HoldNotFound
from backoffice.customers.services.locking import locked_one
from backoffice.customers.services.merging import owner_of_loan

PLACED_EVENT = "customers.hold.placed"
LIFTED_EVENT = "customers.hold.lifted"


class HoldRefused(Refusal):
    """The hold makes no sense as written; `fields` says what is wrong."""

    code: ClassVar[str] = "customers.hold_refused"


class HoldOverlaps(Refusal):
    """The borrower or the loan has a hold of that scope in that period already."""

    code: ClassVar[str] = "customers.hold_overlaps"
    status: ClassVar[int] = 409


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
def place_hold(
    *,
    borrower_id: int,
    scopes: Collection[str],
    start: date,
    end_exclusive: date | None,
    reason: str,
    actor: Actor,
    loan_id: int | None = None,
    note: str = "",
    evidence: str = "",
    owner_id: int | None = None,
) -> list[int]:
    """Stops each scope for `[start, end_exclusive)`, on the borrower or on one loan; no end means until lifted.

    Gives the ids of the holds, one a scope. All of them or none. Raises HoldRefused, HoldOverlaps, BorrowerNotFound,
    BorrowerIsMerged.
    """
    wanted = _check(scopes=scopes, start=start, end_exclusive=end_exclusive, reason=reason, note=note)
    borrower = locked_one(borrower_id=borrower_id)
    if loan_id is not None and owner_of_loan(loan_id=loan_id) not in {None, borrower_id}:
        raise HoldRefused(
            _("This loan belongs to another borrower."),
            next_step=_("Place the hold from the loan's own page."),
            fields={"loan_id": _("Not a loan of this borrower.")},
        )
    period = DateRange(start, end_exclusive)
    _check_free(borrower, loan_id=loan_id, scopes=wanted, period=period)
    ids = []
    for scope in wanted:
        hold = Hold.objects.create(
            borrower=borrower,
            loan_id=loan_id,
            scope=scope.value,
            period=period,
            planned_end=end_exclusive,
            reason=reason,
            note=note.strip(),
            evidence=evidence.strip(),
            owner_id=owner_id if owner_id is not None else actor.id,
            set_by=actor.id,
            set_by_name=actor.name,
        )
        ids.append(int(hold.pk))
        _note(hold, verb="customers.hold.placed", actor=actor, reason=note or reason, after=_facts(hold))
    _tell(PLACED_EVENT, borrower, loan_id=loan_id, scopes=wanted, hold_ids=ids, start=start)
    return ids


@transaction.atomic
def lift_hold(*, hold_id: int, on: date, reason: str, actor: Actor) -> LiftOutcome:
    """Ends a hold on a day (the first day it does not stop any more), or asks a second person to agree.

    Raises HoldNotFound, HoldIsOver, LiftIsAskedFor, approvals.ReasonMissing.
    """
    hold = _locked(hold_id)
    _check_running(hold, on=on)
    if not reason.strip():
        raise approvals.ReasonMissing(
            _("Say why the hold should be lifted."),
            next_step=_("The reason is kept with the hold."),
            fields={"reason": _("This is needed.")},
        )
    if not approvals.needs_approval(verb=LIFT, amount=None, actor=actor):
        _lift(hold, on=on, reason=reason, actor=actor)
        return LiftOutcome(is_lifted=True, approval_id=None)
    if _asked_for(hold).exists():
        raise LiftIsAskedFor(
            _("Lifting this hold was asked for already and waits for a decision."),
            next_step=_("See the requests for approval."),
        )
    request = approvals.submit(
        verb=LIFT,
        subject_type="customers.hold",
        subject_id=hold.pk,
        payload={"hold_id": hold.pk, "on": on.isoformat()},
        reason=reason,
        actor=actor,
        borrower_id=hold.borrower_id,
        portfolio=hold.borrower.portfolio,
        consequence=_consequence(hold, on=on),
    )
    return LiftOutcome(is_lifted=False, approval_id=int(request.pk))


def lift_as_approved(request: approvals.ApprovedRequest) -> None:
    """The deed behind `LIFT`: what `config/approvals.py` connects. Raises HoldNotFound, HoldIsOver."""
    hold = _locked(int(request.payload["hold_id"]))
    on = date.fromisoformat(request.payload["on"])
    _check_running(hold, on=on)
    _lift(hold, on=on, reason=request.reason, actor=request.checker)


def consequence_of_lifting(approval: Approval) -> str:
    """What approving would do, as of now."""
    hold = Hold.objects.select_related("borrower").filter(pk=approval.payload["hold_id"]).first()
    if hold is None:
        return _("The hold does not exist any more.")
    if hold.lifted_at is not None:
        return _("The hold was lifted meanwhile; approving changes nothing.")
    return _consequence(hold, on=date.fromisoformat(approval.payload["on"]))


def _check(
    *, scopes: Collection[str], start: date, end_exclusive: date | None, reason: str, note: str
) -> list[HoldScope]:
    fields: dict[str, str] = {}
    known = {scope.value for scope in HoldScope}
    if not scopes or not set(scopes) <= known:
        fields["scopes"] = _("Choose what the hold stops: %(scopes)s.") % {"scopes": ", ".join(sorted(known))}
    if reason not in {reason.value for reason in HoldReason}:
        fields["reason"] = _("Choose one of the reasons.")
    if end_exclusive is not None and end_exclusive <= start:
        fields["end_exclusive"] = _("The end must come after the start.")
    if reason == HoldReason.OTHER and not note.strip():
        fields["note"] = _("Say what the other reason is.")
    if fields:
        raise HoldRefused(
            _("The hold cannot be placed like this."), next_step=_("Correct the fields named."), fields=fields
        )
    return [scope for scope in HoldScope if scope.value in scopes]


def _check_free(borrower: Borrower, *, loan_id: int | None, scopes: list[HoldScope], period: DateRange) -> None:
    """The borrower's lock is held, so nobody else places one meanwhile; the exclusion constraint guards it besides."""
    taken = (
        Hold.objects.filter(borrower=borrower, scope__in=[scope.value for scope in scopes], period__overlap=period)
        .filter(Q(loan_id=loan_id) if loan_id is not None else Q(loan_id__isnull=True))
        .order_by("pk")
        .first()
    )
    if taken is not None:
        raise HoldOverlaps(
            _("There is a hold on %(scope)s from %(start)s in that period already.")
            % {"scope": SCOPE_LABELS[HoldScope(taken.scope)], "start": taken.period.lower.isoformat()},
            next_step=_("Choose another period, or lift that hold first."),
        )


def _locked(hold_id: int) -> Hold:
    """The hold, locked after its borrower. Raises HoldNotFound."""
    seen = Hold.objects.filter(pk=hold_id).first()
    if seen is None:
        raise HoldNotFound(_("There is no such hold."), next_step=_("Reload the borrower's page."))
    locked_one(borrower_id=seen.borrower_id)
    return Hold.objects.select_for_update(of=("self",)).select_related("borrower").get(pk=hold_id)


def _check_running(hold: Hold, *, on: date) -> None:
    ended = hold.period.isempty or (hold.period.upper is not None and hold.period.upper <= on)
    if hold.lifted_at is not None or ended:
        raise HoldIsOver(
            _("This hold is over by then."), next_step=_("Nothing needs to be lifted; reload the page to see it.")
        )


def _asked_for(hold: Hold) -> Any:
    return Approval.objects.filter(verb=LIFT, subject_id=str(hold.pk), state="pending")


def _lift(hold: Hold, *, on: date, reason: str, actor: Actor) -> None:
    before = _facts(hold)
    start = hold.period.lower
    hold.period = DateRange(start, max(start, on))
    hold.lifted_by = actor.id
    hold.lifted_by_name = actor.name
    hold.lifted_at = Now()
    hold.lift_reason = reason.strip()
    hold.save(update_fields=["period", "lifted_by", "lifted_by_name", "lifted_at", "lift_reason"])
    after = before | {"end_exclusive": max(start, on)}
    _note(hold, verb="customers.hold.lifted", actor=actor, reason=reason, before=before, after=after)
    _tell(
        LIFTED_EVENT,
        hold.borrower,
        loan_id=hold.loan_id,
        scopes=[HoldScope(hold.scope)],
        hold_ids=[int(hold.pk)],
        start=max(start, on),
    )


def _consequence(hold: Hold, *, on: date) -> str:
    words = {"scope": SCOPE_LABELS[HoldScope(hold.scope)], "day": on.isoformat(), "start": hold.period.lower}
    if hold.period.upper is None:
        return _("The hold on %(scope)s since %(start)s ends on %(day)s; it has no planned end.") % words
    return _("The hold on %(scope)s since %(start)s ends on %(day)s instead of %(end)s.") % (
        words | {"end": hold.period.upper.isoformat()}
    )


def _facts(hold: Hold) -> dict[str, Any]:
    return {
        "loan_id": hold.loan_id,
        "scope": hold.scope,
        "start": hold.period.lower,
        "end_exclusive": hold.period.upper,
        "reason": hold.reason,
    }


def _note(
    hold: Hold,
    *,
    verb: str,
    actor: Actor,
    reason: str,
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
) -> None:
    audit.record(
        verb=verb,
        subject_type="customers.hold",
        subject_id=hold.pk,
        actor=actor,
        reason=reason.strip(),
        before=before,
        after=after,
        borrower_id=hold.borrower_id,
    )


def _tell(
    event: str, borrower: Borrower, *, loan_id: int | None, scopes: list[HoldScope], hold_ids: list[int], start: date
) -> None:
    """Others replay what the hold changes from `start` on; a day in the past may change what was aged or charged."""
    outbox.publish(
        event=event,
        key=f"borrower:{borrower.pk}",
        payload={
            "borrower_id": borrower.pk,
            "loan_id": loan_id,
            "scopes": [scope.value for scope in scopes],
            "hold_ids": hold_ids,
            "start": start,
        },
    )
