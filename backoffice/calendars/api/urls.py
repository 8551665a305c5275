"""Addresses below /api/v1/calendars/."""

from django.urls import path

from backoffice.calendars.api import views

app_name = "calendars-api"

urlpatterns = [
    path("business-day/", views.BusinessDayView.as_view(), name="business-day"),
    path("<slug:calendar>/days/", views.DaysView.as_view(), name="days"),
    path("<slug:calendar>/declare-day/", views.DeclareDayView.as_view(), name="declare-day"),
    path("<slug:calendar>/withdraw-day/", views.WithdrawDayView.as_view(), name="withdraw-day"),
]
