"""Records of closing a business day: the run, its steps, the ranges of work, and the loans it had to set aside."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.core.words import as_said
from backoffice.repayment.models import Loan


class DayEndRun(models.Model):
    """The close of one business day. Its id is stamped on every row the close wrote."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    day = models.DateField(unique=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    started_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    seconds = models.DecimalField(max_digits=12, decimal_places=3, null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    through = models.DateField(null=True, blank=True, help_text=_("go on closing up to and including this day"))

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day} {self.state}"


class DayEndStep(models.Model):
    """One step of a run, in the order of `domain.steps`."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    run = models.ForeignKey(DayEndRun, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=30)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    started_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["run_id", "position"]
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="a_step_runs_once_in_a_close")]

    def __str__(self) -> str:
        return f"{self.name} {self.state}"


class DayEndRange(models.Model):
    """A range of ids, of loans mostly, that one task works through; done in the transaction that did the work."""

    step = models.ForeignKey(DayEndStep, on_delete=models.CASCADE, related_name="ranges")
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    is_done = models.BooleanField(default=False)
    counts = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["step", "first_id"],
                name="ranges_of_a_step_do_not_start_together",
            ),
            models.CheckConstraint(
                condition=Q(last_id__gte=models.F("first_id")),
                name="range_is_not_empty",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} to {self.last_id}"


class SetAsideQuerySet(models.QuerySet["SetAside"]):
    """Loans set aside with the row rules of the staff."""

    def visible_to(self, user: Any) -> "SetAsideQuerySet":
        """Only the loans the person may see."""
        return self if user.scope().all else self.filter(loan_id__in=Loan.objects.visible_to(user).values("pk"))


class SetAside(models.Model):
    """A loan a close could not close, with the reason; it stays on the list until a retry closes it."""

    loan_id = models.BigIntegerField()
    run = models.ForeignKey(DayEndRun, on_delete=models.PROTECT, related_name="set_aside")
    day = models.DateField()
    code = models.CharField(max_length=80)
    reason = models.CharField(max_length=500)
    reason_words = models.JSONField(default=str, blank=True)
    tries = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_tried_at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=150, blank=True)

    objects = SetAsideQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["loan_id"],
                condition=Q(resolved_at__isnull=True),
                name="a_loan_is_set_aside_once_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"loan {self.loan_id}: {self.code}"

    @property
    def why(self) -> str:
        """The reason, to be told in the reader's language."""
        return as_said(self.reason_words) or self.reason
