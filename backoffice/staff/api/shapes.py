"""What the endpoints of people take and answer."""

from django.conf import settings
from rest_framework import serializers

from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import TextField
from backoffice.staff.permissions import PERMISSIONS, ROLES

LARGEST_ID = 2**63 - 1


class UsersQuery(serializers.Serializer):
    """Filters of the list of users."""

    role = serializers.ChoiceField(choices=list(ROLES), required=False)
    team = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False, help_text="the team's id")
    is_active = serializers.BooleanField(required=False)


class UserSerializer(serializers.Serializer):
    """A user."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    display_name = serializers.CharField(allow_blank=True)
    email = serializers.CharField(allow_blank=True)
    roles = serializers.ListField(child=serializers.ChoiceField(choices=list(ROLES)))
    team_id = serializers.IntegerField(allow_null=True)
    language = serializers.CharField(allow_blank=True)
    is_active = serializers.BooleanField()
    last_login = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class MeSerializer(UserSerializer):
    """The person behind the call, and what this call may do."""

    permissions = serializers.ListField(child=serializers.ChoiceField(choices=list(PERMISSIONS)))
    sees_all_portfolios = serializers.BooleanField()
    portfolios = serializers.ListField(child=serializers.CharField())


class UserDataSerializer(BodySerializer):
    """What an administrator says of a user."""

    display_name = TextField(max_length=120)
    email = serializers.EmailField(allow_blank=True, default="")
    roles = serializers.ListField(child=serializers.ChoiceField(choices=list(ROLES)), min_length=1, max_length=8)
    team_id = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False, allow_null=True, default=None)
    language = serializers.ChoiceField(
        choices=[code for code, _name in settings.LANGUAGES], allow_blank=True, default=""
    )


class NewUserSerializer(UserDataSerializer):
    """A user before they exist."""

    username = TextField(max_length=80)


class OneTimePasswordSerializer(serializers.Serializer):
    """A password for one login, shown this once."""

    user_id = serializers.IntegerField()
    password = serializers.CharField()


class AccountReasonSerializer(BodySerializer):
    """Why something is done; kept in the audit trail."""

    reason = TextField(min_length=2, max_length=500)


class TeamSerializer(serializers.Serializer):
    """A team; no portfolio means all of them."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    portfolios = serializers.ListField(child=serializers.CharField())
    members_count = serializers.IntegerField()


class TeamsSerializer(serializers.Serializer):
    """All teams."""

    teams = TeamSerializer(many=True)


class PermissionSerializer(serializers.Serializer):
    """One permission and the roles that hold it."""

    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    roles = serializers.ListField(child=serializers.ChoiceField(choices=list(ROLES)))


class PermissionsSerializer(serializers.Serializer):
    """The catalogue."""

    permissions = PermissionSerializer(many=True)


class TokenSerializer(serializers.Serializer):
    """A token, without its secret."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class TokensSerializer(serializers.Serializer):
    """One's own tokens that still work, the newest first."""

    tokens = TokenSerializer(many=True)
