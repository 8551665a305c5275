"""Drafting reminder plans: a plan, its versions, and what a version must not contradict. Publishing is beside this."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Final

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.core.actors import Actor
from backoffice.core.drafts import mark_of, refuse_if_moved_on
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.campaign_hours import SendingWindow, leaves_a_minute
from backoffice.outreach.domain.plan_content import PlanFault, PlanFaulty
from backoffice.outreach.domain.reminder_plans import parse
from backoffice.outreach.domain.reminder_states import OPEN, PlanState, may_become
from backoffice.outreach.domain.template_states import TemplateState
from backoffice.outreach.models import ReminderPlan, ReminderPlanVersion, TemplateVersion
from backoffice.outreach.selectors.packs import packs_in_force
from backoffice.outreach.services.fault_words import in_words

SUBJECT: Final = "outreach.reminder_plan_version"


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
def create_plan(
    *,
    code: str,
    name: str,
    name_zh: str,
    portfolio: str,
    actor: Actor,
    portfolios: Collection[str] | None = None,
) -> ReminderPlan:
    """A plan without a version, for one of the actor's `portfolios` (None: of all). Raises PlanRefused, PlanTaken."""
    if portfolios is not None and portfolio not in portfolios:
        raise PlanRefused(
            _("This portfolio is not one of yours."),
            next_step=_("Choose a portfolio your team works on."),
            fields={"portfolio": _("is not one of yours")},
        )
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
        raise plan_not_found()
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
    note_down(version, verb="outreach.reminder_plan_version.drafted", actor=actor, reason=note)
    return version


@transaction.atomic
def change_draft(
    *, version_id: int, content: Mapping[str, Any], note: str, actor: Actor, seen: str | None = None
) -> ReminderPlanVersion:
    """New content for a draft; `seen` is the `mark` it was opened with.

    Raises PlanNotFound, PlanNotInState, PlanRefused, DraftMovedOn.
    """
    version = locked_version(version_id)
    if version.state != PlanState.DRAFT:
        raise not_in_state(version)
    refuse_if_moved_on(seen=seen, now=mark_of_draft(version))
    check_content(content)
    version.content, version.note = dict(content), note
    version.save(update_fields=["content", "note"])
    note_down(version, verb="outreach.reminder_plan_version.changed", actor=actor, reason=note)
    return version


def mark_of_draft(version: ReminderPlanVersion) -> str:
    """What a draft is known by while somebody changes it."""
    return mark_of(version.content, version.note)


def check_content(content: Mapping[str, Any]) -> None:
    """Raises PlanRefused for a content that contradicts itself, or a step without words for its first channel."""
    try:
        parsed = parse(content)
    except PlanFaulty as error:
        raise _refused(error.faults) from error
    faults: list[PlanFault] = []
    known: dict[str, set[str]] = {}
    purposes: dict[str, str] = {}
    for code, channel, purpose in TemplateVersion.objects.filter(
        template__code__in={step.template for step in parsed.steps}, state=TemplateState.ACTIVE.value
    ).values_list("template__code", "channel", "template__purpose"):
        known.setdefault(code, set()).add(channel)
        purposes[code] = purpose
    for step in parsed.steps:
        said = known.get(step.template, set())
        if not said & {channel.value for channel in step.channels}:
            faults.append(PlanFault(step.id, "template", "no_words"))
        elif purposes[step.template] != step.purpose.value:
            faults.append(PlanFault(step.id, "template", "wrong_purpose"))
        elif step.channels[0].value not in said:
            faults.append(PlanFault(step.id, "channels", "first_without_words"))
    if faults:
        raise _refused(faults)


def check_hours(content: Mapping[str, Any], *, on: date) -> None:
    """Raises PlanRefused for steps whose hours the contact rules in force permit nowhere, by any of their channels."""
    packs = packs_in_force(on=on).packs
    faults = [
        PlanFault(step.id, "at", "outside_hours")
        for step in parse(content).steps
        if not leaves_a_minute(
            window=SendingWindow(channels=step.channels, purpose=step.purpose, at=step.at, until=step.until),
            packs=packs,
            on=on,
        )
    ]
    if faults:
        raise _refused(faults)


def _refused(faults: Sequence[PlanFault]) -> PlanRefused:
    return PlanRefused(
        _("This plan cannot be published as it is."),
        next_step=_("Correct the fields named."),
        fields=in_words(faults),
    )


def move(version: ReminderPlanVersion, *, to: PlanState) -> None:
    """The next state of a locked version, not saved yet. Raises PlanNotInState."""
    if not may_become(current=PlanState(version.state), to=to):
        raise not_in_state(version)
    version.state = to.value


def locked_version(version_id: int) -> ReminderPlanVersion:
    """The version under lock, with its plan. Raises PlanNotFound."""
    version = (
        ReminderPlanVersion.objects.select_for_update(of=("self",)).select_related("plan").filter(pk=version_id).first()
    )
    if version is None:
        raise plan_not_found()
    return version


def plan_not_found() -> PlanNotFound:
    """To be raised when there is none, or none the person sees."""
    return PlanNotFound(_("There is no such plan."), next_step=_("Open it from the list of plans."))


def not_in_state(version: ReminderPlanVersion) -> PlanNotInState:
    """To be raised when the version is elsewhere in its life."""
    return PlanNotInState(
        _("Version %(number)s is not in a state that allows this.") % {"number": version.number},
        next_step=_("Reload the page to see where it stands."),
    )


def note_down(version: ReminderPlanVersion, *, verb: str, actor: Actor, reason: str) -> None:
    """One entry of the trail about a version as it now is."""
    record(
        verb=verb,
        subject_type=SUBJECT,
        subject_id=version.pk,
        actor=actor,
        reason=reason,
        after={
            "plan": version.plan_id,
            "number": version.number,
            "state": version.state,
            "effective_from": version.effective_from,
        },
    )
