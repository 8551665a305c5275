"""What the endpoints of mandates, rails and payees take and answer. Money is decimal text in major units."""

from typing import Any

from rest_framework import serializers

from backoffice.calendars.domain.working_days import CALENDARS
from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import DayField, MoneyField, MoneySerializer, TextField, YesNoField, currency_field
from backoffice.repayment.domain.autopay.mandate_states import MandateState
from backoffice.repayment.models import Mandate, Payee, Rail

MANDATE_STATES = [state.value for state in MandateState]
SIMPLE = r"^[A-Za-z0-9._-]+$"
CODE = r"^[-a-zA-Z0-9_]+$"


def amount(**kwargs: Any) -> MoneyField:
    """A limit; null is none."""
    return MoneyField(allow_null=True, **kwargs)


class MandateReasonSerializer(BodySerializer):
    """Why it is done; kept in the audit trail."""

    reason = TextField(min_length=2, max_length=300)


class MandateSerializer(serializers.Serializer):
    """A mandate. The token of its account is not told."""

    id = serializers.IntegerField()
    agreement_no = serializers.CharField()
    borrower_id = serializers.IntegerField()
    borrower_external_id = serializers.CharField(source="borrower.external_id")
    rail = serializers.CharField(source="rail.code")
    kind = serializers.ChoiceField(choices=Mandate.Kind.choices)
    bank = serializers.CharField()
    mask = serializers.CharField()
    currency = currency_field()
    state = serializers.ChoiceField(choices=MANDATE_STATES)
    priority = serializers.IntegerField(help_text="of a borrower's active ones the lowest is debited first")
    single_limit = amount()
    day_limit = amount()
    month_limit = amount()
    allows_partial = serializers.BooleanField()
    signed_on = DayField(allow_null=True)
    valid_through = DayField(allow_null=True)
    replaces_id = serializers.IntegerField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]
    tell_at = serializers.DateTimeField(
        allow_null=True, help_text="the rail does not know the mandate as it stands here, and is told again then"
    )


class MandateMoveSerializer(serializers.Serializer):
    """One step of a mandate's history."""

    from_state = serializers.CharField(allow_blank=True)
    to_state = serializers.ChoiceField(choices=MANDATE_STATES)
    cause = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    details = serializers.JSONField()
    actor_name = serializers.CharField()
    at = serializers.DateTimeField()


class MandatesQuery(serializers.Serializer):
    """Filters of the list of mandates."""

    state = serializers.ChoiceField(choices=MANDATE_STATES, required=False)
    rail = serializers.CharField(max_length=40, required=False)
    bank = serializers.CharField(max_length=20, required=False)
    currency = currency_field(required=False)
    borrower_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    agreement_no = serializers.CharField(max_length=35, required=False)


class RebindSerializer(MandateReasonSerializer):
    """The account or card that takes over. `token` stands for it at the rail; a number itself is refused."""

    rail_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    kind = serializers.ChoiceField(choices=Mandate.Kind.choices)
    bank = serializers.RegexField(SIMPLE, max_length=20)
    token = serializers.RegexField(SIMPLE, max_length=64)
    mask = TextField(max_length=24)
    currency = currency_field()
    valid_through = DayField(required=False, allow_null=True, default=None)


class LimitsSerializer(MandateReasonSerializer):
    """All limits of an agreement at once; null is none."""

    single_limit = amount()
    day_limit = amount()
    month_limit = amount()
    allows_partial = YesNoField()


class SignSerializer(MoneySerializer, RebindSerializer):
    """A new agreement of a borrower."""

    borrower_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    single_limit = amount(required=False, default=None)
    day_limit = amount(required=False, default=None)
    month_limit = amount(required=False, default=None)
    allows_partial = YesNoField(required=False, default=False)


class ConfirmMandateSerializer(MandateReasonSerializer):
    """On which day it was signed, where a person has seen that."""

    signed_on = DayField(required=False, allow_null=True, default=None)


class MandateOrderSerializer(MandateReasonSerializer):
    """Each running mandate of the borrower once, the one to debit first at the front."""

    mandate_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), min_length=1, max_length=100
    )


class RailSerializer(serializers.Serializer):
    """A rail. Its secret is in the environment and told nowhere."""

    id = serializers.IntegerField()
    code = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=Rail.Kind.choices)
    scheme = serializers.CharField(help_text="the codes it answers with")
    opens = serializers.TimeField()
    closes = serializers.TimeField()
    cut_off = serializers.TimeField()
    calendar = serializers.CharField(allow_blank=True, help_text="its closed days are kept; empty: none")
    is_paused = serializers.BooleanField()
    paused_reason = serializers.CharField(allow_blank=True)


class RailCalendarSerializer(MandateReasonSerializer):
    """Whose closed days a rail keeps; empty: every day is open."""

    calendar = serializers.ChoiceField(choices=["", *(code for code in CALENDARS if code != "none")], allow_blank=True)


class BankLimitSerializer(serializers.Serializer):
    """What a bank allows on a rail from a day on; null is no limit, an empty bank every bank without one of its own."""

    id = serializers.IntegerField()
    bank = serializers.CharField(allow_blank=True)
    currency = currency_field()
    single = amount()
    day = amount()
    month = amount()
    attempts_a_day = serializers.IntegerField(allow_null=True)
    effective_from = DayField()


class NewBankLimitSerializer(MoneySerializer, MandateReasonSerializer):
    """All of a limit at once."""

    bank = serializers.RegexField(r"^[A-Za-z0-9._-]*$", max_length=20, allow_blank=True)
    currency = currency_field()
    single = amount()
    day = amount()
    month = amount()
    attempts_a_day = serializers.IntegerField(min_value=1, max_value=100, allow_null=True)
    effective_from = DayField()


class PayeeSerializer(serializers.Serializer):
    """Somebody debits are split to."""

    id = serializers.IntegerField()
    code = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=Payee.Kind.choices)
    creditor = serializers.CharField(allow_blank=True)
    account = serializers.CharField(allow_blank=True, help_text="a token, never a number")
    contract_shares = serializers.DictField(
        child=serializers.CharField(), help_text="what the contract gives of a component, a share of 1 as decimal text"
    )
    is_active = serializers.BooleanField()


class PayeeChangeSerializer(PayeeSerializer):
    """A payee as it is now, and the request for the change where a second person has to agree to it."""

    approval_id = serializers.IntegerField(allow_null=True)


class ChangedPayeeSerializer(MandateReasonSerializer):
    """All that may change of a payee at once."""

    name = TextField(max_length=120)
    creditor = TextField(max_length=80, allow_blank=True)
    account = TextField(max_length=60, allow_blank=True)
    contract_shares = serializers.DictField(
        child=TextField(max_length=20), required=False, help_text="by component, a share of 1 as decimal text"
    )


class NewPayeeSerializer(ChangedPayeeSerializer):
    """A new payee."""

    code = serializers.RegexField(CODE, max_length=40)
    kind = serializers.ChoiceField(choices=Payee.Kind.choices)
