"""Rails, limits of banks, and payees over the API."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars import clock
from backoffice.calendars.selectors import business_date
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.repayment.api.autopay import mandate_shapes as shapes
from backoffice.repayment.domain.autopay.mandate_terms import Limits
from backoffice.repayment.models import BankLimit, Payee, Rail
from backoffice.repayment.services.autopay import payees, rail_settings

VIEW: dict[str, str] = {"GET": "repayment.rail.view"}
PAUSE: dict[str, str] = {"POST": "repayment.rail.pause"}
MANAGE: dict[str, str] = {"POST": "repayment.rail.manage"}
VIEW_PAYEES: dict[str, str] = {"GET": "repayment.payee.view"}
MANAGE_PAYEES: dict[str, str] = {"POST": "repayment.payee.manage"}


class RailsView(ListView):
    """Rails."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW
    serializer_class = shapes.RailSerializer

    def rows(self, **filters: Any) -> QuerySet[Rail]:
        """All of them."""
        return Rail.objects.all()


class PauseRailView(ApiView):
    """Pause a rail."""

    permissions_by_method: ClassVar[dict[str, str]] = PAUSE
    request_serializer_class = shapes.MandateReasonSerializer
    serializer_class = shapes.RailSerializer
    refusals = ("404", "409", "422")

    @idempotent
    def post(self, request: Request, rail_id: int) -> Response:
        """Nothing more leaves over it; what is at the bank is answered as ever."""
        asked = read(self.request_serializer_class, request.data)
        rail = rail_settings.pause_rail(rail_id=rail_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(rail).data)


class ResumeRailView(ApiView):
    """Resume a rail."""

    permissions_by_method: ClassVar[dict[str, str]] = PAUSE
    request_serializer_class = shapes.MandateReasonSerializer
    serializer_class = shapes.RailSerializer
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, rail_id: int) -> Response:
        """Debits leave over it again."""
        asked = read(self.request_serializer_class, request.data)
        rail = rail_settings.resume_rail(rail_id=rail_id, actor=actor_of(request.user), at=clock.now(), **asked)
        return Response(self.serializer_class(rail).data)


class RailCalendarView(ApiView):
    """The calendar of a rail."""

    permissions_by_method: ClassVar[dict[str, str]] = MANAGE
    request_serializer_class = shapes.RailCalendarSerializer
    serializer_class = shapes.RailSerializer
    refusals = ("404", "409", "422")

    @idempotent
    def post(self, request: Request, rail_id: int) -> Response:
        """Nothing may be debited on its closed days; refused while a version in force would."""
        asked = read(self.request_serializer_class, request.data)
        rail = rail_settings.set_rail_calendar(rail_id=rail_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(rail).data)


class BankLimitsView(ListView):
    """What banks allow on a rail, the latest set first."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW | MANAGE
    request_serializer_class = shapes.NewBankLimitSerializer
    serializer_class = shapes.BankLimitSerializer
    success_status = 201
    refusals = ("404", "409", "422")

    def rows(self, *, rail_id: int) -> QuerySet[BankLimit]:
        """The limits of the rail."""
        if not Rail.objects.filter(pk=rail_id).exists():
            raise rail_settings.rail_not_found()
        return BankLimit.objects.filter(rail_id=rail_id)

    @idempotent
    def post(self, request: Request, rail_id: int) -> Response:
        """Set a limit from a day on, today or later; the same day again changes it."""
        asked = read(self.request_serializer_class, request.data)
        limits = Limits(single=asked.pop("single"), day=asked.pop("day"), month=asked.pop("month"))
        limit = rail_settings.set_bank_limit(
            rail_id=rail_id, limits=limits, today=business_date(), actor=actor_of(request.user), **asked
        )
        return Response(self.serializer_class(limit).data, status=self.success_status)


class PayeesView(ListView):
    """Payees."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_PAYEES | MANAGE_PAYEES
    request_serializer_class = shapes.NewPayeeSerializer
    serializer_class = shapes.PayeeSerializer
    success_status = 201
    refusals = ("422",)

    def rows(self, **filters: Any) -> QuerySet[Payee]:
        """All of them, those retired among them."""
        return Payee.objects.all()

    @idempotent
    def post(self, request: Request) -> Response:
        """Create a payee."""
        asked = read(self.request_serializer_class, request.data)
        made = payees.create_payee(actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(made).data, status=self.success_status)


class ChangePayeeView(ApiView):
    """Change a payee."""

    permissions_by_method: ClassVar[dict[str, str]] = MANAGE_PAYEES
    request_serializer_class = shapes.ChangedPayeeSerializer
    serializer_class = shapes.PayeeChangeSerializer
    refusals = ("404", "409", "422")

    @idempotent
    def post(self, request: Request, payee_id: int) -> Response:
        """Another name, creditor, account or contract share; while it is paid a second person agrees first."""
        asked = read(self.request_serializer_class, request.data)
        done = payees.change_payee(payee_id=payee_id, actor=actor_of(request.user), **asked)
        told = shapes.PayeeSerializer(done.payee).data
        return Response({**told, "approval_id": done.approval_id})


class RetirePayeeView(ApiView):
    """Retire a payee."""

    permissions_by_method: ClassVar[dict[str, str]] = MANAGE_PAYEES
    request_serializer_class = shapes.MandateReasonSerializer
    serializer_class = shapes.PayeeSerializer
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, payee_id: int) -> Response:
        """Nothing new may name it; refused while a version in force does."""
        asked = read(self.request_serializer_class, request.data)
        retired = payees.retire_payee(payee_id=payee_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(retired).data)


class ReinstatePayeeView(ApiView):
    """Take a payee back into use."""

    permissions_by_method: ClassVar[dict[str, str]] = MANAGE_PAYEES
    request_serializer_class = shapes.MandateReasonSerializer
    serializer_class = shapes.PayeeSerializer
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, payee_id: int) -> Response:
        """It may be named again."""
        asked = read(self.request_serializer_class, request.data)
        back = payees.reinstate_payee(payee_id=payee_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(back).data)
