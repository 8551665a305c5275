"""Administrators make users, change their roles, shut them out and let them in again; each act leaves a trace."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, ClassVar

from axes.utils import reset as forget_failures
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django_otp import devices_for_user

from backoffice.core import trail
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.staff.models import ApiToken, Team, User
from backoffice.staff.permissions import ADMIN, ROLES
from backoffice.staff.selectors import UserNotFound

_WORDS = "abcdefghjkmnpqrstuvwxyz23456789"


class UserRefused(Refusal):
    """A user cannot be like this; `fields` says what is wrong."""

    code: ClassVar[str] = "staff.user_refused"


class OwnAccount(Refusal):
    """Nobody changes their own rights or shuts themselves out."""

    code: ClassVar[str] = "staff.own_account"
    status: ClassVar[int] = 403


class LastAdministrator(Refusal):
    """The house would be left without anybody who may manage users."""

    code: ClassVar[str] = "staff.last_administrator"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class OneTimePassword:
    """A password shown once to the administrator who passes it on; it must be changed at the first login."""

    user_id: int
    password: str = field(repr=False)


@transaction.atomic
def create_user(
    *,
    username: str,
    display_name: str,
    roles: Collection[str],
    actor: Actor,
    email: str = "",
    team_id: int | None = None,
    language: str = "",
) -> OneTimePassword:
    """A new user with a password for their first login. Raises UserRefused."""
    user = User(username=tidy_username(username), must_change_password=True)
    password = new_password()
    user.set_password(password)
    _fill(user, display_name=display_name, email=email, roles=roles, team_id=team_id, language=language)
    user.save(force_insert=True)
    _note(user, verb="staff.user.created", actor=actor, after=_facts(user))
    return OneTimePassword(user_id=user.pk, password=password)


@transaction.atomic
def change_user(
    *,
    user_id: int,
    display_name: str,
    roles: Collection[str],
    actor: Actor,
    email: str = "",
    team_id: int | None = None,
    language: str = "",
    reason: str = "",
) -> None:
    """Changes name, roles, team, e-mail address or language; roles count from the next click on.

    Raises UserNotFound, UserRefused, OwnAccount (for one's own roles), LastAdministrator.
    """
    user = _locked(user_id)
    before = _facts(user)
    if actor.is_same_person(other_id=user.pk) and set(roles) != set(user.roles):
        raise _own_account()
    if ADMIN in user.roles and ADMIN not in roles:
        _check_not_last(user)
    _fill(user, display_name=display_name, email=email, roles=roles, team_id=team_id, language=language)
    after = _facts(user)
    if after == before:
        return
    user.save(update_fields=["display_name", "email", "roles", "team", "language"])
    changed = {name for name in after if after[name] != before[name]}
    _note(
        user,
        verb="staff.user.changed",
        actor=actor,
        reason=reason,
        before={name: before[name] for name in sorted(changed)},
        after={name: after[name] for name in sorted(changed)},
    )


@transaction.atomic
def disable_user(*, user_id: int, reason: str, actor: Actor) -> None:
    """Shuts a person out: sessions end at their next click, tokens at once. Raises OwnAccount, LastAdministrator."""
    user = _locked(user_id)
    if actor.is_same_person(other_id=user.pk):
        raise _own_account()
    if not user.is_active:
        return
    if ADMIN in user.roles:
        _check_not_last(user)
    user.is_active = False
    user.save(update_fields=["is_active"])
    ApiToken.objects.filter(user=user, revoked_at__isnull=True).update(revoked_at=Now())
    _note(user, verb="staff.user.disabled", actor=actor, reason=reason)


@transaction.atomic
def enable_user(*, user_id: int, reason: str, actor: Actor) -> None:
    """Lets a person in again; their tokens do not come back to life. Raises UserNotFound."""
    user = _locked(user_id)
    if user.is_active:
        return
    user.is_active = True
    user.save(update_fields=["is_active"])
    _note(user, verb="staff.user.enabled", actor=actor, reason=reason)


@transaction.atomic
def reset_password(*, user_id: int, reason: str, actor: Actor) -> OneTimePassword:
    """A new password for one login, for a person who forgot theirs; ends their sessions. Raises UserNotFound."""
    user = _locked(user_id)
    password = new_password()
    user.set_password(password)
    user.must_change_password = True
    user.save(update_fields=["password", "must_change_password"])
    forget_failures(username=user.username)
    _note(user, verb="staff.user.password_reset", actor=actor, reason=reason)
    return OneTimePassword(user_id=user.pk, password=password)


@transaction.atomic
def reset_second_factor(*, user_id: int, reason: str, actor: Actor) -> int:
    """Forgets a lost phone and its backup codes; the person enrols anew at the next login. Gives what was forgotten."""
    user = _locked(user_id)
    if actor.is_same_person(other_id=user.pk):
        raise _own_account()
    forgotten = list(devices_for_user(user, confirmed=None))
    for device in forgotten:
        device.delete()
    _note(user, verb="staff.user.second_factor_reset", actor=actor, reason=reason, after={"devices": len(forgotten)})
    return len(forgotten)


@transaction.atomic
def unlock_user(*, user_id: int, reason: str, actor: Actor) -> int:
    """Forgets failed logins, so that a locked-out person may try again. Gives the number of attempts forgotten."""
    user = _locked(user_id)
    forgotten: int = forget_failures(username=user.username)
    _note(user, verb="staff.user.unlocked", actor=actor, reason=reason, after={"attempts": forgotten})
    return forgotten


def tidy_username(text: str) -> str:
    """User names are kept in small letters, so that one person has one name."""
    return User.normalize_username(text.strip()).lower()


def new_password() -> str:
    """Twenty characters that are easy to read out: four groups of five, 98 bits."""
    return "-".join("".join(secrets.choice(_WORDS) for _ in range(5)) for _ in range(4))


def _fill(
    user: User, *, display_name: str, email: str, roles: Collection[str], team_id: int | None, language: str
) -> None:
    """Puts the values in and checks them. Raises UserRefused."""
    user.display_name = " ".join(display_name.split())
    user.email = email.strip()
    user.roles = [role for role in ROLES if role in roles]
    user.language = language
    fields: dict[str, str] = {}
    if not user.display_name:
        fields["display_name"] = _("This is needed.")
    if not roles or set(roles) - set(ROLES):
        fields["roles"] = _("Choose at least one role.")
    if team_id is not None and not Team.objects.filter(pk=team_id).exists():
        fields["team"] = _("There is no such team.")
    else:
        user.team_id = team_id
    try:
        user.full_clean(exclude=["team", "roles"])
    except ValidationError as error:
        for name, reasons in error.message_dict.items():
            fields["username" if name == "__all__" else name] = " ".join(reasons)
    if fields:
        raise UserRefused(
            _("This user cannot be kept like this."), next_step=_("Correct the fields named."), fields=fields
        )


def _check_not_last(user: User) -> None:
    """Locks every administrator in the order of ids, so that two cannot remove each other at once."""
    others = [
        admin
        for admin in User.objects.select_for_update().filter(roles__contains=[ADMIN], is_active=True).order_by("pk")
        if admin.pk != user.pk
    ]
    if not others:
        raise LastAdministrator(
            _("This is the last administrator."), next_step=_("Make somebody else an administrator first.")
        )


def _own_account() -> OwnAccount:
    return OwnAccount(_("You cannot do this to your own account."), next_step=_("Ask another administrator to do it."))


def _locked(user_id: int) -> User:
    """The user under lock. Administrators are locked together and in order before one of them loses their rights."""
    list(User.objects.select_for_update().filter(roles__contains=[ADMIN]).order_by("pk").values_list("pk", flat=True))
    user = User.objects.select_for_update(of=("self",)).select_related("team").filter(pk=user_id).first()
    if user is None:
        raise UserNotFound(_("There is no such user."), next_step=_("Open the list of users again."))
    return user


def _facts(user: User) -> dict[str, Any]:
    return {
        "username": user.username,
        "display_name": user.display_name,
        "email": user.email,
        "roles": list(user.roles),
        "team_id": user.team_id,
        "language": user.language,
    }


def _note(
    user: User,
    *,
    verb: str,
    actor: Actor,
    reason: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    trail.record(
        verb=verb,
        subject_type="staff.user",
        subject_id=user.pk,
        actor=actor,
        reason=reason.strip(),
        before=before,
        after=after,
    )
