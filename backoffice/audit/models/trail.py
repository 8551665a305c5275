"""The audit trail: who did what to whom, why, and what it was before and after."""

from typing import ClassVar

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F
from django.db.models.functions import Now, Upper
from django.utils.translation import gettext_lazy as _


class AuditEntry(models.Model):
    """One thing done, in business words. Written in the transaction of the change; never changed, never deleted.

    Subjects and people are kept by id and name, not by foreign key: the trail outlives what it speaks of.
    """

    verb = models.CharField(_("what"), max_length=80)
    subject_type = models.CharField(_("kind of subject"), max_length=60)
    subject_id = models.CharField(_("subject"), max_length=64)
    borrower_id = models.BigIntegerField(_("borrower"), null=True, blank=True)
    actor_kind = models.CharField(_("kind of actor"), max_length=10)
    actor_id = models.BigIntegerField(_("actor's id"), null=True, blank=True)
    actor_name = models.CharField(_("who"), max_length=150)
    reason = models.TextField(_("why"), blank=True)
    before = models.JSONField(_("before"), null=True, blank=True)
    after = models.JSONField(_("after"), null=True, blank=True)
    request_id = models.CharField(_("request"), max_length=64, blank=True)
    at = models.DateTimeField(_("when"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [
            # A subject's number is looked for with and without its kind, and only PostgreSQL 18 skips a leading column.
            models.Index(fields=["subject_id", "-id"], name="entries_of_a_subject"),
            models.Index(fields=["subject_type", "-id"], name="entries_of_a_kind_of_subject"),
            models.Index(
                fields=["borrower_id", "-id"],
                name="entries_of_a_borrower",
                condition=models.Q(borrower_id__isnull=False),
            ),
            models.Index(fields=["actor_id", "-id"], name="entries_of_a_person"),
            models.Index(
                fields=["verb", "-id"], name="entries_of_a_verb", opclasses=["varchar_pattern_ops", "int8_ops"]
            ),
            models.Index(
                OpClass(Upper("actor_name"), name="varchar_pattern_ops"),
                F("id").desc(),
                name="entries_by_actor_name",
            ),
            models.Index(
                fields=["request_id"],
                name="entries_of_a_request",
                condition=~models.Q(request_id=""),
            ),
            models.Index(fields=["at"], name="entries_by_time"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~models.Q(verb=""), name="entry_says_what_was_done"),
            models.CheckConstraint(
                condition=models.Q(actor_kind="staff", actor_id__isnull=False)
                | models.Q(actor_kind="system", actor_id__isnull=True),
                name="entry_names_a_person_or_the_system",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject_type} {self.subject_id}"
