"""The outbox: what happened and must be told to others after the transaction has committed."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class OutboxEvent(models.Model):
    """One event, written in the transaction that caused it; those of one key are handed on in order."""

    event = models.CharField(_("event"), max_length=80)
    key = models.CharField(_("key"), max_length=80, blank=True)
    payload = models.JSONField(_("payload"), default=dict)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    dispatched_at = models.DateTimeField(_("handed on"), null=True, blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering: ClassVar[list[str]] = ["id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["id"],
                name="events_to_hand_on",
                condition=models.Q(dispatched_at__isnull=True),
            ),
            models.Index(
                fields=["key", "id"],
                name="events_to_hand_on_by_key",
                condition=models.Q(dispatched_at__isnull=True),
            ),
            models.Index(
                fields=["dispatched_at"],
                name="events_to_purge",
                condition=models.Q(dispatched_at__isnull=False),
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~models.Q(event=""), name="event_has_a_name"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.key}"
