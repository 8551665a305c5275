"""The variables of messages that the house fills from its settings."""

from django.conf import settings


def house_values() -> dict[str, str]:
    """How the house signs, the number it is called on, and the link into its app; empty where nothing is set."""
    return {
        "lender": settings.LENDER_NAME,
        "service_phone": settings.LENDER_PHONE,
        "app_link": settings.LENDER_APP_LINK,
    }
