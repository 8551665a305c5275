"""Files of payments: what was received, how far it is posted, and which lines were refused."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.core.words import as_said


class PaymentFileQuerySet(models.QuerySet["PaymentFile"]):
    """Files of payments with the row rules of the staff."""

    def visible_to(self, user: Any) -> "PaymentFileQuerySet":
        """All for those who see the whole book; else the person's own: a file may hold any portfolio's loans."""
        return self if user.scope().all else self.filter(uploaded_by=user)


class PaymentFile(models.Model):
    """A file of payments: read and added up, confirmed, posted in chunks; `posted_through` lines are dealt with.

    `sums` are the amounts of its readable lines by currency, `posted_sums` those of the lines that were booked, as
    decimal strings in major units. `control_count` and `control_sums` are what its sender said it holds.
    """

    class State(models.TextChoices):
        RECEIVED = "received", _("Being read")
        READY = "ready", _("To be posted")
        POSTING = "posting", _("Posting")
        POSTED = "posted", _("Posted")
        PARTLY = "partly", _("Posted in part")
        REFUSED = "refused", _("Refused")
        CANCELLED = "cancelled", _("Cancelled")

    name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    source = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RECEIVED)
    stored_as = models.CharField(max_length=200, blank=True)
    line_count = models.PositiveIntegerField(default=0)
    posted_through = models.PositiveIntegerField(default=0)
    posted_count = models.PositiveIntegerField(default=0)
    read_count = models.PositiveIntegerField(default=0)
    unreadable_count = models.PositiveIntegerField(default=0)
    sums = models.JSONField(default=dict, blank=True)
    control_count = models.PositiveIntegerField(null=True, blank=True)
    control_sums = models.JSONField(default=dict, blank=True)
    is_confirmed = models.BooleanField(default=False)
    posted_sums = models.JSONField(default=dict, blank=True)
    refused_count = models.PositiveIntegerField(default=0)
    refusal = models.CharField(max_length=300, blank=True)
    refusal_words = models.JSONField(default=str, blank=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = PaymentFileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["digest"],
                condition=~Q(state__in=["refused", "cancelled"]),
                name="a_content_is_taken_in_once_unless_it_was_given_up",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def why_refused(self) -> str:
        """Why nothing of it was booked, to be told in the reader's language."""
        return as_said(self.refusal_words) or self.refusal


class PaymentFileLane(models.Model):
    """One of the lanes a file is posted in: every loan belongs to one; `posted_through` is the last line it passed."""

    file = models.ForeignKey(PaymentFile, on_delete=models.CASCADE, related_name="lanes")
    number = models.PositiveSmallIntegerField()
    posted_through = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="lane_number_is_unique_in_its_file")]

    def __str__(self) -> str:
        return f"{self.file} {self.number}"


class PaymentFileLine(models.Model):
    """A refused line of a payment file, kept as it came, with the reason."""

    file = models.ForeignKey(PaymentFile, on_delete=models.CASCADE, related_name="refused_lines")
    line = models.PositiveIntegerField()
    loan_external_id = models.CharField(max_length=80, blank=True)
    amount = models.CharField(max_length=40, blank=True)
    value_date = models.CharField(max_length=20, blank=True)
    code = models.CharField(max_length=60)
    reason = models.CharField(max_length=300)
    reason_words = models.JSONField(default=str, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "line"], name="refused_line_is_listed_once")]

    def __str__(self) -> str:
        return f"line {self.line}: {self.code}"

    @property
    def why(self) -> str:
        """The reason, to be told in the reader's language."""
        return as_said(self.reason_words) or self.reason
