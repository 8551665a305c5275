"""People over the API: oneself, users, teams, the catalogue of permissions, tokens.

Tokens are issued in the console only: a secret that makes secrets could not be taken back.
"""

from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.staff import selectors, services
from backoffice.staff.access import person_of
from backoffice.staff.api import shapes
from backoffice.staff.models import ApiToken, User
from backoffice.staff.permissions import PERMISSIONS, codes_of
from backoffice.staff.selectors import user_of
from backoffice.staff.services import tokens


class MeView(ApiView):
    """The person behind the call."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "staff.account.use"}
    serializer_class = shapes.MeSerializer

    def get(self, request: Request) -> Response:
        """Who it is, what they see, and what they, or the token they came with, may do."""
        user = person_of(request)
        scope = user.scope()
        codes = codes_of(roles=user.role_set)
        if request.auth is not None:
            codes = frozenset(code for code in codes if cast("ApiToken", request.auth).allows(code))
        told = dict(shapes.UserSerializer(user).data) | {
            "permissions": sorted(codes),
            "sees_all_portfolios": scope.all,
            "portfolios": sorted(scope.portfolios),
        }
        return Response(told)


class UsersView(ListView):
    """Everybody who works here, the newest first."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "staff.user.view", "POST": "staff.user.manage"}
    query_serializer_class = shapes.UsersQuery
    request_serializer_class = shapes.NewUserSerializer
    serializer_class = shapes.UserSerializer
    answer_serializer_class = shapes.OneTimePasswordSerializer
    success_status = 201

    def rows(self, *, role: str = "", team: int | None = None, **equal: Any) -> QuerySet[User]:
        """The users that fit every filter."""
        users = User.objects.filter(**equal)
        if role:
            users = users.filter(roles__contains=[role])
        return users if team is None else users.filter(team_id=team)

    def post(self, request: Request) -> Response:
        """Make a user. The answer is never stored; a repeat is refused because the name is taken."""
        asked = read(self.request_serializer_class, request.data)
        made = services.create_user(actor=actor_of(request.user), **asked)
        answer = self.answer_serializer_class(made).data
        return Response(answer, status=self.success_status, headers={"Cache-Control": "no-store"})


class UserView(ApiView):
    """One user."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "staff.user.view", "PUT": "staff.user.manage"}
    request_serializer_class = shapes.UserDataSerializer
    serializer_class = shapes.UserSerializer

    def get(self, request: Request, user_id: int) -> Response:
        """Name, roles and team."""
        return Response(self.serializer_class(user_of(user_id=user_id)).data)

    def put(self, request: Request, user_id: int) -> Response:
        """Change name, roles, team, e-mail address or language. Safe to repeat."""
        asked = read(self.request_serializer_class, request.data)
        services.change_user(user_id=user_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(user_of(user_id=user_id)).data)


class DisableUserView(ApiView):
    """Shut a person out."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "staff.user.manage"}
    request_serializer_class = shapes.AccountReasonSerializer
    serializer_class = shapes.UserSerializer

    def post(self, request: Request, user_id: int) -> Response:
        """Sessions end at their next click, tokens at once. Safe to repeat."""
        asked = read(self.request_serializer_class, request.data)
        services.disable_user(user_id=user_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(user_of(user_id=user_id)).data)


class EnableUserView(ApiView):
    """Let a person in again."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "staff.user.manage"}
    request_serializer_class = shapes.AccountReasonSerializer
    serializer_class = shapes.UserSerializer

    def post(self, request: Request, user_id: int) -> Response:
        """Their tokens do not come back to life. Safe to repeat."""
        asked = read(self.request_serializer_class, request.data)
        services.enable_user(user_id=user_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(user_of(user_id=user_id)).data)


class TeamsView(ApiView):
    """All teams and the portfolios they see."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "staff.user.view"}
    serializer_class = shapes.TeamsSerializer

    def get(self, request: Request) -> Response:
        """By name, with the number of people who may log in."""
        teams = selectors.teams_with_members().order_by("name")
        return Response(self.serializer_class({"teams": teams}).data)


class PermissionsView(ApiView):
    """The catalogue of permissions and the roles that hold them."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "staff.account.use"}
    serializer_class = shapes.PermissionsSerializer

    def get(self, request: Request) -> Response:
        """By code."""
        catalogue = [
            {"code": code, "label": permission.label, "roles": sorted(permission.roles)}
            for code, permission in sorted(PERMISSIONS.items())
        ]
        return Response(self.serializer_class({"permissions": catalogue}).data)


class TokensView(ApiView):
    """One's own tokens."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "staff.token.issue"}
    serializer_class = shapes.TokensSerializer

    def get(self, request: Request) -> Response:
        """Those that still work, the newest first."""
        return Response(self.serializer_class({"tokens": tokens.tokens_of(user=person_of(request))}).data)


class RevokeTokenView(ApiView):
    """End one of one's own tokens."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "staff.token.issue"}
    serializer_class = shapes.TokensSerializer

    def post(self, request: Request, token_id: int) -> Response:
        """At once; a token may end itself."""
        user = person_of(request)
        services.revoke_token(token_id=token_id, user=user, actor=actor_of(user))
        return Response(self.serializer_class({"tokens": tokens.tokens_of(user=user)}).data)
