"""The past judged again: one report a question, with a row for every contact that was not permitted."""

from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.core.words import as_said
from backoffice.customers.models import Borrower
from backoffice.outreach.models.contacts import CHANNEL_CHOICES, PURPOSE_CHOICES, ContactEntry, OfBorrowers
from backoffice.outreach.models.packs import RulePackVersion

if TYPE_CHECKING:
    from backoffice.staff.models import User


class ReplayReportQuerySet(models.QuerySet["ReplayReport"]):
    """Reports, for who asks."""

    def visible_to(self, user: "User") -> "ReplayReportQuerySet":
        """All of them: a report is over every portfolio; its rows are restricted one by one."""
        return self


class ReplayReport(models.Model):
    """Contacts of the days from `first` through `last` (in the lender's zone) judged again.

    By the packs then in force, or with `pack_version` in the place of its pack. `last_entry_id` is how far it got: a
    killed worker's report goes on from there.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        STOPPED = "stopped", _("stopped")

    first = models.DateField()
    last = models.DateField()
    pack_version = models.ForeignKey(
        RulePackVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    contacts = models.PositiveIntegerField(default=0)
    judged = models.PositiveIntegerField(default=0)
    not_permitted = models.PositiveIntegerField(default=0)
    last_entry_id = models.BigIntegerField(default=0)
    fault = models.JSONField(default=str, blank=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    asked_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ReplayReportQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(first__lte=F("last")), name="replayed_period_has_a_day"),
            models.CheckConstraint(
                condition=Q(not_permitted__lte=F("judged")), name="not_permitted_contacts_were_judged"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first} to {self.last}: {self.state}"

    @property
    def why_it_failed(self) -> str:
        """What or who stopped it, to be told in the reader's language."""
        return as_said(self.fault)


class ReplayFinding(models.Model):
    """A contact that was made and should not have been, with the rules that deny it and who made it.

    `zones`: the places the borrower may have been, by whose clocks it was judged.
    """

    report = models.ForeignKey(ReplayReport, on_delete=models.PROTECT, related_name="findings", db_index=False)
    entry = models.ForeignKey(ContactEntry, on_delete=models.PROTECT, related_name="+", db_index=False)
    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="+", db_index=False)
    rules = ArrayField(models.CharField(max_length=80))
    packs = models.CharField(max_length=200, blank=True)
    channel = models.CharField(max_length=8, choices=CHANNEL_CHOICES)
    purpose = models.CharField(max_length=12, choices=PURPOSE_CHOICES)
    actor_scope = models.CharField(max_length=12)
    message_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    at = models.DateTimeField()
    zones = ArrayField(models.CharField(max_length=40), default=list, blank=True)

    objects = OfBorrowers.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["report", "entry"], name="replay_names_a_contact_once"),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}: {', '.join(self.rules)}"
