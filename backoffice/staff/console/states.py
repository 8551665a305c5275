"""How the state of a user's account reads on a page."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.core import tones

FAMILY = "staff.user"

tones.declare(
    FAMILY,
    {
        "active": (_("active"), "good"),
        "locked": (_("locked"), "warn"),
        "new": (_("has not logged in yet"), "info"),
        "disabled": (_("disabled"), "neutral"),
    },
)


def state_of(user: Any) -> str:
    """The state of a user as `selectors.users_with_standing` gives them."""
    if not user.is_active:
        return "disabled"
    if user.is_locked:
        return "locked"
    return "new" if user.last_login is None else "active"
