"""How a view answers: a whole page, or the part of it that a request from within the page asked for.

Apps write views with this module and draw them with the console's templates, which are named, never imported.
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string

from backoffice.core.errors import Refusal


class SeeOther(HttpResponseRedirect):
    """After a form is done: the page to read next, fetched with GET."""

    status_code = 303


def is_part(request: HttpRequest) -> bool:
    """True when the script asks for a part of the page; false for a whole page, and for going back to one."""
    return (
        request.headers.get("HX-Request") == "true"
        and request.headers.get("HX-History-Restore-Request") != "true"
        and request.headers.get("HX-Boosted") != "true"
    )


def page_or_part(
    request: HttpRequest, *, page: str, part: str, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """The template `part` for a request from within the page, the template `page` (which includes it) otherwise."""
    is_asked_for = is_part(request)
    response = render(request, part if is_asked_for else page, {**context, "is_part": is_asked_for}, status=status)
    response.headers["Vary"] = "HX-Request, Cookie, Accept-Language"
    return response


def go_to(request: HttpRequest, url: str) -> HttpResponse:
    """Moves the person to another page, from a form with or without the script."""
    if is_part(request):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return SeeOther(url)


def refused(request: HttpRequest, *, refusal: Refusal, back_url: str = "/") -> HttpResponse:
    """A refusal as an answer of its own: the sentence, the next step and the way back, with the refusal's status."""
    context = {"refusal": refusal, "back_url": back_url}
    if is_part(request):
        body = render_to_string("console/_refusal.html", context, request=request)
        return HttpResponse(body, status=refusal.status)
    return render(request, "console/refusal.html", context, status=refusal.status)
