"""Reminder plans: the list, a plan and what it did, a version and what it would do tomorrow, the editor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.http import require_POST

from backoffice.calendars.selectors import business_date
from backoffice.core import tones
from backoffice.core.access import actor_of, may, requires
from backoffice.core.errors import Refusal
from backoffice.core.http import go_to, refused
from backoffice.core.telling import told
from backoffice.outreach.domain.channels import MESSAGES
from backoffice.outreach.domain.reminder_plans import PlanFaulty, ReminderContent, clock_of, parse
from backoffice.outreach.domain.reminder_states import OPEN, PlanState
from backoffice.outreach.models import MessageTemplate, ReminderPlan, ReminderPlanVersion
from backoffice.outreach.models.contacts import CHANNEL_LABELS
from backoffice.outreach.selectors.effect_words import effect_in_words
from backoffice.outreach.services import reminder_plans
from backoffice.outreach.services.reminders import as_active
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.reminder_effects import PlanEffect, effect_of_plan
from backoffice.repayment.services.reminders import day_after, simulate_reminders

SPARE_ROWS = 2
ROWS_AT_FIRST = 5

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


@dataclass(frozen=True, slots=True)
class Mark:
    """A step as the timeline draws it: where it stands, in parts of a thousand, and its words."""

    name: str
    x: int
    level: int
    day: str
    when: str
    time: str
    channels: str
    template: str
    least: Decimal
    is_late: bool

    @property
    def y(self) -> int:
        """Where its line begins, below its label; neighbours stand at different heights."""
        return 32 + 34 * self.level

    @property
    def label_y(self) -> int:
        """Where its day and time stand."""
        return self.y - 18

    @property
    def detail_y(self) -> int:
        """Where its channels stand."""
        return self.y - 4


@requires("outreach.plan.view")
def plans(request: HttpRequest) -> HttpResponse:
    """Every plan with the version in force; a fixed number of queries."""
    rows = list(ReminderPlan.objects.order_by("portfolio", "pk").prefetch_related("versions"))
    shown = [
        {
            "plan": each,
            "active": next((v for v in each.versions.all() if v.state == PlanState.ACTIVE), None),
            "open": next((v for v in each.versions.all() if v.state in OPEN), None),
        }
        for each in rows
    ]
    return render(
        request, "repayment/reminders/list.html", {"plans": shown, "may_edit": may(request, "outreach.plan.edit")}
    )


@requires("outreach.plan.view")
def plan(request: HttpRequest, plan_id: int) -> HttpResponse:
    """One plan: its timeline, what it did against those left alone, its versions."""
    found = ReminderPlan.objects.filter(pk=plan_id).first()
    if found is None:
        raise Http404
    versions = list(found.versions.order_by("-number"))
    active = next((version for version in versions if version.state == PlanState.ACTIVE), None)
    today = business_date()
    context = {
        "plan": found,
        "versions": versions,
        "active": active,
        "open": next((version for version in versions if version.state in OPEN), None),
        "marks": timeline(parse(active.content)) if active else (),
        "content": parse(active.content) if active else None,
        "effect": _shown(effect_of_plan(plan_id=found.pk, business_date=today)),
        "messages_url": f"{reverse('outreach:messages')}?source=plan:{found.pk}",
        "may_edit": may(request, "outreach.plan.edit"),
        "today": today,
    }
    return render(request, "repayment/reminders/plan.html", context)


@requires("outreach.plan.view")
def version(request: HttpRequest, version_id: int) -> HttpResponse:
    """A version: its timeline, and what it would do to tomorrow's real book."""
    subject = version_or_404(version_id)
    tomorrow = day_after(business_date())
    try:
        content: ReminderContent | None = parse(subject.content)
        simulated = simulate_reminders(day=tomorrow, plan=as_active(subject))
    except PlanFaulty:
        content, simulated = None, None
    context = {
        "plan": subject.plan,
        "version": subject,
        "content": content,
        "marks": timeline(content) if content else (),
        "simulated": simulated,
        "channels": _by_label(simulated.outcome.by_channel) if simulated else (),
        "tomorrow": tomorrow,
        "may_edit": may(request, "outreach.plan.edit"),
    }
    return render(request, "repayment/reminders/version.html", context)


@requires("outreach.plan.edit")
def new_plan(request: HttpRequest) -> HttpResponse:
    """A plan for a portfolio that has none, with its first draft."""
    form = PlanForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = reminder_plans.create_plan(**form.cleaned_data, actor=actor_of(request.user))
        except Refusal as refusal:
            form.add_error(None, told(refusal.whole))
        else:
            return go_to(request, reverse("repayment:reminder_plan", args=[made.pk]))
    return render(request, "repayment/reminders/new.html", {"form": form}, status=422 if form.errors else 200)


@requires("outreach.plan.edit")
@require_POST
def draft(request: HttpRequest, plan_id: int) -> HttpResponse:
    """A new draft from the version in force, or from the simplest plan there is."""
    found = ReminderPlan.objects.filter(pk=plan_id).first()
    if found is None:
        raise Http404
    source = found.versions.filter(state=PlanState.ACTIVE.value).first() or found.versions.order_by("-number").first()
    content = source.content if source else SIMPLEST
    try:
        made = reminder_plans.draft_version(plan_id=found.pk, content=content, note="", actor=actor_of(request.user))
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:reminder_plan", args=[plan_id]))
    return go_to(request, reverse("repayment:edit_reminders", args=[made.pk]))


@requires("outreach.plan.edit")
def edit(request: HttpRequest, version_id: int) -> HttpResponse:
    """The steps of a draft as rows; what contradicts itself is said beside the row, nothing is saved then."""
    subject = version_or_404(version_id)
    if subject.state != PlanState.DRAFT:
        return go_to(request, reverse("repayment:reminder_version", args=[version_id]))
    steps = subject.content.get("steps", [])
    rows = StepRows(request.POST or None, initial=[_as_initial(step) for step in steps], prefix="steps")
    form = VersionForm(
        request.POST or None, initial={"holdout": subject.content.get("holdout", "0"), "note": subject.note}
    )
    faults: Mapping[str, str] = {}
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid() and rows.is_valid():
        content = {"steps": _steps(rows), "holdout": str(form.cleaned_data["holdout"])}
        try:
            reminder_plans.change_draft(
                version_id=version_id, content=content, note=form.cleaned_data["note"], actor=actor_of(request.user)
            )
        except Refusal as error:
            refusal, faults = error, error.fields
        else:
            return go_to(request, reverse("repayment:reminder_version", args=[version_id]))
    context = {
        "plan": subject.plan,
        "version": subject,
        "form": form,
        "rows": rows,
        "faults": sorted(faults.items()),
        "refusal": refusal,
    }
    is_faulty = refusal is not None or bool(form.errors) or any(rows.errors)
    return render(request, "repayment/reminders/edit.html", context, status=422 if is_faulty else 200)


def version_or_404(version_id: int) -> ReminderPlanVersion:
    """The version with its plan."""
    found = ReminderPlanVersion.objects.select_related("plan").filter(pk=version_id).first()
    if found is None:
        raise Http404
    return found


def timeline(content: ReminderContent) -> tuple[Mark, ...]:
    """The steps along a line from the first day to the last, the due date among them."""
    offsets = [0, *(step.offset for step in content.steps)]
    first, last = min(offsets) - 1, max(offsets) + 1
    return tuple(
        Mark(
            name=step.id,
            when=_when(step.offset),
            least=step.least,
            x=round(1000 * (step.offset + step.at / 1440 - first) / (last - first)),
            level=number % 3,
            day=_day(step.offset),
            time=f"{clock_of(step.at)}–{clock_of(step.until)}",
            channels=", ".join(str(CHANNEL_LABELS[channel]) for channel in step.channels),
            template=step.template,
            is_late=step.offset > 0,
        )
        for number, step in enumerate(content.steps)
    )


def _day(offset: int) -> str:
    if offset == 0:
        return _("due date")
    return f"D{offset:+d}"


def _when(offset: int) -> str:
    if offset == 0:
        return _("on the due date")
    if offset < 0:
        return ngettext("%(days)d day before", "%(days)d days before", -offset) % {"days": -offset}
    return ngettext("%(days)d day after", "%(days)d days after", offset) % {"days": offset}


class PlanForm(forms.Form):
    """What the plan is called and whose loans it is for."""

    code = forms.SlugField(label=gettext_lazy("Code"), max_length=60)
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=120)
    name_zh = forms.CharField(label=gettext_lazy("Name in Chinese"), max_length=120, required=False)
    portfolio = forms.ChoiceField(label=gettext_lazy("Portfolio"), required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        taken = set(ReminderPlan.objects.values_list("portfolio", flat=True))
        names = sorted(set(Loan.objects.order_by().values_list("portfolio", flat=True).distinct()))
        choices: list[tuple[str, Any]] = [] if "" in taken else [("", gettext_lazy("all portfolios without their own"))]
        field = self.fields["portfolio"]
        field.choices = [*choices, *((name, name) for name in names if name not in taken)]  # type: ignore[attr-defined]


class VersionForm(forms.Form):
    """What the version is for, and how many are left alone."""

    holdout = forms.DecimalField(
        label=gettext_lazy("Left alone to compare with"),
        min_value=0,
        max_value=1,
        max_digits=5,
        decimal_places=4,
        help_text=gettext_lazy("A share: 0.10 leaves one borrower in ten alone, always the same ones."),
    )
    note = forms.CharField(label=gettext_lazy("What for"), max_length=300, required=False)


class StepForm(forms.Form):
    """One step of the timeline."""

    id = forms.CharField(label=gettext_lazy("Step"), max_length=20, required=False)
    offset = forms.IntegerField(label=gettext_lazy("Days from due date"), required=False)
    at = forms.TimeField(label=gettext_lazy("From"), required=False, widget=forms.TimeInput(format="%H:%M"))
    until = forms.TimeField(label=gettext_lazy("Until"), required=False, widget=forms.TimeInput(format="%H:%M"))
    channels = forms.CharField(
        label=gettext_lazy("Channels in their order"),
        required=False,
        widget=forms.TextInput(attrs={"list": "channel-names"}),
    )
    template = forms.ChoiceField(label=gettext_lazy("Template"), required=False)
    least = forms.DecimalField(label=gettext_lazy("Least amount"), required=False, min_value=0, initial=0)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        codes = MessageTemplate.objects.order_by("code").values_list("code", flat=True)
        self.fields["template"].choices = [("", "–"), *((code, code) for code in codes)]  # type: ignore[attr-defined]
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = field.label


StepRows = forms.formset_factory(StepForm, extra=SPARE_ROWS, max_num=22)
SIMPLEST = {
    "steps": [
        {
            "id": "d-1",
            "offset": -1,
            "at": "10:00",
            "until": "18:00",
            "channels": ["push", "sms"],
            "template": "reminder_d1",
            "least": "0",
        }
    ],
    "holdout": "0.10",
}


def _as_initial(step: Mapping[str, Any]) -> dict[str, Any]:
    return dict(step) | {"channels": ", ".join(step.get("channels", []))}


def _steps(rows: "forms.BaseFormSet[StepForm]") -> list[dict[str, Any]]:
    """The rows with a day; a row whose day was emptied is taken out."""
    found = []
    for row in rows:
        values = row.cleaned_data
        if values.get("offset") is None:
            continue
        found.append(
            {
                "id": values["id"] or f"d{values['offset']:+d}",
                "offset": values["offset"],
                "at": f"{values['at']:%H:%M}" if values["at"] else "",
                "until": f"{values['until']:%H:%M}" if values["until"] else "",
                "channels": [name.strip() for name in values["channels"].split(",") if name.strip()],
                "template": values["template"],
                "least": str(values["least"] or 0),
            }
        )
    return found


def _shown(found: PlanEffect) -> dict[str, Any]:
    """The effect with its sentence in the reader's language."""
    sentence = effect_in_words(effect=found.effect, treated=_("the reminded"), control=_("those left alone"))
    return {"found": found, "effect": found.effect, "sentence": sentence}


def _by_label(counts: Mapping[str, int]) -> Sequence[tuple[str, int]]:
    labels = {channel.value: str(CHANNEL_LABELS[channel]) for channel in MESSAGES}
    return [(labels[channel], count) for channel, count in sorted(counts.items())]
