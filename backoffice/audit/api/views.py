"""The trail, requests for approval and limits over the API."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit import approvals, selectors
from backoffice.audit.api import shapes
from backoffice.audit.idempotent_view import idempotent
from backoffice.audit.models import Approval, ApprovalLimit, AuditEntry
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read

LOOKUPS = {
    "verb": "verb__startswith",
    "borrower": "borrower_id",
    "actor": "actor_id",
    "since": "at__gte",
    "until": "at__lt",
}


class EntriesView(ListView):
    """The audit trail, the newest first."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "audit.trail.view"}
    query_serializer_class = shapes.EntriesQuery
    serializer_class = shapes.EntrySerializer

    def rows(self, **filters: Any) -> QuerySet[AuditEntry]:
        """The entries that fit every filter."""
        return selectors.entries().filter(**{LOOKUPS.get(name, name): value for name, value in filters.items()})


class ApprovalsView(ListView):
    """Requests for approval, the newest first."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "audit.approval.view"}
    query_serializer_class = shapes.ApprovalsQuery
    serializer_class = shapes.ApprovalSerializer

    def rows(self, **equal: Any) -> QuerySet[Approval]:
        """The requests the person may see that fit every filter."""
        return selectors.approvals_visible_to(user=self.request.user).filter(**equal)


class ApprovalView(ApiView):
    """The base of what is done to one request the person may see."""

    serializer_class = shapes.ApprovalSerializer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses a request out of the person's sight as if there were none."""
        super().initial(request, *args, **kwargs)
        self.found = selectors.approval_visible_to(approval_id=kwargs["approval_id"], user=request.user)


class ApprovalPageView(ApprovalView):
    """One request."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "audit.approval.view"}

    def get(self, request: Request, approval_id: int) -> Response:
        """Who asked for what, why, and what became of it."""
        return Response(self.serializer_class(self.found).data)


class ApproveView(ApprovalView):
    """Agree, and do it."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "audit.approval.decide"}
    request_serializer_class = shapes.NoteSerializer

    @idempotent
    def post(self, request: Request, approval_id: int) -> Response:
        """Ends as `approved`, or as `failed` with the reason when it cannot be done any more."""
        asked = read(self.request_serializer_class, request.data)
        decided = approvals.approve(approval_id=approval_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(decided).data)


class DeclineView(ApprovalView):
    """Say no."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "audit.approval.decide"}
    request_serializer_class = shapes.DeclineSerializer

    @idempotent
    def post(self, request: Request, approval_id: int) -> Response:
        """Nothing is done; the person who asked reads the note."""
        asked = read(self.request_serializer_class, request.data)
        decided = approvals.decline(approval_id=approval_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(decided).data)


class WithdrawView(ApprovalView):
    """Take one's own request back."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "audit.approval.submit"}
    request_serializer_class = shapes.NoteSerializer

    @idempotent
    def post(self, request: Request, approval_id: int) -> Response:
        """Nothing is done."""
        asked = read(self.request_serializer_class, request.data)
        decided = approvals.withdraw(approval_id=approval_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(decided).data)


class LimitsView(ApiView):
    """Who may do or decide how much."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "audit.approval_limit.view"}
    serializer_class = shapes.LimitsSerializer

    def get(self, request: Request) -> Response:
        """Every limit, by verb, role and currency."""
        limits = ApprovalLimit.objects.order_by("verb", "role", "currency")
        return Response(self.serializer_class({"limits": limits}).data)
