"""Experiments over the API: declared, started by a second person, fed with units and outcomes, read, decided."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars import clock
from backoffice.calendars.selectors import business_date
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.core.errors import Refusal
from backoffice.outreach.api import experiment_shapes as shapes
from backoffice.outreach.domain.experiments.sizing import SizeNotPossible, size_for_shares
from backoffice.outreach.models import Experiment, Layer, Metric
from backoffice.outreach.selectors.experiments import results_of
from backoffice.outreach.services import experiments
from backoffice.outreach.services.experiments.locking import not_found
from backoffice.outreach.services.experiments.recording import check_units
from backoffice.staff.access import person_of

VIEW: dict[str, str] = {"GET": "outreach.experiment.view"}
EDIT: dict[str, str] = {"POST": "outreach.experiment.edit"}
RECORD: dict[str, str] = {"POST": "outreach.experiment.record"}


class SizeRefused(Refusal):
    """The two shares are the same, or the errors allowed are impossible."""

    code: ClassVar[str] = "outreach.size_refused"


class LayersView(ListView):
    """Layers."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW | EDIT
    request_serializer_class = shapes.NewLayerSerializer
    serializer_class = shapes.LayerSerializer
    success_status = 201

    def rows(self, **filters: Any) -> QuerySet[Layer]:
        """All of them."""
        return Layer.objects.all()

    @idempotent
    def post(self, request: Request) -> Response:
        """A new layer; its experiments never share a unit."""
        asked = read(self.request_serializer_class, request.data)
        layer = experiments.add_layer(**asked, actor=actor_of(request.user))
        return Response(self.serializer_class(layer).data, status=self.success_status)


class MetricsView(ListView):
    """Metrics."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW | EDIT
    request_serializer_class = shapes.NewMetricSerializer
    serializer_class = shapes.MetricSerializer
    success_status = 201

    def rows(self, **filters: Any) -> QuerySet[Metric]:
        """All of them."""
        return Metric.objects.all()

    @idempotent
    def post(self, request: Request) -> Response:
        """A new metric outcomes can be recorded under."""
        asked = read(self.request_serializer_class, request.data)
        metric = experiments.add_metric(**asked, actor=actor_of(request.user))
        return Response(self.serializer_class(metric).data, status=self.success_status)


class ExperimentsView(ListView):
    """Experiments, the newest first."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW | EDIT
    query_serializer_class = shapes.ExperimentsQuery
    request_serializer_class = shapes.NewExperimentSerializer
    serializer_class = shapes.ExperimentSerializer
    success_status = 201

    def rows(self, **filters: Any) -> QuerySet[Experiment]:
        """Those that fit every filter."""
        rows = _visible(self.request)
        if "layer" in filters:
            rows = rows.filter(layer__code=filters.pop("layer"))
        return rows.filter(**filters)

    @idempotent
    def post(self, request: Request) -> Response:
        """A draft; nothing happens to anybody until a second person starts it."""
        asked = shapes.NewExperimentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = experiments.declare_experiment(declaration=asked.declaration(), actor=actor_of(request.user))
        return Response(self.serializer_class(made).data, status=self.success_status)


class ExperimentView(ApiView):
    """The base of what is done to one experiment."""

    serializer_class = shapes.ExperimentSerializer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses an experiment out of the person's sight as if there were none."""
        super().initial(request, *args, **kwargs)
        found = _visible(request).filter(pk=kwargs["experiment_id"]).first()
        if found is None:
            raise not_found()
        self.found = found

    def answer(self) -> Response:
        """The experiment as it is now."""
        return Response(self.serializer_class(_visible(self.request).get(pk=self.found.pk)).data)


class ExperimentPageView(ExperimentView):
    """One experiment."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW

    def get(self, request: Request, experiment_id: int) -> Response:
        """What was declared and where it stands."""
        return self.answer()


class ResultsView(ExperimentView):
    """What an experiment shows."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW
    serializer_class = shapes.ResultsSerializer  # type: ignore[assignment]

    def get(self, request: Request, experiment_id: int) -> Response:
        """Values, differences and their intervals; verdicts only once it may be judged."""
        results = results_of(experiment=self.found, as_of=business_date())
        return Response(self.serializer_class(results).data)


class ChangeView(ExperimentView):
    """Change a draft."""

    permissions_by_method: ClassVar[dict[str, str]] = EDIT
    request_serializer_class = shapes.DeclarationSerializer

    @idempotent
    def post(self, request: Request, experiment_id: int) -> Response:
        """Another declaration in place of the whole old one; the code stays."""
        asked = shapes.DeclarationSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        experiments.change_draft(
            experiment_id=experiment_id,
            declaration=asked.declaration(code=self.found.code),
            actor=actor_of(request.user),
        )
        return self.answer()


class DraftWordsView(ExperimentView):
    """Draft the words of a plan's rows."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.template.edit"}
    serializer_class = shapes.WordsDraftedSerializer  # type: ignore[assignment]

    @idempotent
    def post(self, request: Request, experiment_id: int) -> Response:
        """A template for each row but the first, with drafts of what it prescribes; to be approved like any words."""
        drafted = experiments.draft_rows(experiment_id=experiment_id, actor=actor_of(request.user))
        return Response(self.serializer_class({"templates": [template.code for template in drafted]}).data)


class StartView(ExperimentView):
    """Ask for the start."""

    permissions_by_method: ClassVar[dict[str, str]] = EDIT
    request_serializer_class = shapes.ExperimentReasonSerializer
    serializer_class = shapes.AskedSerializer  # type: ignore[assignment]
    success_status = 202

    @idempotent
    def post(self, request: Request, experiment_id: int) -> Response:
        """The request waits for a second person; approving it starts the experiment and freezes its plan."""
        asked = read(self.request_serializer_class, request.data)
        waiting = experiments.submit_start(experiment_id=experiment_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class({"approval_id": waiting.pk}).data, status=self.success_status)


class StopView(ExperimentView):
    """Stop a running experiment."""

    permissions_by_method: ClassVar[dict[str, str]] = EDIT
    request_serializer_class = shapes.ExperimentReasonSerializer

    @idempotent
    def post(self, request: Request, experiment_id: int) -> Response:
        """Before its declared last day it will never have a verdict."""
        asked = read(self.request_serializer_class, request.data)
        experiments.stop(experiment_id=experiment_id, actor=actor_of(request.user), **asked)
        return self.answer()


class DecideView(ExperimentView):
    """Close a stopped experiment for an arm."""

    permissions_by_method: ClassVar[dict[str, str]] = EDIT
    request_serializer_class = shapes.DecisionSerializer

    @idempotent
    def post(self, request: Request, experiment_id: int) -> Response:
        """Without a verdict only the control can be kept."""
        asked = read(self.request_serializer_class, request.data)
        experiments.decide(
            experiment_id=experiment_id,
            arm_number=asked["arm"],
            conclusion=asked["conclusion"],
            actor=actor_of(request.user),
        )
        return self.answer()


class DiscardView(ExperimentView):
    """Discard a draft."""

    permissions_by_method: ClassVar[dict[str, str]] = EDIT
    request_serializer_class = shapes.ExperimentReasonSerializer

    @idempotent
    def post(self, request: Request, experiment_id: int) -> Response:
        """It stays in the list as discarded."""
        asked = read(self.request_serializer_class, request.data)
        experiments.discard_draft(experiment_id=experiment_id, actor=actor_of(request.user), **asked)
        return self.answer()


class UnitsView(ExperimentView):
    """Take borrowers in."""

    permissions_by_method: ClassVar[dict[str, str]] = RECORD
    request_serializer_class = shapes.UnitsSerializer
    serializer_class = shapes.TakenInSerializer  # type: ignore[assignment]

    @idempotent
    def post(self, request: Request, experiment_id: int) -> Response:
        """Call it at the moment the arms begin to differ, for the control too; the answer says what each gets."""
        asked = read(self.request_serializer_class, request.data)
        check_units(units=asked["borrower_ids"], user=person_of(request))
        taken = experiments.take_in(
            experiment_id=experiment_id,
            borrower_ids=asked["borrower_ids"],
            at=clock.now(),
            actor=actor_of(request.user),
        )
        return Response(self.serializer_class({"units": taken}).data)


class OutcomesView(ApiView):
    """Record outcomes."""

    permissions_by_method: ClassVar[dict[str, str]] = RECORD
    request_serializer_class = shapes.OutcomesSerializer
    serializer_class = shapes.RecordedSerializer

    @idempotent
    def post(self, request: Request) -> Response:
        """Each key counts once; every experiment whose window an outcome falls into reads it."""
        asked = read(self.request_serializer_class, request.data)
        outcomes = [experiments.NewOutcome(**one) for one in asked["outcomes"]]
        check_units(units=[one.borrower_id for one in outcomes], user=person_of(request))
        new = experiments.record_outcomes(outcomes=outcomes, actor=actor_of(request.user))
        return Response(self.serializer_class({"new": new}).data)


class SampleSizeView(ApiView):
    """How many units an experiment needs."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW
    query_serializer_class = shapes.SizeQuery
    refusals = ("422",)
    serializer_class = shapes.SizeSerializer

    def get(self, request: Request) -> Response:
        """To tell two shares apart by a two-sided test."""
        try:
            size = size_for_shares(**self.query())
        except SizeNotPossible as refused:
            raise SizeRefused(
                _("No size follows from these numbers."),
                next_step=_("Correct the number that is named."),
                fields={refused.field: _("no size follows from this")},
            ) from refused
        return Response(self.serializer_class(size).data)


def _visible(request: Request) -> QuerySet[Experiment]:
    return (
        Experiment.objects.visible_to(person_of(request))
        .select_related("layer", "metric", "chosen", "template")
        .prefetch_related("arms__template")
    )
