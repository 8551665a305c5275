"""Merges of duplicate borrowers, kept with what moved so that they can be undone."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.customers.models.borrowers import Borrower


class Merge(models.Model):
    """One duplicate folded into the borrower who stays; `moved` is table -> ids of the rows that changed hands."""

    survivor = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="merges_received")
    absorbed = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="merges_made")
    moved = models.JSONField(_("moved"), default=dict)
    reason = models.TextField(_("why"))
    merged_by = models.BigIntegerField(_("merged by"), null=True, blank=True)
    merged_by_name = models.CharField(_("merged by"), max_length=150)
    merged_at = models.DateTimeField(_("merged"), db_default=Now(), editable=False)
    undone_by = models.BigIntegerField(_("undone by"), null=True, blank=True)
    undone_by_name = models.CharField(_("undone by"), max_length=150, blank=True)
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)
    undo_reason = models.TextField(_("why it was undone"), blank=True)

    class Meta:
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["absorbed"],
                condition=Q(undone_at__isnull=True),
                name="borrower_is_absorbed_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(survivor=models.F("absorbed")),
                name="merge_joins_two_borrowers",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="merge_says_why"),
        ]

    def __str__(self) -> str:
        return f"{self.absorbed_id} into {self.survivor_id}"
