"""Reading loans over the API: the list, a loan on any day, why it stands as it does, and everything booked on it."""

from datetime import date
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.calendars.selectors import business_date
from backoffice.core.api.fields import DayField
from backoffice.core.api.views import ApiView, ListView
from backoffice.core.errors import Refusal
from backoffice.repayment.api import shapes
from backoffice.repayment.domain.admission import LoanNotFound
from backoffice.repayment.models import BucketMove, Loan, Operation, Transfer
from backoffice.repayment.selectors import loan_pages


class OperationNotFound(Refusal):
    """No operation has that number, or the actor may not see its loan."""

    code: ClassVar[str] = "repayment.operation_not_found"
    status: ClassVar[int] = 404


VIEW_LOAN: dict[str, str] = {"GET": "repayment.loan.view"}


class LoanView(ApiView):
    """The base of what hangs on one loan the person may see."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses a loan outside the person's portfolios as if there were none."""
        super().initial(request, *args, **kwargs)
        check_visible(user=request.user, loan_id=kwargs["loan_id"])


def check_visible(*, user: Any, loan_id: int) -> None:
    """Raises LoanNotFound for a loan that does not exist among those the person may see."""
    if not Loan.objects.visible_to(user).filter(pk=loan_id).exists():
        raise LoanNotFound(_("There is no such loan."), next_step=_("Search by loan number or borrower."))


def check_operation_visible(*, user: Any, operation_id: int) -> None:
    """Raises OperationNotFound for an operation on a loan that is not among those the person may see."""
    if not Operation.objects.filter(pk=operation_id, loan__in=Loan.objects.visible_to(user)).exists():
        raise OperationNotFound(_("There is no such operation."), next_step=_("Open it from the loan's page."))


class LoansQuery(serializers.Serializer):
    """Filters of the list of loans."""

    status = serializers.ChoiceField(choices=Loan.Status.choices, required=False)
    bucket = serializers.CharField(max_length=8, required=False)
    portfolio = serializers.CharField(max_length=64, required=False)
    borrower = serializers.IntegerField(min_value=1, required=False, help_text="the borrower's id")
    external_id = serializers.CharField(max_length=80, required=False, help_text="the loan's number in its portfolio")
    creditor = serializers.CharField(max_length=80, required=False)
    overdue = serializers.BooleanField(
        required=False, help_text="true: active and something is past due; false: the rest"
    )


class LoansView(ListView):
    """Loans, newest first."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_LOAN
    query_serializer_class = LoansQuery
    serializer_class = shapes.LoanSerializer

    def rows(self, *, overdue: bool | None = None, borrower: int | None = None, **equal: str) -> QuerySet[Loan]:
        """The loans the person may see that fit every filter."""
        loans = Loan.objects.visible_to(self.request.user).select_related("borrower").filter(**equal)
        if borrower is not None:
            loans = loans.filter(borrower_id=borrower)
        if overdue is not None:
            loans = loans.overdue() if overdue else loans.not_overdue()
        return loans


class AsOfQuery(serializers.Serializer):
    """The day to see a loan on."""

    as_of = DayField(required=False, help_text="the business date when not given")


class LoanOnADayView(LoanView):
    """A loan with its schedule, on any day."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_LOAN
    query_serializer_class = AsOfQuery
    serializer_class = shapes.LoanAsOfSerializer
    refusals = ("409", "422")

    def get(self, request: Request, loan_id: int) -> Response:
        """What is due, how late, in which bucket and class, bill by bill."""
        return Response(self.serializer_class(_on_a_day(loan_id, **self.query())).data)


class ExplanationView(LoanView):
    """Why a loan is so many days past due on a day."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_LOAN
    query_serializer_class = AsOfQuery
    serializer_class = shapes.ExplanationSerializer
    refusals = ("409", "422")

    def get(self, request: Request, loan_id: int) -> Response:
        """The oldest unpaid bill, the payments on it, the holds, and the band that named the days."""
        return Response(self.serializer_class(_on_a_day(loan_id, **self.query())).data)


def _on_a_day(loan_id: int, as_of: date | None = None) -> loan_pages.LoanAsOf:
    today = business_date()
    return loan_pages.loan_as_of(loan_id=loan_id, as_of=as_of or today, business_date=today)


class ScheduleVersionsView(LoanView):
    """Every version of a loan's schedule."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_LOAN
    serializer_class = shapes.ScheduleVersionsSerializer

    def get(self, request: Request, loan_id: int) -> Response:
        """Oldest first, each with the bills it asks for and why it came to be."""
        versions = [
            {
                "number": version.number,
                "cause": version.cause,
                "effective_on": version.effective_on,
                "operation_id": version.operation_id,
                "bills": bills,
            }
            for version, bills in loan_pages.schedule_versions(loan_id=loan_id)
        ]
        return Response(self.serializer_class({"versions": versions}).data)


class PayoffQuery(serializers.Serializer):
    """The day the loan would be settled on."""

    on = DayField(required=False, help_text="the business date when not given")


class PayoffQuoteView(LoanView):
    """What settles a loan early on a day."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "repayment.loan.payoff"}
    query_serializer_class = PayoffQuery
    serializer_class = shapes.PayoffQuoteSerializer
    refusals = ("409", "422")

    def get(self, request: Request, loan_id: int) -> Response:
        """Valid for that day; something booked in between makes another total."""
        today = business_date()
        on = self.query().get("on", today)
        payoff = loan_pages.payoff_quote(loan_id=loan_id, on=on, business_date=today)
        currency = Loan.objects.values_list("currency", flat=True).get(pk=loan_id)
        return Response(
            self.serializer_class(
                {
                    "loan_id": loan_id,
                    "on": on,
                    "currency": currency,
                    "principal": payoff.principal,
                    "interest_due": payoff.interest_due,
                    "interest_accrued": payoff.interest_accrued,
                    "fees_due": payoff.fees_due,
                    "penalty": payoff.penalty,
                    "early_fee": payoff.early_fee,
                    "suspense": payoff.suspense,
                    "total": payoff.total,
                }
            ).data
        )


class DatesQuery(serializers.Serializer):
    """Value dates, from the first up to and with the last."""

    first = DayField(required=False)
    last = DayField(required=False)


class TransfersQuery(DatesQuery):
    """Filters of the ledger."""

    kind = serializers.CharField(max_length=20, required=False)
    component = serializers.CharField(max_length=14, required=False)
    operation = serializers.IntegerField(min_value=1, required=False)


class TransfersView(LoanView, ListView):
    """The ledger of one loan, newest first."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_LOAN
    query_serializer_class = TransfersQuery
    serializer_class = shapes.TransferSerializer
    ordering = ("-value_date", "-id")

    def rows(self, *, loan_id: int, operation: int | None = None, **filters: Any) -> QuerySet[Transfer]:
        """The transfers of the loan that fit every filter."""
        equal: dict[str, Any] = {name: filters[name] for name in ("kind", "component") if name in filters}
        if operation is not None:
            equal["operation_id"] = operation
        return Transfer.objects.select_related("loan").filter(_within(filters), loan_id=loan_id, **equal)


class OperationsQuery(DatesQuery):
    """Filters of what was done."""

    kind = serializers.ChoiceField(choices=Operation.Kind.choices, required=False)


class OperationsView(LoanView, ListView):
    """What was done to one loan, newest first."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_LOAN
    query_serializer_class = OperationsQuery
    serializer_class = shapes.OperationSerializer
    ordering = ("-value_date", "-id")

    def rows(self, *, loan_id: int, **filters: Any) -> QuerySet[Operation]:
        """The operations on the loan that fit every filter."""
        return _operations(filters).filter(loan_id=loan_id)


class PaymentsQuery(DatesQuery):
    """Filters of the list of payments."""

    source = serializers.CharField(max_length=40, required=False)  # type: ignore[assignment]  # a field of that name
    external_id = serializers.CharField(max_length=120, required=False)
    borrower = serializers.IntegerField(min_value=1, required=False)


def payments_seen_by(user: Any, **filters: Any) -> QuerySet[Operation]:
    """Payments on the loans the person may see."""
    equal: dict[str, Any] = {name: filters[name] for name in ("source", "external_id") if name in filters}
    if "borrower" in filters:
        equal["loan__borrower_id"] = filters["borrower"]
    payments = _operations(filters).filter(kind=Operation.Kind.PAYMENT, **equal)
    return payments if user.scope().all else payments.filter(loan__in=Loan.objects.visible_to(user))


class BucketMovesView(LoanView, ListView):
    """How a loan went from bucket to bucket, newest first; a wrong move is retracted by a row that names it."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_LOAN
    serializer_class = shapes.BucketMoveSerializer
    ordering = ("-on", "-id")

    def rows(self, *, loan_id: int) -> QuerySet[BucketMove]:
        """The moves of the loan."""
        return BucketMove.objects.filter(loan_id=loan_id)


def _operations(filters: dict[str, Any]) -> QuerySet[Operation]:
    operations = Operation.objects.select_related("loan").prefetch_related("reversed_by").filter(_within(filters))
    return operations.filter(kind=filters["kind"]) if "kind" in filters else operations


def _within(filters: dict[str, Any]) -> Q:
    within = Q()
    if "first" in filters:
        within &= Q(value_date__gte=filters["first"])
    if "last" in filters:
        within &= Q(value_date__lte=filters["last"])
    return within
