from django.apps import AppConfig

from backoffice.core import trail
from backoffice.dayend.words import WORDS


class DayendConfig(AppConfig):
    """The close of a business day."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "backoffice.dayend"
    label = "dayend"

    def ready(self) -> None:
        """Names this app's verbs for the trail."""
        trail.describe(WORDS)
