"""The contact log: who was reached for, by which channel and why, and what came of it. It only grows."""

from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.customers.models import Borrower
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose

if TYPE_CHECKING:
    from backoffice.staff.models import User

CHANNEL_LABELS = {
    Channel.CALL: _("call"),
    Channel.BOT: _("voice bot"),
    Channel.SMS: _("SMS"),
    Channel.EMAIL: _("e-mail"),
    Channel.PUSH: _("push"),
    Channel.INBOX: _("inbox"),
    Channel.POPUP: _("pop-up"),
    Channel.LETTER: _("letter"),
}
PURPOSE_LABELS = {
    Purpose.NOTICE: _("notice required by law"),
    Purpose.REPLY: _("reply"),
    Purpose.HELP: _("help"),
    Purpose.SERVICE: _("service"),
    Purpose.COLLECTION: _("collection"),
    Purpose.REMINDER: _("reminder"),
    Purpose.REPEAT: _("repeat loan"),
    Purpose.RECALL: _("recall of an applicant"),
    Purpose.MARKETING: _("marketing"),
}
CHANNEL_CHOICES = [(channel.value, label) for channel, label in CHANNEL_LABELS.items()]
PURPOSE_CHOICES = [(purpose.value, label) for purpose, label in PURPOSE_LABELS.items()]


class OfBorrowers(models.QuerySet["models.Model"]):
    """Rows of borrowers, restricted to who asks."""

    def visible_to(self, user: "User") -> "OfBorrowers":
        """Rows of the borrowers whose portfolios the person works on."""
        scope = user.scope()
        return self if scope.all else self.filter(borrower__portfolio__in=scope.portfolios)


class ContactEntry(models.Model):
    """An attempt to reach a borrower, a contact they made, or a fact about one; a correction is a further fact.

    One chain per borrower: `hash` is SHA-256 over the hash before it and the entry's own fields (`domain.chain`).
    `at` is when it happened, `recorded_at` when it was written. The endpoint is a contact point of the borrower.
    """

    class Kind(models.TextChoices):
        ATTEMPT = "attempt", _("attempt")
        TELEPHONY = "telephony", _("telephony result")
        PARTY = "party", _("party reached")
        OUTCOME = "outcome", _("outcome")
        DELIVERY = "delivery", _("delivery")
        CORRECTION = "correction", _("correction")

    class Direction(models.TextChoices):
        OUT = "out", _("by us")
        IN = "in", _("by the borrower")

    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="contact_entries", db_index=False)
    sequence = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    attempt = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="facts", db_index=False
    )
    channel = models.CharField(max_length=8, choices=CHANNEL_CHOICES)
    purpose = models.CharField(max_length=12, choices=PURPOSE_CHOICES)
    direction = models.CharField(max_length=3, choices=Direction.choices, default=Direction.OUT)
    actor_scope = models.CharField(max_length=12, default="first_party")
    party = models.CharField(max_length=14, default="borrower")
    endpoint_id = models.BigIntegerField(null=True, blank=True)
    loan_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    code = models.CharField(max_length=12, blank=True)
    message_id = models.BigIntegerField(null=True, blank=True)
    packs = models.CharField(max_length=200, blank=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    previous_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)

    objects = OfBorrowers.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["borrower", "sequence"], name="contact_entry_has_its_own_place_in_the_chain"
            ),
            models.CheckConstraint(
                condition=Q(kind="attempt", attempt__isnull=True) | (~Q(kind="attempt") & Q(attempt__isnull=False)),
                name="contact_fact_names_its_attempt",
            ),
            models.CheckConstraint(
                condition=Q(kind="attempt") | ~Q(code=""),
                name="contact_fact_says_what_came_of_it",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            # The log only grows, in time: a few pages tell where a period lies, and writing costs next to nothing.
            BrinIndex(fields=["at"], name="contact_entries_by_time", autosummarize=True),
            models.Index(fields=["attempt", "sequence"], name="facts_of_an_attempt", condition=~Q(kind="attempt")),
            models.Index(
                fields=["endpoint_id", "at"],
                name="attempts_at_an_endpoint",
                condition=Q(kind="attempt", endpoint_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.channel} {self.at:%Y-%m-%d %H:%M}"


class BlockedContact(models.Model):
    """A contact the gate did not let through: who wanted it, which rules denied it, when it would be permitted."""

    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="blocked_contacts")
    channel = models.CharField(max_length=8, choices=CHANNEL_CHOICES)
    purpose = models.CharField(max_length=12, choices=PURPOSE_CHOICES)
    actor_scope = models.CharField(max_length=12, default="first_party")
    endpoint_id = models.BigIntegerField(null=True, blank=True)
    loan_id = models.BigIntegerField(null=True, blank=True)
    message_id = models.BigIntegerField(null=True, blank=True)
    rules = ArrayField(models.CharField(max_length=80))
    packs = models.CharField(max_length=200, blank=True)
    next_permitted_at = models.DateTimeField(null=True, blank=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = OfBorrowers.as_manager()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["at"], name="blocked_contacts_by_time")]

    def __str__(self) -> str:
        return f"{self.channel} {self.purpose} {', '.join(self.rules)}"
