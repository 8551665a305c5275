"""Rails that debits go over, what banks allow on them, and who is paid out of a debit."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.repayment.models.loans import MONEY


class Rail(models.Model):
    """A way to a borrower's account. Secrets are in the environment, `RAIL_SECRET_<CODE>`.

    `cut_off` is the time of the lender's day after which a debit counts for the rail's next day; no command leaves
    outside `opens` and `closes`. On days its `calendar` names closed nothing may be debited; empty: every day is open.
    `scheme` names the rail's codes (`data/return_codes.toml`). `tokens` is the bucket that keeps count of `per_second`.
    Of a file rail `files_after` is the last file of the bank's list up to which all are here, and `files_trouble` why
    its files cannot be taken, since when.
    """

    class Kind(models.TextChoices):
        HTTP = "http", _("signed HTTP")
        ISO20022 = "iso20022", _("ISO 20022 files")

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    scheme = models.CharField(_("codes"), max_length=20)
    url = models.URLField(_("address"), max_length=300)
    opens = models.TimeField(_("opens"))
    closes = models.TimeField(_("closes"))
    cut_off = models.TimeField(_("cut-off"))
    calendar = models.CharField(_("calendar"), max_length=8, blank=True)
    per_second = models.DecimalField(_("commands a second"), max_digits=8, decimal_places=2, default=200)
    tokens = models.DecimalField(max_digits=12, decimal_places=4, default=0)
    refilled_at = models.DateTimeField(db_default=Now())
    settings = models.JSONField(default=dict, blank=True)
    is_paused = models.BooleanField(_("paused"), default=False)
    paused_reason = models.CharField(_("why it is paused"), max_length=300, blank=True)
    files_after = models.CharField(max_length=100, blank=True)
    files_trouble = models.JSONField(null=True, blank=True)
    files_trouble_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("rail")
        verbose_name_plural = _("rails")
        ordering: ClassVar[list[str]] = ["code"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(is_paused=False) | ~Q(paused_reason=""), name="rail_is_paused_for_a_reason"
            ),
            models.CheckConstraint(condition=Q(per_second__gt=0), name="rail_lets_something_through"),
            models.CheckConstraint(condition=Q(opens__lt=models.F("closes")), name="rail_opens_before_it_closes"),
        ]

    def __str__(self) -> str:
        return self.name


class BankLimit(models.Model):
    """What one bank allows over one rail, from a day on: amounts of a command, a day and a month, and tries a day.

    The latest row whose day has come counts. An empty bank is every bank that has no row of its own.
    """

    rail = models.ForeignKey(Rail, on_delete=models.PROTECT, related_name="limits", verbose_name=_("rail"))
    bank = models.CharField(_("bank"), max_length=20, blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    single = models.DecimalField(_("of one debit"), **MONEY, null=True, blank=True)
    day = models.DecimalField(_("of a day"), **MONEY, null=True, blank=True)
    month = models.DecimalField(_("of a month"), **MONEY, null=True, blank=True)
    attempts_a_day = models.PositiveSmallIntegerField(_("debits a day"), null=True, blank=True)
    effective_from = models.DateField(_("in force from"))

    class Meta:
        verbose_name = _("limit of a bank")
        verbose_name_plural = _("limits of banks")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["rail", "bank", "currency", "effective_from"], name="one_limit_per_bank_rail_and_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.rail_id} {self.bank} {self.currency}"


class Payee(models.Model):
    """Somebody a debit is split to. `account` is a name or token of theirs, never a number of an account.

    `creditor` is the name under which they stand as the creditor of loans, where they do. `contract_shares` is what
    their contract gives them of each component, a share of 1 as text, where it is written down: versions are held
    against it.
    """

    class Kind(models.TextChoices):
        FUNDER = "funder", _("funder")
        GUARANTOR = "guarantor", _("guarantor")
        LENDER = "lender", _("lender")
        PLATFORM = "platform", _("platform")

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    creditor = models.CharField(_("creditor of loans"), max_length=80, blank=True)
    account = models.CharField(_("account"), max_length=60, blank=True)
    contract_shares = models.JSONField(_("shares by contract"), default=dict, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("payee")
        verbose_name_plural = _("payees")
        ordering: ClassVar[list[str]] = ["code"]

    def __str__(self) -> str:
        return self.name
