"""Bringing a book in: each tape's run, the rows it was refused for, and what of each loan came from it."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.repayment.models.loans import Loan


class ImportRunQuerySet(models.QuerySet["ImportRun"]):
    """Imports, restricted to who asks."""

    def visible_to(self, user: Any) -> "ImportRunQuerySet":
        """Imports of the books the person works on."""
        scope = user.scope()
        return self if scope.all else self.filter(portfolio__in=scope.portfolios)


class ImportRun(models.Model):
    """One tape on its way in; `loaded_through` is the place on the stage of the last loan of the last committed chunk.

    `row_counts` are the rows read per file, `loaded_counts` what has been written, `stored_as` the paths of the tape.
    `step` and `step_done` say what a check or a load is doing at the moment; the report is written in `language`.
    """

    class State(models.TextChoices):
        RECEIVED = "received", _("Received")
        CHECKING = "checking", _("Being checked")
        CHECKED = "checked", _("Checked")
        REFUSED = "refused", _("Refused")
        LOADING = "loading", _("Being loaded")
        LOADED = "loaded", _("Loaded")
        FAILED = "failed", _("Failed")
        DISCARDED = "discarded", _("Discarded")

    name = models.CharField(_("name"), max_length=200)
    source = models.CharField(_("source"), max_length=40)
    language = models.CharField(max_length=10, default="en")
    portfolio = models.CharField(_("book"), max_length=40)
    digest = models.CharField(max_length=64)
    size = models.BigIntegerField(_("size"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.RECEIVED)
    accept_partial = models.BooleanField(default=False)
    business_date = models.DateField(_("business date"))
    stored_as = models.JSONField(default=list)
    row_counts = models.JSONField(default=dict)
    loaded_counts = models.JSONField(default=dict)
    finding_counts = models.JSONField(default=dict)
    finding_count = models.PositiveIntegerField(default=0)
    loan_count = models.PositiveIntegerField(_("loans that can be loaded"), default=0)
    refused_loan_count = models.PositiveIntegerField(_("loans left out"), default=0)
    skipped_loan_count = models.PositiveIntegerField(_("loans already in the book"), default=0)
    loaded_through = models.PositiveIntegerField(default=0)
    step = models.CharField(max_length=40, blank=True)
    step_done = models.PositiveIntegerField(default=0)
    failure = models.CharField(max_length=500, blank=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(_("by"), max_length=150)
    created_at = models.DateTimeField(_("received"), db_default=Now(), editable=False)
    touched_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = ImportRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("import")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(loaded_through__lte=models.F("loan_count")), name="no_more_loans_are_loaded_than_were_ready"
            ),
            models.UniqueConstraint(
                fields=["portfolio"],
                condition=Q(state__in=["checking", "loading"]),
                name="one_import_works_on_a_book_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["portfolio", "digest"], name="import_of_a_digest")]

    def __str__(self) -> str:
        return f"{self.portfolio}: {self.name}"


class RejectedRow(models.Model):
    """A finding of a check, as the page shows it; the report file holds all of them, the page the first thousand."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="rejected_rows")
    file = models.CharField(_("file"), max_length=80)
    line = models.PositiveIntegerField(_("line"))
    field = models.CharField(_("field"), max_length=80, blank=True)
    subject = models.CharField(_("of"), max_length=80, blank=True)
    code = models.CharField(_("code"), max_length=40)
    params = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("rejected row")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.code}"


class ImportedLoan(models.Model):
    """A loan that came from a tape. `digest` tells, part by part, whether a later tape says something else about it."""

    loan = models.OneToOneField(Loan, on_delete=models.PROTECT, primary_key=True, related_name="imported")
    run = models.ForeignKey(ImportRun, on_delete=models.PROTECT, related_name="loans")
    digest = models.CharField(max_length=80)

    class Meta:
        verbose_name = _("imported loan")

    def __str__(self) -> str:
        return f"{self.loan_id} by {self.run_id}"


class ReportedStatus(models.Model):
    """What the sender said a loan's state was on a day: kept as said, beside what our own rules make of the loan."""

    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="reported_statuses")
    run = models.ForeignKey(ImportRun, on_delete=models.PROTECT, related_name="+", db_index=False)
    on = models.DateField(_("on"))
    status = models.CharField(_("status"), max_length=80)
    note = models.CharField(_("note"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("reported status")
        ordering = ["loan_id", "on", "id"]

    def __str__(self) -> str:
        return f"{self.on}: {self.status}"
