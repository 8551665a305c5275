"""Who may open what: every view and endpoint declares one permission, or says that it is public.

The rules of who holds which permission live in `staff.permissions`; this module only asks the user, so that the
apps beside `staff` can guard their pages too.
"""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from backoffice.core.actors import Actor

if TYPE_CHECKING:
    from rest_framework.views import APIView  # it reads the settings, which name the class below

P = ParamSpec("P")
ViewT = TypeVar("ViewT", bound=Callable[..., HttpResponseBase])
Guarded = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


class StaffUser(Protocol):
    """What a guard needs to know of the person behind a request; `staff.User` is one."""

    is_authenticated: bool

    def has_permission(self, code: str) -> bool:
        """True when one of the person's roles holds the permission."""

    def as_actor(self) -> Actor:
        """The person as services see them."""


class ScopedToken(Protocol):
    """What a guard needs to know of the token behind a request; `staff.ApiToken` is one."""

    def allows(self, code: str) -> bool:
        """True when the permission is within the token's scopes."""


def actor_of(user: Any) -> Actor:
    """The member of staff behind a request, as every service takes it. Raises PermissionDenied for a stranger."""
    if not user.is_authenticated:
        msg = "nobody is logged in"
        raise PermissionDenied(msg)
    return cast("StaffUser", user).as_actor()


def may(request: HttpRequest, code: str) -> bool:
    """True when the person behind the request holds the permission; for drawing only what they can use."""
    return request.user.is_authenticated and cast("StaffUser", request.user).has_permission(code)


def requires(code: str) -> Callable[[Guarded[P]], Guarded[P]]:
    """Guards a function view: a stranger is sent to the login page, a person without the permission gets a 403.

    The code stays readable as `view.permission`, which the table test of all URLs walks.
    """

    def guard(view: Guarded[P]) -> Guarded[P]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_login(request)
            if not cast("StaffUser", request.user).has_permission(code):
                raise PermissionDenied(code)
            return view(request, *args, **kwargs)

        guarded.permission = code  # type: ignore[attr-defined]
        return cast("Guarded[P]", guarded)

    return guard


def public(view: ViewT) -> ViewT:
    """Declares that anyone may open the view: the login page, the liveness probe."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


class HasPermission(BasePermission):
    """DRF permission: `HasPermission("a.code")`, or `HasPermission` on a view that names its codes itself.

    Such a view sets `permission`, or `permissions_by_method` (method -> code) where reading and writing differ.
    A view that names none is closed to everyone. A token must also have the code in its scopes.
    """

    def __init__(self, code: str | None = None) -> None:
        self.code = code

    def __call__(self) -> "HasPermission":
        """DRF calls each entry of `permission_classes`; an instance answers with itself."""
        return self

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """True when the person, and the token they came with, hold the code the view asks for."""
        code = self.code or code_of(view=view, method=request.method or "GET")
        if code is None or not request.user.is_authenticated:
            return False
        if request.auth is not None and not cast("ScopedToken", request.auth).allows(code):
            return False
        return cast("StaffUser", request.user).has_permission(code)


def code_of(*, view: object, method: str) -> str | None:
    """The permission a view declares for an HTTP method; None when it declares none."""
    by_method: dict[str, str] = getattr(view, "permissions_by_method", {})
    looked_up = "GET" if method in {"HEAD", "OPTIONS"} and method not in by_method else method
    return by_method.get(looked_up) or getattr(view, "permission", None)


def _to_login(request: HttpRequest) -> HttpResponse:
    """The login page, and back afterwards; a request from within a page moves the whole page there."""
    if request.headers.get("HX-Request") == "true":
        page = request.headers.get("HX-Current-URL", "/")
        target = redirect_to_login(page).headers["Location"]
        return HttpResponse(status=204, headers={"HX-Redirect": target})
    return redirect_to_login(request.get_full_path())
