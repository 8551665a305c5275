"""Stops of debits over the API: which stand, and letting the debits of a loan go on."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars import clock
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.repayment.api.autopay import debit_shapes as shapes
from backoffice.repayment.models import DebitStop
from backoffice.repayment.selectors.autopay.stops import visible_stops
from backoffice.repayment.services.autopay.debit_stops import DebitStopNotOpen, end_stop
from backoffice.staff.access import person_of


class StopsView(ListView):
    """Loans whose debits are or were stopped, the latest first."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "repayment.autopay.view"}
    query_serializer_class = shapes.StopsQuery
    serializer_class = shapes.DebitStopSerializer

    def rows(self, *, state: str = "", **equal: Any) -> QuerySet[DebitStop]:
        """Stops of the loans the person may see."""
        rows = visible_stops(user=person_of(self.request)).filter(**equal)
        return rows.filter(ended_at__isnull=state == "standing") if state else rows


class EndStopView(ApiView):
    """Letting the debits of a loan go on, with a reason."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.debit_stop.end"}
    request_serializer_class = shapes.DebitReasonSerializer
    serializer_class = shapes.DebitStopSerializer
    refusals = ("409",)

    @idempotent
    def post(self, request: Request, stop_id: int) -> Response:
        """A bill of today that is still open is tried in the next slot; the close plans the next day."""
        asked = read(self.request_serializer_class, request.data)
        if not visible_stops(user=person_of(request)).filter(pk=stop_id).exists():
            raise DebitStopNotOpen(_("This stop is not in force."), next_step=_("Look at the list of stops again."))
        stop = end_stop(stop_id=stop_id, reason=asked["reason"], at=clock.now(), actor=actor_of(request.user))
        return Response(self.serializer_class(stop).data)
