"""Addresses of claims on guarantors, below those of repayment."""

from django.urls import path

from backoffice.repayment.console.autopay import claim_rules, claim_verbs, claims

_claims = "autopay/claims/"
_one = f"{_claims}<int:claim_id>/"
_list = f"{_claims}lists/<int:rule_id>/<str:day>/"
_rule = f"{_claims}rules/<int:rule_id>/"

urlpatterns = [
    path(_claims, claims.claims, name="claims"),
    path(f"{_claims}send/", claims.send_decisions, name="send_decisions"),
    path(f"{_claims}guarantors/", claims.guarantors, name="guarantors"),
    path(f"{_claims}rules/", claim_rules.claim_rules, name="claim_rules"),
    path(f"{_claims}rules/new/", claim_rules.NewRule.as_view(), name="new_claim_rule"),
    path(f"{_rule}submit/", claim_rules.SubmitRule.as_view(), name="submit_claim_rule"),
    path(f"{_rule}retire/", claim_rules.RetireRule.as_view(), name="retire_claim_rule"),
    path(f"{_list}confirm/", claim_verbs.ConfirmList.as_view(), name="confirm_claim_list"),
    path(f"{_list}transfer/", claim_verbs.TransferList.as_view(), name="transfer_claim_list"),
    path(_one, claims.claim, name="claim"),
    path(f"{_one}confirm/", claim_verbs.ConfirmClaim.as_view(), name="confirm_claim"),
    path(f"{_one}decline/", claim_verbs.DeclineClaim.as_view(), name="decline_claim"),
    path(f"{_one}transfer/", claim_verbs.TransferClaim.as_view(), name="transfer_claim"),
    path(f"{_one}return/", claim_verbs.ReturnOverpaid.as_view(), name="return_overpaid"),
]
