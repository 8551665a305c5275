"""Signed calls of partners, who have no login: what every address they call does before and after the one service."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse

from backoffice.core.api.problems import refusal_outside_views
from backoffice.core.errors import Refusal
from backoffice.core.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER

LARGEST: Final = 16 * 1024

Take = Callable[[str, str, bytes], Mapping[str, Any]]
"""Takes the timestamp, the signature and the body of a call; gives the answer. Raises Refusal."""


def answer_signed_call(request: HttpRequest, *, what: str, take: Take) -> HttpResponse:
    """The answer to a call; a body that is too long (`what` names it) is not read at all."""
    declared = request.headers.get("Content-Length") or "0"
    if not declared.isdigit() or int(declared) > LARGEST:
        return JsonResponse({"error": f"a {what} has at most {LARGEST} bytes"}, status=413)
    try:
        answer = take(
            request.headers.get(TIMESTAMP_HEADER, ""), request.headers.get(SIGNATURE_HEADER, ""), request.body
        )
    except Refusal as refusal:
        return refusal_outside_views(request, refusal)
    return JsonResponse(dict(answer))
