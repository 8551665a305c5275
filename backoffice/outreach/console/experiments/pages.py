"""The list of experiments with its layers, and one experiment readable without a statistician."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy

from backoffice.calendars.selectors import business_date
from backoffice.core.access import may, requires
from backoffice.core.errors import Refusal
from backoffice.core.formats import percent_text
from backoffice.core.http import refused
from backoffice.core.tables import Choice, Column, Table
from backoffice.outreach.console.experiments.reading import p_value_text, shown_metric, shown_screening
from backoffice.outreach.console.experiments.states import EXPERIMENT
from backoffice.outreach.domain.elements import LANGUAGES
from backoffice.outreach.domain.experiments.plans import PLANS
from backoffice.outreach.models import Experiment, Layer, Metric
from backoffice.outreach.selectors.experiment_arms import shown_arms, wordings_of
from backoffice.outreach.selectors.experiment_words import sentence_text
from backoffice.outreach.selectors.experiments import layers, results_of
from backoffice.outreach.services.checking import sample_values
from backoffice.outreach.services.experiments.locking import pending_start
from backoffice.staff.access import person_of


def address(experiment: Experiment) -> str:
    """The page of an experiment."""
    return reverse("outreach:experiment", args=[experiment.pk])


EXPERIMENTS = Table(
    name="experiments",
    caption=gettext_lazy("Experiments, newest first"),
    columns=(
        Column("name", gettext_lazy("Experiment"), link=address),
        Column("state", gettext_lazy("State"), kind="state", family=EXPERIMENT),
        Column("layer", gettext_lazy("Layer"), value=lambda one: str(one.layer)),
        Column("design", gettext_lazy("Design"), value="get_design_display"),
        Column("metric", gettext_lazy("Declared metric"), value=lambda one: str(one.metric)),
        Column("stop_on", gettext_lazy("Last day"), kind="date", sort="stop_on"),
        Column("chosen", gettext_lazy("Decided for"), value=lambda one: one.chosen.name if one.chosen else "–"),
    ),
    filters=(
        Choice("state", gettext_lazy("State"), choices=Experiment.State.choices),
        Choice(
            "layer",
            gettext_lazy("Layer"),
            choices=lambda: [(one.code, str(one)) for one in Layer.objects.order_by("code")],
            path="layer__code",
        ),
    ),
    order=("-id",),
    row_url=address,
    empty_title=gettext_lazy("No experiment yet"),
    empty_text=gettext_lazy("An experiment shows whether a change helps before everybody gets it."),
)


@requires("outreach.experiment.view")
def overview(request: HttpRequest) -> HttpResponse:
    """Every experiment, what the layers have free, and the metrics there are."""
    rows = Experiment.objects.visible_to(person_of(request)).select_related("layer", "metric", "chosen")
    try:
        table = EXPERIMENTS.shown(rows=rows, query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("outreach:experiments"))
    context = {
        "table": table,
        "layers": layers(),
        "metrics": Metric.objects.order_by("code"),
        "may_edit": may(request, "outreach.experiment.edit"),
    }
    return render(request, "outreach/experiments/list.html", context)


@requires("outreach.experiment.view")
def page(request: HttpRequest, experiment_id: int) -> HttpResponse:
    """What was tried on whom, is the split sound, what happened and by how much, is it decided and why (not)."""
    subject = visible(request, experiment_id)
    results = results_of(experiment=subject, as_of=business_date())
    shown = [shown_metric(reading, results=results) for reading in results.metrics]
    context: dict[str, Any] = {
        "experiment": subject,
        "results": results,
        "split": [(arm, one, round(one.expected)) for arm, one in zip(results.arms, results.split.arms, strict=True)],
        "split_p_value": p_value_text(results.split.p_value),
        "reasons": [sentence_text(sentence=one) for one in results.readiness.reasons],
        "main": shown[0],
        "watched": shown[1:],
        "confidence": percent_text(1 - subject.alpha, bare=True),
        "winner_sentence": next((one.sentence for one in shown[0].comparisons if one.arm == results.winner), ""),
        "asked": pending_start(experiment=subject) if subject.state == "draft" else None,
        "confirmations": subject.confirmations.visible_to(person_of(request)),
        "may_edit": may(request, "outreach.experiment.edit"),
        **(_words(request, subject) if subject.template_id else {}),
        **(shown_screening(subject, results=results) if subject.design in PLANS else {}),
    }
    return render(request, "outreach/experiments/experiment.html", context)


def _words(request: HttpRequest, subject: Experiment) -> dict[str, Any]:
    """What borrowers read in each arm, and what is missing before it can start."""
    wordings = wordings_of(experiment=subject)
    samples = {language: sample_values(language=language) for language in LANGUAGES}
    is_draft = subject.state == Experiment.State.DRAFT
    return {
        "words": shown_arms(wordings=wordings, samples=samples),
        "missing": [sentence_text(sentence=one) for one in wordings.faults] if is_draft else [],
        "may_draft": is_draft and subject.design in PLANS and may(request, "outreach.template.edit"),
        "may_see_messages": may(request, "outreach.message.view"),
    }


def visible(request: HttpRequest, experiment_id: int) -> Experiment:
    """The experiment, if the person may see it. Raises Http404."""
    rows = Experiment.objects.visible_to(person_of(request)).select_related(
        "layer", "metric", "chosen", "screening", "template"
    )
    found = rows.filter(pk=experiment_id).first()
    if found is None:
        raise Http404
    return found
