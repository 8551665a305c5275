"""Addresses of the pages of mandates, rails and payees."""

from django.urls import path

from backoffice.repayment.console.autopay import mandate_verbs, mandates, payees, rails

_one = "autopay/mandates/<int:mandate_id>/"
_borrower = "autopay/borrowers/<int:borrower_id>/"
_rail = "autopay/rails/<int:rail_id>/"
_payee = "autopay/payees/<int:payee_id>/"

urlpatterns = [
    path("autopay/mandates/", mandates.mandates, name="mandates"),
    path(_one, mandates.mandate, name="mandate"),
    path(f"{_one}confirm/", mandate_verbs.Confirm.as_view(), name="confirm_mandate"),
    path(f"{_one}suspend/", mandate_verbs.Suspend.as_view(), name="suspend_mandate"),
    path(f"{_one}resume/", mandate_verbs.Resume.as_view(), name="resume_mandate"),
    path(f"{_one}revoke/", mandate_verbs.Revoke.as_view(), name="revoke_mandate"),
    path(f"{_one}rebind/", mandate_verbs.Rebind.as_view(), name="rebind_mandate"),
    path(f"{_one}limits/", mandate_verbs.ChangeLimits.as_view(), name="limit_mandate"),
    path(f"{_borrower}sign/", mandate_verbs.Sign.as_view(), name="sign_mandate"),
    path(f"{_borrower}order/", mandate_verbs.Reorder.as_view(), name="reorder_mandates"),
    path("autopay/rails/", rails.rails, name="rails"),
    path("autopay/rails/new/", rails.SetRail.as_view(), name="new_rail"),
    path(f"{_rail}change/", rails.SetRail.as_view(), name="set_rail"),
    path(f"{_rail}pause/", rails.PauseRail.as_view(), name="pause_rail"),
    path(f"{_rail}resume/", rails.ResumeRail.as_view(), name="resume_rail"),
    path(f"{_rail}limit/", rails.SetLimit.as_view(), name="set_bank_limit"),
    path("autopay/payees/", payees.payees, name="payees"),
    path("autopay/payees/new/", payees.NewPayee.as_view(), name="new_payee"),
    path(f"{_payee}change/", payees.ChangePayee.as_view(), name="change_payee"),
    path(f"{_payee}retire/", payees.RetirePayee.as_view(), name="retire_payee"),
    path(f"{_payee}reinstate/", payees.ReinstatePayee.as_view(), name="reinstate_payee"),
]
