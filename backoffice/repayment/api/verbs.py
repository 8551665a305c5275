"""What can be done to a loan over the API. Each call needs an Idempotency-Key and is done once.

A verb beyond the limit of the caller is not booked but asked for: 202 with the request that waits for a second person.
"""

from collections.abc import Callable
from typing import Any, ClassVar, get_args

from django.db.models import Prefetch, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.core.access import actor_of
from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import DayField, MoneyField, MoneySerializer, currency_field
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.repayment.api import shapes
from backoffice.repayment.api.loans import (
    LoanView,
    PaymentsQuery,
    check_operation_visible,
    check_visible,
    payments_seen_by,
)
from backoffice.repayment.domain.terms import FutureRule
from backoffice.repayment.models import Operation
from backoffice.repayment.selectors.states import LoanId, OperationId
from backoffice.repayment.services import verbs
from backoffice.repayment.services.posting import Booked

LONGEST_REASON = 300
SOURCE = "api"
"""Where these payments come from: an external id is posted once, whoever sends it."""


class PaymentSerializer(MoneySerializer):
    """A payment received for a loan."""

    amount = MoneyField()
    currency = currency_field(help_text="must be the loan's")
    value_date = DayField(help_text="the day the money has value; not after the business date")
    surplus = serializers.ChoiceField(
        choices=get_args(FutureRule),
        required=False,
        allow_null=True,
        help_text="what to do with money beyond what is due; the loan's own rule when not given",
    )
    channel = serializers.CharField(max_length=40, required=False, allow_blank=True)
    reference = serializers.CharField(max_length=140, required=False, allow_blank=True)
    external_id = serializers.CharField(
        max_length=120, required=False, allow_blank=True, help_text="the payment's number at its source; posted once"
    )
    reason = serializers.CharField(max_length=LONGEST_REASON, required=False, allow_blank=True)


class PaymentOnLoanSerializer(PaymentSerializer):
    """A payment with the loan it is for."""

    loan_id = serializers.IntegerField(min_value=1)


class PayoffSerializer(MoneySerializer):
    """The settlement of a loan by exactly what its payoff quote of the day asks."""

    amount = MoneyField(help_text="the total of the quote")
    currency = currency_field()
    value_date = DayField(help_text="the day of the quote")
    channel = serializers.CharField(max_length=40, required=False, allow_blank=True)
    reference = serializers.CharField(max_length=140, required=False, allow_blank=True)
    external_id = serializers.CharField(max_length=120, required=False, allow_blank=True)
    reason = serializers.CharField(max_length=LONGEST_REASON, required=False, allow_blank=True)


class ReversalSerializer(BodySerializer):
    """An operation is taken back, and why."""

    reason = serializers.CharField(max_length=LONGEST_REASON, min_length=2, help_text="kept in the audit trail")


class DatedVerbSerializer(BodySerializer):
    """A verb of a day, and why."""

    reason = serializers.CharField(max_length=LONGEST_REASON, min_length=2, help_text="kept in the audit trail")
    value_date = DayField()


class DatedAmountSerializer(DatedVerbSerializer, MoneySerializer):
    """A verb of a day with an amount, its currency, and why."""

    currency = currency_field(help_text="must be the loan's")


class WaivedComponentsSerializer(BodySerializer):
    """What is waived, by component; what is not named is not waived."""

    interest = MoneyField(required=False)
    fee = MoneyField(required=False)
    guarantee_fee = MoneyField(required=False)
    penalty = MoneyField(required=False)


class WaiverSerializer(DatedAmountSerializer):
    """A waiver of penalty, interest or fees; principal is never waived."""

    components = WaivedComponentsSerializer()


class RefundSerializer(DatedAmountSerializer):
    """A refund from what is held for the borrower."""

    amount = MoneyField()


class CreditorSerializer(DatedAmountSerializer):
    """A guarantor or buyer takes the claim."""

    creditor = serializers.CharField(max_length=80)
    amount = MoneyField(allow_zero=True, help_text="what they paid for it; never a payment of the borrower")


class OperationBookedSerializer(serializers.Serializer):
    """What was booked: the operation, and the transfers it made."""

    operation = shapes.OperationSerializer()
    transfers = shapes.TransferSerializer(many=True)


class ApprovalAskedSerializer(serializers.Serializer):
    """What waits for a second person."""

    approval_id = serializers.IntegerField()


class VerbView(LoanView):
    """The base of a verb on one loan: `service` does it, the answer is what was booked or asked for."""

    service: ClassVar[Callable[..., verbs.Answer]]
    request_serializer_class: ClassVar[type[BodySerializer]]
    serializer_class = OperationBookedSerializer
    success_status = 201
    other_answers: ClassVar[dict[int, type[serializers.Serializer]]] = {202: ApprovalAskedSerializer}

    @idempotent
    def post(self, request: Request, loan_id: int) -> Response:
        """Booked (201), or asked for when it is beyond the caller's limit (202)."""
        asked = read(self.request_serializer_class, request.data)
        actor = actor_of(request.user)
        return answer_with(type(self).service(loan_id=LoanId(loan_id), actor=actor, source=SOURCE, **asked))


class PaymentsView(ListView):
    """Payments on the loans the person may see, newest first; and posting one."""

    permissions_by_method: ClassVar[dict[str, str]] = {
        "GET": "repayment.payment.view",
        "POST": "repayment.payment.post",
    }
    query_serializer_class = PaymentsQuery
    request_serializer_class = PaymentOnLoanSerializer
    serializer_class = shapes.OperationSerializer
    answer_serializer_class = OperationBookedSerializer
    success_status = 201

    def rows(self, **filters: Any) -> QuerySet[Operation]:
        """The payments that fit every filter."""
        return payments_seen_by(self.request.user, **filters)

    @idempotent
    def post(self, request: Request) -> Response:
        """Post a payment: allocated by the loan's rule, to the cent, with everything it changes in one transaction."""
        asked = read(self.request_serializer_class, request.data)
        check_visible(user=request.user, loan_id=asked["loan_id"])
        booked = verbs.post_payment(actor=actor_of(request.user), source=SOURCE, **asked)
        return answer_with(booked)


class PayoffView(LoanView):
    """Settle a loan early."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.loan.payoff"}
    request_serializer_class = PayoffSerializer
    serializer_class = OperationBookedSerializer
    success_status = 201

    @idempotent
    def post(self, request: Request, loan_id: int) -> Response:
        """Refused when the amount is not exactly what the quote of that day asks."""
        asked = read(self.request_serializer_class, request.data)
        booked = verbs.pay_off(loan_id=LoanId(loan_id), actor=actor_of(request.user), source=SOURCE, **asked)
        return answer_with(booked)


class WaiversView(VerbView):
    """Waive penalty, interest or fees."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.loan.waive"}
    request_serializer_class = WaiverSerializer
    service = staticmethod(verbs.waive)


class RefundsView(VerbView):
    """Pay back what is held for the borrower."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.loan.refund"}
    request_serializer_class = RefundSerializer
    service = staticmethod(verbs.refund)


class ChargeOffView(VerbView):
    """Charge a loan off: what is owed stays owed, what comes in from now on is recovery."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.loan.charge_off"}
    request_serializer_class = DatedVerbSerializer
    service = staticmethod(verbs.charge_off)


class WriteOffView(VerbView):
    """Give up a balance within the tolerance of the terms and close the loan."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.loan.write_off"}
    request_serializer_class = DatedVerbSerializer
    service = staticmethod(verbs.write_off)


class CreditorChangesView(VerbView):
    """Hand the claim to a guarantor or buyer; the borrower's days past due go on."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.loan.buy_back"}
    request_serializer_class = CreditorSerializer
    service = staticmethod(verbs.change_creditor)


class ReversalView(ApiView):
    """Take an operation back; what was booked after it is replayed."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.payment.reverse"}
    request_serializer_class = ReversalSerializer
    serializer_class = OperationBookedSerializer
    success_status = 201
    other_answers: ClassVar[dict[int, type[serializers.Serializer]]] = {202: ApprovalAskedSerializer}

    @idempotent
    def post(self, request: Request, operation_id: int) -> Response:
        """Booked (201), or asked for when it is beyond the caller's limit (202)."""
        asked = read(self.request_serializer_class, request.data)
        check_operation_visible(user=request.user, operation_id=operation_id)
        actor = actor_of(request.user)
        reversed_ = verbs.reverse(operation_id=OperationId(operation_id), actor=actor, source=SOURCE, **asked)
        return answer_with(reversed_)


def answer_with(done: verbs.Answer) -> Response:
    """What was booked with its transfers (201), or the request that waits (202); two queries."""
    if not isinstance(done, Booked):
        return Response(ApprovalAskedSerializer(done).data, status=202)
    # What was booked a moment ago is taken back by nothing; that needs no query.
    taken_back_by = Prefetch("reversed_by", queryset=Operation.objects.none())
    operation = Operation.objects.select_related("loan").prefetch_related(taken_back_by).get(pk=done.operation_id)
    transfers = list(operation.transfers.order_by("id"))
    for transfer in transfers:
        transfer.loan = operation.loan
    return Response(
        {
            "operation": _OPERATION.to_representation(operation),
            "transfers": [_TRANSFER.to_representation(transfer) for transfer in transfers],
        },
        status=201,
    )


# Made once: making a serializer copies its fields, which costs more than writing a row with it.
_OPERATION = shapes.OperationSerializer()
_TRANSFER = shapes.TransferSerializer()
