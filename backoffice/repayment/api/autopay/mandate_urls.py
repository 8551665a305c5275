"""Addresses of mandates, rails and payees below /api/v1/repayment/."""

from django.urls import path

from backoffice.repayment.api.autopay import mandates, rails

_one = "autopay/mandates/<int:mandate_id>/"
_rail = "autopay/rails/<int:rail_id>/"
_payee = "autopay/payees/<int:payee_id>/"

urlpatterns = [
    path("autopay/mandates/", mandates.MandatesView.as_view(), name="mandates"),
    path(_one, mandates.MandateView.as_view(), name="mandate"),
    path(f"{_one}history/", mandates.MandateHistoryView.as_view(), name="mandate-history"),
    path(f"{_one}confirm/", mandates.ConfirmMandateView.as_view(), name="confirm-mandate"),
    path(f"{_one}suspend/", mandates.SuspendMandateView.as_view(), name="suspend-mandate"),
    path(f"{_one}resume/", mandates.ResumeMandateView.as_view(), name="resume-mandate"),
    path(f"{_one}revoke/", mandates.RevokeMandateView.as_view(), name="revoke-mandate"),
    path(f"{_one}rebind/", mandates.RebindMandateView.as_view(), name="rebind-mandate"),
    path(f"{_one}limits/", mandates.MandateLimitsView.as_view(), name="mandate-limits"),
    path(
        "autopay/borrowers/<int:borrower_id>/mandate-order/",
        mandates.MandateOrderView.as_view(),
        name="mandate-order",
    ),
    path("autopay/rails/", rails.RailsView.as_view(), name="rails"),
    path(f"{_rail}pause/", rails.PauseRailView.as_view(), name="pause-rail"),
    path(f"{_rail}resume/", rails.ResumeRailView.as_view(), name="resume-rail"),
    path(f"{_rail}calendar/", rails.RailCalendarView.as_view(), name="rail-calendar"),
    path(f"{_rail}limits/", rails.BankLimitsView.as_view(), name="bank-limits"),
    path("autopay/payees/", rails.PayeesView.as_view(), name="payees"),
    path(f"{_payee}change/", rails.ChangePayeeView.as_view(), name="change-payee"),
    path(f"{_payee}retire/", rails.RetirePayeeView.as_view(), name="retire-payee"),
    path(f"{_payee}reinstate/", rails.ReinstatePayeeView.as_view(), name="reinstate-payee"),
]
