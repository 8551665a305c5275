from django.apps import AppConfig

from backoffice.core import trail
from backoffice.customers.words import WORDS


class CustomersConfig(AppConfig):
    """Borrowers, their personal data, holds and merges."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "backoffice.customers"
    label = "customers"

    def ready(self) -> None:
        """Names this app's verbs and subjects for the trail."""
        from backoffice.customers.console.naming import register_names

        register_names()
        trail.describe(WORDS)
