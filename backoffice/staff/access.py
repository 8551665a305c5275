"""Who may open what, and which rows: what every app imports from `staff` to guard its pages."""

from typing import cast

from django.http import HttpRequest
from rest_framework.request import Request

from backoffice.core.access import HasPermission, actor_of, public, requires
from backoffice.staff.domain.scope import EVERYTHING, NOTHING, Scope
from backoffice.staff.models import User

__all__ = [
    "EVERYTHING",
    "NOTHING",
    "HasPermission",
    "Scope",
    "actor_of",
    "person_of",
    "public",
    "requires",
    "within_of",
]


def person_of(request: HttpRequest | Request) -> User:
    """The member of staff behind a request that a guard has let in."""
    return cast("User", request.user)


def within_of(request: HttpRequest | Request) -> frozenset[str] | None:
    """The portfolios the person behind a request works on; None for all of them."""
    return person_of(request).scope().within
