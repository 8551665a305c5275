from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from backoffice.core import trail
from backoffice.outreach.words import WORDS


class OutreachConfig(AppConfig):
    """Everything that reaches a borrower: the contact gate, messages, reminders, campaigns, experiments."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "backoffice.outreach"
    label = "outreach"

    def ready(self) -> None:
        """Names this app's verbs for the trail, and which rows follow a borrower when two records become one."""
        from backoffice.customers.services import rotating
        from backoffice.customers.services.merging import OwnedTable, declare
        from backoffice.outreach.services.resealing import seal_anew

        trail.describe(WORDS)
        declare([OwnedTable("outreach_message", label=_("messages")), OwnedTable("outreach_reply", label=_("replies"))])
        rotating.declare(seal_anew)
