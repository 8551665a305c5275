"""Addresses of the day end under /dayend/."""

from django.urls import path

from backoffice.dayend.console import views

app_name = "dayend"

urlpatterns = [
    path("", views.overview, name="runs"),
    path("<int:run_id>/", views.page, name="run"),
    path("progress/", views.progress, name="progress"),
    path("close/", views.CloseDays.as_view(), name="close"),
    path("set-aside/<int:set_aside_id>/retry/", views.RetrySetAside.as_view(), name="retry"),
]
