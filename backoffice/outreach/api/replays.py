"""Replay reports over the API: ask for a period, follow it, read what was not permitted."""

from typing import Any, ClassVar

from django.conf import settings
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars import clock
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.outreach.api import contact_shapes as shapes
from backoffice.outreach.api.message_shapes import OutreachReasonSerializer
from backoffice.outreach.selectors import replay_reports
from backoffice.outreach.services.replaying import ask_replay, go_on_with_replay, stop_replay
from backoffice.staff.access import person_of


class ReplaysView(ListView):
    """Periods judged again, the latest asked first."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.replay.view", "POST": "outreach.replay.run"}
    request_serializer_class = shapes.NewReplaySerializer
    serializer_class = shapes.ReplaySerializer
    success_status = 201

    def rows(self) -> QuerySet[Any]:
        """Every report."""
        return replay_reports.reports(user=person_of(self.request))

    @idempotent
    def post(self, request: Request) -> Response:
        """Ask for a period to be judged again; a worker does it, and the report says how far it is."""
        asked = read(self.request_serializer_class, request.data)
        report_id = ask_replay(today=clock.today_in(settings.LENDER_TIME_ZONE), actor=actor_of(request.user), **asked)
        report = replay_reports.report_of(report_id=report_id, user=person_of(request))
        return Response(self.serializer_class(report).data, status=self.success_status)


class ReplayView(ApiView):
    """One report."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.replay.view"}
    serializer_class = shapes.ReplaySerializer

    def get(self, request: Request, report_id: int) -> Response:
        """How far it is, and how many contacts were not permitted."""
        report = replay_reports.report_of(report_id=report_id, user=person_of(request))
        return Response(self.serializer_class(report).data)


class StopReplayView(ApiView):
    """Stop the work on a report."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.replay.run"}
    request_serializer_class = OutreachReasonSerializer
    serializer_class = shapes.ReplaySerializer
    refusals = ("404", "409", "422")

    @idempotent
    def post(self, request: Request, report_id: int) -> Response:
        """What was judged stays; it can go on from there."""
        asked = read(self.request_serializer_class, request.data)
        stop_replay(report_id=report_id, actor=actor_of(request.user), now=clock.now(), **asked)
        report = replay_reports.report_of(report_id=report_id, user=person_of(request))
        return Response(self.serializer_class(report).data)


class GoOnWithReplayView(ApiView):
    """Hand a report that stands still to a worker again."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.replay.run"}
    request_serializer_class = OutreachReasonSerializer
    serializer_class = shapes.ReplaySerializer
    refusals = ("404", "409", "422")

    @idempotent
    def post(self, request: Request, report_id: int) -> Response:
        """It goes on where it stopped."""
        asked = read(self.request_serializer_class, request.data)
        go_on_with_replay(report_id=report_id, actor=actor_of(request.user), **asked)
        report = replay_reports.report_of(report_id=report_id, user=person_of(request))
        return Response(self.serializer_class(report).data)


class FindingsView(ListView):
    """The contacts of a report that were not permitted."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.replay.view"}
    query_serializer_class = shapes.FindingsQuery
    serializer_class = shapes.ReplayFindingSerializer

    def rows(self, *, report_id: int, rule: str = "", **equal: Any) -> QuerySet[Any]:
        """The findings about borrowers the person may see that fit every filter."""
        user = person_of(self.request)
        replay_reports.report_of(report_id=report_id, user=user)
        rows = replay_reports.findings(report_id=report_id, user=user).filter(**equal)
        return rows.filter(rules__contains=[rule]) if rule else rows
