"""How loans, bills, operations and transfers read over the API. Amounts stand in the currency of their loan."""

from typing import Any, get_args

from rest_framework import serializers

from backoffice.core.api.fields import DayField, MoneyField, currency_field
from backoffice.repayment.domain.aging import FiveTier
from backoffice.repayment.models import Loan, Operation


def amount(**kwargs: Any) -> MoneyField:
    """An amount that is only answered with; zero is an answer too."""
    return MoneyField(allow_zero=True, read_only=True, **kwargs)


def rate(**kwargs: Any) -> serializers.DecimalField:
    """A fraction of one a year: 0.18 is 18 %."""
    return serializers.DecimalField(max_digits=12, decimal_places=8, read_only=True, **kwargs)


class LoanSerializer(serializers.ModelSerializer):
    """A loan with the facts its postings keep. What depends on a day is in the loan's own answer."""

    currency = currency_field(read_only=True)
    borrower_external_id = serializers.CharField(source="borrower.external_id", read_only=True)
    borrower_id = serializers.IntegerField(read_only=True)
    principal = amount()
    annual_rate = rate()
    outstanding_principal = amount()
    outstanding_total = amount(help_text="with penalty charged so far; what grew since is in the loan's own answer")
    overdue_amount = amount(help_text="with penalty charged so far; what grew since is in the loan's own answer")
    suspense = amount(help_text="received and not yet used")

    class Meta:
        model = Loan
        fields = (
            "id",
            "external_id",
            "portfolio",
            "borrower_id",
            "borrower_external_id",
            "currency",
            "principal",
            "annual_rate",
            "periods",
            "disbursed_on",
            "maturity_on",
            "status",
            "creditor",
            "bucket",
            "oldest_unpaid_due_date",
            "outstanding_principal",
            "outstanding_total",
            "overdue_amount",
            "suspense",
            "schedule_version",
            "closed_on",
        )
        read_only_fields = fields


class AmountsByComponentSerializer(serializers.Serializer):
    """An amount for each thing a borrower can owe."""

    principal = amount()
    interest = amount()
    fee = amount()
    guarantee_fee = amount()
    penalty = amount()


class BillSerializer(serializers.Serializer):
    """One bill as it stands on the day asked for."""

    number = serializers.IntegerField(source="bill.number")
    due_date = DayField(source="bill.due_date")
    days = serializers.IntegerField(source="bill.days")
    charged = AmountsByComponentSerializer(source="bill.charged", help_text="penalty: charged to the ledger so far")
    paid = AmountsByComponentSerializer(source="bill.paid")
    waived = AmountsByComponentSerializer(source="bill.waived")
    penalty = amount(help_text="charged, and grown but not yet charged")
    left = amount(help_text="what is still owed, grown penalty included")
    balance_after = amount(help_text="principal left after the bill by the schedule")
    dpd = serializers.IntegerField(help_text="days past due of this bill, held days left out; 0 when it does not age")
    state = serializers.ChoiceField(
        choices=["paid", "overdue", "penalty_only", "tolerated", "due", "partly", "planned"],
        help_text="penalty_only: past due, its schedule is paid; tolerated: too little is left to age",
    )
    settled_on = DayField(source="bill.settled_on", allow_null=True)


class LoanAsOfSerializer(serializers.Serializer):
    """A loan on a day: replayed from what is booked now. Days after the business date are foretold without payments."""

    loan = LoanSerializer(help_text="the facts as they are kept now")
    as_of = DayField()
    business_date = DayField()
    currency = currency_field(source="loan.currency")
    status = serializers.ChoiceField(source="state.status", choices=Loan.Status.choices)
    creditor = serializers.CharField(source="state.creditor")
    bucket = serializers.CharField(source="explanation.bucket")
    dpd = serializers.IntegerField(source="explanation.dpd", help_text="days past due, held days left out")
    dpd_contract = serializers.IntegerField(source="explanation.dpd_contract", help_text="holds not counted")
    cycles = serializers.IntegerField(source="explanation.cycles", help_text="bills past due")
    five_tier = serializers.ChoiceField(source="explanation.five_tier", choices=get_args(FiveTier))
    due = AmountsByComponentSerializer(help_text="what is to be paid on that day")
    due_total = amount()
    outstanding_principal = amount()
    suspense = amount(source="state.suspense")
    schedule_version = serializers.IntegerField(source="state.version")
    bills = BillSerializer(many=True)


class SettlingLineSerializer(serializers.Serializer):
    """A transfer that settled part of a bill."""

    kind = serializers.CharField()
    component = serializers.CharField(allow_null=True)
    amount = amount()
    value_date = DayField()
    operation_id = serializers.IntegerField(source="source", allow_null=True)


class HeldDaysSerializer(serializers.Serializer):
    """A hold and the days it took out of the count."""

    hold_id = serializers.IntegerField(source="hold.id", allow_null=True)
    start = DayField(source="hold.start")
    end = DayField(source="hold.end", allow_null=True, help_text="the first day it no longer covers; empty is open")
    reason = serializers.CharField(source="hold.reason")
    days = serializers.IntegerField()


class BucketBandSerializer(serializers.Serializer):
    """The bucket rule that named the days: from the first to the last day, both within."""

    code = serializers.CharField()
    first = serializers.IntegerField()
    last = serializers.IntegerField(allow_null=True)


class BillPenaltySerializer(serializers.Serializer):
    """How the penalty of one bill came about: base_days x rate / day_basis, rounded once, is the total."""

    number = serializers.IntegerField()
    base = amount(help_text="the overdue amount penalty grows on")
    base_days = serializers.DecimalField(
        max_digits=24, decimal_places=2, help_text="overdue base times days, summed through the day asked for"
    )
    rate = rate()
    day_basis = serializers.IntegerField()
    charged = amount()
    uncharged = amount(help_text="grown since it was last charged")
    total = amount(help_text="charged and uncharged together")


class RulesSerializer(serializers.Serializer):
    """The terms behind the numbers: copied into the loan when it was paid out, and never changed."""

    product = serializers.CharField(allow_null=True, help_text="its code; empty for a loan brought in without one")
    version = serializers.IntegerField(allow_null=True)
    terms = serializers.CharField(help_text="SHA-256 of the terms as they were copied")


class ExplanationSerializer(serializers.Serializer):
    """Which bill, which payments, which holds and which rule made the days past due and the bucket of a day."""

    as_of = DayField(source="explanation.as_of")
    dpd = serializers.IntegerField(source="explanation.dpd")
    dpd_contract = serializers.IntegerField(source="explanation.dpd_contract")
    bucket = serializers.CharField(source="explanation.bucket")
    cycles = serializers.IntegerField(source="explanation.cycles")
    five_tier = serializers.ChoiceField(choices=get_args(FiveTier), source="explanation.five_tier")
    bill_number = serializers.IntegerField(source="explanation.bill.number", allow_null=True, default=None)
    bill_due_date = DayField(source="explanation.bill.due_date", allow_null=True, default=None)
    elapsed_days = serializers.IntegerField(source="explanation.elapsed_days")
    held = HeldDaysSerializer(many=True, source="explanation.held")
    band = BucketBandSerializer(source="explanation.band")
    tolerance_days = serializers.IntegerField(source="explanation.tolerance_days")
    settled_by = SettlingLineSerializer(many=True, source="explanation.settled_by")
    penalties = BillPenaltySerializer(many=True, source="explanation.penalties")
    rules = RulesSerializer()


class TransferSerializer(serializers.Serializer):
    """One row of the ledger: the amount moves from the credit account to the debit account."""

    id = serializers.IntegerField()
    loan_id = serializers.IntegerField()
    operation_id = serializers.IntegerField(allow_null=True, help_text="empty: the passing of a day caused it")
    run_id = serializers.IntegerField(allow_null=True)
    kind = serializers.CharField()
    component = serializers.CharField(allow_blank=True)
    installment_number = serializers.IntegerField(allow_null=True)
    debit = serializers.CharField()
    credit = serializers.CharField()
    amount = amount()
    currency = currency_field(source="loan.currency")
    value_date = DayField()
    business_date = DayField()
    reverses_id = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()


class OperationSerializer(serializers.Serializer):
    """One thing done to a loan."""

    id = serializers.IntegerField()
    loan_id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=Operation.Kind.choices)
    amount = amount()
    currency = currency_field(source="loan.currency")
    value_date = DayField()
    business_date = DayField()
    source = serializers.CharField()  # type: ignore[assignment]  # DRF keeps its own `source` aside
    external_id = serializers.CharField(allow_blank=True)
    channel = serializers.CharField(allow_blank=True)
    reference = serializers.CharField(allow_blank=True)
    surplus = serializers.CharField(allow_blank=True)
    components = serializers.SerializerMethodField()
    creditor = serializers.SerializerMethodField()
    reason = serializers.CharField(allow_blank=True)
    actor_name = serializers.CharField()
    reverses_id = serializers.IntegerField(allow_null=True)
    reversed_by_id = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    def get_components(self, operation: Operation) -> dict[str, str]:
        """What a waiver waived, by component."""
        return dict(operation.details.get("components", {}))

    def get_creditor(self, operation: Operation) -> str:
        """Who the claim went to."""
        return str(operation.details.get("creditor", ""))

    def get_reversed_by_id(self, operation: Operation) -> int | None:
        """The reversal that took it back."""
        return next((reversal.pk for reversal in operation.reversed_by.all()), None)


class BillOfVersionSerializer(serializers.Serializer):
    """What a schedule version asks for on a day."""

    number = serializers.IntegerField()
    due_date = DayField()
    days = serializers.IntegerField()
    principal = amount()
    interest = amount()
    fee = amount()
    guarantee_fee = amount()


class ScheduleVersionSerializer(serializers.Serializer):
    """One version of a schedule and why it came to be."""

    number = serializers.IntegerField()
    cause = serializers.CharField()
    effective_on = DayField()
    operation_id = serializers.IntegerField(allow_null=True)
    bills = BillOfVersionSerializer(many=True)


class ScheduleVersionsSerializer(serializers.Serializer):
    """Every version, oldest first."""

    versions = ScheduleVersionSerializer(many=True)


class BucketMoveSerializer(serializers.Serializer):
    """A change of bucket that holds from the opening of a day."""

    id = serializers.IntegerField()
    on = DayField()
    from_bucket = serializers.CharField()
    to_bucket = serializers.CharField()
    cause = serializers.CharField()
    operation_id = serializers.IntegerField(allow_null=True)
    run_id = serializers.IntegerField(allow_null=True)
    retracts_id = serializers.IntegerField(allow_null=True)


class PayoffQuoteSerializer(serializers.Serializer):
    """What settles a loan on a day, part by part; valid for that day and until something is booked."""

    loan_id = serializers.IntegerField()
    on = DayField()
    currency = currency_field()
    principal = amount()
    interest_due = amount()
    interest_accrued = amount()
    fees_due = amount()
    penalty = amount()
    early_fee = amount()
    suspense = amount(help_text="held already, taken off")
    total = amount(help_text="post exactly this")
