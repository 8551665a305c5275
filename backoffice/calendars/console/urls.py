"""Addresses of the calendars page, below /calendars/."""

from django.urls import path

from backoffice.calendars.console import views

app_name = "calendars"

urlpatterns = [
    path("", views.calendars, name="calendars"),
    path("<slug:calendar>/declare/", views.DeclareDay.as_view(), name="declare"),
    path("<slug:calendar>/<slug:day>/withdraw/", views.WithdrawDay.as_view(), name="withdraw"),
]
