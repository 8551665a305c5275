"""Borrowers over the API: list, page, search, reveal, corrections."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.customers import selectors, services
from backoffice.customers.api import shapes
from backoffice.customers.domain.intake import NewContact
from backoffice.customers.models import Borrower
from backoffice.customers.selectors.borrowers import check_visible
from backoffice.staff.access import person_of


class BorrowersView(ListView):
    """Borrowers, the latest registered first."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "customers.borrower.view"}
    query_serializer_class = shapes.BorrowersQuery
    serializer_class = shapes.BorrowerRowSerializer

    def rows(self, **equal: str) -> QuerySet[Borrower]:
        """The borrowers the person may see that fit every filter."""
        return Borrower.objects.visible_to(person_of(self.request)).filter(**equal)


class SearchView(ApiView):
    """Find borrowers by whatever the caller says."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.borrower.search"}
    request_serializer_class = shapes.SearchSerializer
    serializer_class = shapes.FoundListSerializer

    def post(self, request: Request) -> Response:
        """At most twenty, the surest first. A POST, so that no phone number stands in an address or a log."""
        asked = read(self.request_serializer_class, request.data)
        found = selectors.search(query=asked["query"], user=person_of(request))
        return Response(self.serializer_class({"found": found}).data)


class BorrowerView(ApiView):
    """The base of what hangs on one borrower the person may see."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses a borrower outside the person's portfolios as if there were none."""
        super().initial(request, *args, **kwargs)
        check_visible(borrower_id=kwargs["borrower_id"], user=person_of(request))


class BorrowerPageView(BorrowerView):
    """A borrower, masked."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "customers.borrower.view"}
    serializer_class = shapes.BorrowerSerializer

    def get(self, request: Request, borrower_id: int) -> Response:
        """Identity, contact points and merged records."""
        facts = selectors.borrower_page_facts(borrower_id=borrower_id, user=person_of(request))
        return Response(self.serializer_class(facts).data)


class RevealView(BorrowerView):
    """One field of personal data in clear."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.borrower.reveal"}
    request_serializer_class = shapes.RevealSerializer
    serializer_class = shapes.RevealedSerializer
    throttle_scope = "write"

    def post(self, request: Request, borrower_id: int) -> Response:
        """Leaves an entry in the audit trail each time. The answer is never stored, so there is no Idempotency-Key."""
        asked = read(self.request_serializer_class, request.data)
        revealed = services.reveal(borrower_id=borrower_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(revealed).data, headers={"Cache-Control": "no-store"})


class CorrectNameView(BorrowerView):
    """Put a name right."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.borrower.edit"}
    request_serializer_class = shapes.NameSerializer
    serializer_class = shapes.BorrowerSerializer

    def post(self, request: Request, borrower_id: int) -> Response:
        """Safe to repeat: a name that is right already changes nothing."""
        asked = read(self.request_serializer_class, request.data)
        services.correct_name(borrower_id=borrower_id, actor=actor_of(request.user), **asked)
        return _page(self, request, borrower_id)


class CorrectIdentityView(BorrowerView):
    """Put an identity number right."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.borrower.edit"}
    request_serializer_class = shapes.IdentitySerializer
    serializer_class = shapes.BorrowerSerializer

    def post(self, request: Request, borrower_id: int) -> Response:
        """Checked by the rules of its kind. Safe to repeat."""
        asked = read(self.request_serializer_class, request.data)
        services.correct_identity(borrower_id=borrower_id, actor=actor_of(request.user), **asked)
        return _page(self, request, borrower_id)


class ContactPointsView(BorrowerView):
    """Add a way to reach a borrower."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.borrower.edit"}
    request_serializer_class = shapes.NewContactSerializer
    serializer_class = shapes.ContactIdSerializer
    success_status = 201

    @idempotent
    def post(self, request: Request, borrower_id: int) -> Response:
        """A new first choice takes the place of the old one."""
        asked = read(self.request_serializer_class, request.data)
        reason = asked.pop("reason")
        added = services.add_contact_point(
            borrower_id=borrower_id, contact=NewContact(**asked), reason=reason, actor=actor_of(request.user)
        )
        return Response(self.serializer_class({"id": added}).data, status=self.success_status)


class EndContactPointView(BorrowerView):
    """Stop using a contact point."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.borrower.edit"}
    request_serializer_class = shapes.ReasonSerializer
    serializer_class = shapes.BorrowerSerializer

    @idempotent
    def post(self, request: Request, borrower_id: int, contact_point_id: int) -> Response:
        """It stays in the record and still finds its borrower."""
        asked = read(self.request_serializer_class, request.data)
        services.end_contact_point(
            borrower_id=borrower_id, contact_point_id=contact_point_id, actor=actor_of(request.user), **asked
        )
        return _page(self, request, borrower_id)


class JudgeContactPointView(BorrowerView):
    """Say how good a contact point is, and whether it is tried first."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.borrower.edit"}
    request_serializer_class = shapes.JudgementSerializer
    serializer_class = shapes.BorrowerSerializer

    def post(self, request: Request, borrower_id: int, contact_point_id: int) -> Response:
        """Safe to repeat."""
        asked = read(self.request_serializer_class, request.data)
        services.judge_contact_point(
            borrower_id=borrower_id, contact_point_id=contact_point_id, actor=actor_of(request.user), **asked
        )
        return _page(self, request, borrower_id)


def _page(view: Any, request: Request, borrower_id: int) -> Response:
    facts = selectors.borrower_page_facts(borrower_id=borrower_id, user=person_of(request))
    return Response(view.serializer_class(facts).data)
