"""What borrowers agreed to, refused and prefer, as they said it. These rows only grow; the last one said counts."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.customers.models import Borrower
from backoffice.outreach.models.contacts import CHANNEL_CHOICES, OfBorrowers


class ConsentEntry(models.Model):
    """One thing a borrower said about being reached. An empty channel or endpoint means every one.

    `consent` permits what needs consent; `callback` an agreed call between `starts_at` and `ends_at`; `opt_out` stops;
    `opt_in` takes an opt-out of the same scope back; `revoked` takes consents and callbacks of the same scope back.
    """

    class Kind(models.TextChoices):
        CONSENT = "consent", _("consent")
        CALLBACK = "callback", _("call back agreed")
        REVOKED = "revoked", _("consent revoked")
        OPT_OUT = "opt_out", _("opt-out")
        OPT_IN = "opt_in", _("opt-out taken back")

    class Scope(models.TextChoices):
        ALL = "", _("everything")
        MARKETING = "marketing", _("marketing alone")

    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="consent_entries")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    channel = models.CharField(max_length=8, choices=CHANNEL_CHOICES, blank=True)
    endpoint_id = models.BigIntegerField(null=True, blank=True)
    scope = models.CharField(max_length=9, choices=Scope.choices, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    source = models.CharField(max_length=40)
    evidence = models.CharField(max_length=300, blank=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = OfBorrowers.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=~Q(kind="callback")
                | Q(starts_at__isnull=False, ends_at__isnull=False, starts_at__lt=F("ends_at")),
                name="agreed_call_back_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.channel or 'all'}"


class PreferenceEntry(models.Model):
    """Times a borrower wants to be reached at (`only`) or not (`never`), in their own place; minutes since midnight.

    Days are ISO weekdays. `ends` names an earlier entry that counts no more.
    """

    class Kind(models.TextChoices):
        ONLY = "only", _("only then")
        NEVER = "never", _("never then")
        ENDED = "ended", _("taken back")

    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="preference_entries")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    channel = models.CharField(max_length=8, choices=CHANNEL_CHOICES, blank=True)
    days = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    from_minute = models.PositiveSmallIntegerField(default=0)
    to_minute = models.PositiveSmallIntegerField(default=1440)
    ends = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="ended_by")
    source = models.CharField(max_length=40)
    note = models.CharField(max_length=300, blank=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = OfBorrowers.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(kind="ended", ends__isnull=False) | (~Q(kind="ended") & Q(ends__isnull=True)),
                name="only_an_ending_names_what_it_ends",
            ),
            models.CheckConstraint(
                condition=Q(from_minute__lt=F("to_minute"), to_minute__lte=1440),
                name="preferred_time_lies_in_one_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.from_minute}-{self.to_minute}"
