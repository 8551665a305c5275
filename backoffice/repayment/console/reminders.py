"""Reminder plans: the list, a plan and what it did, a version and what it would do tomorrow, the editor."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST

from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core import tones
from backoffice.core.access import actor_of, may, requires
from backoffice.core.drafts import DraftMovedOn
from backoffice.core.errors import Refusal
from backoffice.core.http import go_to, refused
from backoffice.core.telling import told
from backoffice.outreach.domain.reminder_plans import readable
from backoffice.outreach.domain.reminder_states import OPEN, PlanState
from backoffice.outreach.models import ReminderPlan, ReminderPlanVersion
from backoffice.outreach.services import reminder_plans
from backoffice.outreach.services.reminder_plans import SUBJECT
from backoffice.outreach.services.reminder_publishing import version_before
from backoffice.repayment.console import reminder_forms as forms
from backoffice.repayment.console import reminder_reading as reading
from backoffice.repayment.selectors.reminder_effects import effect_of_plan, effects_of_plans
from backoffice.repayment.services.reminder_asking import simulate_version
from backoffice.repayment.services.reminders import day_after
from backoffice.staff.access import person_of

tones.declare(
    "outreach.reminder_plan",
    {
        PlanState.DRAFT: (gettext_lazy("draft"), "info"),
        PlanState.SUBMITTED: (gettext_lazy("waits for approval"), "warn"),
        PlanState.APPROVED: (gettext_lazy("approved"), "info"),
        PlanState.ACTIVE: (pgettext_lazy("version", "active"), "good"),
        PlanState.RETIRED: (gettext_lazy("retired"), "neutral"),
    },
)


@requires("outreach.plan.view")
def plans(request: HttpRequest) -> HttpResponse:
    """Every plan with the version in force and what it did; a fixed number of queries."""
    rows = list(
        ReminderPlan.objects.visible_to(person_of(request)).order_by("portfolio", "pk").prefetch_related("versions")
    )
    effects = effects_of_plans(plan_ids=[each.pk for each in rows], business_date=business_date())
    shown = []
    for each in rows:
        active = next((version for version in each.versions.all() if version.state == PlanState.ACTIVE), None)
        shown.append(
            {
                "plan": each,
                "active": active,
                "content": readable(active.content) if active else None,
                "open": next((version for version in each.versions.all() if version.state in OPEN), None),
                "effect": reading.effect_shown(effects[each.pk]),
            }
        )
    context = {"plans": shown, "may_edit": may(request, "outreach.plan.edit")}
    return render(request, "repayment/reminders/list.html", context)


@requires("outreach.plan.view")
def plan(request: HttpRequest, plan_id: int) -> HttpResponse:
    """One plan: its timeline, what it did against those left alone, its versions."""
    found = plan_or_404(request, plan_id)
    versions = list(found.versions.order_by("-number"))
    active = next((version for version in versions if version.state == PlanState.ACTIVE), None)
    today = business_date()
    context = {
        "plan": found,
        "versions": versions,
        "active": active,
        "before": version_before(version=active) if active else None,
        "open": next((version for version in versions if version.state in OPEN), None),
        "effect": reading.effect_shown(effect_of_plan(plan_id=found.pk, business_date=today)),
        "messages_url": f"{reverse('outreach:messages')}?source=plan:{found.pk}",
        "may_edit": may(request, "outreach.plan.edit"),
        **(_drawn(active.content) if active else {}),
    }
    return render(request, "repayment/reminders/plan.html", context)


@requires("outreach.plan.view")
def version(request: HttpRequest, version_id: int) -> HttpResponse:
    """A version: its timeline, what it changes, and what it would do to tomorrow's real book."""
    subject = version_or_404(request, version_id)
    others = list(subject.plan.versions.exclude(pk=subject.pk).order_by("-number"))
    active = next((each for each in others if each.state == PlanState.ACTIVE), None)
    requests = Approval.objects.filter(subject_type=SUBJECT, subject_id=str(subject.pk)).order_by("-pk")
    context = {
        "plan": subject.plan,
        "version": subject,
        "active": active,
        "open": next((each for each in others if each.state in OPEN), None),
        "before": version_before(version=subject) if subject.state == PlanState.ACTIVE else None,
        "waiting": requests.first() if subject.state == PlanState.SUBMITTED else None,
        "changes": _changes(active, subject) if active else None,
        "may_edit": may(request, "outreach.plan.edit"),
        **judged(subject),
    }
    return render(request, "repayment/reminders/version.html", context)


@requires("outreach.plan.edit")
def new_plan(request: HttpRequest) -> HttpResponse:
    """A plan for a portfolio that has none."""
    scope = person_of(request).scope()
    portfolios = None if scope.all else scope.portfolios
    form = forms.PlanForm(request.POST or None, portfolios=portfolios)
    if request.method == "POST" and form.is_valid():
        try:
            made = reminder_plans.create_plan(**form.cleaned_data, portfolios=portfolios, actor=actor_of(request.user))
        except Refusal as refusal:
            form.add_error(None, told(refusal.whole))
        else:
            return go_to(request, reverse("repayment:reminder_plan", args=[made.pk]))
    return render(request, "repayment/reminders/new.html", {"form": form}, status=422 if form.errors else 200)


@requires("outreach.plan.edit")
@require_POST
def draft(request: HttpRequest, plan_id: int) -> HttpResponse:
    """A new draft from a version, from the one in force unless another is named, or from the simplest plan there is."""
    found = plan_or_404(request, plan_id)
    named = found.versions.filter(number=request.GET["from"]) if request.GET.get("from", "").isdecimal() else None
    source = (
        (named.first() if named is not None else None)
        or found.versions.filter(state=PlanState.ACTIVE.value).first()
        or found.versions.order_by("-number").first()
    )
    content = source.content if source else forms.EXAMPLE
    try:
        made = reminder_plans.draft_version(plan_id=found.pk, content=content, note="", actor=actor_of(request.user))
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:reminder_plan", args=[plan_id]))
    return go_to(request, reverse("repayment:edit_reminders", args=[made.pk]))


@requires("outreach.plan.edit")
def edit(request: HttpRequest, version_id: int) -> HttpResponse:
    """The steps of a draft as rows, drawn and simulated while they change; nothing is saved while a fault is left."""
    subject = version_or_404(request, version_id)
    if subject.state != PlanState.DRAFT:
        return go_to(request, reverse("repayment:reminder_version", args=[version_id]))
    data: QueryDict | None = request.POST if request.method == "POST" else None
    if data is not None and "more" in data:
        data = forms.one_row_more(data)
    rows = forms.rows_of(content=subject.content, data=data)
    initial = subject.content | {"note": subject.note, "debits": ", ".join(subject.content.get("debits", []))}
    form = forms.VersionForm(data, initial=initial)
    now = reminder_plans.mark_of_draft(subject)
    seen = now if data is None else str(data.get("seen", now))
    content: Mapping[str, Any] = subject.content
    faults: list[tuple[str, str]] = []
    if data is not None:
        is_read = all((form.is_valid(), rows.is_valid()))
        content = forms.content_of(rows=rows, form=form)
        if not is_read:
            faults = forms.form_faults(rows=rows, form=form)
        elif "look" not in data and "more" not in data:
            try:
                reminder_plans.change_draft(
                    version_id=version_id,
                    content=content,
                    note=form.cleaned_data["note"],
                    actor=actor_of(request.user),
                    seen=seen,
                )
            except DraftMovedOn as error:
                seen = now
                form.add_error(None, error.whole)
            except Refusal as error:
                faults = forms.fault_labels(fields=error.fields, steps=content["steps"])
            else:
                return go_to(request, reverse("repayment:reminder_version", args=[version_id]))
    context = {"plan": subject.plan, "version": subject, "form": form, "rows": rows}
    context["seen"] = seen
    context |= _judgement(subject, content=content, faults=faults)
    if data is not None and "look" in data:
        return render(request, "repayment/reminders/_judgement.html", context | {"is_look": True})
    is_refused = bool(context["faults"] or form.errors) and data is not None and "more" not in data
    return render(request, "repayment/reminders/edit.html", context, status=422 if is_refused else 200)


def plan_or_404(request: HttpRequest, plan_id: int) -> ReminderPlan:
    """The plan, if the person sees it."""
    found: ReminderPlan | None = ReminderPlan.objects.visible_to(person_of(request)).filter(pk=plan_id).first()
    if found is None:
        raise Http404
    return found


def version_or_404(request: HttpRequest, version_id: int) -> ReminderPlanVersion:
    """The version with its plan, if the person sees it."""
    versions = ReminderPlanVersion.objects.visible_to(person_of(request)).select_related("plan")
    found: ReminderPlanVersion | None = versions.filter(pk=version_id).first()
    if found is None:
        raise Http404
    return found


def judged(subject: ReminderPlanVersion) -> dict[str, Any]:
    """A version drawn, and tomorrow with it; or why it could not run."""
    tomorrow = day_after(business_date())
    try:
        simulated = simulate_version(version=subject, day=tomorrow)
    except Refusal as refusal:
        faults = forms.fault_labels(fields=refusal.fields, steps=subject.content.get("steps", []))
        return {"refusal": refusal, "faults": faults, "tomorrow": tomorrow, **_drawn(subject.content)}
    day = reading.day_shown(simulated=simulated, day=tomorrow)
    return {"day": day, "tomorrow": tomorrow, **_drawn(subject.content, simulated=simulated)}


def _judgement(
    subject: ReminderPlanVersion, *, content: Mapping[str, Any], faults: list[tuple[str, str]]
) -> dict[str, Any]:
    """The content of the editor judged as if it were saved; faults of the forms come before those of the plan."""
    if faults:
        return {"faults": faults, **_drawn(content)}
    subject.content = dict(content)
    return {"faults": [], **judged(subject)}


def _drawn(content: Mapping[str, Any], *, simulated: Any = None) -> dict[str, Any]:
    parsed = readable(content)
    steps = reading.steps_shown(content=parsed, simulated=simulated)
    return {"content": parsed, "steps": steps, "timeline": reading.timeline(content=parsed, steps=steps)}


def _changes(active: ReminderPlanVersion, subject: ReminderPlanVersion) -> list[Mapping[str, str]]:
    return reading.changes_between(was=readable(active.content), now=readable(subject.content))
