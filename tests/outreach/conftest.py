"""The sandbox's gateways in a thread, and the product connected to them."""

from collections.abc import Iterator
from typing import Any

import pytest

from backoffice.sandbox.serving import Sandbox

SECRET = "a secret of thirty-two characters and more"


@pytest.fixture
def secrets(settings: Any) -> str:
    """The secret shared with every gateway."""
    settings.GATEWAY_SECRETS = dict.fromkeys(("sms", "bot", "push", "email"), SECRET)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    return SECRET


@pytest.fixture
def sandbox(secrets: str, settings: Any) -> Iterator[Sandbox]:
    """Gateways and a mail server that do everything right until a test tells them otherwise."""
    with Sandbox(smtp_port=0, secret=secrets) as served:
        served.script.change(gateway="*", changes={"latency": 0, "delivery_seconds": 0})
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", served.smtp_port
        settings.DEFAULT_FROM_EMAIL = "messages@lender.example"
        yield served
