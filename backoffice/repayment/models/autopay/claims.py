"""代偿: what guarantors agreed to, what is claimed of them, what became of it, and what they get back."""

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.repayment.domain.autopay.claim_states import ClaimState, DroppedBecause, RuleState
from backoffice.repayment.domain.autopay.claims import Amounts, ClaimKind, ClaimTerms
from backoffice.repayment.models.autopay.rails import Payee
from backoffice.repayment.models.autopay.reconciliation import SettlementFile
from backoffice.repayment.models.loans import MONEY, Loan
from backoffice.repayment.models.products import Product

if TYPE_CHECKING:
    from backoffice.staff.models import User

CLAIM_LABELS = {
    ClaimState.CANDIDATE: pgettext_lazy("claim", "candidate"),
    ClaimState.CONFIRMED: pgettext_lazy("claim", "confirmed"),
    ClaimState.TRANSFERRED: pgettext_lazy("claim", "transferred"),
    ClaimState.MATCHED: pgettext_lazy("claim", "matched"),
    ClaimState.DROPPED: pgettext_lazy("claim", "dropped"),
}
RULE_LABELS = {
    RuleState.DRAFT: pgettext_lazy("claim rule", "draft"),
    RuleState.SUBMITTED: _("waits for approval"),
    RuleState.APPROVED: pgettext_lazy("claim rule", "approved"),
    RuleState.RETIRED: pgettext_lazy("claim rule", "retired"),
}
KIND_LABELS = {ClaimKind.PER_INSTALMENT: _("per instalment"), ClaimKind.WHOLE_LOAN: _("whole loan")}


class OfPortfolios(models.QuerySet["ClaimRule"]):
    """Rules, for who asks."""

    def visible_to(self, user: "User") -> "OfPortfolios":
        """Those of the portfolios the person works on."""
        scope = user.scope()
        return self if scope.all else self.filter(portfolio__in=scope.portfolios)


class ClaimRule(models.Model):
    """A guarantor pays a funder for overdue loans of a portfolio, of one product or all (`product` empty).

    `funder` is the creditor of the loans. `cap_share` (1 = 100 %) is the part of what the pool was lent that all claims
    may come to. In force on days in `[effective_from, effective_to)` once a second person agreed; never changed then.
    """

    guarantor = models.ForeignKey(Payee, on_delete=models.PROTECT, related_name="claim_rules")
    portfolio = models.CharField(max_length=64)
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    funder = models.CharField(max_length=80)
    currency = models.CharField(max_length=3)
    kind = models.CharField(max_length=14, choices=[(kind.value, label) for kind, label in KIND_LABELS.items()])
    trigger_dpd = models.PositiveSmallIntegerField()
    with_penalty = models.BooleanField(default=False)
    cap_share = models.DecimalField(max_digits=7, decimal_places=6)
    cut_off = models.TimeField()
    effective_from = models.DateField()
    effective_to = models.DateField(null=True, blank=True)
    state = models.CharField(
        max_length=9,
        choices=[(state.value, label) for state, label in RULE_LABELS.items()],
        default=RuleState.DRAFT.value,
    )
    created_by = models.BigIntegerField(null=True, blank=True)
    created_by_name = models.CharField(max_length=150)
    approved_by = models.BigIntegerField(null=True, blank=True)
    approved_by_name = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = OfPortfolios.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(cap_share__gt=0, cap_share__lte=1), name="claim_cap_is_a_share_of_the_pool"
            ),
            models.CheckConstraint(
                condition=Q(effective_to__isnull=True) | Q(effective_to__gt=F("effective_from")),
                name="claim_rule_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("created_by")),
                name="claim_rule_is_agreed_to_by_a_second_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.guarantor}: {self.portfolio} {self.funder}, {self.trigger_dpd}"

    @property
    def terms(self) -> ClaimTerms:
        """What was agreed, as the rules read it."""
        return ClaimTerms(
            kind=ClaimKind(self.kind),
            trigger_dpd=self.trigger_dpd,
            with_penalty=self.with_penalty,
            cap_share=self.cap_share,
            cut_off=self.cut_off,
            effective_from=self.effective_from,
            effective_to=self.effective_to,
        )


class ClaimQuerySet(models.QuerySet["Claim"]):
    """Claims, for who asks."""

    def visible_to(self, user: "User") -> "ClaimQuerySet":
        """Those about loans of the portfolios the person works on."""
        scope = user.scope()
        return self if scope.all else self.filter(loan__portfolio__in=scope.portfolios)


class Claim(models.Model):
    """One bill, or one loan (`installment_number` empty), a guarantor has to pay for on `day`.

    Amounts are in major units of the loan's currency. `booked_through` is the last operation of the loan when it was
    transferred: what the borrower paid since goes to the guarantor. `operation_id` is the change of creditor.
    """

    number = models.CharField(max_length=35, unique=True)
    rule = models.ForeignKey(ClaimRule, on_delete=models.PROTECT, related_name="claims", db_index=False)
    guarantor = models.ForeignKey(Payee, on_delete=models.PROTECT, related_name="claims", db_index=False)
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="claims", db_index=False)
    installment_number = models.PositiveIntegerField(null=True, blank=True)
    plan_version = models.PositiveIntegerField()
    due_date = models.DateField()
    day = models.DateField()
    currency = models.CharField(max_length=3)
    principal = models.DecimalField(**MONEY)
    interest = models.DecimalField(**MONEY)
    penalty = models.DecimalField(**MONEY, default=0)
    amount = models.DecimalField(**MONEY)
    state = models.CharField(
        max_length=11,
        choices=[(state.value, label) for state, label in CLAIM_LABELS.items()],
        default=ClaimState.CANDIDATE.value,
    )
    dropped_because = models.CharField(max_length=8, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    confirmed_by = models.BigIntegerField(null=True, blank=True)
    confirmed_by_name = models.CharField(max_length=150, blank=True)
    transferred_on = models.DateField(null=True, blank=True)
    booked_through = models.BigIntegerField(null=True, blank=True)
    operation_id = models.BigIntegerField(null=True, blank=True)
    file = models.ForeignKey(SettlementFile, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    objects = ClaimQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["loan", "installment_number"],
                nulls_distinct=False,
                condition=~Q(state="dropped"),
                name="a_bill_or_loan_has_one_claim_that_stands",
            ),
            models.CheckConstraint(
                condition=Q(amount=F("principal") + F("interest") + F("penalty"), amount__gt=0),
                name="claim_is_the_sum_of_its_parts",
            ),
            models.CheckConstraint(
                condition=~Q(state="dropped") | ~Q(dropped_because=""), name="claim_is_dropped_for_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["transferred", "matched"], transferred_on__isnull=False, booked_through__isnull=False
                )
                | (~Q(state__in=["transferred", "matched"]) & Q(transferred_on__isnull=True)),
                name="claim_says_when_it_was_transferred",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["loan", "installment_number"], name="claims_of_a_loan"),
            models.Index(fields=["rule", "state", "day"], name="claims_of_a_list"),
            models.Index(fields=["guarantor", "transferred_on"], name="claims_paid_by_a_guarantor"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def amounts(self) -> Amounts:
        """What is claimed, by component."""
        return Amounts(self.principal, self.interest, self.penalty)

    @property
    def dropped_reason(self) -> DroppedBecause | None:
        """Why nothing is claimed."""
        return DroppedBecause(self.dropped_because) if self.dropped_because else None


class ClaimMove(models.Model):
    """A claim was listed, moved, or changed its amount. These rows only grow."""

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="moves")
    from_state = models.CharField(max_length=11, blank=True)
    to_state = models.CharField(max_length=11)
    cause = models.CharField(max_length=40)
    amount = models.DecimalField(**MONEY)
    reason = models.CharField(max_length=300, blank=True)
    details = models.JSONField(default=dict, blank=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.claim_id}: {self.from_state} > {self.to_state}"


class ClaimReturn(models.Model):
    """What a guarantor was paid too much for and gets back from the funder: the borrower had paid after the cut-off."""

    class State(models.TextChoices):
        OWED = "owed", _("to give back")
        RETURNED = "returned", _("given back")

    claim = models.OneToOneField(Claim, on_delete=models.PROTECT, related_name="overpaid")
    principal = models.DecimalField(**MONEY)
    interest = models.DecimalField(**MONEY)
    penalty = models.DecimalField(**MONEY, default=0)
    amount = models.DecimalField(**MONEY)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OWED)
    returned_on = models.DateField(null=True, blank=True)
    returned_by = models.CharField(max_length=150, blank=True)
    reference = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(amount=F("principal") + F("interest") + F("penalty"), amount__gt=0),
                name="overpaid_claim_is_the_sum_of_its_parts",
            ),
            models.CheckConstraint(
                condition=Q(state="owed", returned_on__isnull=True) | Q(state="returned", returned_on__isnull=False),
                name="overpaid_claim_says_when_it_was_returned",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.claim_id} {self.amount}"
