"""The door: no page opens for a session that is over, a password that must be changed, or a code not yet given."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core.api.problems import refusal_outside_views
from backoffice.core.errors import Refusal
from backoffice.core.http import go_to
from backoffice.staff import sessions
from backoffice.staff.access import person_of

API_PREFIX = "/api/v1/"

REASONS: dict[str, Promise] = {
    "staff:login": gettext_lazy("You were logged out because the session was over."),
    "staff:verify": gettext_lazy("Your one-time code has not been given yet."),
    "staff:password": gettext_lazy("Your password must be changed first."),
}
NEXT_STEPS: dict[str, Promise] = {
    "staff:login": gettext_lazy("Log in again, or use a token."),
    "staff:verify": gettext_lazy("Open any page and give the code of your phone, or use a token."),
    "staff:password": gettext_lazy("Open any page and choose a new password, or use a token."),
}

ViewT = TypeVar("ViewT", bound=Callable[..., HttpResponseBase])


def open_at_the_door(view: ViewT) -> ViewT:
    """Marks a page that opens before password and second factor are in order: it is where they are put in order."""
    view.opens_at_the_door = True  # type: ignore[attr-defined]
    return view


class DoorClosed(Refusal):
    """A call with a session that is over, or whose password or second factor is not in order."""

    code: ClassVar[str] = "staff.door_closed"
    status: ClassVar[int] = 403


class Door:
    """Stands after authentication and one-time codes; asks of every view a logged-in person opens."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: tuple[Any, ...], _named: dict[str, Any]
    ) -> HttpResponse | None:
        """Turns the person away, or lets them pass."""
        if not request.user.is_authenticated:
            return None
        if sessions.is_over(request):
            sessions.end(request)
            if getattr(view, "is_public", False):
                return None
            messages.info(request, _("You were logged out because the session was over."))
            return self._turn_away(request, to="staff:login")
        sessions.note_use(request)
        if getattr(view, "is_public", False) or getattr(view, "opens_at_the_door", False):
            return None
        user = person_of(request)
        if sessions.second_factor_is_due(request, user=user):
            return self._turn_away(request, to="staff:verify")
        if user.must_change_password:
            return self._turn_away(request, to="staff:password")
        return None

    @staticmethod
    def _turn_away(request: HttpRequest, *, to: str) -> HttpResponse:
        if request.path.startswith(API_PREFIX):
            return refusal_outside_views(request, DoorClosed(str(REASONS[to]), next_step=str(NEXT_STEPS[to])))
        next_page = request.headers.get("HX-Current-URL") or request.get_full_path()
        return go_to(request, f"{reverse(to)}?{urlencode({REDIRECT_FIELD_NAME: next_page})}")
