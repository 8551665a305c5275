"""Publishing a reminder plan: asked for by one person, agreed by another, in force from its day, rolled back.

The table of deeds is `config/approvals.py`. The close of a day plans the messages of the next one by what holds then.
"""

from datetime import date, timedelta
from typing import ClassVar, Final

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.audit import approvals
from backoffice.audit.approvals import ApprovedRequest
from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.errors import Refusal
from backoffice.core.formats import date_text
from backoffice.outreach.domain.reminder_states import PlanState
from backoffice.outreach.models import ReminderPlanVersion
from backoffice.outreach.services.messages import stop_messages
from backoffice.outreach.services.reminder_plans import (
    SUBJECT,
    check_content,
    check_hours,
    locked_version,
    move,
    not_in_state,
    note_down,
)

PUBLISH: Final = "outreach.reminder_plan"


class PlanFirstDayRefused(Refusal):
    """The messages of the day the version should start on are planned already."""

    code: ClassVar[str] = "outreach.reminder_plan_first_day"


class NoPlanBefore(Refusal):
    """No earlier version of the plan was in force."""

    code: ClassVar[str] = "outreach.reminder_plan_nothing_before"
    status: ClassVar[int] = 409


@transaction.atomic
def submit_version(*, version_id: int, effective_from: date, reason: str, consequence: str, actor: Actor) -> Approval:
    """Ask a second person to publish a draft from a date.

    Raises PlanNotFound, PlanNotInState, PlanFirstDayRefused, PlanRefused.
    """
    version = locked_version(version_id)
    move(version, to=PlanState.SUBMITTED)
    check_first_day(first_day=effective_from)
    check_content(version.content)
    check_hours(version.content, on=effective_from)
    version.effective_from = effective_from
    version.save(update_fields=["state", "effective_from"])
    note_down(version, verb="outreach.reminder_plan_version.submitted", actor=actor, reason=reason)
    return approvals.submit(
        verb=PUBLISH,
        subject_type=SUBJECT,
        subject_id=version.pk,
        payload={"version_id": version.pk, "effective_from": effective_from.isoformat()},
        reason=reason,
        actor=actor,
        portfolio=version.plan.portfolio,
        consequence=consequence,
    )


def publish_as_approved(request: ApprovedRequest) -> None:
    """The deed behind `PUBLISH`: approved, in force from its day; agreed to late, from the first day not planned yet.

    Raises PlanNotFound, PlanNotInState, PlanRefused.
    """
    version = locked_version(int(request.payload["version_id"]))
    check_content(version.content)
    move(version, to=PlanState.APPROVED)
    asked_for = date.fromisoformat(request.payload["effective_from"])
    version.effective_from = max(asked_for, business_date() + timedelta(days=1))
    version.approved_by, version.approved_by_name = request.checker.id, request.checker.name
    version.approved_at = Now()
    version.save(update_fields=["state", "effective_from", "approved_by", "approved_by_name", "approved_at"])
    note_down(version, verb="outreach.reminder_plan_version.approved", actor=request.checker, reason=request.reason)


@transaction.atomic
def take_back(*, version_id: int, reason: str, actor: Actor) -> ReminderPlanVersion:
    """A submitted version becomes a draft again, and the request that still waits is withdrawn by who made it.

    Raises PlanNotFound, PlanNotInState, and NotTheAuthor when the waiting request is another person's.
    """
    version = locked_version(version_id)
    if version.state != PlanState.SUBMITTED:
        raise not_in_state(version)
    waiting = Approval.objects.filter(subject_type=SUBJECT, subject_id=str(version.pk), state="pending").first()
    if waiting is not None:
        approvals.withdraw(approval_id=waiting.pk, actor=actor, note=reason)
    move(version, to=PlanState.DRAFT)
    version.effective_from = None
    version.save(update_fields=["state", "effective_from"])
    note_down(version, verb="outreach.reminder_plan_version.taken_back", actor=actor, reason=reason)
    return version


def versions_due(*, on: date) -> bool:
    """True when an approved version waits for that day."""
    return ReminderPlanVersion.objects.filter(state=PlanState.APPROVED.value, effective_from__lte=on).exists()


@transaction.atomic
def activate_due(*, on: date) -> int:
    """Put approved versions in force whose day has come, each in place of the one before; gives how many."""
    approved = ReminderPlanVersion.objects.filter(state=PlanState.APPROVED.value, effective_from__lte=on)
    due = list(approved.select_for_update(of=("self",)).order_by("plan_id", "number"))
    for version in due:
        _put_in_force(version, actor=SYSTEM, reason="")
    return len(due)


@transaction.atomic
def put_back(*, version_id: int, reason: str, actor: Actor) -> ReminderPlanVersion:
    """A version that was in force before is in force again at once: tonight's close plans by it.

    One person may do it: what comes back was approved by two. Raises PlanNotFound, PlanNotInState, PlanRefused when
    its templates have nothing to say any more.
    """
    version = locked_version(version_id)
    if not version.was_in_force:
        raise not_in_state(version)
    check_content(version.content)
    version.effective_from = business_date()
    _put_in_force(version, actor=actor, reason=reason)
    return version


@transaction.atomic
def roll_back(*, version_id: int, reason: str, actor: Actor) -> ReminderPlanVersion:
    """Put the version before the one in force back in its place; gives that one.

    Raises PlanNotFound, PlanNotInState, NoPlanBefore, PlanRefused.
    """
    version = locked_version(version_id)
    if version.state != PlanState.ACTIVE:
        raise not_in_state(version)
    before = version_before(version=version)
    if before is None:
        raise NoPlanBefore(
            _("No earlier version of this plan was in force."),
            next_step=_("Draft a version that says what should hold, or take this one out of force."),
        )
    return put_back(version_id=before.pk, reason=reason, actor=actor)


def version_before(*, version: ReminderPlanVersion) -> ReminderPlanVersion | None:
    """The latest version below this one that was in force once."""
    return (
        ReminderPlanVersion.objects.filter(
            plan_id=version.plan_id,
            number__lt=version.number,
            state=PlanState.RETIRED.value,
            approved_at__isnull=False,
            effective_from__isnull=False,
        )
        .order_by("-number")
        .first()
    )


@transaction.atomic
def retire_version(*, version_id: int, reason: str, actor: Actor) -> ReminderPlanVersion:
    """Take a version out of force and stop what it planned, call one off that waits for its day, or discard a draft.

    Raises PlanNotFound, PlanNotInState.
    """
    version = locked_version(version_id)
    was_active = version.state == PlanState.ACTIVE
    move(version, to=PlanState.RETIRED)
    if not was_active:
        version.effective_from = None
    version.save(update_fields=["state", "effective_from"])
    note_down(version, verb="outreach.reminder_plan_version.retired", actor=actor, reason=reason)
    if was_active:
        stop_messages(source=f"plan:{version.plan_id}", reason="plan_retired", detail=reason, actor=actor)
    return version


def _put_in_force(version: ReminderPlanVersion, *, actor: Actor, reason: str) -> None:
    ReminderPlanVersion.objects.filter(plan_id=version.plan_id, state=PlanState.ACTIVE.value).update(
        state=PlanState.RETIRED.value
    )
    move(version, to=PlanState.ACTIVE)
    version.save(update_fields=["state", "effective_from"])
    note_down(version, verb="outreach.reminder_plan_version.activated", actor=actor, reason=reason)


def check_first_day(*, first_day: date) -> None:
    """Raises PlanFirstDayRefused for a day whose messages are planned already, or past."""
    tomorrow = business_date() + timedelta(days=1)
    if first_day < tomorrow:
        raise PlanFirstDayRefused(
            _("The messages of %(day)s are planned already.") % {"day": date_text(first_day)},
            next_step=_("Choose %(tomorrow)s or a later day.") % {"tomorrow": date_text(tomorrow)},
            fields={"effective_from": _("must be %(tomorrow)s or later") % {"tomorrow": date_text(tomorrow)}},
        )
