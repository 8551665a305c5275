"""Reads of people and teams, in a fixed number of queries."""

from typing import Any, ClassVar

from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from backoffice.core.errors import Refusal
from backoffice.staff.models import Team, User


class UserNotFound(Refusal):
    """There is no such user."""

    code: ClassVar[str] = "staff.user_not_found"
    status: ClassVar[int] = 404


def user_of(*, user_id: int) -> User:
    """One user. Raises UserNotFound."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise UserNotFound(_("There is no such user."), next_step=_("Open the list of users again."))
    return user


def users_with_standing() -> "QuerySet[Any]":
    """Users with `is_enrolled` (has a second factor) and `is_locked` (too many failed logins), for the list."""
    phone = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
    failures = AccessAttempt.objects.filter(
        username=OuterRef("username"), failures_since_start__gte=settings.AXES_FAILURE_LIMIT
    )
    return User.objects.select_related("team").annotate(is_enrolled=Exists(phone), is_locked=Exists(failures))


def teams_with_members() -> "QuerySet[Any]":
    """Teams with `members_count`, the number of people in them who may log in."""
    return Team.objects.annotate(members_count=Count("members", filter=Q(members__is_active=True)))


def team_choices() -> list[tuple[str, str]]:
    """Teams for a form, by name."""
    return [(str(pk), name) for pk, name in Team.objects.order_by("name").values_list("pk", "name")]
