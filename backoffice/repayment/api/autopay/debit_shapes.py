"""What the endpoints over running debits take and answer."""

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from rest_framework import serializers

from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import DayField, MoneyField, TextField, YesNoField
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.breakers import BreakerKind
from backoffice.repayment.domain.autopay.codes import Family
from backoffice.repayment.domain.autopay.debit_states import BillState, CommandState
from backoffice.repayment.domain.autopay.order_numbers import Purpose
from backoffice.repayment.models import DebitBatch, DebitCommand
from backoffice.repayment.selectors.autopay.code_words import code_in_words
from backoffice.repayment.selectors.autopay.rates import Cut

LARGEST_ID = 2**63 - 1
DEBIT_STATES = [state.value for state in CommandState]
BILL_STATES = [state.value for state in BillState]
FAMILIES = [family.value for family in Family]
BREAKER_KINDS = [kind.value for kind in BreakerKind]
MOST_DAYS = 92
CUTS = [cut.value for cut in Cut if cut is not Cut.WHOLE]


class ShareField(serializers.DecimalField):
    """A share of 1 with four digits; null where there is nothing to divide by."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=9, decimal_places=4, allow_null=True, read_only=True, **kwargs)


class DebitReasonSerializer(BodySerializer):
    """Why it is done."""

    reason = TextField(min_length=2, max_length=300)


class BeginSlotSerializer(DebitReasonSerializer):
    """A slot of the business day, and why it begins now."""

    version_id = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)
    slot = TextField(max_length=20)


class BegunSerializer(serializers.Serializer):
    """How many debits were made."""

    debits = serializers.IntegerField()


class CancelledSerializer(serializers.Serializer):
    """How many debits were dropped."""

    dropped = serializers.IntegerField()


class AutopaySwitchSerializer(serializers.Serializer):
    """Whether all debits are stopped, by whom and why."""

    is_stopped = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)
    actor_name = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField(allow_null=True)


class BatchesQuery(serializers.Serializer):
    """Filters of the list of batches."""

    day = DayField(required=False)
    state = serializers.ChoiceField(choices=DebitBatch.State.choices, required=False)
    configuration = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)


class DebitBatchSerializer(serializers.Serializer):
    """The debits of one slot, version and currency; amounts in major units."""

    id = serializers.IntegerField()
    configuration_id = serializers.IntegerField(source="version.configuration_id")
    version_id = serializers.IntegerField()
    day = serializers.DateField()
    slot = serializers.CharField()
    currency = serializers.CharField()
    state = serializers.ChoiceField(choices=DebitBatch.State.choices)
    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    commands = serializers.IntegerField(help_text="debits made")
    forecast = MoneyField(allow_zero=True, help_text="what they were to ask for")
    left = serializers.IntegerField(help_text="debits that have left, since a breaker of it was last closed")
    answered = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    families = serializers.DictField(child=serializers.IntegerField(), help_text="refusals by kind")
    reason = serializers.CharField(allow_blank=True, help_text="why it was paused, stopped or resumed")
    moved_by = serializers.CharField(allow_blank=True)
    moved_at = serializers.DateTimeField(allow_null=True)


class DebitsQuery(serializers.Serializer):
    """Filters of the list of debits."""

    day = DayField(required=False)
    state = serializers.ChoiceField(choices=DEBIT_STATES, required=False)
    rail = serializers.CharField(max_length=40, required=False)
    bank = serializers.CharField(max_length=20, required=False)
    slot = serializers.CharField(max_length=20, required=False)
    family = serializers.ChoiceField(choices=FAMILIES, required=False)
    configuration = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    batch = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    loan = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    order_no = serializers.CharField(max_length=40, required=False)


class DebitSerializer(serializers.Serializer):
    """One order to a rail, and what became of it; amounts in major units."""

    id = serializers.IntegerField()
    order_no = serializers.CharField()
    purpose = serializers.ChoiceField(choices=[purpose.value for purpose in Purpose])
    loan_id = serializers.IntegerField()
    borrower_id = serializers.IntegerField()
    installment_number = serializers.IntegerField()
    attempt = serializers.IntegerField()
    day = serializers.DateField()
    batch_id = serializers.IntegerField(allow_null=True)
    version_id = serializers.IntegerField(allow_null=True)
    mandate_id = serializers.IntegerField()
    rail = serializers.CharField(source="rail.code")
    bank = serializers.CharField(source="mandate.bank")
    currency = serializers.CharField()
    forecast = MoneyField(allow_zero=True)
    amount = MoneyField(allow_zero=True)
    state = serializers.ChoiceField(choices=DEBIT_STATES)
    code = serializers.CharField(allow_blank=True)
    code_in_words = serializers.SerializerMethodField()
    family = serializers.CharField(allow_blank=True, help_text="the kind of answer")
    reference = serializers.CharField(allow_blank=True)
    looks = serializers.IntegerField(help_text="how often the rail was asked what became of it")
    look_at = serializers.DateTimeField(allow_null=True)
    submitted_at = serializers.DateTimeField(allow_null=True)
    answered_at = serializers.DateTimeField(allow_null=True)
    succeeded_at = serializers.DateTimeField(allow_null=True)
    returned_at = serializers.DateTimeField(allow_null=True)
    operation_id = serializers.IntegerField(allow_null=True)
    return_operation_id = serializers.IntegerField(allow_null=True)
    is_unplaced = serializers.BooleanField(help_text="the books refused it, or its return; a person has to place it")

    def get_code_in_words(self, command: DebitCommand) -> str:
        """What the code means, in the caller's language."""
        return code_in_words(scheme=command.rail.scheme, code=command.code)


class DebitMoveSerializer(serializers.Serializer):
    """One step of a journey."""

    from_state = serializers.CharField(allow_blank=True)
    to_state = serializers.ChoiceField(choices=DEBIT_STATES)
    code = serializers.CharField(allow_blank=True)
    detail = serializers.CharField(allow_blank=True)
    actor_name = serializers.CharField()
    at = serializers.DateTimeField()


class DebitNoticeSerializer(serializers.Serializer):
    """One notice of the rail."""

    notice_id = serializers.CharField()
    event = serializers.CharField()
    amount = MoneyField(allow_zero=True)
    code = serializers.CharField(allow_blank=True)
    outcome = serializers.CharField()
    at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()


class DebitBillSerializer(serializers.Serializer):
    """The bill a debit is for, as it was planned for the day."""

    installment_number = serializers.IntegerField()
    due_date = serializers.DateField()
    day = serializers.DateField()
    amount = MoneyField()
    debited = MoneyField(allow_zero=True)
    state = serializers.ChoiceField(choices=BILL_STATES)
    stopped_by = serializers.CharField(allow_blank=True)
    attempts = serializers.IntegerField()


class DebitSplitSerializer(serializers.Serializer):
    """What a payee gets; negative where a return takes it back."""

    component = serializers.CharField()
    payee = serializers.CharField(source="payee.code")
    amount = MoneyField(allow_zero=True)
    day = serializers.DateField()


class DebitPageSerializer(serializers.Serializer):
    """One debit with its journey and all that belongs to it."""

    debit = DebitSerializer(source="command")
    bill = DebitBillSerializer(allow_null=True)
    moves = DebitMoveSerializer(many=True)
    notices = DebitNoticeSerializer(many=True)
    splits = DebitSplitSerializer(many=True)
    other_debits = DebitSerializer(source="others", many=True)


class DecideDebitSerializer(DebitReasonSerializer):
    """What the bank says became of an unknown debit."""

    was_debited = YesNoField()
    debited_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="the bank's time; without it, the time it was submitted"
    )


class DaysRefused(Refusal):
    """Rates are asked for days that do not make a span, or too many of them."""

    code: ClassVar[str] = "repayment.rate_days_refused"


class BreakersQuery(serializers.Serializer):
    """Filters of the list of breakers."""

    state = serializers.ChoiceField(choices=["open", "closed"], required=False)
    kind = serializers.ChoiceField(choices=BREAKER_KINDS, required=False)


class BreakerSerializer(serializers.Serializer):
    """A breaker that opened: what was seen, what was allowed, what it stopped, and who closed it and why."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=BREAKER_KINDS)
    batch_id = serializers.IntegerField(allow_null=True)
    debit_id = serializers.IntegerField(source="command_id", allow_null=True)
    seen = serializers.CharField()
    allowed = serializers.CharField(allow_blank=True)
    detail = serializers.CharField(allow_blank=True)
    opened_at = serializers.DateTimeField()
    paged_at = serializers.DateTimeField(allow_null=True)
    paged = serializers.ListField(child=serializers.CharField(), help_text="who was paged last, by name")
    closed_at = serializers.DateTimeField(allow_null=True)
    closed_by = serializers.CharField(allow_blank=True)
    close_reason = serializers.CharField(allow_blank=True)


class StopsQuery(serializers.Serializer):
    """Filters of the list of stops."""

    state = serializers.ChoiceField(choices=["standing", "over"], required=False)
    loan_id = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)


class DebitStopSerializer(serializers.Serializer):
    """A loan of which nothing is debited: the debit whose answer said so, and who let it go on and why."""

    id = serializers.IntegerField()
    loan_id = serializers.IntegerField()
    borrower_id = serializers.IntegerField(source="loan.borrower_id")
    debit_id = serializers.IntegerField(source="command_id")
    family = serializers.CharField(allow_blank=True, help_text="the kind of answer; empty where nobody mapped its code")
    code = serializers.CharField(allow_blank=True)
    since = serializers.DateTimeField()
    until = serializers.DateField(allow_null=True, help_text="the day on which it is over by itself")
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_by = serializers.CharField(allow_blank=True)
    end_reason = serializers.CharField(
        allow_blank=True, help_text="a person's, or newer_agreement, day_came, another_stop"
    )


class RatesQuery(serializers.Serializer):
    """Which debits the rates are of."""

    from_day = DayField()
    through_day = DayField(required=False, help_text="the same day when it is left out; at most 92 days")
    cut = serializers.ChoiceField(choices=CUTS, required=False)
    configuration = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    first_day = serializers.ChoiceField(
        choices=["yes", "no"], required=False, help_text="yes: only bills on the first day they are tried"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The days in order and not too many. Raises DaysRefused."""
        through = attrs.get("through_day", attrs["from_day"])
        if not 0 <= (through - attrs["from_day"]).days < MOST_DAYS:
            raise DaysRefused(
                _("The last day lies before the first, or too far from it."),
                next_step=_("Ask about 92 days at most."),
                fields={"through_day": _("name a day from the first on, within 92 days")},
            )
        return attrs


class RateSerializer(serializers.Serializer):
    """What the debits of one part and currency came to; rates are shares of 1."""

    part = serializers.CharField(source="key", allow_blank=True)
    currency = serializers.CharField()
    bills = serializers.IntegerField(source="counts.bills")
    settled = serializers.IntegerField(source="counts.settled")
    debits = serializers.IntegerField(source="counts.commands")
    succeeded = serializers.IntegerField(source="counts.succeeded")
    first = serializers.IntegerField(source="counts.first")
    first_tried = serializers.IntegerField(source="counts.first_tried")
    due = MoneyField(source="counts.due", allow_zero=True)
    debited = MoneyField(source="counts.debited", allow_zero=True)
    by_bill = ShareField(source="counts.by_bill")
    by_amount = ShareField(source="counts.by_amount")
    by_attempt = ShareField(source="counts.by_attempt")
    by_first_attempt = ShareField(source="counts.by_first_attempt")


class RatesSerializer(serializers.Serializer):
    """The parts of a cut, or the whole."""

    rates = RateSerializer(many=True)
