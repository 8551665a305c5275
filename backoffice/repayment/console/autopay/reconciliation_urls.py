"""Addresses of reconciliation and of what payees got, below those of repayment."""

from django.urls import path

from backoffice.repayment.console.autopay import reconciliation, reconciliation_verbs, split_statements

_desk = "autopay/reconciliation/"
_day = f"{_desk}days/<int:day_id>/"
_ticket = f"{_desk}differences/<int:difference_id>/"

urlpatterns = [
    path(_desk, reconciliation.reconciliation, name="reconciliation"),
    path(f"{_desk}send/", reconciliation.send_settlement, name="send_settlement"),
    path(_day, reconciliation.reconciled_day, name="reconciled_day"),
    path(f"{_day}compare/", reconciliation_verbs.CompareDay.as_view(), name="compare_day"),
    path(f"{_day}close/", reconciliation_verbs.CloseDay.as_view(), name="close_day"),
    path(f"{_desk}differences/", reconciliation.differences, name="differences"),
    path(_ticket, reconciliation.difference, name="difference"),
    path(f"{_ticket}take/", reconciliation_verbs.TakeDifference.as_view(), name="take_difference"),
    path(f"{_ticket}hand-over/", reconciliation_verbs.HandOverDifference.as_view(), name="hand_over_difference"),
    path(f"{_ticket}resolve/<slug:way>/", reconciliation_verbs.ResolveDifference.as_view(), name="resolve_difference"),
    path("autopay/splits/", split_statements.split_statement, name="split_statement"),
    path("autopay/splits/lines.csv", split_statements.split_lines, name="split_lines"),
]
