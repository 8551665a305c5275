"""Placing holds: what a reason demands is placed whole; leaving a part of it out takes a second person."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.audit import approvals, outbox
from backoffice.audit import services as audit
from backoffice.calendars import clock
from backoffice.calendars.selectors import latest_business_date
from backoffice.core.actors import Actor
from backoffice.core.bulk import next_ids
from backoffice.core.errors import Refusal
from backoffice.customers.domain.hold_plans import Fault, HoldPlan, PlanFaulty, plan_hold
from backoffice.customers.domain.hold_policy import MATRIX, REVIEWS_ANY_HOLD, last_review
from backoffice.customers.domain.holds import CONTACT, LIFT, HoldReason, HoldScope
from backoffice.customers.models import Borrower, Hold
from backoffice.customers.models.hold_labels import REASON_LABELS, SCOPE_LABELS
from backoffice.customers.services.lifting import ask_to_lift, hold_facts
from backoffice.customers.services.locking import locked_one
from backoffice.customers.services.merging import owner_of_loan
from backoffice.staff.models import User

PLACED_EVENT = "customers.hold.placed"
LAST_TO_CHANGE_DAYS = "Etc/GMT+12"

FAULT_WORDS = {
    Fault.SCOPE_MISSING: gettext_lazy("Choose what the hold is about: %(scopes)s."),
    Fault.SCOPE_UNKNOWN: gettext_lazy("Choose what the hold is about: %(scopes)s."),
    Fault.REASON_UNKNOWN: gettext_lazy("Choose one of the reasons."),
    Fault.END_BEFORE_START: gettext_lazy("The end must come after the start."),
    Fault.END_MISSING: gettext_lazy("A hold for this reason has a date: say when it ends."),
    Fault.REVIEW_TOO_EARLY: gettext_lazy("The review must come after the start."),
    Fault.REVIEW_TOO_LATE: gettext_lazy("A hold for this reason is reviewed by %(last)s at the latest."),
    Fault.NOTE_MISSING: gettext_lazy("Say what the other reason is."),
    Fault.NOT_DEMANDED: gettext_lazy("Only what the reason demands, and nobody asked for by name, can be left out."),
    Fault.WHY_LEFT_OUT: gettext_lazy("Say why it is left out."),
    Fault.NOTHING_LEFT: gettext_lazy("Nothing would be left of the hold."),
}


class HoldRefused(Refusal):
    """The hold makes no sense as written; `fields` says what is wrong."""

    code: ClassVar[str] = "customers.hold_refused"


class HoldOverlaps(Refusal):
    """The borrower or the loan has a hold of that scope and reason in that period already."""

    code: ClassVar[str] = "customers.hold_overlaps"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Placed:
    """The holds placed, one a scope; `approval_id` is the request to leave a part of them out, if one waits."""

    hold_ids: list[int]
    approval_id: int | None = None


@transaction.atomic
def place_hold(
    *,
    borrower_id: int,
    start: date,
    reason: str,
    actor: Actor,
    scopes: Collection[str] = (),
    leave_out: Collection[str] = (),
    end_exclusive: date | None = None,
    review_on: date | None = None,
    loan_id: int | None = None,
    note: str = "",
    evidence: str = "",
    owner_id: int | None = None,
) -> Placed:
    """Places a hold for `[start, end_exclusive)`, on the borrower or on one loan; no end means until lifted.

    The reason brings its scopes and effects (`hold_policy.MATRIX`); `scopes` are added to them. Without an end that
    comes early enough the hold is reviewed on `review_on`, or on the last day its reason allows. What is in `leave_out`
    is left out at once when the actor may lift alone; otherwise it is placed too and its lift is asked for.

    All scopes or none. What the same reason holds already for all of the period is left as it is, unless it is named.
    Raises HoldRefused, HoldOverlaps, BorrowerNotFound, BorrowerIsMerged.
    """
    plan = checked_plan(
        reason=reason,
        scopes=scopes,
        leave_out=leave_out,
        start=start,
        end_exclusive=end_exclusive,
        review_on=review_on,
        note=note,
    )
    borrower = locked_one(borrower_id=borrower_id)
    if loan_id is not None and owner_of_loan(loan_id=loan_id) not in {None, borrower_id}:
        raise HoldRefused(
            _("This loan belongs to another borrower."),
            next_step=_("Place the hold from the loan's own page."),
            fields={"loan_id": _("Not a loan of this borrower.")},
        )
    is_asked_for = bool(plan.left_out) and approvals.needs_approval(verb=LIFT, amount=None, actor=actor)
    wanted = [scope for scope in plan.effects if is_asked_for or scope not in plan.left_out]
    wanted = _free(plan, wanted, borrower=borrower, loan_id=loan_id)
    holds = Hold.objects.bulk_create(
        _rows(
            plan,
            wanted,
            borrower=borrower,
            loan_id=loan_id,
            note=note,
            evidence=evidence,
            actor=actor,
            owner_id=owner_id,
        )
    )
    audit.record_many(
        audit.Entry(
            verb="customers.hold.placed",
            subject_type="customers.hold",
            subject_id=hold.pk,
            actor=actor,
            reason=(note or reason).strip(),
            after=hold_facts(hold) | ({"left_out": list(plan.left_out)} if plan.left_out and not is_asked_for else {}),
            borrower_id=borrower.pk,
        )
        for hold in holds
    )
    ids = [int(hold.pk) for hold in holds]
    _tell(borrower, loan_id=loan_id, scopes=wanted, hold_ids=ids, start=start)
    dropped = [hold for hold in holds if hold.scope in plan.left_out]
    if is_asked_for and dropped:
        asked = ask_to_lift(holds=dropped, on=start, reason=note, actor=actor)
        return Placed(hold_ids=ids, approval_id=asked)
    return Placed(hold_ids=ids)


def checked_plan(
    *,
    reason: str,
    scopes: Collection[str],
    leave_out: Collection[str],
    start: date,
    end_exclusive: date | None,
    review_on: date | None,
    note: str,
) -> HoldPlan:
    """What the wish comes to, without placing it. Raises HoldRefused, with the words for each field."""
    try:
        return plan_hold(
            reason=reason,
            scopes=scopes,
            leave_out=leave_out,
            start=start,
            end_exclusive=end_exclusive,
            review_on=review_on,
            note=note,
        )
    except PlanFaulty as faulty:
        known = HoldReason(reason) if reason in set(HoldReason) else HoldReason.OTHER
        words = {
            "scopes": ", ".join(sorted(scope.value for scope in HoldScope)),
            "last": last_review(reason=known, since=start).isoformat(),
        }
        raise HoldRefused(
            _("The hold cannot be placed like this."),
            next_step=_("Correct the fields named."),
            fields={name: FAULT_WORDS[fault] % words for name, fault in faulty.faults.items()},
        ) from faulty


def _free(plan: HoldPlan, wanted: list[HoldScope], *, borrower: Borrower, loan_id: int | None) -> list[HoldScope]:
    """The scopes to place: those the same reason does not hold already. Raises HoldOverlaps.

    The borrower's lock is held, so nobody else places one meanwhile; the exclusion constraint guards it besides.
    """
    period = DateRange(plan.start, plan.end_exclusive)
    taken = list(
        Hold.objects.filter(
            borrower=borrower,
            scope__in=[scope.value for scope in wanted],
            reason=plan.reason.value,
            period__overlap=period,
        )
        .filter(Q(loan_id=loan_id) if loan_id is not None else Q(loan_id__isnull=True))
        .order_by("pk")
    )
    covered = {hold.scope for hold in taken if _contains(hold.period, period)}
    in_the_way = [hold for hold in taken if hold.scope not in covered or hold.scope in plan.asked]
    left = [scope for scope in wanted if scope.value not in covered]
    if in_the_way or not left:
        first = (in_the_way or taken)[0]
        raise HoldOverlaps(
            _("There is a hold on %(scope)s for the reason “%(reason)s” from %(start)s in that period already.")
            % {
                "scope": SCOPE_LABELS[HoldScope(first.scope)],
                "reason": REASON_LABELS[plan.reason],
                "start": first.period.lower.isoformat(),
            },
            next_step=_("Review that hold, choose another period, or lift it first."),
        )
    return left


def contact_from(*, start: date, scope: HoldScope) -> date | None:
    """From when a hold on contacts stops them where that is before its first day: one that begins now begins at once.

    The business date is ahead of the calendar once the day was closed, and a borrower's day may be behind ours.
    """
    if scope not in CONTACT or start > latest_business_date(at_least=date.min):
        return None
    anywhere = clock.today_in(LAST_TO_CHANGE_DAYS)
    return anywhere if anywhere < start else None


def _contains(outer: DateRange, inner: DateRange) -> bool:
    if outer.lower > inner.lower:
        return False
    return outer.upper is None or (inner.upper is not None and inner.upper <= outer.upper)


def _rows(
    plan: HoldPlan,
    scopes: list[HoldScope],
    *,
    borrower: Borrower,
    loan_id: int | None,
    note: str,
    evidence: str,
    actor: Actor,
    owner_id: int | None,
) -> list[Hold]:
    group_id, *ids = next_ids(table=Hold._meta.db_table, count=len(scopes) + 1)
    owner_id, owner_name = _owner(plan.reason, actor=actor, owner_id=owner_id)
    return [
        Hold(
            pk=pk,
            borrower=borrower,
            loan_id=loan_id,
            scope=scope.value,
            effect=plan.effects[scope].value,
            period=DateRange(plan.start, plan.end_exclusive),
            contact_from=contact_from(start=plan.start, scope=scope),
            planned_end=plan.end_exclusive,
            review_on=plan.review_on,
            group_id=group_id,
            reason=plan.reason.value,
            note=note.strip(),
            evidence=evidence.strip(),
            owner_id=owner_id,
            owner_name=owner_name,
            owner_role=MATRIX[plan.reason].owner,
            set_by=actor.id,
            set_by_name=actor.name,
        )
        for pk, scope in zip(ids, scopes, strict=True)
    ]


def _owner(reason: HoldReason, *, actor: Actor, owner_id: int | None) -> tuple[int | None, str]:
    """Who owns the hold: the one named, else whoever places it if their role may, else nobody but the role."""
    if owner_id is not None and owner_id != actor.id:
        named = User.objects.filter(pk=owner_id).first()
        return owner_id, str(named) if named else ""
    if owner_id is not None or actor.roles & (REVIEWS_ANY_HOLD | {MATRIX[reason].owner}):
        return actor.id, actor.name
    return None, ""


def _tell(
    borrower: Borrower, *, loan_id: int | None, scopes: list[HoldScope], hold_ids: list[int], start: date
) -> None:
    """Others follow what the hold changes from `start` on; a day in the past may change what was aged or charged."""
    payload: dict[str, Any] = {
        "borrower_id": borrower.pk,
        "loan_id": loan_id,
        "scopes": [scope.value for scope in scopes],
        "hold_ids": hold_ids,
        "start": start,
    }
    outbox.publish(event=PLACED_EVENT, key=f"borrower:{borrower.pk}", payload=payload)
