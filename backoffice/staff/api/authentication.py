"""Tokens in the Authorization header: `Token bo_...` or `Bearer bo_...`."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from backoffice.staff.models import ApiToken, User
from backoffice.staff.services import owner_of

WORDS = (b"token", b"bearer")
LONGEST_SECRET = 100


class TokenAuthentication(BaseAuthentication):
    """The person and the token behind a secret; the token's scopes limit the person's permissions."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """None without a token header, so that a session may be asked. Raises AuthenticationFailed."""
        words = get_authorization_header(request).split()
        if not words or words[0].lower() not in WORDS:
            return None
        if len(words) != 2 or len(words[1]) > LONGEST_SECRET:
            raise AuthenticationFailed(_("Write the header as: Authorization: Token bo_…"))
        token = owner_of(secret=words[1].decode("latin-1"))
        if token is None:
            raise AuthenticationFailed(_("This token is unknown, expired or revoked."))
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return "Token"


class TokenScheme(OpenApiAuthenticationExtension):
    """The token in the OpenAPI description."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """An API key in the Authorization header."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token bo_…`, issued under “My account”",
        }
