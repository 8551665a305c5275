"""Mandates over the API. A verb the rail has to know answers before the rail does: read the mandate again for that."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars import clock
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.customers.models import Borrower
from backoffice.customers.selectors.borrowers import BorrowerNotFound
from backoffice.repayment.api.autopay import mandate_shapes as shapes
from backoffice.repayment.domain.autopay.mandate_terms import Binding, Limits
from backoffice.repayment.models import Mandate, MandateMove
from backoffice.repayment.selectors.autopay.mandates import visible_mandates
from backoffice.repayment.services.autopay import mandates
from backoffice.repayment.services.autopay.mandate_moving import mandate_not_found
from backoffice.staff.access import person_of

VIEW: dict[str, str] = {"GET": "repayment.mandate.view"}
SIGN: dict[str, str] = {"POST": "repayment.mandate.sign"}
MANAGE: dict[str, str] = {"POST": "repayment.mandate.manage"}
NAMES = {"rail": "rail__code"}


class MandatesView(ListView):
    """Mandates, the latest first."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW | SIGN
    query_serializer_class = shapes.MandatesQuery
    request_serializer_class = shapes.SignSerializer
    serializer_class = shapes.MandateSerializer
    success_status = 201
    refusals = ("404", "409", "422")

    def rows(self, **equal: Any) -> QuerySet[Mandate]:
        """Those of the borrowers the caller may see that fit every filter."""
        named = {NAMES.get(name, name): value for name, value in equal.items()}
        return visible_mandates(user=person_of(self.request)).filter(**named)

    @idempotent
    def post(self, request: Request) -> Response:
        """Ask the rail for an agreement; it is `signing` until the rail has answered."""
        asked = read(self.request_serializer_class, request.data)
        check_borrower(request, borrower_id=asked["borrower_id"])
        signed = mandates.sign(
            borrower_id=asked["borrower_id"],
            rail_id=asked["rail_id"],
            binding=_binding(asked),
            limits=_limits(asked),
            allows_partial=asked["allows_partial"],
            valid_through=asked["valid_through"],
            reason=asked["reason"],
            source="api",
            actor=actor_of(request.user),
            at=clock.now(),
        )
        return Response(self.serializer_class(signed).data, status=self.success_status)


class MandateBase(ApiView):
    """The base of what is done to one mandate."""

    serializer_class = shapes.MandateSerializer
    refusals: ClassVar[tuple[str, ...]] = ("404",)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses a mandate out of the caller's sight as if there were none."""
        super().initial(request, *args, **kwargs)
        found = visible_mandates(user=person_of(request)).filter(pk=kwargs["mandate_id"]).first()
        if found is None:
            raise mandate_not_found()
        self.found: Mandate = found


class MandateView(MandateBase):
    """One mandate."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW

    def get(self, request: Request, mandate_id: int) -> Response:
        """Its account by mask, its limits, where it stands."""
        return Response(self.serializer_class(self.found).data)


class MandateHistoryView(ListView):
    """What happened to a mandate, newest first."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW
    serializer_class = shapes.MandateMoveSerializer
    refusals = ("404",)

    def rows(self, *, mandate_id: int) -> QuerySet[MandateMove]:
        """The steps, if the caller may see the mandate."""
        if not visible_mandates(user=person_of(self.request)).filter(pk=mandate_id).exists():
            raise mandate_not_found()
        return MandateMove.objects.filter(mandate_id=mandate_id)


class ConfirmMandateView(MandateBase):
    """Confirm a mandate."""

    permissions_by_method: ClassVar[dict[str, str]] = SIGN
    request_serializer_class = shapes.ConfirmMandateSerializer
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, mandate_id: int) -> Response:
        """In force where a person saw it signed; a rail that keeps agreements is asked."""
        asked = read(self.request_serializer_class, request.data)
        done = mandates.confirm(mandate_id=mandate_id, actor=actor_of(request.user), at=clock.now(), **asked)
        return Response(self.serializer_class(done).data)


class SuspendMandateView(MandateBase):
    """Suspend a mandate."""

    permissions_by_method: ClassVar[dict[str, str]] = MANAGE
    request_serializer_class = shapes.MandateReasonSerializer
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, mandate_id: int) -> Response:
        """No debits until it is resumed; planned ones are dropped."""
        asked = read(self.request_serializer_class, request.data)
        done = mandates.suspend(mandate_id=mandate_id, actor=actor_of(request.user), at=clock.now(), **asked)
        return Response(self.serializer_class(done).data)


class ResumeMandateView(MandateBase):
    """Resume a mandate."""

    permissions_by_method: ClassVar[dict[str, str]] = MANAGE
    request_serializer_class = shapes.MandateReasonSerializer
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, mandate_id: int) -> Response:
        """A suspended one may be debited again."""
        asked = read(self.request_serializer_class, request.data)
        done = mandates.resume(mandate_id=mandate_id, actor=actor_of(request.user), at=clock.now(), **asked)
        return Response(self.serializer_class(done).data)


class RevokeMandateView(MandateBase):
    """Revoke a mandate."""

    permissions_by_method: ClassVar[dict[str, str]] = MANAGE
    request_serializer_class = shapes.MandateReasonSerializer
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, mandate_id: int) -> Response:
        """It ends here at once and for good; the rail is told."""
        asked = read(self.request_serializer_class, request.data)
        done = mandates.revoke(mandate_id=mandate_id, actor=actor_of(request.user), at=clock.now(), **asked)
        return Response(self.serializer_class(done).data)


class RebindMandateView(MandateBase):
    """Bind another account."""

    permissions_by_method: ClassVar[dict[str, str]] = SIGN
    request_serializer_class = shapes.RebindSerializer
    success_status = 201
    refusals = ("404", "409", "422")

    @idempotent
    def post(self, request: Request, mandate_id: int) -> Response:
        """Answers with the new agreement; the old one stays in force until the rail has the new one."""
        asked = read(self.request_serializer_class, request.data)
        new = mandates.rebind(
            mandate_id=mandate_id,
            rail_id=asked["rail_id"],
            binding=_binding(asked),
            valid_through=asked["valid_through"],
            reason=asked["reason"],
            actor=actor_of(request.user),
            at=clock.now(),
        )
        return Response(self.serializer_class(new).data, status=self.success_status)


class MandateLimitsView(MandateBase):
    """Change the limits of a mandate."""

    permissions_by_method: ClassVar[dict[str, str]] = MANAGE
    request_serializer_class = shapes.LimitsSerializer
    refusals = ("404", "409", "422")

    @idempotent
    def post(self, request: Request, mandate_id: int) -> Response:
        """All of them at once; the rail is told."""
        asked = read(self.request_serializer_class, request.data)
        done = mandates.change_limits(
            mandate_id=mandate_id,
            limits=_limits(asked),
            allows_partial=asked["allows_partial"],
            reason=asked["reason"],
            actor=actor_of(request.user),
            at=clock.now(),
        )
        return Response(self.serializer_class(done).data)


class MandateOrderView(ApiView):
    """Put a borrower's mandates into an order."""

    permissions_by_method: ClassVar[dict[str, str]] = MANAGE
    request_serializer_class = shapes.MandateOrderSerializer
    serializer_class = shapes.MandateSerializer
    refusals: ClassVar[tuple[str, ...]] = ("404", "409", "422")

    @idempotent
    def post(self, request: Request, borrower_id: int) -> Response:
        """Answers with the mandates in their new order."""
        asked = read(self.request_serializer_class, request.data)
        check_borrower(request, borrower_id=borrower_id)
        done = mandates.reorder(borrower_id=borrower_id, actor=actor_of(request.user), at=clock.now(), **asked)
        return Response(self.serializer_class(done, many=True).data)


def check_borrower(request: Request, *, borrower_id: int) -> None:
    """Raises BorrowerNotFound for a borrower out of the caller's sight."""
    if not Borrower.objects.visible_to(person_of(request)).filter(pk=borrower_id).exists():
        raise BorrowerNotFound(
            _("There is no borrower %(id)s.") % {"id": borrower_id}, next_step=_("Search for the borrower again.")
        )


def _binding(asked: dict[str, Any]) -> Binding:
    return Binding(**{name: asked[name] for name in ("kind", "bank", "token", "mask", "currency")})


def _limits(asked: dict[str, Any]) -> Limits:
    return Limits(single=asked["single_limit"], day=asked["day_limit"], month=asked["month_limit"])
