"""Tokens: issued with no more rights than the person has, shown once, kept as a digest, revoked at will."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.core import trail
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.staff.models import ApiToken, User
from backoffice.staff.permissions import codes_of

PREFIX = "bo_"
SHOWN = 8
LONGEST_DAYS = 366
USE_NOTED_EVERY = timedelta(minutes=1)


class TokenRefused(Refusal):
    """A token cannot be like this; `fields` says what is wrong."""

    code: ClassVar[str] = "staff.token_refused"


class TokenNotFound(Refusal):
    """There is no such token that still works."""

    code: ClassVar[str] = "staff.token_not_found"
    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A fresh token; the secret is shown this once."""

    token_id: int
    secret: str = field(repr=False)


@transaction.atomic
def issue_token(*, user: User, name: str, scopes: Collection[str], days: int, actor: Actor) -> IssuedToken:
    """A token for a program of `user`, valid for 1 to 366 days. Raises TokenRefused for rights the user lacks."""
    wanted = sorted(set(scopes))
    fields: dict[str, str] = {}
    if not 1 <= len(name.strip()) <= 80:
        fields["name"] = _("Say what the token is for, in at most 80 characters.")
    if not wanted or set(wanted) - codes_of(roles=user.role_set):
        fields["scopes"] = _("Choose from the permissions of your own roles, at least one.")
    if not 1 <= days <= LONGEST_DAYS:
        fields["days"] = _("A token is valid for 1 to %(longest)d days.") % {"longest": LONGEST_DAYS}
    if fields:
        raise TokenRefused(_("This token cannot be issued."), next_step=_("Correct the fields named."), fields=fields)
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        name=name.strip(),
        prefix=secret[:SHOWN],
        digest=_digest(secret),
        scopes=wanted,
        expires_at=Now() + timedelta(days=days),
    )
    _note(token, verb="staff.token.issued", actor=actor, after={"name": token.name, "scopes": wanted, "days": days})
    return IssuedToken(token_id=token.pk, secret=secret)


@transaction.atomic
def revoke_token(*, token_id: int, user: User, actor: Actor, reason: str = "") -> None:
    """Ends a token of `user` at once; who ends another person's says why. Raises TokenNotFound."""
    token = ApiToken.objects.select_for_update().filter(pk=token_id, user=user, revoked_at__isnull=True).first()
    if token is None:
        raise TokenNotFound(_("There is no such token any more."), next_step=_("Reload the list of tokens."))
    token.revoked_at = Now()
    token.save(update_fields=["revoked_at"])
    _note(token, verb="staff.token.revoked", actor=actor, reason=reason)


def owner_of(*, secret: str) -> ApiToken | None:
    """The working token behind a secret, with its user; None for any that is unknown, expired, revoked or shut out.

    One query; the time of use is noted at most once a minute.
    """
    token = (
        ApiToken.objects.select_related("user", "user__team")
        .filter(digest=_digest(secret), revoked_at__isnull=True, expires_at__gt=Now(), user__is_active=True)
        .annotate(is_use_noted=Q(last_used_at__gt=Now() - USE_NOTED_EVERY, last_used_at__isnull=False))
        .first()
    )
    if token is not None and not token.is_use_noted:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=Now())
    return token


def tokens_of(*, user: User) -> list[ApiToken]:
    """The tokens of a person that still work, the newest first."""
    working = ApiToken.objects.filter(user=user, revoked_at__isnull=True, expires_at__gt=Now())
    return list(working.order_by(F("pk").desc()))


def _digest(secret: str) -> bytes:
    """Tokens are 256 random bits, so one round of SHA-256 keeps them safe."""
    return hashlib.sha256(secret.encode()).digest()


def _note(
    token: ApiToken, *, verb: str, actor: Actor, reason: str = "", after: dict[str, object] | None = None
) -> None:
    trail.record(
        verb=verb, subject_type="staff.token", subject_id=token.pk, actor=actor, reason=reason.strip(), after=after
    )
