"""The day-end page: where the day stands, what its close will do, how past closes went, and the loans left behind."""

from collections.abc import Mapping
from datetime import date, timedelta
from operator import itemgetter
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from backoffice.calendars import clock
from backoffice.calendars.selectors import BusinessDayNow, business_day
from backoffice.core import tones
from backoffice.core.access import may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.formats import date_text
from backoffice.core.telling import told
from backoffice.dayend import selectors
from backoffice.dayend.models import DayEndRun, DayEndStep, SetAside
from backoffice.dayend.services import NotTheDayToClose, retry_set_aside, start
from backoffice.dayend.steps import STEPS
from backoffice.dayend.tasks import continue_run

tones.declare(
    "dayend.run",
    {
        DayEndRun.State.RUNNING: (gettext_lazy("closing"), "warn"),
        DayEndRun.State.DONE: (pgettext_lazy("business day", "closed"), "good"),
        DayEndRun.State.FAILED: (gettext_lazy("failed"), "danger"),
    },
)

COUNTS = {
    "loans": gettext_lazy("loans"),
    "moves": gettext_lazy("bucket moves"),
    "rows": gettext_lazy("month-end rows"),
    "versions": gettext_lazy("product versions"),
    "drifts": gettext_lazy("drifts"),
    "messages": gettext_lazy("messages planned"),
    "held_out": gettext_lazy("left alone to compare"),
    "unfilled": gettext_lazy("messages whose words could not be filled in"),
    "campaigns": gettext_lazy("campaigns"),
    "refused": gettext_lazy("campaigns that could not be planned"),
    "started": gettext_lazy("campaigns started"),
    "ended": gettext_lazy("campaigns ended"),
    "experiments": gettext_lazy("experiments stopped"),
    "outcomes": gettext_lazy("outcomes recorded"),
    "files": gettext_lazy("settlement files expected"),
    "claims": gettext_lazy("claims listed"),
    "beyond_cap": gettext_lazy("claims beyond the cap"),
}


@requires("dayend.run.view")
def overview(request: HttpRequest) -> HttpResponse:
    """The whole page; a fixed number of queries."""
    now = business_day()
    context = {
        "now": now,
        "missed": selectors.missed_days(calendar_today=clock.today_in(settings.TIME_ZONE)),
        "forecast": selectors.forecast(day=now.today),
        "runs": [_shown(run) for run in selectors.runs()],
        "set_aside": selectors.set_aside(user=request.user),
        "set_aside_count": selectors.set_aside_count(user=request.user),
        "may_close": may(request, "dayend.run.start"),
        "may_retry": may(request, "dayend.run.retry"),
        **_under_way(),
    }
    return render(request, "dayend/overview.html", context)


@requires("dayend.run.view")
def page(request: HttpRequest, run_id: int) -> HttpResponse:
    """One close: its steps with their counts, the loans it moved, and those it left behind."""
    run = selectors.run_of(run_id=run_id)
    if run is None:
        raise Http404
    context = {
        "run": run,
        "item": _shown(run),
        "moves_url": _moves_address(run),
        "left_behind": selectors.set_aside_by(run_id=run_id, user=request.user),
        "left_behind_count": selectors.set_aside_by_count(run_id=run_id, user=request.user),
    }
    return render(request, "dayend/run.html", context)


@requires("dayend.run.view")
def progress(request: HttpRequest) -> HttpResponse:
    """The close under way, asked for again every second while it lasts; the whole page once it is over."""
    under_way = _under_way()
    response = render(request, "dayend/_under_way.html", under_way)
    if under_way["running"] is None:
        response.headers["HX-Refresh"] = "true"
    return response


class CloseForm(ConfirmForm):
    """The last day to close."""

    through = forms.DateField(
        label=gettext_lazy("Close through"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


class CloseDays(ConfirmView):
    """Close the business date, or every day up to one."""

    permission = "dayend.run.start"
    title: ClassVar[Text] = gettext_lazy("Close the business day")
    verb: ClassVar[Text] = gettext_lazy("Close")
    costly = True
    form_class = CloseForm

    def load(self, *, request: HttpRequest, **address: Any) -> BusinessDayNow:
        return business_day()

    def subject_line(self, *, subject: BusinessDayNow) -> str:
        return _("Business date %(day)s") % {"day": date_text(subject.today)}

    def back_url(self, *, subject: BusinessDayNow) -> str:
        return reverse("dayend:runs")

    def initial(self, *, subject: BusinessDayNow) -> dict[str, Any]:
        return {"through": subject.today}

    def foresee(self, *, subject: BusinessDayNow, values: Mapping[str, Any], actor: Actor) -> Consequence:
        through: date = values["through"]
        _check_through(through, today=subject.today)
        expected = selectors.forecast(day=subject.today)
        days = (through - subject.today).days + 1
        lines = [
            Line(gettext_lazy("Days to close"), days),
            Line(gettext_lazy("Loans the first close changes"), expected.loans),
            Line(gettext_lazy("of these left behind earlier"), expected.left_behind),
            Line(gettext_lazy("Business date afterwards"), through + timedelta(days=1), before=subject.today),
        ]
        if expected.is_month_end:
            lines.append(Line(gettext_lazy("Month-end rows"), expected.open_loans))
        return Consequence(
            lines=tuple(lines),
            warnings=(gettext_lazy("A closed day is never opened again; corrections are backdated."),),
        )

    def perform(self, *, subject: BusinessDayNow, values: Mapping[str, Any], actor: Actor, key: str) -> str:
        _check_through(values["through"], today=subject.today)
        run = start(
            day=subject.today,
            actor=actor,
            through=values["through"],
            not_after=clock.today_in(settings.TIME_ZONE),
        )
        continue_run.delay(run_id=run.pk)
        return _("The close of %(day)s has begun.") % {"day": date_text(subject.today)}


class RetrySetAside(ConfirmView):
    """Try again to close a loan a close had to leave behind."""

    permission = "dayend.run.retry"
    title: ClassVar[Text] = gettext_lazy("Try the loan again")
    verb: ClassVar[Text] = gettext_lazy("Try again")

    def load(self, *, request: HttpRequest, **address: Any) -> SetAside:
        row = SetAside.objects.visible_to(request.user).filter(pk=address["set_aside_id"]).first()
        if row is None:
            raise Http404
        return row

    def back_url(self, *, subject: SetAside) -> str:
        return reverse("dayend:runs")

    def subject_line(self, *, subject: SetAside) -> str:
        return f"{subject.loan_id}: {told(subject.why)}"

    def perform(self, *, subject: SetAside, values: Mapping[str, Any], actor: Actor, key: str) -> str:
        if retry_set_aside(set_aside_id=subject.pk, actor=actor):
            return _("The loan is closed through yesterday and agrees with its books.")
        return _("It failed again; the reason is on the list.")


def _check_through(through: date, *, today: date) -> None:
    last = clock.today_in(settings.TIME_ZONE)
    if through < today:
        raise NotTheDayToClose(
            _("%(day)s is closed already.") % {"day": date_text(through)},
            next_step=_("The business date is %(today)s; corrections of closed days are backdated.")
            % {"today": date_text(today)},
            fields={"through": str(today)},
        )
    if today > last:
        raise NotTheDayToClose(
            _("%(day)s has not come yet; it cannot be closed.") % {"day": date_text(today)},
            next_step=_("Wait for the day: what is closed is never opened again."),
        )
    if not today <= through <= last:
        raise NotTheDayToClose(
            _("Days from %(today)s to %(last)s can be closed.") % {"today": date_text(today), "last": date_text(last)},
            next_step=_("Choose a day in between."),
            fields={"through": str(today)},
        )


def _moves_address(run: DayEndRun) -> str:
    """The moves a close made: they hold from the next morning on."""
    return f"{reverse('repayment:moves')}?on={run.day + timedelta(days=1)}&aging=1"


def _shown(run: DayEndRun) -> dict[str, Any]:
    steps = list(run.steps.all())
    shown = [
        {
            "label": selectors.label_of(step=step.name),
            "state": step.state,
            "error": step.error,
            "seconds": (step.finished_at - step.started_at).total_seconds() if step.finished_at else None,
            "counts": [(name, COUNTS.get(name, name), count) for name, count in step.counts.items()],
        }
        for step in steps
    ]
    return {
        "run": run,
        "moves_url": _moves_address(run),
        "steps": shown,
        "slowest": max((step for step in shown if step["seconds"]), key=itemgetter("seconds"), default=None),
        "totals": {
            name: sum(step.counts.get(name, 0) for step in steps if step.name != "verify")
            for name in ("loans", "moves")
        },
        "drifts": sum(step.counts.get("drifts", 0) for step in steps),
    }


def _under_way() -> dict[str, Any]:
    run = selectors.running()
    if run is None:
        return {"running": None, "is_over": True}
    steps = {step.name: step for step in run.steps.all()}
    here: Any = next((step for step in steps.values() if step.state != "done"), None)
    return {
        "running": run,
        "is_over": False,
        "failed": here if here is not None and here.state == DayEndStep.State.FAILED else None,
        "step_list": [{"label": step.label, "state": _step_state(steps.get(step.name))} for step in STEPS],
        "work": {
            "label": selectors.label_of(step=here.name) if here else _("Starting"),
            "done": here.ranges_done if here else 0,
            "total": here.ranges_all if here else None,
            "note": ngettext("%(n)d range left", "%(n)d ranges left", _left(here)) % {"n": _left(here)},
            "poll_url": "",
        },
    }


def _step_state(step: Any) -> str:
    if step is None:
        return ""
    return {DayEndStep.State.DONE: "done", DayEndStep.State.FAILED: "failed"}.get(step.state, "here")


def _left(step: Any) -> int:
    return step.ranges_all - step.ranges_done if step else 0
