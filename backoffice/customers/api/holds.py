"""Holds and merges over the API."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars.selectors import business_date
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, read
from backoffice.customers import selectors, services
from backoffice.customers.api import shapes
from backoffice.customers.api.borrowers import BorrowerView
from backoffice.customers.selectors.borrowers import check_visible
from backoffice.customers.selectors.holds import check_hold_visible
from backoffice.staff.access import person_of


class HoldsView(BorrowerView):
    """The holds of a borrower."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "customers.hold.view", "POST": "customers.hold.place"}
    request_serializer_class = shapes.NewHoldSerializer
    serializer_class = shapes.HoldsSerializer
    answer_serializer_class = shapes.HoldIdsSerializer
    success_status = 201
    refusals = ("409", "422")

    def get(self, request: Request, borrower_id: int) -> Response:
        """Every hold, the newest first, as it stands on the business date."""
        holds = selectors.holds_of_borrower(borrower_id=borrower_id, as_of=business_date())
        return Response(self.serializer_class({"holds": holds}).data)

    @idempotent
    def post(self, request: Request, borrower_id: int) -> Response:
        """Stop calls, texts, debits, penalty or aging for a time; all scopes or none."""
        asked = read(self.request_serializer_class, request.data)
        end = asked.pop("end")
        placed = services.place_hold(borrower_id=borrower_id, end_exclusive=end, actor=actor_of(request.user), **asked)
        return Response(self.answer_serializer_class({"hold_ids": placed}).data, status=self.success_status)


class LiftHoldView(ApiView):
    """End a hold, or ask a second person to agree."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.hold.lift"}
    request_serializer_class = shapes.LiftSerializer
    serializer_class = shapes.LiftedSerializer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses a hold on a borrower outside the person's portfolios as if there were none."""
        super().initial(request, *args, **kwargs)
        check_hold_visible(hold_id=kwargs["hold_id"], user=person_of(request))

    @idempotent
    def post(self, request: Request, hold_id: int) -> Response:
        """Answers with the number of the request when somebody else has to decide."""
        asked = read(self.request_serializer_class, request.data)
        outcome = services.lift_hold(hold_id=hold_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(outcome).data)


class MergeView(BorrowerView):
    """Fold a duplicate into this borrower."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.borrower.merge"}
    request_serializer_class = shapes.MergeSerializer
    serializer_class = shapes.MergedSerializer
    success_status = 201

    @idempotent
    def post(self, request: Request, borrower_id: int) -> Response:
        """Everything of the duplicate moves here; the merge can be undone."""
        asked = read(self.request_serializer_class, request.data)
        check_visible(borrower_id=asked["absorbed_id"], user=person_of(request))
        merged = services.merge(survivor_id=borrower_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class({"merge_id": merged}).data, status=self.success_status)


class UndoMergeView(BorrowerView):
    """Undo a merge into this borrower."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.borrower.merge"}
    request_serializer_class = shapes.ReasonSerializer
    serializer_class = shapes.MergedSerializer

    @idempotent
    def post(self, request: Request, borrower_id: int, merge_id: int) -> Response:
        """The duplicate gets back exactly what the merge took from it."""
        asked = read(self.request_serializer_class, request.data)
        services.undo_merge(merge_id=merge_id, survivor_id=borrower_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class({"merge_id": merge_id}).data)
