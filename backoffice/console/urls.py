"""Addresses of the shell."""

from django.urls import path

from backoffice.console import views

app_name = "console"

urlpatterns = [
    path("", views.home, name="home"),
    path("language/", views.language, name="language"),
    path("theme/", views.theme, name="theme"),
]
