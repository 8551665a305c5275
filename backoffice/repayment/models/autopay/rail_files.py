"""Files of a file rail: collections that go out, and what the bank writes about them."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.repayment.models.autopay.debits import DebitBatch
from backoffice.repayment.models.autopay.rails import Rail


class CollectionFile(models.Model):
    """A pain.008 made in the transaction that marked its commands as submitted; put until the bank has it.

    The same bytes go out under the same name however often: the bank executes them once. `out_until` is when a worker
    that is putting it counts as dead. `may_be_there`: one that put it got no answer, so the bank may have it. When it
    may leave no more it is withdrawn if the bank certainly never had it, and else unsure: the statement tells.
    """

    class State(models.TextChoices):
        MADE = "made", pgettext_lazy("file", "waiting to be put")
        PUT = "put", pgettext_lazy("file", "at the bank")
        REFUSED = "refused", pgettext_lazy("file", "refused by the bank")
        WITHDRAWN = "withdrawn", pgettext_lazy("file", "never put")
        UNSURE = "unsure", pgettext_lazy("file", "perhaps at the bank")

    rail = models.ForeignKey(Rail, on_delete=models.PROTECT, related_name="collection_files", verbose_name=_("rail"))
    batch = models.ForeignKey(DebitBatch, on_delete=models.PROTECT, related_name="files", db_index=False)
    name = models.CharField(_("name"), max_length=35)
    content = models.BinaryField()
    digest = models.CharField(max_length=64)
    count = models.PositiveIntegerField(_("debits"))
    total = models.DecimalField(_("sum"), max_digits=20, decimal_places=2)
    currency = models.CharField(max_length=3)
    command_ids = ArrayField(models.BigIntegerField(), default=list)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.MADE)
    may_be_there = models.BooleanField(default=False)
    out_until = models.DateTimeField(null=True, blank=True)
    said = models.CharField(max_length=300, blank=True)
    try_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    made_at = models.DateTimeField(_("made"))
    put_at = models.DateTimeField(_("put"), null=True, blank=True)

    class Meta:
        verbose_name = _("collection file")
        verbose_name_plural = _("collection files")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["rail", "name"], name="collection_file_has_a_name_of_its_own"),
            models.CheckConstraint(condition=Q(count__gt=0), name="collection_file_collects_something"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["try_at"], name="collection_files_to_put", condition=Q(state="made"))
        ]

    def __str__(self) -> str:
        return self.name


class BankFile(models.Model):
    """A file the bank wrote for us, read once: taken whole, or refused whole with the line that is wrong.

    `message_id` is the bank's own number: the same one under another name is the file played again, and is refused.
    `troubles` are what a person has to look at, each with its order number and why: entries of a taken file our books
    refused, while all others were taken; of a refused file its reason.
    """

    class State(models.TextChoices):
        TAKEN = "taken", pgettext_lazy("file", "taken")
        REFUSED = "refused", pgettext_lazy("file", "refused")

    rail = models.ForeignKey(Rail, on_delete=models.PROTECT, related_name="bank_files", verbose_name=_("rail"))
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=20)
    digest = models.CharField(max_length=64)
    size = models.PositiveIntegerField(_("size"))
    message_id = models.CharField(max_length=35, blank=True)
    state = models.CharField(_("state"), max_length=7, choices=State.choices)
    line = models.PositiveIntegerField(_("line"), null=True, blank=True)
    reason = models.CharField(_("why it is refused"), max_length=300, blank=True)
    counts = models.JSONField(default=dict)
    troubles = models.JSONField(default=list)
    received_at = models.DateTimeField(_("received"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("bank file")
        verbose_name_plural = _("bank files")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["rail", "name"], name="a_bank_file_is_read_once"),
            models.UniqueConstraint(
                fields=["rail", "kind", "message_id"],
                condition=Q(state="taken"),
                name="a_bank_message_is_taken_once",
            ),
            models.CheckConstraint(
                condition=~Q(state="refused") | ~Q(reason=""), name="bank_file_is_refused_for_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return self.name
