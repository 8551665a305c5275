"""Addresses below /api/v1/customers/ whose verbs replay loans, which customers cannot."""

from django.urls import path

from backoffice.repayment.api import holds

app_name = "repayment-holds-api"

urlpatterns = [
    path("borrowers/<int:borrower_id>/holds/", holds.BorrowerHoldsView.as_view(), name="holds"),
    path("holds/<int:hold_id>/lift/", holds.LiftHoldView.as_view(), name="lift-hold"),
]
