"""What every answer carries, and the address that belongs to no app."""

import re

import pytest
from django.conf import settings
from django.test import Client

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/health/", "/no/such/page/"])
def test_every_answer_is_armoured(client: Client, path: str) -> None:
    headers = client.get(path).headers

    assert set(headers["Content-Security-Policy"].split("; ")) == POLICY
    assert headers["Permissions-Policy"].split(", ")[:2] == ["accelerometer=()", "autoplay=()"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert re.fullmatch(r"[0-9a-f]{32}", headers["X-Request-ID"])


@pytest.mark.django_db
def test_says_that_it_is_well(client: Client) -> None:
    answer = client.get("/health/")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer.headers["Cache-Control"]


def test_sessions_end_by_idleness_and_by_age() -> None:
    assert (settings.SESSION_IDLE_SECONDS, settings.SESSION_ABSOLUTE_SECONDS) == (1_800, 43_200)
    assert settings.SESSION_COOKIE_AGE == settings.SESSION_IDLE_SECONDS
