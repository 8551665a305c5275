"""Endpoints of the calendars: the business day, which days are worked, and the days administrators declare."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.calendars import selectors, services
from backoffice.calendars.api import serializers
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, read


class BusinessDayView(ApiView):
    """The current business day and its state."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "calendars.day.view"}
    serializer_class = serializers.BusinessDaySerializer
    refusals = ("409",)

    def get(self, request: Request) -> Response:
        """Today's business day, and the date new work is booked on."""
        return Response(self.serializer_class(selectors.business_day()).data)


class DaysView(ApiView):
    """Which days of a calendar are worked."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "calendars.day.view"}
    query_serializer_class = serializers.DaysQuery
    serializer_class = serializers.DayAnswersSerializer
    refusals = ("422",)

    def get(self, request: Request, calendar: str) -> Response:
        """Each day asked for: worked or why not, and where a due date on it goes."""
        return Response(self.serializer_class({"days": selectors.answer_days(calendar=calendar, **self.query())}).data)


class DeclareDayView(ApiView):
    """Declare a day worked, or not worked, over the published calendar."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "calendars.calendar.edit"}
    request_serializer_class = serializers.DeclareDaySerializer
    serializer_class = serializers.DayAnswerSerializer

    def post(self, request: Request, calendar: str) -> Response:
        """Schedules already made are not moved."""
        asked = read(self.request_serializer_class, request.data)
        answer = services.declare_day(calendar=calendar, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(answer).data)


class WithdrawDayView(ApiView):
    """Let the published calendar speak again for a declared day."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "calendars.calendar.edit"}
    request_serializer_class = serializers.WithdrawDaySerializer
    serializer_class = serializers.DayAnswerSerializer

    def post(self, request: Request, calendar: str) -> Response:
        """Schedules already made are not moved."""
        asked = read(self.request_serializer_class, request.data)
        answer = services.withdraw_day(calendar=calendar, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(answer).data)
