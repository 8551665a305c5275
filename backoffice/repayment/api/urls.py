"""Addresses below /api/v1/repayment/."""

from django.urls import path

from backoffice.repayment.api.quotes import QuotesView

app_name = "repayment-api"

urlpatterns = [
    path("quotes/", QuotesView.as_view(), name="quotes"),
]
