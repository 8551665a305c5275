"""What the endpoints of the trail and of approvals take and answer."""

from rest_framework import serializers

from backoffice.audit.domain.approval_states import ApprovalState
from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import MoneyField, TextField, ToldField

LARGEST_ID = 2**63 - 1


class EntriesQuery(serializers.Serializer):
    """Filters of the trail."""

    verb = serializers.CharField(max_length=80, required=False, help_text="the verb, or its beginning")
    subject_type = serializers.CharField(max_length=60, required=False)
    subject_id = serializers.CharField(max_length=64, required=False)
    borrower = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    actor = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False, help_text="the user's id")
    request_id = serializers.CharField(max_length=64, required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False, help_text="exclusive")


class EntrySerializer(serializers.Serializer):
    """One thing done."""

    id = serializers.IntegerField()
    verb = serializers.CharField()
    subject_type = serializers.CharField()
    subject_id = serializers.CharField()
    borrower_id = serializers.IntegerField(allow_null=True)
    actor_kind = serializers.ChoiceField(choices=["staff", "system"])
    actor_id = serializers.IntegerField(allow_null=True)
    actor_name = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    request_id = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()


class ApprovalsQuery(serializers.Serializer):
    """Filters of the requests."""

    state = serializers.ChoiceField(choices=[state.value for state in ApprovalState], required=False)
    verb = serializers.CharField(max_length=80, required=False)
    requested_by = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    subject_type = serializers.CharField(max_length=60, required=False)
    subject_id = serializers.CharField(max_length=64, required=False)


class ApprovalSerializer(serializers.Serializer):
    """One request for a second person's decision."""

    id = serializers.IntegerField()
    verb = serializers.CharField()
    subject_type = serializers.CharField()
    subject_id = serializers.CharField()
    borrower_id = serializers.IntegerField(allow_null=True)
    portfolio = serializers.CharField(allow_blank=True)
    payload = serializers.JSONField(help_text="what the verb is called with when somebody approves")
    amount = MoneyField(allow_null=True, allow_zero=True)
    currency = serializers.CharField(allow_blank=True)
    consequence = serializers.CharField(allow_blank=True, help_text="as it stood when it was asked for")
    reason = serializers.CharField()
    state = serializers.ChoiceField(choices=[state.value for state in ApprovalState])
    requested_by = serializers.IntegerField(allow_null=True)
    requested_by_name = serializers.CharField()
    requested_at = serializers.DateTimeField()
    decided_by = serializers.IntegerField(allow_null=True)
    decided_by_name = serializers.CharField(allow_blank=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    note = serializers.CharField(allow_blank=True)
    failure = ToldField(source="why_it_failed", help_text="why an approved request could not be done")


class NoteSerializer(BodySerializer):
    """A word on the decision."""

    note = TextField(max_length=2000, allow_blank=True, default="")


class DeclineSerializer(BodySerializer):
    """Why not."""

    note = TextField(max_length=2000)


class LimitSerializer(serializers.Serializer):
    """How much of a verb a role may do alone or decide for others."""

    verb = serializers.CharField()
    role = serializers.CharField()
    currency = serializers.CharField(allow_blank=True, help_text="empty: every currency without a row of its own")
    max_amount = MoneyField(allow_null=True, allow_zero=True, help_text="null: without limit")
    alone = serializers.BooleanField(help_text="without a second person")


class LimitsSerializer(serializers.Serializer):
    """All limits."""

    limits = LimitSerializer(many=True)
