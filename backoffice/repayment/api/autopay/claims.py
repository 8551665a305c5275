"""Claims on guarantors over the API: lists read, decisions taken, claims transferred, rules drafted, rates read."""

from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars import clock
from backoffice.core.access import actor_of
from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import DayField, MoneyField, ToldField, YesNoField
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.repayment.api.files import UploadedFileField
from backoffice.repayment.api.verbs import ApprovalAskedSerializer
from backoffice.repayment.domain.autopay.claims import ClaimKind
from backoffice.repayment.models import Claim, ClaimReturn, ClaimRule
from backoffice.repayment.selectors.autopay.claims import rates_by_guarantor
from backoffice.repayment.services.autopay.claim_deciding import Decision, decide_claims, read_decisions
from backoffice.repayment.services.autopay.claim_moving import claim_not_found
from backoffice.repayment.services.autopay.claim_returning import return_overpaid
from backoffice.repayment.services.autopay.claim_rules import (
    RuleDraft,
    claim_rule_not_found,
    draft_rule,
    retire_rule,
    submit_rule,
)
from backoffice.repayment.services.autopay.claim_transferring import transfer_claim

VIEW: Mapping[str, str] = {"GET": "repayment.claim.view"}
TRANSFER: Mapping[str, str] = {"POST": "repayment.claim.transfer"}
EDIT: Mapping[str, str] = {"POST": "repayment.claim_rule.edit"}
LONGEST_REASON = 300
MOST_AT_ONCE = 1_000


class ClaimSerializer(serializers.Serializer):
    """One bill, or one loan (`installment_number` null), a guarantor has to pay for on a day."""

    id = serializers.IntegerField()
    number = serializers.CharField()
    rule_id = serializers.IntegerField()
    guarantor = serializers.CharField(source="guarantor.code")
    loan_id = serializers.IntegerField()
    loan = serializers.CharField(source="loan.external_id")
    installment_number = serializers.IntegerField(allow_null=True)
    due_date = DayField()
    day = DayField()
    currency = serializers.CharField()
    principal = MoneyField(allow_zero=True)
    interest = MoneyField(allow_zero=True)
    penalty = MoneyField(allow_zero=True)
    amount = MoneyField()
    state = serializers.CharField(help_text="candidate, confirmed, transferred, matched or dropped")
    dropped_because = serializers.CharField(allow_blank=True, help_text="paid, declined, cap or creditor")
    reason = ToldField(allow_blank=True)
    transferred_on = DayField(allow_null=True)
    operation_id = serializers.IntegerField(allow_null=True, help_text="the change of creditor, of a whole loan")
    overpaid = serializers.SerializerMethodField(help_text="to be given back to the guarantor, or given back")

    def get_overpaid(self, row: Claim) -> str | None:
        """The amount as a decimal string; null where nothing was overpaid."""
        overpaid: ClaimReturn | None = getattr(row, "overpaid", None)
        return None if overpaid is None else f"{overpaid.amount:f}"


class ClaimsQuery(serializers.Serializer):
    """Filters of the list of claims."""

    state = serializers.CharField(max_length=11, required=False)
    day = DayField(required=False)
    rule_id = serializers.IntegerField(required=False, min_value=1, max_value=2**53)


class ClaimDecisionSerializer(BodySerializer):
    """What the funder says of a claim."""

    claim = serializers.CharField(max_length=35, help_text="its number")
    decision = serializers.ChoiceField(choices=["confirm", "decline"])
    amount = MoneyField(required=False, help_text="where given, it must be that of the claim")
    reason = serializers.CharField(
        max_length=LONGEST_REASON, required=False, default="", help_text="why it is declined"
    )


class ClaimDecisionsSerializer(BodySerializer):
    """The funder's word on a list, taken whole or not at all."""

    decisions = serializers.ListField(child=ClaimDecisionSerializer(), min_length=1, max_length=MOST_AT_ONCE)


class ClaimDecisionsUploadSerializer(BodySerializer):
    """The same as a CSV file in UTF-8: claim, decision, amount, reason."""

    file = UploadedFileField()


class ClaimsDecidedSerializer(serializers.Serializer):
    """What came of a list."""

    confirmed = serializers.IntegerField()
    declined = serializers.IntegerField()
    unchanged = serializers.IntegerField(help_text="decided like that before")


class ClaimReasonSerializer(BodySerializer):
    """Why it is done."""

    reason = serializers.CharField(max_length=LONGEST_REASON, min_length=2, help_text="kept in the audit trail")


class ClaimReturnSerializer(ClaimReasonSerializer):
    """How it was given back."""

    reference = serializers.CharField(max_length=80, help_text="of the payment back")


class ClaimRuleSerializer(serializers.Serializer):
    """What a guarantor agreed to."""

    id = serializers.IntegerField()
    guarantor = serializers.CharField(source="guarantor.code")
    portfolio = serializers.CharField()
    product_id = serializers.IntegerField(allow_null=True)
    funder = serializers.CharField()
    currency = serializers.CharField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in ClaimKind])
    trigger_dpd = serializers.IntegerField()
    with_penalty = serializers.BooleanField()
    cap_share = serializers.DecimalField(max_digits=7, decimal_places=6, help_text="of the pool; 1 = 100 %")
    cut_off = serializers.TimeField(format="%H:%M")
    effective_from = DayField()
    effective_to = DayField(allow_null=True)
    state = serializers.CharField(help_text="draft, submitted, approved or retired")


class ClaimRuleBodySerializer(BodySerializer):
    """A rule to draft."""

    guarantor_id = serializers.IntegerField(min_value=1, max_value=2**53)
    portfolio = serializers.CharField(max_length=64)
    product_id = serializers.IntegerField(
        min_value=1, max_value=2**53, required=False, allow_null=True, default=None, help_text="null: every product"
    )
    funder = serializers.CharField(max_length=80, help_text="the creditor of the loans")
    currency = serializers.RegexField(r"^[A-Z]{3}$")
    kind = serializers.ChoiceField(choices=[kind.value for kind in ClaimKind])
    trigger_dpd = serializers.IntegerField(min_value=0, max_value=1_000, help_text="days past due of the contract")
    with_penalty = YesNoField(required=False, default=False)
    cap_share = serializers.RegexField(r"^(0\.[0-9]{1,6}|1)$", help_text="of the pool, a decimal string; 1 = 100 %")
    cut_off = serializers.RegexField(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", help_text="the lender's time, such as 18:00")
    effective_from = DayField()
    effective_to = DayField(required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=LONGEST_REASON, min_length=2, help_text="kept in the audit trail")

    def validate_cap_share(self, value: str) -> Decimal:
        """The share (1 = 100 %)."""
        return Decimal(value)

    def validate_cut_off(self, value: str) -> time:
        """The time of day."""
        return time.fromisoformat(value)


class GuarantorRateSerializer(serializers.Serializer):
    """What a guarantor has paid in one currency, and what borrowers paid since."""

    guarantor = serializers.CharField(source="guarantor.code")
    currency = serializers.CharField()
    claims = serializers.IntegerField()
    amount = MoneyField(allow_zero=True, help_text="less what was overpaid")
    pool = MoneyField(allow_zero=True)
    claim_rate = serializers.DecimalField(max_digits=12, decimal_places=6, allow_null=True)
    recovered = MoneyField(allow_zero=True)
    recovery_rate = serializers.DecimalField(max_digits=12, decimal_places=6, allow_null=True)
    to_give_back = MoneyField(allow_zero=True)


class GuarantorRatesSerializer(serializers.Serializer):
    """The rows, by guarantor and currency."""

    rows = GuarantorRateSerializer(many=True)


class ClaimsView(ListView):
    """Claims the person may see, the newest first."""

    permissions_by_method: ClassVar[dict[str, str]] = dict(VIEW)
    query_serializer_class = ClaimsQuery
    serializer_class = ClaimSerializer

    def rows(self, **equal: Any) -> QuerySet[Claim]:
        """The claims that fit every filter."""
        return _claims(self.request).filter(**equal)


class ClaimView(ApiView):
    """One claim."""

    permissions_by_method: ClassVar[dict[str, str]] = dict(VIEW)
    serializer_class = ClaimSerializer
    refusals = ("404",)

    def get(self, request: Request, claim_id: int) -> Response:
        """Its amounts, and where it stands."""
        return Response(self.serializer_class(_claim(request, claim_id)).data)


class ClaimDecisionsView(ApiView):
    """The funder's word on a list."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.claim.confirm"}
    request_serializer_class = ClaimDecisionsSerializer
    serializer_class = ClaimsDecidedSerializer
    refusals = ("409",)

    @idempotent
    def post(self, request: Request) -> Response:
        """Taken whole, or refused whole with the line at fault."""
        asked = read(self.request_serializer_class, request.data)
        decisions = [
            Decision(each["claim"], each["decision"] == "confirm", each["reason"], each.get("amount"))
            for each in asked["decisions"]
        ]
        return Response(self.serializer_class(_decide(request, decisions)).data)


class ClaimDecisionFilesView(ApiView):
    """The funder's word on a list, as a file."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.claim.confirm"}
    parser_classes = (MultiPartParser,)
    request_serializer_class = ClaimDecisionsUploadSerializer
    serializer_class = ClaimsDecidedSerializer
    refusals = ("409",)

    @idempotent
    def post(self, request: Request) -> Response:
        """Taken whole, or refused whole with the line at fault. The same file twice changes nothing."""
        asked = read(self.request_serializer_class, request.data)
        return Response(self.serializer_class(_decide(request, read_decisions(asked["file"]))).data)


class ClaimTransferView(ApiView):
    """Transferring a claim."""

    permissions_by_method: ClassVar[dict[str, str]] = dict(TRANSFER)
    request_serializer_class = ClaimReasonSerializer
    serializer_class = ClaimSerializer
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, claim_id: int) -> Response:
        """Measured against what was paid since: transferred, or dropped when nothing is left."""
        asked = read(self.request_serializer_class, request.data)
        _claim(request, claim_id)
        transfer_claim(claim_id=claim_id, reason=asked["reason"], actor=actor_of(request.user), at=clock.now())
        return Response(self.serializer_class(_claim(request, claim_id)).data)


class ClaimReturnView(ApiView):
    """Giving back what was overpaid."""

    permissions_by_method: ClassVar[dict[str, str]] = dict(TRANSFER)
    request_serializer_class = ClaimReturnSerializer
    serializer_class = ClaimSerializer
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, claim_id: int) -> Response:
        """Written down once."""
        asked = read(self.request_serializer_class, request.data)
        _claim(request, claim_id)
        return_overpaid(
            claim_id=claim_id,
            reference=asked["reference"],
            reason=asked["reason"],
            actor=actor_of(request.user),
            at=clock.now(),
        )
        return Response(self.serializer_class(_claim(request, claim_id)).data)


class GuarantorRatesView(ApiView):
    """What guarantors have paid, and what came back."""

    permissions_by_method: ClassVar[dict[str, str]] = dict(VIEW)
    serializer_class = GuarantorRatesSerializer

    def get(self, request: Request) -> Response:
        """Cumulative claim rate and recovery rate by guarantor."""
        return Response(self.serializer_class({"rows": rates_by_guarantor(portfolios=_portfolios(request))}).data)


class ClaimRulesView(ListView):
    """Rules of the portfolios the person works on, the newest first; and drafting one."""

    permissions_by_method: ClassVar[dict[str, str]] = {**VIEW, **EDIT}
    request_serializer_class = ClaimRuleBodySerializer
    serializer_class = ClaimRuleSerializer
    success_status = 201

    def rows(self) -> QuerySet[ClaimRule]:
        """Every one of them."""
        return _rules(self.request)

    @idempotent
    def post(self, request: Request) -> Response:
        """Written down; it claims nothing before a second person agrees."""
        asked = read(self.request_serializer_class, request.data)
        reason = asked.pop("reason")
        rule = draft_rule(draft=RuleDraft(**asked), reason=reason, actor=actor_of(request.user))
        return Response(self.serializer_class(rule).data, status=201)


class ClaimRuleSubmissionView(ApiView):
    """Asking a second person to agree to a rule."""

    permissions_by_method: ClassVar[dict[str, str]] = dict(EDIT)
    request_serializer_class = ClaimReasonSerializer
    serializer_class = ApprovalAskedSerializer
    success_status = 202
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, rule_id: int) -> Response:
        """The request that waits."""
        asked = read(self.request_serializer_class, request.data)
        _rule(request, rule_id)
        approval = submit_rule(rule_id=rule_id, reason=asked["reason"], actor=actor_of(request.user))
        return Response(self.serializer_class({"approval_id": approval.pk}).data, status=202)


class ClaimRuleRetirementView(ApiView):
    """Ending a rule."""

    permissions_by_method: ClassVar[dict[str, str]] = dict(EDIT)
    request_serializer_class = ClaimReasonSerializer
    serializer_class = ClaimRuleSerializer
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, rule_id: int) -> Response:
        """It lists nothing more; what is listed goes its way."""
        asked = read(self.request_serializer_class, request.data)
        _rule(request, rule_id)
        retire_rule(rule_id=rule_id, reason=asked["reason"], actor=actor_of(request.user))
        return Response(self.serializer_class(_rule(request, rule_id)).data)


def _portfolios(request: Request) -> frozenset[str] | None:
    scope = request.user.scope()  # type: ignore[union-attr]
    return None if scope.all else frozenset(scope.portfolios)


def _decide(request: Request, decisions: list[Decision]) -> Any:
    return decide_claims(
        decisions=decisions, portfolios=_portfolios(request), actor=actor_of(request.user), at=clock.now()
    )


def _claims(request: Request) -> QuerySet[Claim]:
    return Claim.objects.visible_to(request.user).select_related(  # type: ignore[arg-type]
        "loan", "guarantor", "overpaid"
    )


def _claim(request: Request, claim_id: int) -> Claim:
    found = _claims(request).filter(pk=claim_id).first()
    if found is None:
        raise claim_not_found()
    return found


def _rules(request: Request) -> QuerySet[ClaimRule]:
    return ClaimRule.objects.visible_to(request.user).select_related("guarantor")  # type: ignore[arg-type]


def _rule(request: Request, rule_id: int) -> ClaimRule:
    found = _rules(request).filter(pk=rule_id).first()
    if found is None:
        raise claim_rule_not_found()
    return found
