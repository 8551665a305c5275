"""What the endpoints of reminder plans take and answer."""

from rest_framework import serializers

from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import DayField, MoneyField, SignedMoneyField, TextField
from backoffice.outreach.domain.channels import MESSAGES
from backoffice.outreach.domain.elements import LANGUAGES
from backoffice.outreach.domain.reminder_plans import MOST_STEPS, StopCondition
from backoffice.outreach.domain.reminder_states import PlanState

STATES = [state.value for state in PlanState]
CHANNELS = sorted(channel.value for channel in MESSAGES)
STOPS = [each.value for each in StopCondition]
TIME = "a time of the borrower's day, HH:MM"


class WrittenMoneyField(MoneyField):
    """An amount a plan keeps as it was written."""

    def to_representation(self, value: str) -> str:  # type: ignore[override]
        """The amount, as it was written."""
        return value


class PlanVersionRefSerializer(serializers.Serializer):
    """A version, in short."""

    id = serializers.IntegerField()
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=STATES)
    effective_from = DayField(allow_null=True)
    note = serializers.CharField(allow_blank=True)
    created_by = serializers.CharField(source="created_by_name")
    approved_by = serializers.CharField(source="approved_by_name", allow_blank=True)


class ReminderPlanSerializer(serializers.Serializer):
    """A plan: whose loans it is for, and its versions, newest first. An empty portfolio: all without their own plan."""

    id = serializers.IntegerField()
    code = serializers.CharField()
    name = serializers.CharField()
    name_zh = serializers.CharField(allow_blank=True)
    portfolio = serializers.CharField(allow_blank=True)
    versions = PlanVersionRefSerializer(many=True)


class ReminderStepSerializer(BodySerializer):
    """One step of the timeline. The domain reads it: what is wrong is named as `step.field`."""

    id = TextField(max_length=20)
    offset = serializers.IntegerField(help_text="days from the due date; -3 is three days before")
    at = TextField(max_length=5, help_text=TIME)
    until = TextField(max_length=5, help_text=TIME)
    channels = serializers.ListField(
        child=serializers.ChoiceField(choices=CHANNELS),
        help_text="tried in this order",
    )
    template = TextField(max_length=60, help_text="the code of a template")
    least = WrittenMoneyField(allow_zero=True, required=False, help_text="for bills from this amount")
    most = WrittenMoneyField(required=False, help_text="for bills up to this amount")
    currency = serializers.RegexField(r"^[A-Z]{3}$", required=False, help_text="for bills in this currency")
    language = serializers.ChoiceField(choices=LANGUAGES, required=False, help_text="for readers of this language")
    stops = serializers.ListField(
        child=serializers.ChoiceField(choices=STOPS),
        required=False,
        help_text="what stops it; paid and hold always do; everything when it is left out",
    )


class ReminderContentSerializer(BodySerializer):
    """What a version says."""

    steps = serializers.ListField(child=ReminderStepSerializer(), max_length=MOST_STEPS)
    holdout = serializers.RegexField(
        r"^0(\.[0-9]{1,4})?$", help_text="the share of borrowers left alone to compare with, up to 0.50"
    )
    debits = serializers.ListField(
        child=TextField(max_length=5), required=False, max_length=10, help_text="when debits are tried on the due date"
    )


class PlanVersionSerializer(PlanVersionRefSerializer):
    """A version with what it says."""

    plan_id = serializers.IntegerField()
    content = ReminderContentSerializer()


class NewPlanSerializer(BodySerializer):
    """A plan without a version."""

    code = serializers.SlugField(max_length=60)
    name = TextField(max_length=120)
    name_zh = TextField(max_length=120, allow_blank=True, required=False, default="")
    portfolio = TextField(max_length=64, allow_blank=True, required=False, default="")


class DraftSerializer(BodySerializer):
    """What a draft says, and what it is for."""

    content = ReminderContentSerializer()
    note = TextField(max_length=300, allow_blank=True, required=False, default="")


class PublishSerializer(BodySerializer):
    """From which day, and why."""

    effective_from = DayField()
    reason = TextField(min_length=2, max_length=500)


class PlanReasonSerializer(BodySerializer):
    """Why it is done."""

    reason = TextField(min_length=2, max_length=500)


class AskedToPublishSerializer(serializers.Serializer):
    """The request a second person approves or declines at /audit/approvals/, and what approving would do."""

    approval_id = serializers.IntegerField(source="id")
    state = serializers.CharField()
    consequence = serializers.CharField()


class SimulationQuery(serializers.Serializer):
    """Which day; tomorrow unless it is named."""

    day = DayField(required=False)


class CountSerializer(serializers.Serializer):
    """How many messages of one kind."""

    code = serializers.CharField(help_text="a channel, the id of a step, or the id of a rule of the gate")
    messages = serializers.IntegerField()


class CostSerializer(serializers.Serializer):
    """An amount in one currency."""

    currency = serializers.CharField()
    amount = SignedMoneyField()


class SimulationSerializer(serializers.Serializer):
    """What a version would do on a day with the book as it is; nothing is written."""

    day = DayField()
    bills = serializers.IntegerField()
    held_out = serializers.IntegerField(help_text="bills of borrowers left alone")
    messages = serializers.IntegerField()
    by_channel = CountSerializer(many=True)
    by_step = CountSerializer(many=True)
    allowed = serializers.IntegerField(help_text="let through by the gate at their time")
    later = serializers.IntegerField(help_text="let through later the same day; both leave")
    blocked = CountSerializer(many=True, help_text="by rule; a message may be denied by several")
    outranked = serializers.IntegerField(help_text="a more pressing message goes to the borrower that day")
    without_words = serializers.IntegerField()
    not_in_audience = serializers.IntegerField()
    unfilled = serializers.IntegerField(help_text="a variable of its words has no usable value")
    costs = CostSerializer(many=True)


class SampleSerializer(serializers.Serializer):
    """Bills whose due date is over, and how many of them were paid by it."""

    bills = serializers.IntegerField(source="units")
    paid = serializers.IntegerField(source="total")
    share = serializers.DecimalField(source="mean", max_digits=9, decimal_places=6, allow_null=True)


class CostBoundsSerializer(serializers.Serializer):
    """Between what a payment won may have cost, in one currency."""

    currency = serializers.CharField()
    low = SignedMoneyField()
    high = SignedMoneyField(allow_null=True, help_text="null: the difference may be nought, so there is no bound")


class PlanEffectSerializer(serializers.Serializer):
    """The reminded against those left alone: the difference of the shares with its interval, and what it cost."""

    reminded = SampleSerializer(source="effect.treated")
    left_alone = SampleSerializer(source="effect.control")
    difference = serializers.DecimalField(source="effect.difference", max_digits=9, decimal_places=6, allow_null=True)
    low = serializers.DecimalField(source="effect.low", max_digits=9, decimal_places=6, allow_null=True)
    high = serializers.DecimalField(source="effect.high", max_digits=9, decimal_places=6, allow_null=True)
    confidence = serializers.DecimalField(source="effect.confidence", max_digits=4, decimal_places=2)
    verdict = serializers.ChoiceField(source="effect.verdict", choices=["more", "less", "unclear", "too_few"])
    sent = serializers.IntegerField(help_text="reminders about these bills")
    costs = CostSerializer(many=True)
    cost_per_extra_payment = CostSerializer(many=True, help_text="empty while reminding wins nothing")
    cost_bounds = CostBoundsSerializer(many=True)
