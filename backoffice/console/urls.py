"""Addresses of the shell."""

from django.urls import path

from backoffice.console import gallery, views

app_name = "console"

urlpatterns = [
    path("", views.home, name="home"),
    path("gallery/", gallery.gallery, name="gallery"),
    path("language/", views.language, name="language"),
    path("theme/", views.theme, name="theme"),
]
