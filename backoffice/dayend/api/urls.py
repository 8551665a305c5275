"""Addresses below /api/v1/dayend/."""

from django.urls import path

from backoffice.dayend.api import views

app_name = "dayend-api"

urlpatterns = [
    path("runs/", views.RunsView.as_view(), name="runs"),
    path("runs/<int:run_id>/", views.RunView.as_view(), name="run"),
    path("set-aside/", views.SetAsideView.as_view(), name="set-aside"),
    path("set-aside/<int:set_aside_id>/retry/", views.RetryView.as_view(), name="retry"),
]
