"""Addresses of reconciliation below /api/v1/repayment/."""

from django.urls import path

from backoffice.repayment.api.autopay import reconciliation

_desk = "autopay/reconciliation/"
_day = f"{_desk}days/<int:day_id>/"
_ticket = f"{_desk}differences/<int:difference_id>/"

urlpatterns = [
    path(f"{_desk}settlement-files/", reconciliation.SettlementFilesView.as_view(), name="settlement-files"),
    path(f"{_desk}days/", reconciliation.DaysView.as_view(), name="reconciled-days"),
    path(_day, reconciliation.DayView.as_view(), name="reconciled-day"),
    path(f"{_day}comparison/", reconciliation.ComparisonView.as_view(), name="comparison"),
    path(f"{_day}closing/", reconciliation.DayClosingView.as_view(), name="day-closing"),
    path(f"{_desk}differences/", reconciliation.DifferencesView.as_view(), name="differences"),
    path(_ticket, reconciliation.DifferenceView.as_view(), name="difference"),
    path(f"{_ticket}taking/", reconciliation.TakingView.as_view(), name="taking-difference"),
    path(f"{_ticket}resolution/", reconciliation.ResolutionView.as_view(), name="resolution"),
    path("autopay/splits/", reconciliation.SplitsView.as_view(), name="splits"),
]
