"""What the endpoints of rule packs take and answer."""

from rest_framework import serializers

from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import DayField, TextField
from backoffice.outreach.models import RulePackVersion

LONGEST_PACK = 500_000


class VersionRefSerializer(serializers.Serializer):
    """A version, in short."""

    id = serializers.IntegerField()
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=RulePackVersion.State.choices)
    effective_from = serializers.DateField(allow_null=True)
    digest = serializers.CharField(help_text="SHA-256 of the text")


class PackLineSerializer(serializers.Serializer):
    """A pack: what stands behind it and which version holds. It is never called compliant."""

    code = serializers.CharField(source="pack.code")
    title = serializers.CharField(source="content.title")
    title_zh = serializers.CharField(source="content.title_zh")
    countries = serializers.ListField(child=serializers.CharField(), source="content.countries")
    default = serializers.BooleanField(source="content.default")
    read = serializers.ListField(child=serializers.CharField(), source="content.read")
    not_read = serializers.ListField(child=serializers.CharField(), source="content.not_read")
    in_force = VersionRefSerializer(allow_null=True)
    coming = VersionRefSerializer(allow_null=True, help_text="approved, waits for its day")
    open = VersionRefSerializer(allow_null=True, help_text="in the making")


class PacksSerializer(serializers.Serializer):
    """Every pack."""

    packs = PackLineSerializer(many=True)


class VectorResultSerializer(serializers.Serializer):
    """A vector by its name and the rules that denied its contact; none: it was allowed."""

    name = serializers.CharField()
    denied_by = serializers.ListField(child=serializers.CharField())


class CheckSerializer(serializers.Serializer):
    """One run of the vectors through the gate."""

    passed = serializers.IntegerField()
    failed = serializers.IntegerField()
    results = VectorResultSerializer(many=True)
    at = serializers.DateTimeField()
    actor_name = serializers.CharField()


class VersionSerializer(VersionRefSerializer):
    """A version with its text and what it says as JSON."""

    pack = serializers.CharField(source="pack.code")
    note = serializers.CharField(allow_blank=True)
    content = serializers.CharField(help_text="the TOML text")
    rules = serializers.JSONField(source="parsed.rules", help_text="each rule with source, confidence and dates")


class PackSerializer(serializers.Serializer):
    """A pack with all its versions, newest first."""

    pack = PackLineSerializer()
    versions = VersionRefSerializer(many=True)


class VersionAnswerSerializer(serializers.Serializer):
    """A version and the last run of its vectors on the text it has."""

    version = VersionSerializer()
    check = CheckSerializer(allow_null=True)


class NewVersionSerializer(BodySerializer):
    """The text of a draft."""

    content = serializers.CharField(max_length=LONGEST_PACK, trim_whitespace=False, help_text="TOML")
    note = TextField(max_length=300, required=False, default="")


class SubmitSerializer(BodySerializer):
    """From which day, and why."""

    effective_from = DayField()
    reason = TextField(min_length=2, max_length=500)


class SubmittedSerializer(serializers.Serializer):
    """The request that waits for a second person, and what it would change."""

    approval_id = serializers.IntegerField(source="id")
    state = serializers.CharField()
    consequence = serializers.CharField()
