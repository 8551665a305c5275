"""What happened to loans: operations, transfers, bucket moves, month ends. They only grow; the database sees to it."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.repayment.models.loans import MONEY, Loan
from backoffice.repayment.models.payment_files import PaymentFile


class Operation(models.Model):
    """One thing done to a loan on a value date: what a replay of the loan applies again.

    Facts of a payment (channel, reference, payer) stand here too. A reversal is an operation that names the one it
    takes back; a taken-back operation no longer counts. Never updated, never deleted.
    """

    class Kind(models.TextChoices):
        DISBURSEMENT = "disbursement", _("Disbursement")
        PAYMENT = "payment", _("Payment")
        PAYOFF = "payoff", _("Payoff")
        WAIVER = "waiver", _("Waiver")
        REFUND = "refund", _("Refund")
        CHARGE_OFF = "charge_off", _("Charge-off")
        WRITE_OFF = "write_off", _("Small-balance write-off")
        CREDITOR_CHANGE = "creditor_change", _("Change of creditor")
        REVERSAL = "reversal", _("Reversal")

    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="operations")
    borrower_id = models.BigIntegerField()
    kind = models.CharField(max_length=16, choices=Kind.choices)
    amount = models.DecimalField(**MONEY, default=0)
    value_date = models.DateField()
    business_date = models.DateField()
    source = models.CharField(max_length=40, default="console")
    external_id = models.CharField(max_length=120, blank=True)
    channel = models.CharField(max_length=40, blank=True)
    reference = models.CharField(max_length=140, blank=True)
    surplus = models.CharField(max_length=20, blank=True)
    details = models.JSONField(default=dict, blank=True)
    reverses = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reversed_by",
        db_index=False,
    )
    reason = models.CharField(max_length=300, blank=True)
    payment_file = models.ForeignKey(
        PaymentFile,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="operations",
        db_constraint=False,
        db_index=False,
    )
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150, default="system")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"],
                condition=~Q(external_id=""),
                name="operation_external_id_is_unique_in_its_source",
            ),
            models.UniqueConstraint(
                fields=["reverses"],
                condition=Q(reverses__isnull=False),
                name="operation_is_reversed_once",
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="operation_amount_is_not_negative"),
            models.CheckConstraint(
                condition=Q(kind="reversal", reverses__isnull=False) | (~Q(kind="reversal") & Q(reverses__isnull=True)),
                name="only_a_reversal_names_what_it_reverses",
            ),
        ]
        indexes = [
            BrinIndex(fields=["business_date"], name="operation_business_date", pages_per_range=32),
            # The list of payments, the newest value date first; then the few that are neither payments nor
            # disbursements, for the lists that ask for one kind of them.
            models.Index(fields=["value_date", "id"], name="operation_value_date"),
            models.Index(
                fields=["kind", "value_date", "id"],
                name="operation_out_of_the_usual",
                condition=~Q(kind__in=["payment", "disbursement"]),
            ),
            models.Index(
                fields=["payment_file", "value_date", "id"],
                name="operation_of_a_file",
                condition=Q(payment_file__isnull=False),
            ),
            models.Index(fields=["reference"], name="operation_reference", condition=~Q(reference="")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} {self.value_date}"


class Transfer(models.Model):
    """One row of the ledger: `amount` moves from the credit account to the debit account, in the loan's currency.

    Balanced by construction. A correction is a row that names the row it takes back, with the accounts swapped and the
    same value date. `operation` is empty for what the passing of a day caused; `run_id` names the day-end run then.
    """

    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="transfers")
    borrower_id = models.BigIntegerField()
    operation = models.ForeignKey(
        Operation,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="transfers",
        db_constraint=False,
    )
    run_id = models.BigIntegerField(null=True, blank=True)
    kind = models.CharField(max_length=20)
    component = models.CharField(max_length=14, blank=True)
    installment_number = models.PositiveIntegerField(null=True, blank=True)
    debit = models.CharField(max_length=28)
    credit = models.CharField(max_length=28)
    amount = models.DecimalField(**MONEY)
    value_date = models.DateField()
    business_date = models.DateField()
    reverses = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reversed_by",
        db_index=False,
        db_constraint=False,
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reverses"],
                condition=Q(reverses__isnull=False),
                name="transfer_is_reversed_once",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_amount_is_positive"),
            models.CheckConstraint(
                condition=~Q(debit=F("credit")),
                name="transfer_moves_between_two_accounts",
            ),
        ]
        # What a day booked, for its verification. Rows come in the order of their days: a summary of pages is enough
        # and costs a posting nothing.
        indexes = [BrinIndex(fields=["business_date"], name="transfer_business_date", pages_per_range=32)]

    def __str__(self) -> str:
        return f"{self.debit} from {self.credit} {self.amount}"


class BucketMove(models.Model):
    """A loan changed bucket from the opening of `on`; a move later found wrong is retracted by a row that names it."""

    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="bucket_moves")
    borrower_id = models.BigIntegerField()
    on = models.DateField()
    from_bucket = models.CharField(max_length=8)
    to_bucket = models.CharField(max_length=8)
    cause = models.CharField(max_length=20)
    operation_id = models.BigIntegerField(null=True, blank=True)
    run_id = models.BigIntegerField(null=True, blank=True)
    retracts = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="retracted_by",
        db_index=False,
        db_constraint=False,
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["retracts"],
                condition=Q(retracts__isnull=False),
                name="bucket_move_is_retracted_once",
            )
        ]
        indexes = [models.Index(fields=["on", "to_bucket"], name="bucket_move_on")]

    def __str__(self) -> str:
        return f"{self.from_bucket} to {self.to_bucket} on {self.on}"


class MonthEnd(models.Model):
    """A loan on the evening of a month end; a restatement is a further revision, the highest one counts."""

    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="month_ends", db_index=False)
    month_end = models.DateField()
    revision = models.PositiveSmallIntegerField(default=0)
    status = models.CharField(max_length=12)
    creditor = models.CharField(max_length=80)
    bucket = models.CharField(max_length=8)
    dpd = models.PositiveIntegerField()
    dpd_contract = models.PositiveIntegerField()
    cycles = models.PositiveIntegerField()
    outstanding_principal = models.DecimalField(**MONEY)
    overdue_amount = models.DecimalField(**MONEY)
    run_id = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["loan", "month_end", "revision"],
                name="month_end_revision_is_unique_for_a_loan",
            )
        ]
        indexes = [models.Index(fields=["month_end", "bucket"], name="month_end_bucket")]

    def __str__(self) -> str:
        return f"{self.month_end} {self.bucket}"
