"""The day end over the API: how days were closed, starting a close, and the loans that were set aside."""

from typing import ClassVar

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.calendars import clock
from backoffice.core.access import actor_of
from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import DayField, ToldField
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.core.errors import Refusal
from backoffice.dayend import services
from backoffice.dayend.models import DayEndRun, DayEndStep, SetAside
from backoffice.dayend.tasks import continue_run

VIEW_RUNS: dict[str, str] = {"GET": "dayend.run.view"}


class RunNotFound(Refusal):
    """There is no such run."""

    code: ClassVar[str] = "dayend.run_not_found"
    status: ClassVar[int] = 404


class SetAsideNotFound(Refusal):
    """There is no such loan on the list, or the person may not see it."""

    code: ClassVar[str] = "dayend.set_aside_not_found"
    status: ClassVar[int] = 404


class DayEndStepSerializer(serializers.Serializer):
    """One step of a close."""

    position = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=DayEndStep.State.choices)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="what it did, counted")
    error = serializers.CharField(allow_blank=True, help_text="what went wrong, until a further try has done the step")


class DayEndRunSerializer(serializers.Serializer):
    """The close of one business day."""

    id = serializers.IntegerField()
    day = DayField()
    state = serializers.ChoiceField(choices=DayEndRun.State.choices)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    seconds = serializers.DecimalField(max_digits=12, decimal_places=3, allow_null=True)
    actor_name = serializers.CharField()
    steps = DayEndStepSerializer(many=True)


class SetAsideSerializer(serializers.Serializer):
    """A loan a close could not close."""

    id = serializers.IntegerField()
    loan_id = serializers.IntegerField()
    run_id = serializers.IntegerField()
    day = DayField()
    code = serializers.CharField()
    reason = ToldField(source="why")
    tries = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    last_tried_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    resolved_by = serializers.CharField(allow_blank=True)


class DayEndStartSerializer(BodySerializer):
    """Which day to close."""

    day = DayField(help_text="the business date; days are closed one by one")


class RunsView(ListView):
    """Closes of business days, newest first; and starting one."""

    permissions_by_method: ClassVar[dict[str, str]] = {**VIEW_RUNS, "POST": "dayend.run.start"}
    request_serializer_class = DayEndStartSerializer
    serializer_class = DayEndRunSerializer
    ordering = ("-day",)
    success_status = 202

    def rows(self) -> QuerySet[DayEndRun]:
        """Every run with its steps."""
        return DayEndRun.objects.prefetch_related("steps")

    def post(self, request: Request) -> Response:
        """Starts the close, or takes up one that was cut off; workers do it: 202, then read the run."""
        run = services.start(
            actor=actor_of(request.user),
            not_after=clock.today_in(settings.TIME_ZONE),
            **read(self.request_serializer_class, request.data),
        )
        continue_run.delay_on_commit(run_id=run.pk)
        return Response(self.serializer_class(_run(run.pk)).data, status=202)


class RunView(ApiView):
    """One close with its steps."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_RUNS
    serializer_class = DayEndRunSerializer

    def get(self, request: Request, run_id: int) -> Response:
        """How far it is, what each step did, how long it took."""
        return Response(self.serializer_class(_run(run_id)).data)


class SetAsideQuery(serializers.Serializer):
    """Filters of the list of loans set aside."""

    resolved = serializers.BooleanField(required=False, help_text="false: those that still wait")
    loan = serializers.IntegerField(min_value=1, required=False)


class SetAsideView(ListView):
    """Loans a close could not close, newest first."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_RUNS
    query_serializer_class = SetAsideQuery
    serializer_class = SetAsideSerializer

    def rows(self, *, resolved: bool | None = None, loan: int | None = None) -> QuerySet[SetAside]:
        """Those on loans the person may see."""
        rows: QuerySet[SetAside] = SetAside.objects.visible_to(self.request.user)
        if resolved is not None:
            rows = rows.filter(resolved_at__isnull=not resolved)
        return rows if loan is None else rows.filter(loan_id=loan)


class RetryView(ApiView):
    """Try again to close a loan that was set aside."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "dayend.run.retry"}
    serializer_class = SetAsideSerializer

    def post(self, request: Request, set_aside_id: int) -> Response:
        """`resolved_at` says whether it worked now; else `reason` says why not."""
        if not SetAside.objects.visible_to(request.user).filter(pk=set_aside_id).exists():
            raise SetAsideNotFound(_("There is no such loan on the list."), next_step=_("Reload the list."))
        services.retry_set_aside(set_aside_id=set_aside_id, actor=actor_of(request.user))
        return Response(self.serializer_class(SetAside.objects.get(pk=set_aside_id)).data)


def _run(run_id: int) -> DayEndRun:
    run = DayEndRun.objects.prefetch_related("steps").filter(pk=run_id).first()
    if run is None:
        raise RunNotFound(_("There is no such run."), next_step=_("Open it from the list of runs."))
    return run
