"""Loans, their copied terms, and the bills of their schedule versions."""

from datetime import date
from typing import Any

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now, Upper
from django.utils.translation import gettext_lazy as _

from backoffice.customers.models import Borrower
from backoffice.repayment.models.products import ProductVersion

MONEY: dict[str, Any] = {"max_digits": 18, "decimal_places": 2}
# The one meaning of "overdue", whatever the terms call their buckets: within days of tolerance a loan is overdue and
# still in the first of them. `selectors.bulk_holds` says the same in SQL.
IS_OVERDUE = Q(status="active", overdue_amount__gt=0)


class LoanTerms(models.Model):
    """The copy of the terms a loan was disbursed under: immutable, and shared by loans whose copies are equal.

    `digest` is the SHA-256 of the canonical JSON, so that a million loans with the same terms keep one copy of them.
    """

    digest = models.CharField(max_length=64, unique=True)
    terms = models.JSONField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.digest[:12]


class LoanQuerySet(models.QuerySet["Loan"]):
    """Loans with the row rules of the staff."""

    def visible_to(self, user: Any) -> "LoanQuerySet":
        """Only the loans of the portfolios the user's team works on."""
        scope = user.scope()
        return self if scope.all else self.filter(portfolio__in=scope.portfolios)

    def open_since(self, day: date | None) -> "LoanQuerySet":
        """Loans open now, and of the closed ones those that still were on the day; None: only those open now."""
        is_open = ~Q(status=Loan.Status.CLOSED)
        return self.filter(is_open if day is None else is_open | Q(closed_on__gte=day))

    def overdue(self) -> "LoanQuerySet":
        """Active loans of which something past due is unpaid; a charged-off loan is counted as such, not as overdue."""
        return self.filter(IS_OVERDUE)

    def not_overdue(self) -> "LoanQuerySet":
        """Every other loan."""
        return self.exclude(IS_OVERDUE)


class Loan(models.Model):
    """One drawdown disbursed. Cached facts are kept by the posting transaction and checked by `verify_books`.

    `oldest_unpaid_due_date` may lie in the future (then nothing is overdue). `next_transition_date` is the business day
    whose close changes the loan; `touched_on` the latest date anything was booked or moved for, so that a posting dated
    before it is known to need a replay. `accrued_through` is the day up to which overdue days are counted.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        CLOSED = "closed", _("Closed")
        CHARGED_OFF = "charged_off", _("Charged off")

    external_id = models.CharField(max_length=80)
    portfolio = models.CharField(max_length=64)
    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="loans")
    # Every index of a loan is written anew whenever its next transition moves, so it has those alone that are read by.
    product_version = models.ForeignKey(ProductVersion, null=True, blank=True, on_delete=models.PROTECT, db_index=False)
    terms = models.ForeignKey(LoanTerms, on_delete=models.PROTECT, related_name="+", db_index=False)
    currency = models.CharField(max_length=3)
    principal = models.DecimalField(**MONEY)
    annual_rate = models.DecimalField(max_digits=12, decimal_places=8)
    periods = models.PositiveIntegerField()
    disbursed_on = models.DateField()
    maturity_on = models.DateField()
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.ACTIVE)
    creditor = models.CharField(max_length=80, default="lender")
    bucket = models.CharField(max_length=8, default="M0")
    oldest_unpaid_due_date = models.DateField(null=True, blank=True)
    next_transition_date = models.DateField(null=True, blank=True)
    outstanding_principal = models.DecimalField(**MONEY)
    outstanding_total = models.DecimalField(**MONEY)
    overdue_amount = models.DecimalField(**MONEY, default=0)
    suspense = models.DecimalField(**MONEY, default=0)
    schedule_version = models.PositiveIntegerField(default=1)
    accrued_through = models.DateField()
    touched_on = models.DateField()
    closed_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = LoanQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["external_id", "portfolio"],  # the number first: it is also looked up alone
                name="loan_external_id_is_unique_in_portfolio",
            ),
            models.CheckConstraint(condition=Q(principal__gt=0), name="loan_principal_is_positive"),
            models.CheckConstraint(condition=Q(suspense__gte=0), name="loan_suspense_is_not_negative"),
            models.CheckConstraint(
                condition=Q(outstanding_principal__gte=0),
                name="loan_outstanding_principal_is_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(status="closed", next_transition_date__isnull=True) | ~Q(status="closed"),
                name="closed_loan_awaits_no_transition",
            ),
        ]
        indexes = [
            # People type numbers in whatever case.
            models.Index(OpClass(Upper("external_id"), name="text_pattern_ops"), name="loan_by_number"),
            models.Index(
                fields=["next_transition_date", "id"],
                name="loan_next_transition",
                condition=Q(next_transition_date__isnull=False),
            ),
            models.Index(
                fields=["bucket", "id"],
                name="loan_overdue_bucket",
                condition=~Q(bucket="M0"),
            ),
            models.Index(
                fields=["currency", "overdue_amount", "id"],  # amounts of two currencies are not compared
                name="loan_overdue_amount",
                condition=Q(overdue_amount__gt=0),
            ),
            models.Index(
                fields=["closed_on", "id"],
                name="loan_to_pay_back",
                condition=Q(status="closed", suspense__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return self.external_id


class ScheduleVersion(models.Model):
    """A version of a loan's schedule and why it came to be; its bills are those alive between versions."""

    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="schedule_versions")
    number = models.PositiveIntegerField()
    cause = models.CharField(max_length=24)
    effective_on = models.DateField()
    operation_id = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["loan", "number"],
                name="schedule_version_number_is_unique_in_its_loan",
            )
        ]

    def __str__(self) -> str:
        return f"version {self.number} from {self.effective_on}"


class Installment(models.Model):
    """One bill: scheduled amounts, penalty charged, and per component what was paid and what was waived.

    Alive in the schedule versions `[from_version, to_version)`; `to_version` NULL is the schedule now in force. What
    was paid on a superseded bill has moved to the bill that replaced it.
    """

    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="installments", db_index=False)
    borrower_id = models.BigIntegerField()
    number = models.PositiveIntegerField()
    from_version = models.PositiveIntegerField(default=1)
    to_version = models.PositiveIntegerField(null=True, blank=True)
    due_date = models.DateField()
    days = models.PositiveIntegerField(default=0)
    principal = models.DecimalField(**MONEY, default=0)
    interest = models.DecimalField(**MONEY, default=0)
    fee = models.DecimalField(**MONEY, default=0)
    guarantee_fee = models.DecimalField(**MONEY, default=0)
    penalty = models.DecimalField(**MONEY, default=0)
    principal_paid = models.DecimalField(**MONEY, default=0)
    interest_paid = models.DecimalField(**MONEY, default=0)
    fee_paid = models.DecimalField(**MONEY, default=0)
    guarantee_fee_paid = models.DecimalField(**MONEY, default=0)
    penalty_paid = models.DecimalField(**MONEY, default=0)
    principal_waived = models.DecimalField(**MONEY, default=0)
    interest_waived = models.DecimalField(**MONEY, default=0)
    fee_waived = models.DecimalField(**MONEY, default=0)
    guarantee_fee_waived = models.DecimalField(**MONEY, default=0)
    penalty_waived = models.DecimalField(**MONEY, default=0)
    overdue_base_days = models.DecimalField(max_digits=24, decimal_places=2, default=0)
    compound_base = models.DecimalField(**MONEY, default=0)
    settled_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["loan", "number", "from_version"],
                name="bill_number_is_unique_in_a_schedule_version",
            ),
            *(
                models.CheckConstraint(
                    condition=Q(
                        **{
                            f"{component}_paid__gte": 0,
                            f"{component}_waived__gte": 0,
                            f"{component}__gte": 0,
                        }
                    )
                    & Q(**{f"{component}__gte": models.F(f"{component}_paid") + models.F(f"{component}_waived")}),
                    name=f"bill_{component}_is_not_settled_beyond_what_is_charged",
                )
                for component in (
                    "principal",
                    "interest",
                    "fee",
                    "guarantee_fee",
                    "penalty",
                )
            ),
        ]

    def __str__(self) -> str:
        return f"{self.loan_id} #{self.number}"
