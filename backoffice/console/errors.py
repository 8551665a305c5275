"""What a person reads when a page cannot be shown: each says what happened and where to go."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader

from backoffice.staff.permissions import PERMISSIONS, ROLES


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: names the permission that lacks and the roles that hold it, so that the person knows whom to ask."""
    permission = PERMISSIONS.get(str(exception or ""))
    roles = [label for code, label in ROLES.items() if permission and code in permission.roles]
    return render(request, "403.html", {"permission": permission, "roles": roles}, status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: the address leads nowhere, or to a row outside this person's portfolios; both read the same."""
    return render(request, "404.html", status=404)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400."""
    return render(request, "400.html", status=400)


def broken(request: HttpRequest) -> HttpResponse:
    """500: drawn without the database, the session or the navigation, any of which may be what broke."""
    return HttpResponse(loader.get_template("500.html").render(), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose proof of origin has expired: nothing was done, and reloading the page helps."""
    return render(request, "403_csrf.html", status=403)
