from django.apps import AppConfig

from backoffice.core import trail
from backoffice.staff.words import WORDS


class StaffConfig(AppConfig):
    """Users, teams, roles and the catalogue of permissions."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "backoffice.staff"
    label = "staff"

    def ready(self) -> None:
        """Names this app's verbs for the trail."""
        trail.describe(WORDS)
