"""Addresses of claims on guarantors below /api/v1/repayment/."""

from django.urls import path

from backoffice.repayment.api.autopay import claims

_claims = "autopay/claims/"
_claim = f"{_claims}<int:claim_id>/"
_rule = "autopay/claim-rules/<int:rule_id>/"

urlpatterns = [
    path(_claims, claims.ClaimsView.as_view(), name="claims"),
    path(f"{_claims}decisions/", claims.ClaimDecisionsView.as_view(), name="claim-decisions"),
    path(f"{_claims}decision-files/", claims.ClaimDecisionFilesView.as_view(), name="claim-decision-files"),
    path(_claim, claims.ClaimView.as_view(), name="claim"),
    path(f"{_claim}transfer/", claims.ClaimTransferView.as_view(), name="claim-transfer"),
    path(f"{_claim}return/", claims.ClaimReturnView.as_view(), name="claim-return"),
    path("autopay/guarantors/", claims.GuarantorRatesView.as_view(), name="guarantors"),
    path("autopay/claim-rules/", claims.ClaimRulesView.as_view(), name="claim-rules"),
    path(f"{_rule}submission/", claims.ClaimRuleSubmissionView.as_view(), name="claim-rule-submission"),
    path(f"{_rule}retirement/", claims.ClaimRuleRetirementView.as_view(), name="claim-rule-retirement"),
]
