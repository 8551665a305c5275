"""Placing and lifting a hold over the API: the loans it bears on are replayed in the same transaction (ADR 10)."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.core.access import actor_of
from backoffice.core.api.views import read
from backoffice.customers.api import hold_shapes
from backoffice.customers.api.holds import HoldsView, HoldView
from backoffice.repayment.services import holds


class BorrowerHoldsView(HoldsView):
    """The holds of a borrower; and placing one."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "customers.hold.view", "POST": "customers.hold.place"}
    request_serializer_class = hold_shapes.NewHoldSerializer
    answer_serializer_class = hold_shapes.PlacedSerializer
    success_status = 201
    refusals = ("409", "422")

    @idempotent
    def post(self, request: Request, borrower_id: int) -> Response:
        """Place a hold: what its reason demands and what is added; all scopes or none, or none when a loan refuses."""
        asked = read(self.request_serializer_class, request.data)
        end = asked.pop("end")
        placed = holds.place_hold(borrower_id=borrower_id, end_exclusive=end, actor=actor_of(request.user), **asked)
        return Response(self.answer_serializer_class(placed).data, status=self.success_status)


class LiftHoldView(HoldView):
    """End a hold, or ask a second person to agree."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.hold.lift"}
    request_serializer_class = hold_shapes.LiftSerializer
    serializer_class = hold_shapes.LiftedSerializer

    @idempotent
    def post(self, request: Request, hold_id: int) -> Response:
        """Answers with the number of the request when somebody else has to decide."""
        asked = read(self.request_serializer_class, request.data)
        outcome = holds.lift_hold(hold_id=hold_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(outcome).data)
