"""Holds and merges over the API; what replays loans, placing and lifting, is in `repayment.api.holds`."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars.selectors import business_date
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.customers import selectors, services
from backoffice.customers.api import hold_shapes, shapes
from backoffice.customers.api.borrowers import BorrowerView
from backoffice.customers.domain.hold_policy import MATRIX
from backoffice.customers.models import Hold
from backoffice.customers.selectors.borrowers import check_visible
from backoffice.customers.selectors.holds import (
    check_hold_visible,
    due_for_review,
    ending_soon,
    held_groups,
    running_on,
)
from backoffice.staff.access import person_of


class HoldsView(BorrowerView):
    """The holds of a borrower. Placing one replays loans and is therefore in `repayment.api.holds`."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "customers.hold.view"}
    serializer_class = hold_shapes.HoldsSerializer

    def get(self, request: Request, borrower_id: int) -> Response:
        """Every hold, the newest first, as it stands on the business date."""
        holds = selectors.holds_of_borrower(borrower_id=borrower_id, as_of=business_date())
        return Response(self.serializer_class({"holds": holds}).data)


class HeldView(ListView):
    """Holds that were not lifted, each with its effects as one row, the latest placed first."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "customers.hold.view"}
    query_serializer_class = hold_shapes.HoldsQuery
    serializer_class = hold_shapes.HeldSerializer
    which: ClassVar[dict[str, Any]] = {"due": due_for_review, "soon": ending_soon, "running": running_on}

    def rows(self, *, which: str = "", **equal: str) -> QuerySet[Hold]:
        """`due`: the review has come; `soon`: it comes, or the hold ends, within a week; `running`: in force."""
        rows = held_groups(user=person_of(self.request)).filter(**equal)
        narrowed: QuerySet[Hold] = self.which[which](rows, day=business_date()) if which else rows
        return narrowed


class HoldPoliciesView(ApiView):
    """The holds matrix: what each reason stops, until when, and whose it is."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "customers.hold.view"}
    serializer_class = hold_shapes.HoldPoliciesSerializer

    def get(self, request: Request) -> Response:
        """One row a reason."""
        rows = [
            {
                "reason": reason.value,
                "effects": [
                    {"scope": scope.value, "effect": effect.value, "is_demanded": scope in policy.demanded}
                    for scope, effect in (policy.demanded | dict(policy.offered)).items()
                ],
                "owner_role": policy.owner,
                "review_days": policy.review_days,
                "needs_end": policy.needs_end,
                "takes_two_to_lift": policy.two_to_lift,
                "wants_evidence": policy.wants_evidence,
            }
            for reason, policy in MATRIX.items()
        ]
        return Response(self.serializer_class({"policies": rows}).data)


class HoldView(ApiView):
    """The base of what hangs on one hold the person may see."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses a hold on a borrower outside the person's portfolios as if there were none."""
        super().initial(request, *args, **kwargs)
        check_hold_visible(hold_id=kwargs["hold_id"], user=person_of(request))


class ReviewHoldView(HoldView):
    """Keep a hold running until its next review."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.hold.review"}
    request_serializer_class = hold_shapes.ReviewSerializer
    serializer_class = hold_shapes.ReviewedSerializer
    refusals = ("403", "409", "422")

    @idempotent
    def post(self, request: Request, hold_id: int) -> Response:
        """The finding is kept; the hold's owner role, a team lead or compliance reviews."""
        asked = read(self.request_serializer_class, request.data)
        finding = asked.pop("reason")
        reviewed = services.review_hold(
            hold_id=hold_id, finding=finding, as_of=business_date(), actor=actor_of(request.user), **asked
        )
        return Response(self.serializer_class({"scopes": reviewed}).data)


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
