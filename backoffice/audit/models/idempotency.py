"""Answered requests of programs, so that a repeated request is answered and not done again."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class IdempotencyKey(models.Model):
    """One answered request. A request still in flight is a lock and not a row, so a crash leaves nothing behind."""

    scope = models.CharField(_("scope"), max_length=120)
    key = models.CharField(_("key"), max_length=200)
    payload_hash = models.BinaryField(_("hash of the payload"), max_length=32)
    status = models.PositiveSmallIntegerField(_("HTTP status"))
    body = models.JSONField(_("answer"), null=True)
    created_at = models.DateTimeField(_("answered"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("answered request")
        verbose_name_plural = _("answered requests")
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["created_at"], name="answers_by_age")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["scope", "key"], name="one_answer_per_key_and_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"
