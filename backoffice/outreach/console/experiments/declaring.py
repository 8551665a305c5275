"""Declaring an experiment: a new draft, another version of it, and the confirmation a screening calls for."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.core.access import actor_of, requires
from backoffice.core.drafts import DraftMovedOn
from backoffice.core.errors import Refusal
from backoffice.core.http import go_to, refused
from backoffice.outreach.console.experiments.forms import CONFIRMATION, DESIGNS, DeclareForm, initial_of
from backoffice.outreach.console.experiments.pages import address, visible
from backoffice.outreach.domain.experiments.plans import PLANS
from backoffice.outreach.services import experiments as services


@requires("outreach.experiment.edit")
def declare(request: HttpRequest, design: str) -> HttpResponse:
    """A new draft: arms against a control, or the elements of an orthogonal plan."""
    if design not in DESIGNS:
        raise Http404
    form = DeclareForm(request.POST or None, design=design)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.declare_experiment(declaration=form.declaration(), actor=actor_of(request.user))
        except Refusal as refusal:
            _take(refusal, form)
        else:
            messages.success(request, _("%(name)s is drafted.") % {"name": made.name})
            return go_to(request, address(made))
    return _form(request, form=form, back=reverse("outreach:experiments"))


@requires("outreach.experiment.edit")
def edit(request: HttpRequest, experiment_id: int) -> HttpResponse:
    """Another declaration for a draft."""
    subject = visible(request, experiment_id)
    now = services.mark_of_declaration(subject)
    seen = request.POST.get("seen", now)
    initial = initial_of(experiment=subject)
    form = DeclareForm(request.POST or None, design=subject.design, experiment=subject, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_draft(
                experiment_id=subject.pk,
                declaration=form.declaration(code=subject.code),
                actor=actor_of(request.user),
                seen=seen,
            )
        except Refusal as refusal:
            seen = now if isinstance(refusal, DraftMovedOn) else seen
            _take(refusal, form)
        else:
            messages.success(request, _("The draft is saved."))
            return go_to(request, address(subject))
    return _form(request, form=form, back=address(subject), subject=subject, seen=seen)


@requires("outreach.experiment.edit")
def confirm(request: HttpRequest, experiment_id: int) -> HttpResponse:
    """The test a screening calls for: today's text against the predicted best cell."""
    screening = visible(request, experiment_id)
    try:
        arms = services.confirmation_arms(screening=screening)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=address(screening))
    initial = initial_of(experiment=screening) | {
        "stop_on": None,
        "code": f"{screening.code}-confirmed"[:60],
        "name": _("%(name)s: confirmation") % {"name": screening.name},
        "question": _("Does the predicted best text really do better than today's?"),
    }
    form = DeclareForm(request.POST or None, design=CONFIRMATION, initial=initial)
    if request.method == "POST" and form.is_valid():
        declaration = form.declaration()
        try:
            made = services.declare_confirmation(
                screening_id=screening.pk,
                code=declaration.code,
                declaration=declaration,
                actor=actor_of(request.user),
            )
        except Refusal as refusal:
            _take(refusal, form)
        else:
            messages.success(request, _("%(name)s is drafted.") % {"name": made.name})
            return go_to(request, address(made))
    return _form(request, form=form, back=address(screening), arms=arms)


def _form(request: HttpRequest, *, form: DeclareForm, back: str, **more: Any) -> HttpResponse:
    context = {"form": form, "back": back, "plan": PLANS.get(form.design), **more}
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "outreach/experiments/form.html", context, status=status)


def _take(refusal: Refusal, form: DeclareForm) -> None:
    """A refusal's faults at their fields, the sentence over the form when none has them."""
    if refusal.fields:
        form.take(fields=refusal.fields)
    else:
        form.add_error(None, f"{refusal.message} {refusal.next_step}")
