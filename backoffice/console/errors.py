"""What a person reads when a page cannot be shown: each says what happened and where to go."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import loader

from backoffice.core.http import page_or_part
from backoffice.staff.permissions import PERMISSIONS, ROLES


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: names the permission that lacks and the roles that hold it, so that the person knows whom to ask."""
    permission = PERMISSIONS.get(str(exception or ""))
    roles = [label for code, label in ROLES.items() if permission and code in permission.roles]
    return _answer(request, "403.html", {"permission": permission, "roles": roles}, status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: the address leads nowhere, or to a row outside this person's portfolios; both read the same."""
    return _answer(request, "404.html", {}, status=404)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400."""
    return _answer(request, "400.html", {}, status=400)


def broken(request: HttpRequest) -> HttpResponse:
    """500: drawn without the database, the session or the navigation, any of which may be what broke."""
    return HttpResponse(loader.get_template("500.html").render(), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose proof of origin has expired: nothing was done, and reloading the page helps."""
    return _answer(request, "403_csrf.html", {"expired": True}, status=403)


def _answer(request: HttpRequest, page: str, context: dict[str, Any], *, status: int) -> HttpResponse:
    """The whole page; inside a page only what went wrong, so that a dialog can show it."""
    return page_or_part(
        request, page=page, part="console/_fault.html", context={**context, "status": status}, status=status
    )
