"""What the endpoints of the gate, the contact log, consents, preferences and replays take and answer."""

from typing import Any
from zoneinfo import ZoneInfo

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import DayField, TextField, ToldField, YesNoField
from backoffice.outreach.api.experiment_shapes import MomentField
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.consents import Standing
from backoffice.outreach.domain.dispositions import CODES
from backoffice.outreach.domain.packs import ACTOR_SCOPES, DIRECTIONS, PARTIES
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.models import ConsentEntry, ContactEntry, PreferenceEntry, ReplayReport
from backoffice.outreach.selectors.consent_history import SOURCES
from backoffice.outreach.selectors.contact_log import counts_as

LARGEST_ID = 2**63 - 1
CHANNELS = [channel.value for channel in Channel]
PURPOSES = [purpose.value for purpose in Purpose]
KINDS = [kind.value for kind in ContactEntry.Kind]


def id_field(**kwargs: Any) -> serializers.IntegerField:
    """The number of a row."""
    return serializers.IntegerField(min_value=1, max_value=LARGEST_ID, **kwargs)


class MayContactQuery(serializers.Serializer):
    """The contact that is wanted."""

    borrower_id = id_field()
    channel = serializers.ChoiceField(choices=CHANNELS)
    purpose = serializers.ChoiceField(choices=PURPOSES)
    endpoint_id = id_field(
        required=False,
        help_text="the contact point; without one the first choice of the channel, as the borrower's page takes it",
    )
    loan_id = id_field(required=False)
    actor_scope = serializers.ChoiceField(choices=ACTOR_SCOPES, default="first_party")
    party = serializers.ChoiceField(choices=PARTIES, default="borrower")
    at = MomentField(required=False, help_text="now when it is not given")


class DenialSerializer(serializers.Serializer):
    """A rule that does not let the contact through."""

    rule = serializers.CharField(help_text="a rule of a pack, or a check of the gate itself (core.*)")
    says = serializers.CharField(help_text="the rule in the caller's language")
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    confidence = serializers.CharField(allow_blank=True)
    release_at = serializers.DateTimeField(allow_null=True, help_text="null: time alone does not change it")


class ContactBudgetSerializer(serializers.Serializer):
    """A cap that bears on the contact."""

    rule = serializers.CharField()
    says = serializers.CharField()
    most = serializers.IntegerField()
    used = serializers.IntegerField()
    left = serializers.IntegerField()
    refills_at = serializers.DateTimeField(allow_null=True, help_text="when the first comes back")


class MayContactSerializer(serializers.Serializer):
    """The gate's answer. It permits nothing: a call is reserved before it is made."""

    is_allowed = serializers.BooleanField()
    denials = DenialSerializer(many=True)
    next_permitted_at = serializers.DateTimeField(allow_null=True)
    why_no_time = serializers.CharField(
        allow_blank=True, help_text="of a denied contact without a next permitted time: why, and what to do"
    )
    budgets = ContactBudgetSerializer(many=True)
    zones = serializers.ListField(child=serializers.CharField(), help_text="where the borrower may be")
    endpoint_id = serializers.IntegerField(
        allow_null=True, help_text="the contact point judged: the one asked for, else the first choice of the channel"
    )
    packs = serializers.ListField(child=serializers.CharField())


class ReserveCallSerializer(BodySerializer):
    """A call that is to be made now."""

    channel = serializers.ChoiceField(choices=[Channel.CALL.value, Channel.BOT.value])
    purpose = serializers.ChoiceField(choices=PURPOSES)
    endpoint_id = id_field()
    loan_id = id_field(required=False, allow_null=True, default=None)
    actor_scope = serializers.ChoiceField(choices=ACTOR_SCOPES, default="first_party")
    party = serializers.ChoiceField(choices=PARTIES, default="borrower")


class ReservedCallSerializer(serializers.Serializer):
    """Allowed: the call is in the log as `entry_id` and counts. Denied: the attempt is kept with its rules."""

    is_allowed = serializers.BooleanField()
    entry_id = serializers.IntegerField(allow_null=True)
    denials = DenialSerializer(many=True)
    next_permitted_at = serializers.DateTimeField(allow_null=True)
    why_no_time = serializers.CharField(
        allow_blank=True, help_text="of a denied contact without a next permitted time: why, and what to do"
    )


class ContactsQuery(serializers.Serializer):
    """Filters of the contact log."""

    borrower = id_field(required=False)
    channel = serializers.ChoiceField(choices=CHANNELS, required=False)
    purpose = serializers.ChoiceField(choices=PURPOSES, required=False)
    direction = serializers.ChoiceField(choices=DIRECTIONS, required=False)
    code = serializers.ChoiceField(choices=list(CODES), required=False, help_text="what it counts as now")


class ContactFactSerializer(serializers.Serializer):
    """What became known about a contact."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=KINDS)
    code = serializers.CharField()
    at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    by = serializers.CharField(source="actor_name")


class LoggedContactSerializer(serializers.Serializer):
    """One contact with its facts; the last one counts."""

    id = serializers.IntegerField()
    borrower_id = serializers.IntegerField()
    sequence = serializers.IntegerField(help_text="its place in the chain of the borrower's log")
    channel = serializers.ChoiceField(choices=CHANNELS)
    purpose = serializers.ChoiceField(choices=PURPOSES)
    direction = serializers.ChoiceField(choices=DIRECTIONS)
    actor_scope = serializers.ChoiceField(choices=ACTOR_SCOPES)
    party = serializers.ChoiceField(choices=PARTIES)
    endpoint_id = serializers.IntegerField(allow_null=True)
    loan_ids = serializers.ListField(child=serializers.IntegerField())
    message_id = serializers.IntegerField(allow_null=True)
    code = serializers.SerializerMethodField(help_text="what it counts as now; empty: not known yet")
    facts = ContactFactSerializer(many=True)
    packs = serializers.CharField(allow_blank=True)
    by = serializers.CharField(source="actor_name")
    at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()

    def get_code(self, row: Any) -> str:
        """The code of the last fact."""
        return counts_as(row)


class LogContactSerializer(BodySerializer):
    """A contact that was made already, by the borrower or by us."""

    channel = serializers.ChoiceField(choices=CHANNELS)
    purpose = serializers.ChoiceField(choices=PURPOSES)
    direction = serializers.ChoiceField(choices=DIRECTIONS)
    at = MomentField()
    code = serializers.ChoiceField(choices=["", *CODES], default="")
    endpoint_id = id_field(required=False, allow_null=True, default=None)
    loan_ids = serializers.ListField(child=id_field(), max_length=50, default=list)
    actor_scope = serializers.ChoiceField(choices=ACTOR_SCOPES, default="first_party")
    reason = TextField(min_length=2, max_length=500)


class LogFactSerializer(BodySerializer):
    """Whom a contact reached or what came of it."""

    code = serializers.ChoiceField(choices=list(CODES))
    at = MomentField()
    is_correction = YesNoField(default=False, help_text="an earlier fact was wrong")
    reason = TextField(min_length=2, max_length=500)


class LogEntryIdSerializer(serializers.Serializer):
    """The new entry of the log."""

    id = serializers.IntegerField()


class BrokenLinkSerializer(serializers.Serializer):
    """An entry that is not what was written."""

    borrower_id = serializers.IntegerField()
    sequence = serializers.IntegerField()
    entry_id = serializers.IntegerField()
    reason = ToldField()


class ContactProofSerializer(serializers.Serializer):
    """Every entry of the log recomputed."""

    entries = serializers.IntegerField()
    broken = BrokenLinkSerializer(many=True, help_text="the first broken entry of each record; none: verified")


class BlockedQuery(serializers.Serializer):
    """Filters of the blocked attempts."""

    borrower = id_field(required=False)
    channel = serializers.ChoiceField(choices=CHANNELS, required=False)
    purpose = serializers.ChoiceField(choices=PURPOSES, required=False)
    rule = serializers.CharField(max_length=80, required=False)


class BlockedContactSerializer(serializers.Serializer):
    """An attempt the gate did not let through."""

    id = serializers.IntegerField()
    borrower_id = serializers.IntegerField()
    channel = serializers.ChoiceField(choices=CHANNELS)
    purpose = serializers.ChoiceField(choices=PURPOSES)
    actor_scope = serializers.ChoiceField(choices=ACTOR_SCOPES)
    endpoint_id = serializers.IntegerField(allow_null=True)
    loan_id = serializers.IntegerField(allow_null=True)
    message_id = serializers.IntegerField(allow_null=True)
    rules = serializers.ListField(child=serializers.CharField())
    packs = serializers.CharField(allow_blank=True)
    next_permitted_at = serializers.DateTimeField(allow_null=True)
    by = serializers.CharField(source="actor_name")
    at = serializers.DateTimeField()


class SaidSerializer(serializers.Serializer):
    """One thing a borrower said about being reached, and how it stands now."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=ConsentEntry.Kind.values)
    standing = serializers.ChoiceField(choices=[standing.value for standing in Standing])
    channel = serializers.CharField(allow_blank=True, help_text="empty: every channel")
    endpoint_id = serializers.IntegerField(allow_null=True, help_text="null: every one")
    scope = serializers.CharField(allow_blank=True, help_text="empty: everything")
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]
    evidence = serializers.CharField(allow_blank=True)
    by = serializers.CharField()
    at = serializers.DateTimeField()


class ConsentsSerializer(serializers.Serializer):
    """Everything a borrower said, the newest first."""

    consents = SaidSerializer(many=True)


class NewConsentSerializer(BodySerializer):
    """Something the borrower says: `callback` needs both times, `consent` a channel."""

    kind = serializers.ChoiceField(choices=ConsentEntry.Kind.values)
    channel = serializers.ChoiceField(choices=["", *CHANNELS], default="", help_text="empty: every channel")
    endpoint_id = id_field(required=False, allow_null=True, default=None, help_text="null: every one")
    is_marketing_only = YesNoField(default=False, help_text="of an opt-out: only what sells")
    starts_at = MomentField(required=False, allow_null=True, default=None)
    ends_at = MomentField(required=False, allow_null=True, default=None)
    source = serializers.ChoiceField(choices=list(SOURCES))  # type: ignore[assignment]
    evidence = TextField(min_length=3, max_length=300, help_text="their words, the recording or the page")


class WishSerializer(serializers.Serializer):
    """Times a borrower prefers, in minutes since midnight at their place."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=["only", "never"])
    channel = serializers.CharField(allow_blank=True, help_text="empty: every channel")
    days = serializers.ListField(child=serializers.IntegerField(), help_text="ISO weekdays")
    from_minute = serializers.IntegerField()
    to_minute = serializers.IntegerField()
    source = serializers.CharField()  # type: ignore[assignment]
    note = serializers.CharField(allow_blank=True)
    by = serializers.CharField()
    at = serializers.DateTimeField()
    is_in_force = serializers.BooleanField()


class PreferencesSerializer(serializers.Serializer):
    """The times a borrower prefers, the newest first."""

    preferences = WishSerializer(many=True)


class NewPreferenceSerializer(BodySerializer):
    """Times to be reached at alone, or never."""

    kind = serializers.ChoiceField(choices=[PreferenceEntry.Kind.ONLY.value, PreferenceEntry.Kind.NEVER.value])
    channel = serializers.ChoiceField(choices=["", *CHANNELS], default="", help_text="empty: every channel")
    days = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7), min_length=1, max_length=7, help_text="ISO weekdays"
    )
    from_minute = serializers.IntegerField(min_value=0, max_value=1439)
    to_minute = serializers.IntegerField(min_value=1, max_value=1440)
    source = serializers.ChoiceField(choices=list(SOURCES))  # type: ignore[assignment]
    note = TextField(max_length=300, allow_blank=True, default="")


class EndPreferenceSerializer(BodySerializer):
    """How the borrower took it back."""

    source = serializers.ChoiceField(choices=list(SOURCES))  # type: ignore[assignment]
    note = TextField(max_length=300, allow_blank=True, default="")


class ReplaySerializer(serializers.Serializer):
    """A period judged again."""

    id = serializers.IntegerField()
    first = DayField()
    last = DayField()
    pack_version_id = serializers.IntegerField(allow_null=True, help_text="null: the packs then in force")
    state = serializers.ChoiceField(choices=ReplayReport.State.values)
    contacts = serializers.IntegerField()
    judged = serializers.IntegerField()
    not_permitted = serializers.IntegerField()
    fault = ToldField(source="why_it_failed")
    asked_by = serializers.CharField(source="actor_name")
    asked_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class NewReplaySerializer(BodySerializer):
    """The period, and the version of a pack to judge it by in the place of the one in force."""

    first = DayField()
    last = DayField()
    pack_version_id = id_field(required=False, allow_null=True, default=None)
    reason = TextField(min_length=2, max_length=500)


class FindingsQuery(serializers.Serializer):
    """Filters of the findings."""

    channel = serializers.ChoiceField(choices=CHANNELS, required=False)
    purpose = serializers.ChoiceField(choices=PURPOSES, required=False)
    rule = serializers.CharField(max_length=80, required=False)


class PlaceTimeSerializer(serializers.Serializer):
    """A moment at one place the borrower may have been."""

    zone = serializers.CharField()
    at = serializers.DateTimeField(help_text="with the offset of the place")


class ReplayFindingSerializer(serializers.Serializer):
    """A contact that should not have been made; `local_times` are the clocks its hours were judged by."""

    id = serializers.IntegerField()
    entry_id = serializers.IntegerField()
    borrower_id = serializers.IntegerField()
    rules = serializers.ListField(child=serializers.CharField())
    packs = serializers.CharField(allow_blank=True)
    channel = serializers.ChoiceField(choices=CHANNELS)
    purpose = serializers.ChoiceField(choices=PURPOSES)
    actor_scope = serializers.ChoiceField(choices=ACTOR_SCOPES)
    message_id = serializers.IntegerField(allow_null=True)
    by = serializers.CharField(source="actor_name")
    at = serializers.DateTimeField()
    local_times = serializers.SerializerMethodField()

    @extend_schema_field(PlaceTimeSerializer(many=True))
    def get_local_times(self, row: Any) -> list[dict[str, str]]:
        """The moment of the contact at every place."""
        return [{"zone": zone, "at": row.at.astimezone(ZoneInfo(zone)).isoformat()} for zone in row.zones]
