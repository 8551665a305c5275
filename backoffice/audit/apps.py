from django.apps import AppConfig

from backoffice.audit.words import WORDS
from backoffice.core import trail


class AuditConfig(AppConfig):
    """The trail, the outbox, approvals and idempotency keys."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "backoffice.audit"
    label = "audit"

    def ready(self) -> None:
        """Connects the trail for the apps that stand beside this one, and names this app's verbs."""
        from backoffice.audit.services import record

        trail.connect(recorder=record)
        trail.describe(WORDS)
