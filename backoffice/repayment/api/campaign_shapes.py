"""What the endpoints of audiences and campaigns take and answer. Money is decimal text, a share a fraction of one."""

from typing import Any

from rest_framework import serializers

from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import DayField, MoneyField, MoneySerializer, TextField, currency_field
from backoffice.outreach.api.experiment_shapes import ShareField
from backoffice.outreach.domain.audiences import MOST_DAYS, MOST_LOANS, MOST_NAMES
from backoffice.outreach.domain.campaign_states import CampaignState
from backoffice.outreach.domain.campaigns import (
    LONGEST,
    LONGEST_WINDOW,
    MOST_EACH,
    MOST_MESSAGES,
    PURPOSES,
    Outcome,
)
from backoffice.outreach.domain.channels import MESSAGES, Channel

CODE = r"^[-a-zA-Z0-9_]+$"
TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
STATES = [state.value for state in CampaignState]
CAMPAIGN_PURPOSES = [purpose.value for purpose in PURPOSES]
OUTCOMES = [outcome.value for outcome in Outcome]
BY_MESSAGE = sorted(channel.value for channel in Channel if channel in MESSAGES)


class CampaignReasonSerializer(BodySerializer):
    """Why it is done; kept in the audit trail."""

    reason = TextField(min_length=2, max_length=500)


class DayRangeSerializer(BodySerializer):
    """Days, both ends in the range; an end that is left out is open."""

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        return {
            name: serializers.IntegerField(min_value=0, max_value=MOST_DAYS, required=False, allow_null=True)
            for name in ("from", "to")
        }


class LoanRangeSerializer(BodySerializer):
    """A number of loans, both ends in the range."""

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        return {
            name: serializers.IntegerField(min_value=0, max_value=MOST_LOANS, required=False, allow_null=True)
            for name in ("from", "to")
        }


class AmountRangeSerializer(MoneySerializer):
    """Amounts in one currency, both ends in the range."""

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        money = {name: MoneyField(required=False, allow_null=True, allow_zero=True) for name in ("from", "to")}
        return {**money, "currency": currency_field()}


class AudienceContentSerializer(BodySerializer):
    """Whom an audience holds: everything named narrows, at least one part has to be.

    `buckets`, `days_past_due`, `due_in` and `outstanding` are asked of one and the same running loan.
    """

    portfolios = serializers.ListField(child=TextField(max_length=40), max_length=MOST_NAMES, required=False)
    countries = serializers.ListField(
        child=serializers.RegexField(r"^[A-Z]{2}$"), max_length=MOST_NAMES, required=False
    )
    languages = serializers.ListField(
        child=serializers.RegexField(r"^[a-z]{2,3}$"), max_length=MOST_NAMES, required=False
    )
    loans = serializers.ChoiceField(choices=["active", "settled"], required=False, allow_null=True)
    buckets = serializers.ListField(child=TextField(max_length=8), max_length=MOST_NAMES, required=False)
    days_past_due = DayRangeSerializer(required=False, allow_null=True)
    due_in = DayRangeSerializer(required=False, allow_null=True, help_text="days to the next bill")
    outstanding = AmountRangeSerializer(required=False, allow_null=True)
    settled_ago = DayRangeSerializer(required=False, allow_null=True, help_text="days since the last loan was settled")
    loans_taken = LoanRangeSerializer(required=False, allow_null=True)


def as_plain(content: dict[str, Any]) -> dict[str, Any]:
    """A content as it is kept: amounts as text."""
    outstanding = content.get("outstanding")
    if not outstanding:
        return content
    kept = {name: None if end is None else str(end) for name, end in outstanding.items()}
    return content | {"outstanding": kept}


class NewAudienceSerializer(BodySerializer):
    """An audience to save."""

    code = serializers.RegexField(CODE, max_length=60)
    name = TextField(max_length=120)
    name_zh = TextField(max_length=120, allow_blank=True, default="")
    content = AudienceContentSerializer()


class ChangedAudienceSerializer(CampaignReasonSerializer):
    """Another filter for an audience."""

    name = TextField(max_length=120)
    name_zh = TextField(max_length=120, allow_blank=True, default="")
    content = AudienceContentSerializer()


class AudienceSerializer(serializers.Serializer):
    """A saved audience."""

    id = serializers.IntegerField()
    code = serializers.CharField()
    name = serializers.CharField()
    name_zh = serializers.CharField(allow_blank=True)
    content = serializers.DictField(help_text="as it was given, what does not narrow left out")
    is_retired = serializers.BooleanField()
    created_by = serializers.CharField(source="created_by_name")
    created_at = serializers.DateTimeField()
    changed_by = serializers.CharField(source="changed_by_name", allow_blank=True)
    changed_at = serializers.DateTimeField(allow_null=True)


class AudienceCountQuery(serializers.Serializer):
    """The day the audience is counted on."""

    on = DayField(required=False, help_text="the day after the business date unless given")


class AudienceCountSerializer(serializers.Serializer):
    """How many borrowers an audience holds on a day, of the portfolios the caller works on."""

    on = DayField()
    borrowers = serializers.IntegerField()


class CampaignContentSerializer(MoneySerializer):
    """What a campaign says. Times are those of the borrower's day, weekdays are ISO (Monday is 1)."""

    purpose = serializers.ChoiceField(choices=CAMPAIGN_PURPOSES)
    template = serializers.RegexField(CODE, max_length=60)
    channels = serializers.ListField(
        child=serializers.ChoiceField(choices=BY_MESSAGE), min_length=1, max_length=len(BY_MESSAGE)
    )
    first_day = DayField()
    last_day = DayField()
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7), min_length=1, max_length=7
    )
    at = serializers.RegexField(TIME)
    until = serializers.RegexField(TIME)
    every_days = serializers.IntegerField(
        min_value=1, max_value=LONGEST, help_text="at most one message a borrower in so many days"
    )
    most_each = serializers.IntegerField(min_value=1, max_value=MOST_EACH, help_text="messages a borrower gets at most")
    cap = serializers.IntegerField(min_value=1, max_value=MOST_MESSAGES, help_text="messages in all at most")
    budget = MoneyField(allow_zero=True)
    currency = currency_field()
    holdout = ShareField(help_text="of the borrowers, left alone to compare with; 0.5 at most")
    outcome = serializers.ChoiceField(choices=OUTCOMES)
    outcome_days = serializers.IntegerField(min_value=1, max_value=LONGEST_WINDOW)
    values = serializers.DictField(
        child=TextField(max_length=120), default=dict, help_text="what the template leaves open and no loan fills"
    )


class ChangedCampaignSerializer(BodySerializer):
    """Another content for a draft."""

    name = TextField(max_length=120)
    name_zh = TextField(max_length=120, allow_blank=True, default="")
    audience = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="id of a saved audience")
    note = TextField(max_length=300, allow_blank=True, default="")
    content = CampaignContentSerializer()

    def kept(self) -> dict[str, Any]:
        """The fields as the services take them."""
        values = dict(self.validated_data)
        content = dict(values["content"])
        for name in ("first_day", "last_day"):
            content[name] = content[name].isoformat()
        for name in ("budget", "holdout"):
            content[name] = str(content[name])
        return values | {"audience_id": values.pop("audience"), "content": content}


class NewCampaignSerializer(ChangedCampaignSerializer):
    """A campaign to draft."""

    code = serializers.RegexField(CODE, max_length=60)


class CopyCampaignSerializer(BodySerializer):
    """The code of the copy."""

    code = serializers.RegexField(CODE, max_length=60)


class CampaignsQuery(serializers.Serializer):
    """Which campaigns."""

    state = serializers.ChoiceField(choices=STATES, required=False)


class CampaignSerializer(serializers.Serializer):
    """A campaign. `content` holds a copy of its audience; both are frozen once it is submitted."""

    id = serializers.IntegerField()
    code = serializers.CharField()
    name = serializers.CharField()
    name_zh = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=STATES)
    audience = serializers.IntegerField(source="audience_id")
    content = serializers.DictField()
    note = serializers.CharField(allow_blank=True)
    created_by = serializers.CharField(source="created_by_name")
    created_at = serializers.DateTimeField()
    approved_by = serializers.CharField(source="approved_by_name", allow_blank=True)
    approved_at = serializers.DateTimeField(allow_null=True)


class CampaignResultSerializer(serializers.Serializer):
    """What a campaign did. The shares are of the borrowers whose days are over; the difference with its interval."""

    currency = serializers.CharField(source="content.currency")
    budget = serializers.CharField(source="content.budget")
    spent = serializers.CharField(source="funnel.spent")
    reached = serializers.IntegerField(source="funnel.reached", help_text="borrowers a message was planned for")
    held_out = serializers.IntegerField(source="funnel.held_out", help_text="borrowers left alone")
    messages = serializers.DictField(child=serializers.IntegerField(), source="funnel.states", help_text="by state")
    treated_units = serializers.IntegerField(source="effect.effect.treated.units")
    treated = serializers.CharField(source="effect.effect.treated.mean", allow_null=True)
    control_units = serializers.IntegerField(source="effect.effect.control.units")
    control = serializers.CharField(source="effect.effect.control.mean", allow_null=True)
    difference = serializers.CharField(source="effect.effect.difference", allow_null=True)
    low = serializers.CharField(source="effect.effect.low", allow_null=True)
    high = serializers.CharField(source="effect.effect.high", allow_null=True)
    verdict = serializers.ChoiceField(source="effect.effect.verdict", choices=["more", "less", "unclear", "too_few"])
    sentence = serializers.CharField()


class CampaignSimulationSerializer(serializers.Serializer):
    """What a campaign would do on a day with the book as it is, if it ran and were on then."""

    on = DayField()
    audience = serializers.IntegerField(source="found.day.audience")
    messages = serializers.IntegerField(source="found.day.planned")
    by_channel = serializers.DictField(child=serializers.IntegerField(), source="found.day.by_channel")
    held_out = serializers.IntegerField(source="found.day.held_out", help_text="newly left alone")
    kept_out = serializers.DictField(
        child=serializers.IntegerField(),
        source="found.day.counts",
        help_text="outranked, without_words, unfilled, too_soon, had_all, held_out, beyond (the cap or the budget)",
    )
    full = serializers.ChoiceField(source="found.day.full", choices=["", "cap", "budget"], allow_blank=True)
    cost = serializers.CharField(source="found.day.reserved", help_text="at most, in the budget's currency")
    currency = serializers.CharField()
    allowed = serializers.IntegerField(source="found.weighed.allowed", help_text="let through at their time")
    later = serializers.IntegerField(source="found.weighed.later", help_text="let through later the same day")
    blocked = serializers.DictField(
        child=serializers.IntegerField(), source="found.weighed.blocked", help_text="by rule of the gate"
    )


class CampaignAskedSerializer(serializers.Serializer):
    """The request that waits for a second person."""

    approval_id = serializers.IntegerField()


class StoppedMessagesSerializer(CampaignSerializer):
    """A campaign, and how many of its planned messages were stopped."""

    stopped = serializers.IntegerField()
