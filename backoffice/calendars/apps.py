from django.apps import AppConfig

from backoffice.calendars.words import WORDS
from backoffice.core import trail


class CalendarsConfig(AppConfig):
    """The business date, holidays and working days."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "backoffice.calendars"
    label = "calendars"

    def ready(self) -> None:
        """Names this app's verbs for the trail."""
        trail.describe(WORDS)
