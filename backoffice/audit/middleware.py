"""An id for every request: in the trail, in the answer's head, in the words of a problem."""

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from backoffice.audit.context import bound_to

HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIds:
    """Takes the id a proxy gave, if it is a plain one, or makes one; goes first among the middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(HEADER, "")
        identifier = given if _ACCEPTED.fullmatch(given) else uuid.uuid4().hex
        request.request_id = identifier  # type: ignore[attr-defined]
        with bound_to(identifier):
            response = self.get_response(request)
        response.headers[HEADER] = identifier
        return response
