"""What the endpoints of autopay configurations take and answer."""

from typing import Any

from rest_framework import serializers

from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import DayField, MoneyField, TextField
from backoffice.repayment.domain.autopay.guards import Guard, Severity
from backoffice.repayment.domain.autopay.simulation import Change
from backoffice.repayment.domain.autopay.version_states import VersionState
from backoffice.repayment.models import Simulation

STATES = [state.value for state in VersionState]
SIMULATION_STATES = [state.value for state in Simulation.State]
MOST_CONTENT = 60_000
"""Characters of a content as JSON; the largest that runs has a tenth of that."""


class AutopayVersionRefSerializer(serializers.Serializer):
    """A version, in short."""

    id = serializers.IntegerField()
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=STATES)
    effective_from = DayField(allow_null=True)
    effective_to = DayField(allow_null=True, help_text="not on this day any more; null: without an end")
    canary_from = DayField(allow_null=True, help_text="the first day of its trial")
    ended_because = serializers.CharField(allow_blank=True)
    note = serializers.CharField(allow_blank=True)
    created_by = serializers.CharField(source="created_by_name")
    approved_by = serializers.CharField(source="approved_by_name", allow_blank=True)


class ConfigurationSerializer(serializers.Serializer):
    """A configuration: whose loans it is for, and its versions, newest first."""

    id = serializers.IntegerField()
    code = serializers.CharField()
    name = serializers.CharField()
    portfolio = serializers.CharField()
    product_id = serializers.IntegerField(allow_null=True, help_text="null: all products of the portfolio")
    funder = serializers.CharField(allow_blank=True, help_text="empty: all funders")
    versions = AutopayVersionRefSerializer(many=True)


class FindingSerializer(serializers.Serializer):
    """What a guard found: `refuse` keeps the version from going on, `warn` is to be read."""

    guard = serializers.ChoiceField(choices=[guard.value for guard in Guard])
    field = serializers.CharField(help_text="the place in the content, such as slots.2.at")
    severity = serializers.ChoiceField(choices=[severity.value for severity in Severity])
    words = serializers.CharField()


class AutopayVersionSerializer(AutopayVersionRefSerializer):
    """A version with its content, and what the last check found."""

    configuration_id = serializers.IntegerField()
    content = serializers.JSONField()
    findings = FindingSerializer(many=True, source="found")


class NewConfigurationSerializer(BodySerializer):
    """A configuration without a version."""

    code = serializers.SlugField(max_length=60)
    name = TextField(max_length=120)
    portfolio = TextField(max_length=64)
    product_id = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1)
    funder = TextField(max_length=80, allow_blank=True, required=False, default="")


class ContentField(serializers.DictField):
    """The content of a version: an object. Guards say what is wrong with it when it is checked."""

    default_error_messages = {"too_long": "has too many characters"}

    def to_internal_value(self, data: Any) -> dict[str, object]:
        """The object as it is. Raises ValidationError for anything else, or one that is too large."""
        content: dict[str, object] = super().to_internal_value(data)
        if len(str(content)) > MOST_CONTENT:
            self.fail("too_long")
        return content


class DraftAutopaySerializer(BodySerializer):
    """What a draft says, what it is for, and the days it is to hold on."""

    content = ContentField()
    note = TextField(max_length=300, allow_blank=True, required=False, default="")
    effective_from = DayField(required=False, allow_null=True, default=None)
    effective_to = DayField(required=False, allow_null=True, default=None)


class AutopayReasonSerializer(BodySerializer):
    """Why it is done."""

    reason = TextField(min_length=2, max_length=500)


class AskedForAutopaySerializer(serializers.Serializer):
    """The request a second person approves or declines at /audit/approvals/, and what approving would do."""

    approval_id = serializers.IntegerField(source="id")
    state = serializers.CharField()
    consequence = serializers.CharField()


class RolledBackSerializer(serializers.Serializer):
    """A version that is out of force, what holds instead, and what happened to what was in flight."""

    version = AutopayVersionSerializer()
    instead = AutopayVersionRefSerializer(allow_null=True)
    says = serializers.ListField(child=serializers.CharField())


class PayeeAmountSerializer(serializers.Serializer):
    """What a payee would get."""

    payee = serializers.CharField()
    currency = serializers.CharField()
    amount = serializers.CharField()


class SideSerializer(serializers.Serializer):
    """What one version comes to: bills, those debited, amounts by currency and by payee."""

    bills = serializers.IntegerField()
    debits = serializers.IntegerField()
    without_agreement = serializers.IntegerField()
    amounts = serializers.DictField(child=serializers.CharField())
    payees = PayeeAmountSerializer(many=True)


class PeriodSerializer(serializers.Serializer):
    """Both sides over some days, and how many bills change in which way."""

    before = SideSerializer()
    after = SideSerializer()
    changed = serializers.IntegerField()
    why = serializers.DictField(child=serializers.IntegerField())


class AutopaySimulationSerializer(serializers.Serializer):
    """What a version would change: tomorrow on the real book, and over the last 30 days' bills as they were due.

    Both are null before it is done.
    """

    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=SIMULATION_STATES)
    business_date = DayField(help_text="the day whose book it is of")
    loans_done = serializers.IntegerField()
    loans_total = serializers.IntegerField(help_text="0 before it has begun")
    beside_id = serializers.IntegerField(allow_null=True, help_text="the version it stood beside")
    from_day = DayField()
    through_day = DayField()
    tomorrow = PeriodSerializer(source="totals.tomorrow", allow_null=True, default=None)
    past = PeriodSerializer(source="totals.past", allow_null=True, default=None)


class SimulatedBillsQuery(serializers.Serializer):
    """What changes about the bills listed; all of them unless it is named."""

    why = serializers.ChoiceField(choices=[change.value for change in Change], required=False)


class SimulatedBillSerializer(serializers.Serializer):
    """A bill that changes: day, amount, rail and payees under both versions."""

    loan_id = serializers.IntegerField()
    installment_number = serializers.IntegerField()
    due_date = DayField()
    why = serializers.CharField(help_text="what changes, with commas")
    day_before = DayField(allow_null=True)
    day = DayField()
    currency = serializers.CharField()
    amount_before = MoneyField()
    amount_after = MoneyField()
    rail_before = serializers.CharField(allow_blank=True)
    rail_after = serializers.CharField(allow_blank=True)
    mandate_before_id = serializers.IntegerField(allow_null=True)
    mandate_after_id = serializers.IntegerField(allow_null=True)
    payees_before = serializers.DictField(child=serializers.CharField())
    payees_after = serializers.DictField(child=serializers.CharField())


class AutopayChangeSerializer(serializers.Serializer):
    """One rule before and after, in words; null where there is none."""

    rule = serializers.CharField(source="label", help_text="what the rule is called")
    was = serializers.CharField(allow_null=True)
    now = serializers.CharField(allow_null=True)


class AutopayDifferenceSerializer(serializers.Serializer):
    """What differs between two versions."""

    changes = AutopayChangeSerializer(many=True)
