"""Agreements by which a borrower lets the lender debit an account or card, with their history."""

from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now, Upper
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.customers.models import Borrower
from backoffice.repayment.domain.autopay.mandate_states import MandateState
from backoffice.repayment.models.autopay.rails import Rail
from backoffice.repayment.models.loans import MONEY

if TYPE_CHECKING:
    from backoffice.staff.models import User

MANDATE_LABELS = {
    MandateState.SIGNING: _("being signed"),
    MandateState.ACTIVE: pgettext_lazy("mandate", "active"),
    MandateState.SUSPENDED: _("suspended"),
    MandateState.REVOKED: pgettext_lazy("mandate", "revoked"),
    MandateState.REPLACED: _("replaced"),
    MandateState.EXPIRED: pgettext_lazy("mandate", "expired"),
}


class MandateQuerySet(models.QuerySet["Mandate"]):
    """Mandates, for who asks."""

    def visible_to(self, user: "User") -> "MandateQuerySet":
        """Those of the borrowers the person may see."""
        scope = user.scope()
        return self if scope.all else self.filter(borrower__portfolio__in=scope.portfolios)


class Mandate(models.Model):
    """One agreement. `token` stands for the account or card at the rail; the number itself is never stored.

    Of a borrower's active ones the lowest `priority` is used first. Limits (major units) are those of the agreement;
    None: none. `allows_partial`: the contract lets less than what is due be debited. `replaces` is what it took over.
    `tell_at`: the rail does not know the agreement as it stands here, and is told (again) then; None: it knows.
    """

    class Kind(models.TextChoices):
        ACCOUNT = "account", _("account")
        CARD = "card", _("card")

    borrower = models.ForeignKey(
        Borrower, on_delete=models.PROTECT, related_name="mandates", verbose_name=_("borrower")
    )
    rail = models.ForeignKey(Rail, on_delete=models.PROTECT, related_name="mandates", verbose_name=_("rail"))
    agreement_no = models.CharField(_("agreement number"), max_length=35)
    kind = models.CharField(_("kind"), max_length=7, choices=Kind.choices)
    bank = models.CharField(_("bank"), max_length=20)
    token = models.CharField(_("token"), max_length=34)
    mask = models.CharField(_("account"), max_length=24)
    currency = models.CharField(_("currency"), max_length=3)
    state = models.CharField(
        _("state"), max_length=9, choices=[(state.value, label) for state, label in MANDATE_LABELS.items()]
    )
    priority = models.PositiveSmallIntegerField(_("order"), default=1)
    single_limit = models.DecimalField(_("limit of one debit"), **MONEY, null=True, blank=True)
    day_limit = models.DecimalField(_("limit of a day"), **MONEY, null=True, blank=True)
    month_limit = models.DecimalField(_("limit of a month"), **MONEY, null=True, blank=True)
    allows_partial = models.BooleanField(_("partial debits agreed"), default=False)
    signed_on = models.DateField(_("signed"), null=True, blank=True)
    valid_through = models.DateField(_("valid through"), null=True, blank=True)
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by", verbose_name=_("replaces")
    )
    source = models.CharField(_("source"), max_length=40, default="console")
    tell_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = MandateQuerySet.as_manager()

    class Meta:
        verbose_name = _("mandate")
        verbose_name_plural = _("mandates")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["rail", "agreement_no"], name="one_mandate_per_agreement_and_rail"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in MandateState]), name="mandate_state_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(state=MandateState.ACTIVE.value) | Q(signed_on__isnull=False),
                name="active_mandate_was_signed",
            ),
            models.UniqueConstraint(
                fields=["borrower", "rail", "token"],
                condition=Q(state__in=[MandateState.ACTIVE.value, MandateState.SIGNING.value]),
                name="an_account_is_bound_once_over_a_rail",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["borrower", "priority", "id"],
                name="mandates_to_debit",
                condition=Q(state=MandateState.ACTIVE.value),
            ),
            models.Index(fields=["token"], name="mandates_of_an_account"),
            models.Index(fields=["tell_at"], name="mandates_to_tell", condition=Q(tell_at__isnull=False)),
            models.Index(OpClass(Upper("agreement_no"), name="text_pattern_ops"), name="mandates_by_agreement_number"),
            models.Index(
                fields=["valid_through"],
                name="mandates_to_expire",
                condition=Q(
                    valid_through__isnull=False,
                    state__in=[MandateState.ACTIVE.value, MandateState.SUSPENDED.value],
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.agreement_no


class MandateMove(models.Model):
    """A mandate changed its state, its limits or its place in the order. These rows only grow."""

    mandate = models.ForeignKey(Mandate, on_delete=models.PROTECT, related_name="moves")
    from_state = models.CharField(max_length=9, blank=True)
    to_state = models.CharField(max_length=9)
    cause = models.CharField(max_length=40)
    reason = models.CharField(max_length=300, blank=True)
    details = models.JSONField(default=dict, blank=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.mandate_id}: {self.from_state} > {self.to_state}"
