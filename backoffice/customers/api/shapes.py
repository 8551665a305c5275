"""What the endpoints of borrowers take and answer. Personal data is masked everywhere but in the answer of a reveal."""

from rest_framework import serializers

from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import TextField, YesNoField
from backoffice.customers.domain.finding import LONGEST_QUERY, Match
from backoffice.customers.domain.identities import KINDS, OTHER
from backoffice.customers.domain.intake import LONGEST_NAME
from backoffice.customers.models import ContactPoint
from backoffice.customers.services.personal_data import SHORTEST_REASON

LARGEST_ID = 2**63 - 1


class ReasonSerializer(BodySerializer):
    """Why something is done; kept in the audit trail."""

    reason = TextField(min_length=SHORTEST_REASON, max_length=500)


class BorrowersQuery(serializers.Serializer):
    """Filters of the list of borrowers."""

    source = serializers.CharField(max_length=40, required=False, help_text="the book")  # type: ignore[assignment]
    portfolio = serializers.CharField(max_length=40, required=False)
    external_id = serializers.CharField(max_length=80, required=False, help_text="the borrower's number in the book")


class BorrowerRowSerializer(serializers.Serializer):
    """One borrower of a list."""

    id = serializers.IntegerField()
    external_id = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    portfolio = serializers.CharField()
    country = serializers.CharField(allow_blank=True)
    time_zone = serializers.CharField(allow_blank=True)
    language = serializers.CharField(allow_blank=True)
    birth_year = serializers.IntegerField(allow_null=True)
    merged_into = serializers.IntegerField(source="merged_into_id", allow_null=True)
    created_at = serializers.DateTimeField()


class ContactSerializer(serializers.Serializer):
    """One way to reach a borrower, masked."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=ContactPoint.Kind.choices)
    masked = serializers.CharField()
    country = serializers.CharField(allow_blank=True)
    quality = serializers.ChoiceField(choices=ContactPoint.Quality.choices)
    is_primary = serializers.BooleanField()
    is_in_use = serializers.BooleanField()
    field = serializers.CharField(help_text="what `reveal` takes")


class AbsorbedSerializer(serializers.Serializer):
    """A record merged into this one."""

    id = serializers.IntegerField()
    external_id = serializers.CharField()


class BorrowerSerializer(serializers.Serializer):
    """A borrower as their page shows them."""

    id = serializers.IntegerField()
    external_id = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    portfolio = serializers.CharField()
    masked_name = serializers.CharField(allow_blank=True, help_text="empty: no name is given")
    masked_identity = serializers.CharField(allow_blank=True)
    identity_kind = serializers.CharField(allow_blank=True)
    identity_country = serializers.CharField(allow_blank=True)
    birth_year = serializers.IntegerField(allow_null=True)
    country = serializers.CharField(allow_blank=True)
    time_zone = serializers.CharField(allow_blank=True)
    language = serializers.CharField(allow_blank=True)
    contacts = ContactSerializer(many=True)
    merged_into = serializers.IntegerField(source="merged_into_id", allow_null=True)
    absorbed = AbsorbedSerializer(many=True)


class SearchSerializer(BodySerializer):
    """What the caller said: an id, a phone in any writing, four digits, an e-mail address, a name."""

    query = TextField(max_length=LONGEST_QUERY)


class FoundSerializer(serializers.Serializer):
    """One borrower that fits."""

    id = serializers.IntegerField()
    external_id = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    portfolio = serializers.CharField()
    masked_name = serializers.CharField(allow_blank=True)
    masked_phone = serializers.CharField(allow_blank=True)
    match = serializers.ChoiceField(choices=[match.value for match in Match])
    found_under = serializers.CharField(allow_blank=True, help_text="the merged record the borrower was found under")


class FoundListSerializer(serializers.Serializer):
    """Those that fit, the surest first."""

    found = FoundSerializer(many=True)


class RevealSerializer(ReasonSerializer):
    """Which field is needed in clear, and why."""

    field = serializers.RegexField(r"^(full_name|family_name|given_name|identity_number|contact_point:[0-9]{1,18})$")


class RevealedSerializer(serializers.Serializer):
    """One field in clear. Do not keep it."""

    borrower_id = serializers.IntegerField()
    field = serializers.CharField()
    text = serializers.CharField()


class NameSerializer(ReasonSerializer):
    """A name as it should be; all three empty takes it away."""

    family_name = TextField(max_length=LONGEST_NAME, allow_blank=True)
    given_name = TextField(max_length=LONGEST_NAME, allow_blank=True)
    full_name = TextField(max_length=LONGEST_NAME, allow_blank=True)


class IdentitySerializer(ReasonSerializer):
    """An identity number as it should be."""

    number = TextField(max_length=60)
    kind = serializers.ChoiceField(choices=[*KINDS, OTHER])


class NewContactSerializer(ReasonSerializer):
    """A new way to reach the borrower."""

    kind = serializers.ChoiceField(choices=ContactPoint.Kind.choices)
    value = TextField(max_length=500)
    country = serializers.RegexField(r"^([A-Z]{2})?$", allow_blank=True, default="")
    is_primary = YesNoField(default=False)


class ContactIdSerializer(serializers.Serializer):
    """The new contact point."""

    id = serializers.IntegerField()


class JudgementSerializer(ReasonSerializer):
    """How good a contact point is."""

    quality = serializers.ChoiceField(choices=ContactPoint.Quality.choices)
    is_primary = YesNoField()


class MergeSerializer(ReasonSerializer):
    """The duplicate to fold into this borrower."""

    absorbed_id = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)


class MergedSerializer(serializers.Serializer):
    """The merge; its number is what undoes it."""

    merge_id = serializers.IntegerField()
