"""Addresses below /api/v1/outreach/."""

from django.urls import URLPattern

app_name = "outreach-api"

urlpatterns: list[URLPattern] = []
