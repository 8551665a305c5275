"""The verbs of reminder plans: draft, change, submit, approve, put in force, take out, put back. Two people publish."""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar, Final

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.audit import approvals
from backoffice.audit.approvals import ApprovedRequest
from backoffice.audit.models import Approval
from backoffice.audit.services import record
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.reminder_plans import PlanFaulty, parse
from backoffice.outreach.domain.reminder_states import OPEN, PlanState, may_become
from backoffice.outreach.domain.template_states import TemplateState
from backoffice.outreach.models import ReminderPlan, ReminderPlanVersion, TemplateVersion

PUBLISH: Final = "outreach.reminder_plan"
SUBJECT: Final = "outreach.reminder_plan_version"

FAULT_WORDS: Final = {
    "none": gettext_lazy("there is no step"),
    "too_many": gettext_lazy("there are more than 20 steps"),
    "not_a_step": gettext_lazy("this is no step"),
    "not_a_day": gettext_lazy("days from the due date, from -30 to 60"),
    "not_a_time": gettext_lazy("a time of the day such as 10:00"),
    "not_after_at": gettext_lazy("must be later than the time it begins"),
    "not_channels": gettext_lazy("one or more channels, each once"),
    "missing": gettext_lazy("this is needed"),
    "no_words": gettext_lazy("no active template with this code has words for one of the channels"),
    "wrong_purpose": gettext_lazy("the template is for another purpose"),
    "not_an_amount": gettext_lazy("an amount, or 0"),
    "not_a_share": gettext_lazy("a share from 0 to 0.50"),
    "twice": gettext_lazy("another step has this name"),
    "overlaps": gettext_lazy("another step of the same day is still running then"),
    "amid_a_debit": gettext_lazy("a debit is tried within the hour"),
}


class PlanNotFound(Refusal):
    """There is no such reminder plan or version."""

    code: ClassVar[str] = "outreach.reminder_plan_not_found"
    status: ClassVar[int] = 404


class PlanRefused(Refusal):
    """The plan contradicts itself or cannot be read; `fields` names step and field."""

    code: ClassVar[str] = "outreach.reminder_plan_refused"


class PlanTaken(Refusal):
    """Another plan has the code or the portfolio."""

    code: ClassVar[str] = "outreach.reminder_plan_taken"
    status: ClassVar[int] = 409


class PlanNotInState(Refusal):
    """The version is not in a state that allows this."""

    code: ClassVar[str] = "outreach.reminder_plan_state"
    status: ClassVar[int] = 409


@transaction.atomic
def create_plan(*, code: str, name: str, name_zh: str, portfolio: str, actor: Actor) -> ReminderPlan:
    """A plan without a version. Raises PlanTaken."""
    if ReminderPlan.objects.filter(code=code).exists() or ReminderPlan.objects.filter(portfolio=portfolio).exists():
        raise PlanTaken(
            _("Another plan has this code or this portfolio."),
            next_step=_("Draft a new version of that plan."),
            fields={"code": _("is taken")},
        )
    plan = ReminderPlan.objects.create(code=code, name=name, name_zh=name_zh, portfolio=portfolio)
    record(
        verb="outreach.reminder_plan.created",
        subject_type="outreach.reminder_plan",
        subject_id=plan.pk,
        actor=actor,
        after={"code": code, "portfolio": portfolio},
    )
    return plan


@transaction.atomic
def draft_version(*, plan_id: int, content: Mapping[str, Any], note: str, actor: Actor) -> ReminderPlanVersion:
    """A new draft of a plan. Raises PlanNotFound, PlanRefused, PlanNotInState while another one is in the making."""
    plan = ReminderPlan.objects.select_for_update().filter(pk=plan_id).first()
    if plan is None:
        raise _not_found()
    if plan.versions.filter(state__in=OPEN).exists():
        raise PlanNotInState(
            _("A version of this plan is in the making already."), next_step=_("Finish or discard that one first.")
        )
    check_content(content)
    version = ReminderPlanVersion.objects.create(
        plan=plan,
        number=(plan.versions.aggregate(last=Max("number"))["last"] or 0) + 1,
        content=dict(content),
        note=note,
        created_by=actor.id,
        created_by_name=actor.name,
    )
    _note(version, verb="outreach.reminder_plan_version.drafted", actor=actor, reason=note)
    return version


@transaction.atomic
def change_draft(*, version_id: int, content: Mapping[str, Any], note: str, actor: Actor) -> ReminderPlanVersion:
    """New content for a draft. Raises PlanNotFound, PlanNotInState, PlanRefused."""
    version = _locked(version_id)
    if version.state != PlanState.DRAFT:
        raise _not_in_state(version)
    check_content(content)
    version.content, version.note = dict(content), note
    version.save(update_fields=["content", "note"])
    _note(version, verb="outreach.reminder_plan_version.changed", actor=actor, reason=note)
    return version


@transaction.atomic
def submit_version(*, version_id: int, effective_from: date, reason: str, consequence: str, actor: Actor) -> Approval:
    """Ask a second person to publish a draft from a date. Raises PlanNotFound, PlanNotInState, PlanRefused."""
    version = _locked(version_id)
    check_content(version.content)
    _move(version, to=PlanState.SUBMITTED)
    version.effective_from = effective_from
    version.save(update_fields=["state", "effective_from"])
    _note(version, verb="outreach.reminder_plan_version.submitted", actor=actor, reason=reason)
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
    """The deed behind `PUBLISH`: approved, and in force from its day on. Raises PlanNotFound, PlanNotInState."""
    version = _locked(int(request.payload["version_id"]))
    check_content(version.content)
    _move(version, to=PlanState.APPROVED)
    version.approved_by, version.approved_by_name = request.checker.id, request.checker.name
    version.approved_at = Now()
    version.save(update_fields=["state", "approved_by", "approved_by_name", "approved_at"])
    _note(version, verb="outreach.reminder_plan_version.approved", actor=request.checker, reason=request.reason)


def versions_due(*, on: date) -> bool:
    """True when an approved version waits for that day."""
    return ReminderPlanVersion.objects.filter(state=PlanState.APPROVED.value, effective_from__lte=on).exists()


@transaction.atomic
def activate_due(*, on: date) -> int:
    """Put approved versions in force whose day has come, each in place of the one before; gives how many."""
    due = ReminderPlanVersion.objects.select_for_update(of=("self",)).filter(
        state=PlanState.APPROVED.value, effective_from__lte=on
    )
    for version in due.order_by("plan_id", "number"):
        _put_in_force(version, actor=SYSTEM, reason="")
    return len(due)


@transaction.atomic
def put_back(*, version_id: int, reason: str, actor: Actor) -> ReminderPlanVersion:
    """Roll back: a version that was in force before is in force again at once. Raises PlanNotFound, PlanNotInState."""
    version = _locked(version_id)
    if version.state != PlanState.RETIRED or version.approved_at is None:
        raise _not_in_state(version)
    _put_in_force(version, actor=actor, reason=reason)
    return version


@transaction.atomic
def retire_version(*, version_id: int, reason: str, actor: Actor) -> ReminderPlanVersion:
    """Take a version out of force, or discard a draft. Raises PlanNotFound, PlanNotInState."""
    version = _locked(version_id)
    _move(version, to=PlanState.RETIRED)
    version.save(update_fields=["state"])
    _note(version, verb="outreach.reminder_plan_version.retired", actor=actor, reason=reason)
    return version


def check_content(content: Mapping[str, Any]) -> None:
    """Raises PlanRefused for a content that contradicts itself, or whose templates have nothing to say."""
    try:
        parsed = parse(content)
    except PlanFaulty as error:
        raise _refused({(fault.step, fault.field): fault.problem for fault in error.faults}) from error
    faults: dict[tuple[str, str], str] = {}
    known: dict[str, set[str]] = {}
    purposes: dict[str, str] = {}
    for code, channel, purpose in TemplateVersion.objects.filter(
        template__code__in={step.template for step in parsed.steps}, state=TemplateState.ACTIVE.value
    ).values_list("template__code", "channel", "template__purpose"):
        known.setdefault(code, set()).add(channel)
        purposes[code] = purpose
    for step in parsed.steps:
        if not known.get(step.template, set()) & {channel.value for channel in step.channels}:
            faults[step.id, "template"] = "no_words"
        elif purposes[step.template] != step.purpose.value:
            faults[step.id, "template"] = "wrong_purpose"
    if faults:
        raise _refused(faults)


def _refused(faults: Mapping[tuple[str, str], str]) -> PlanRefused:
    return PlanRefused(
        _("This plan cannot be published as it is."),
        next_step=_("Correct the fields named."),
        fields={f"{step}.{name}" if step else name: str(FAULT_WORDS[word]) for (step, name), word in faults.items()},
    )


def _put_in_force(version: ReminderPlanVersion, *, actor: Actor, reason: str) -> None:
    ReminderPlanVersion.objects.filter(plan_id=version.plan_id, state=PlanState.ACTIVE.value).update(
        state=PlanState.RETIRED.value
    )
    _move(version, to=PlanState.ACTIVE)
    version.save(update_fields=["state"])
    _note(version, verb="outreach.reminder_plan_version.activated", actor=actor, reason=reason)


def _move(version: ReminderPlanVersion, *, to: PlanState) -> None:
    if not may_become(current=PlanState(version.state), to=to):
        raise _not_in_state(version)
    version.state = to.value


def _locked(version_id: int) -> ReminderPlanVersion:
    version = (
        ReminderPlanVersion.objects.select_for_update(of=("self",)).select_related("plan").filter(pk=version_id).first()
    )
    if version is None:
        raise _not_found()
    return version


def _not_found() -> PlanNotFound:
    return PlanNotFound(_("There is no such plan."), next_step=_("Open it from the list of plans."))


def _not_in_state(version: ReminderPlanVersion) -> PlanNotInState:
    return PlanNotInState(
        _("Version %(number)s is not in a state that allows this.") % {"number": version.number},
        next_step=_("Reload the page to see where it stands."),
    )


def _note(version: ReminderPlanVersion, *, verb: str, actor: Actor, reason: str) -> None:
    record(
        verb=verb,
        subject_type=SUBJECT,
        subject_id=version.pk,
        actor=actor,
        reason=reason,
        after={"plan": version.plan_id, "number": version.number, "state": version.state},
    )
