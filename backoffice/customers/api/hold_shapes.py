"""What the endpoints of holds take and answer."""

from typing import Any

from rest_framework import serializers

from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import DayField, TextField, YesNoField
from backoffice.customers.api.shapes import LARGEST_ID, ReasonSerializer
from backoffice.customers.domain.holds import Effect, HoldReason, HoldScope

SCOPES = [scope.value for scope in HoldScope]
REASONS = [reason.value for reason in HoldReason]
EFFECTS = [effect.value for effect in Effect]


def scope_list(**options: Any) -> serializers.ListField:
    """A list of scopes, each at most once over."""
    return serializers.ListField(child=serializers.ChoiceField(choices=SCOPES), max_length=len(SCOPES), **options)


class HoldSerializer(serializers.Serializer):
    """One effect of a hold. Rows with one `group_id` were placed together. `end` is exclusive; null: until lifted."""

    id = serializers.IntegerField()
    group_id = serializers.IntegerField(help_text="shared by what was placed together")
    bulk_id = serializers.IntegerField(allow_null=True, help_text="the hold on many borrowers it is part of")
    loan_id = serializers.IntegerField(allow_null=True, help_text="null: all loans of the borrower")
    scope = serializers.ChoiceField(choices=SCOPES)
    effect = serializers.ChoiceField(choices=EFFECTS)
    effect_text = serializers.CharField(help_text="the effect in words")
    start = DayField(allow_null=True, help_text="null: lifted before it began")
    end = DayField(source="end_exclusive", allow_null=True)
    planned_end = DayField(allow_null=True)
    review_on = DayField(allow_null=True, help_text="when it is looked at again; it runs on until somebody ends it")
    reason = serializers.ChoiceField(choices=REASONS)
    note = serializers.CharField(allow_blank=True)
    evidence = serializers.CharField(allow_blank=True)
    owner = serializers.CharField(allow_blank=True, help_text="the person, else the role in words")
    owner_role = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=["coming", "running", "over"])
    set_by = serializers.CharField(source="set_by_name")
    set_at = serializers.DateTimeField()
    lifted_by = serializers.CharField(source="lifted_by_name", allow_blank=True)
    lift_reason = serializers.CharField(allow_blank=True)
    is_lift_asked_for = serializers.BooleanField()


class HoldsSerializer(serializers.Serializer):
    """The holds of a borrower, the newest first."""

    holds = HoldSerializer(many=True)


class NewHoldSerializer(BodySerializer):
    """Why, from when, until when. The reason brings its scopes and effects; `scopes` are added to them."""

    reason = serializers.ChoiceField(choices=REASONS)
    start = DayField()
    end = DayField(required=False, allow_null=True, default=None, help_text="exclusive; none: until it is lifted")
    review_on = DayField(
        required=False, allow_null=True, default=None, help_text="none: the last day the reason allows, if it needs one"
    )
    scopes = scope_list(required=False, default=list)
    leave_out = scope_list(
        required=False, default=list, help_text="scopes the reason demands and that are not wanted; the note says why"
    )
    note = TextField(max_length=2000, allow_blank=True, default="")
    evidence = TextField(max_length=2000, allow_blank=True, default="")
    loan_id = serializers.IntegerField(
        min_value=1, max_value=LARGEST_ID, required=False, allow_null=True, default=None, help_text="none: all loans"
    )


class PlacedSerializer(serializers.Serializer):
    """The holds placed, one a scope; `approval_id` is the request to leave some of them out again, if one waits."""

    hold_ids = serializers.ListField(child=serializers.IntegerField())
    approval_id = serializers.IntegerField(allow_null=True)


class LiftSerializer(ReasonSerializer):
    """From which day on the hold does not count any more, and which parts of it; none named: all placed together."""

    on = DayField()
    scopes = scope_list(required=False, allow_null=True, default=None, min_length=1)


class LiftedSerializer(serializers.Serializer):
    """Done, or waiting for a second person."""

    is_lifted = serializers.BooleanField()
    approval_id = serializers.IntegerField(allow_null=True)


class ReviewSerializer(ReasonSerializer):
    """What the review found, and when the next one is."""

    review_on = DayField()
    evidence = TextField(max_length=2000, allow_blank=True, default="")
    take = YesNoField(default=False, help_text="whether the caller becomes the owner")


class ReviewedSerializer(serializers.Serializer):
    """The scopes that run on."""

    scopes = serializers.IntegerField()


class HoldsQuery(serializers.Serializer):
    """Which of the holds that have not been lifted."""

    which = serializers.ChoiceField(choices=["due", "soon", "running"], required=False)
    reason = serializers.ChoiceField(choices=REASONS, required=False)


class HeldSerializer(serializers.Serializer):
    """A hold with its effects, as one row."""

    id = serializers.IntegerField(help_text="what lift and review take")
    group_id = serializers.IntegerField()
    bulk_id = serializers.IntegerField(allow_null=True)
    borrower_id = serializers.IntegerField()
    loan_id = serializers.IntegerField(allow_null=True)
    reason = serializers.ChoiceField(choices=REASONS)
    effects = serializers.ListField(
        source="effect_codes", child=serializers.CharField(), help_text="scope and effect, such as “texts factual_only”"
    )
    start = DayField(source="period.lower")
    end = DayField(source="period.upper", allow_null=True)
    review_on = DayField(allow_null=True)
    owner_id = serializers.IntegerField(allow_null=True)
    owner_role = serializers.CharField(allow_blank=True)


class PolicyCellSerializer(serializers.Serializer):
    """What a reason does within a scope; `is_demanded` false: a person may add it."""

    scope = serializers.ChoiceField(choices=SCOPES)
    effect = serializers.ChoiceField(choices=EFFECTS)
    is_demanded = serializers.BooleanField()


class HoldPolicySerializer(serializers.Serializer):
    """One row of the holds matrix."""

    reason = serializers.ChoiceField(choices=REASONS)
    effects = PolicyCellSerializer(many=True)
    owner_role = serializers.CharField()
    review_days = serializers.IntegerField(help_text="a hold without an earlier end is reviewed within so many days")
    needs_end = serializers.BooleanField()
    takes_two_to_lift = serializers.BooleanField()
    wants_evidence = serializers.BooleanField()


class HoldPoliciesSerializer(serializers.Serializer):
    """The whole matrix."""

    policies = HoldPolicySerializer(many=True)
