"""The verbs of experiments as confirm panels: start, stop, decide, discard; new layers and metrics."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.formats import date_text, percent_text
from backoffice.outreach.console.experiments.pages import address, visible
from backoffice.outreach.domain.experiments.wording import AS_TODAY
from backoffice.outreach.models import Experiment, Metric
from backoffice.outreach.selectors.experiment_words import sentence_text
from backoffice.outreach.selectors.experiments import results_of
from backoffice.outreach.services import experiments


class ExperimentVerb(ConfirmView):
    """What the verbs of an experiment have in common."""

    permission = "outreach.experiment.edit"

    def load(self, *, request: HttpRequest, **where: Any) -> Experiment:
        """The experiment, if the person may see it. Raises Http404."""
        return visible(request, where["experiment_id"])

    def back_url(self, *, subject: Experiment) -> str:
        """Its page."""
        return address(subject)

    def subject_line(self, *, subject: Experiment) -> str:
        """Its name."""
        return subject.name


class DraftWords(ExperimentVerb):
    """Drafts what the rows of a plan prescribe."""

    permission = "outreach.template.edit"
    title: ClassVar[Text] = gettext_lazy("Draft the words of the plan")
    verb: ClassVar[Text] = gettext_lazy("Draft them")

    def foresee(self, *, subject: Experiment, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many templates there will be."""
        rows = set(subject.arms.filter(is_control=False).values_list("name", flat=True))
        texts = [row for row in rows if set(row) != {AS_TODAY}]
        return Consequence(
            lines=(Line(_("Templates, one for each text but today's"), len(texts), total=True),),
            warnings=(
                _("They are drafts: each is submitted and approved like any words before the experiment starts."),
            ),
        )

    def perform(self, *, subject: Experiment, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Drafts them."""
        drafted = experiments.draft_rows(experiment_id=subject.pk, actor=actor)
        return ngettext("%(count)s text is drafted.", "%(count)s texts are drafted.", len(drafted)) % {
            "count": len(drafted)
        }


class Start(ExperimentVerb):
    """Asks a second person to start it; shows what will be frozen."""

    title: ClassVar[Text] = gettext_lazy("Start the experiment")
    verb: ClassVar[Text] = gettext_lazy("Ask for the start")

    def foresee(self, *, subject: Experiment, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What is declared, to be frozen."""
        return Consequence(
            lines=(
                Line(_("Layer"), str(subject.layer)),
                Line(_("Share of the layer"), percent_text(subject.share, bare=True)),
                Line(_("Arms"), subject.arms.count()),
                Line(_("Declared metric"), str(subject.metric)),
                Line(_("Fewest people in each arm"), subject.minimum_sample),
                Line(_("Last day people are taken in"), subject.stop_on, total=True),
            ),
            warnings=(_("Nothing of this can be changed once it runs."),),
            approval=_("A compliance officer or another administrator decides."),
        )

    def perform(self, *, subject: Experiment, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Asks."""
        request = experiments.submit_start(experiment_id=subject.pk, reason=values["reason"], actor=actor)
        return _("Asked for approval, request %(number)s. It starts when a second person agrees.") % {
            "number": request.pk
        }


class Stop(ExperimentVerb):
    """Takes nobody in any more."""

    title: ClassVar[Text] = gettext_lazy("Stop the experiment")
    verb: ClassVar[Text] = gettext_lazy("Stop it")
    costly = True

    def foresee(self, *, subject: Experiment, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Whether it will have a verdict."""
        results = results_of(experiment=subject, as_of=business_date())
        warnings: tuple[Text, ...] = ()
        if subject.stop_on is not None and business_date() < subject.stop_on:
            warnings = (
                _("Its last day is %(day)s. Stopped before that it will never have a verdict.")
                % {"day": date_text(subject.stop_on)},
            )
        return Consequence(lines=(Line(_("People taken in"), results.units, total=True),), warnings=warnings)

    def perform(self, *, subject: Experiment, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Stops it."""
        experiments.stop(experiment_id=subject.pk, reason=values["reason"], actor=actor)
        return _("%(name)s is stopped.") % {"name": subject.name}


class DecideForm(ConfirmForm):
    """The arm it is decided for; the reason is the conclusion."""

    arm = forms.TypedChoiceField(label=gettext_lazy("Decided for"), coerce=int)

    def __init__(self, *args: Any, arms: list[tuple[int, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["arm"].choices = arms  # type: ignore[attr-defined]
        self.fields["reason"].label = _("Conclusion")


class Decide(ExperimentVerb):
    """Closes it for one of its arms."""

    title: ClassVar[Text] = gettext_lazy("Decide the experiment")
    verb: ClassVar[Text] = gettext_lazy("Decide it")
    form_class = DecideForm

    def form_options(self, *, subject: Experiment) -> dict[str, Any]:
        """Its arms."""
        return {"arms": [(arm.number, arm.name) for arm in subject.arms.order_by("number")]}

    def initial(self, *, subject: Experiment) -> dict[str, Any]:
        """The winner, else the control."""
        results = results_of(experiment=subject, as_of=business_date())
        return {"arm": (results.winner or results.control).number}

    def foresee(self, *, subject: Experiment, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What the experiment says for the arm."""
        results = results_of(experiment=subject, as_of=business_date())
        chosen = next(arm for arm in results.arms if arm.number == values["arm"])
        warnings = [sentence_text(sentence=one) for one in results.readiness.reasons]
        if results.readiness.is_ready and chosen not in {results.winner, results.control}:
            warnings.append(_("The experiment does not show that this arm is better than the control."))
        return Consequence(
            lines=(
                Line(_("Found better"), results.winner.name if results.winner else _("no arm")),
                Line(_("Decided for"), chosen.name, total=True),
            ),
            warnings=tuple(warnings),
        )

    def perform(self, *, subject: Experiment, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Decides it."""
        experiments.decide(experiment_id=subject.pk, arm_number=values["arm"], conclusion=values["reason"], actor=actor)
        return _("%(name)s is decided.") % {"name": subject.name}


class Discard(ExperimentVerb):
    """A draft that is not wanted."""

    title: ClassVar[Text] = gettext_lazy("Discard the draft")
    verb: ClassVar[Text] = gettext_lazy("Discard")
    costly = True

    def perform(self, *, subject: Experiment, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Discards it."""
        experiments.discard_draft(experiment_id=subject.pk, reason=values["reason"], actor=actor)
        return _("%(name)s is discarded.") % {"name": subject.name}


class _New(ConfirmView):
    """What a new layer and a new metric have in common."""

    permission = "outreach.experiment.edit"
    verb: ClassVar[Text] = gettext_lazy("Add")

    def load(self, *, request: HttpRequest, **where: Any) -> str:
        """Nothing yet."""
        return ""

    def back_url(self, *, subject: str) -> str:
        """The list of experiments."""
        return reverse("outreach:experiments")


class LayerForm(ConfirmForm):
    """A layer."""

    code = forms.SlugField(label=gettext_lazy("Code"), max_length=40)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    name_zh = forms.CharField(label=gettext_lazy("Name in Chinese"), max_length=80, required=False)


class AddLayer(_New):
    """A new layer."""

    title: ClassVar[Text] = gettext_lazy("New layer")
    form_class = LayerForm

    def subject_line(self, *, subject: str) -> str:
        """What a layer is for."""
        return _("Experiments of one layer never share a person; those of different layers do.")

    def perform(self, *, subject: str, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Adds it."""
        layer = experiments.add_layer(code=values["code"], name=values["name"], name_zh=values["name_zh"], actor=actor)
        return _("The layer %(name)s is added.") % {"name": layer}


class MetricForm(LayerForm):
    """A metric."""

    kind = forms.ChoiceField(label=gettext_lazy("Compared as"), choices=Metric.Kind.choices)
    goal = forms.ChoiceField(label=gettext_lazy("Better"), choices=Metric.Goal.choices)
    currency = forms.RegexField(r"^[A-Z]{3}$", label=gettext_lazy("Currency"), max_length=3, required=False)


class AddMetric(_New):
    """A new metric."""

    title: ClassVar[Text] = gettext_lazy("New metric")
    form_class = MetricForm

    def subject_line(self, *, subject: str) -> str:
        """What a metric is."""
        return _("Something a person does that can be counted; outcomes are recorded under its code.")

    def perform(self, *, subject: str, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Adds it."""
        metric = experiments.add_metric(
            **{name: value for name, value in values.items() if name != "reason"}, actor=actor
        )
        return _("The metric %(name)s is added.") % {"name": metric}
