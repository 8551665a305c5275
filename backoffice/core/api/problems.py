"""Every error of the API as an RFC 9457 problem: a stable code, a sentence, the next step, the inputs at fault.

`exception_handler` is DRF's; `ProblemsForApi` turns what is answered outside DRF's views (an unknown path, a broken
request, a crash) into the same shape. A crash is logged by Django with its traceback and says nothing of it here.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import IntegrityError, OperationalError
from django.db.utils import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from rest_framework import exceptions, serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from backoffice.core.errors import Refusal
from backoffice.core.telling import told

MEDIA_TYPE = "application/problem+json"
API_PREFIX = "/api/v1/"
TYPE_PREFIX = "urn:backoffice:problem:"

_UNIQUE_OR_EXCLUSION = frozenset({"23505", "23P01"})
_GIVE_WAY = frozenset({"40001", "40P01", "55P03"})  # serialization failure, deadlock, lock not available
# Connection lost, too many connections, server shutting down; without a state the connection never came about.
_OUT_OF_REACH = frozenset({"08", "53", "57"})
_RETRY_SECONDS = "1"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """One answer to a call that was not carried out; `fields` maps an input (dotted path) to what is wrong with it."""

    code: str
    status: int
    detail: str
    next_step: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, request: HttpRequest | Request | None) -> dict[str, Any]:
        """The members of the problem document; `title` depends on the status alone, as RFC 9457 asks."""
        return {
            "type": TYPE_PREFIX + self.code,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": str(self.detail),
            "next_step": str(self.next_step),
            "fields": {name: str(reason) for name, reason in self.fields.items()},
            "instance": request.path if request is not None else "",
            "request_id": str(getattr(request, "request_id", "") or ""),
        }


class ProblemSerializer(serializers.Serializer):
    """The problem document in the OpenAPI schema."""

    type = serializers.CharField(help_text="urn:backoffice:problem: and the code")
    title = serializers.CharField(help_text="the HTTP status in words")
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="stable; branch on this")
    detail = serializers.CharField(help_text="a sentence for the person")
    next_step = serializers.CharField(allow_blank=True, help_text="what can be done now")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(), help_text="input (dotted path) to what is wrong with it"
    )
    instance = serializers.CharField()
    request_id = serializers.CharField(allow_blank=True, help_text="quote it when reporting a fault")


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: the problem for an exception raised in a view; None lets an unknown one crash into Django."""
    problem = problem_of(exc)
    if problem is None:
        return None
    set_rollback()
    request = context.get("request")
    if request is not None:  # a problem is JSON, whatever form the view answers in when it has an answer
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), MEDIA_TYPE
    return Response(
        problem.body(request),
        status=problem.status,
        headers=dict(problem.headers),
        content_type=MEDIA_TYPE,
    )


def problem_of(exc: Exception) -> Problem | None:
    """The problem an exception stands for; None when it is a defect of the program."""
    match exc:
        case Refusal():
            return of_refusal(exc)
        case exceptions.ValidationError():
            return _invalid(exc.detail)
        case ModelValidationError():
            return _invalid(exc.message_dict if hasattr(exc, "error_dict") else exc.messages)
        case exceptions.APIException():
            return _of_api_exception(exc)
        case Http404():
            return _plain(404)
        case PermissionDenied():
            return _plain(403)
        case RequestDataTooBig():
            return _plain(413)
        case TooManyFieldsSent() | TooManyFilesSent():
            return _plain(400)
        case IntegrityError() | OperationalError():
            return _of_database(exc)
        case _:
            return None


def of_refusal(refusal: Refusal) -> Problem:
    """What a refusal says, in the reader's language."""
    fields = {name: told(reason) for name, reason in refusal.fields.items()}
    return Problem(refusal.code, refusal.status, told(refusal.message), told(refusal.next_step), fields)


def refusal_outside_views(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """A refusal of middleware, as the API answers it."""
    problem = of_refusal(refusal)
    return JsonResponse(problem.body(request), status=problem.status, content_type=MEDIA_TYPE)


class ProblemsForApi:
    """Middleware: in the API an error page becomes a problem document. Goes first, so that nothing escapes it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith(API_PREFIX) or response.status_code < HTTPStatus.BAD_REQUEST:
            return response
        if response.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
            return response
        problem = _plain(response.status_code)
        answer = JsonResponse(problem.body(request), status=problem.status, content_type=MEDIA_TYPE)
        for name, value in response.headers.items():
            if name not in {"Content-Type", "Content-Length", "Location"}:
                answer.headers[name] = value
        answer.cookies = response.cookies
        return answer


def _of_api_exception(exc: exceptions.APIException) -> Problem:
    headers: dict[str, str] = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (seconds := getattr(exc, "wait", None)) is not None:
        headers["Retry-After"] = str(int(seconds))
    plain = _plain(exc.status_code)
    # What a view or DRF says of the very case beats the general sentence; the code stays ours and stable.
    says_more = isinstance(exc, exceptions.ParseError | exceptions.AuthenticationFailed | exceptions.NotFound)
    detail = str(exc.detail) if says_more else plain.detail
    return Problem(plain.code, plain.status, detail, plain.next_step, headers=headers)


def _of_database(exc: DatabaseError) -> Problem | None:
    """A lost race is an answer; so is a database that cannot be reached. Anything else is a defect."""
    state = getattr(exc.__cause__, "sqlstate", None)
    if state in _UNIQUE_OR_EXCLUSION:
        return Problem(
            "core.conflict",
            409,
            _("Somebody else has just done the same, or something that excludes it."),
            _("Read the record again and repeat the call if it is still needed."),
        )
    if state in _GIVE_WAY:
        return Problem(
            "core.busy",
            503,
            _("The record is being changed by somebody else right now; nothing was done."),
            _("Repeat the same call in a moment."),
            headers={"Retry-After": _RETRY_SECONDS},
        )
    if isinstance(exc, OperationalError) and (state is None or state[:2] in _OUT_OF_REACH):
        logger.error("the database cannot be reached: %s", exc)
        unavailable = _plain(503)
        return replace(unavailable, headers={"Retry-After": _RETRY_SECONDS})
    return None


def _invalid(detail: Any) -> Problem:
    fields = dict(_flatten(detail, ""))
    whole = fields.pop("", "")
    return Problem(
        "core.invalid",
        400,
        whole or _("Some of the values cannot be used."),
        _("Correct the named fields and send the call again.")
        if fields
        else _("Compare it with the description of the API."),
        fields,
    )


def _flatten(detail: Any, path: str) -> list[tuple[str, str]]:
    """DRF's nested errors as (dotted path, sentences); an error of the whole goes by its parent's path."""
    if isinstance(detail, Mapping):
        found: list[tuple[str, str]] = []
        for name, inner in detail.items():
            is_whole = name in {"non_field_errors", "__all__"}
            found += _flatten(inner, path if is_whole else f"{path}.{name}" if path else str(name))
        return found
    if isinstance(detail, list) and any(isinstance(inner, Mapping | list) for inner in detail):
        numbered = ((f"{path}.{number}" if path else str(number), inner) for number, inner in enumerate(detail))
        return [pair for inner_path, inner in numbered for pair in _flatten(inner, inner_path)]
    if isinstance(detail, list):
        return [(path, " ".join(str(sentence) for sentence in detail))] if detail else []
    return [(path, str(detail))]


def _plain(status: int) -> Problem:
    """The general problem of an HTTP status."""
    said = _GENERAL.get(status) or (_REFUSED if status < HTTPStatus.INTERNAL_SERVER_ERROR else _INTERNAL)
    code, detail, next_step = said
    return Problem(code, status, str(detail), str(next_step))


_Said = tuple[str, object, object]  # code, detail, next step; the sentences are translated when they are shown

_GENERAL: dict[int, _Said] = {
    400: ("core.malformed", _l("The request could not be read."), _l("Check its form and send it again.")),
    401: ("core.not_authenticated", _l("Nobody is logged in."), _l("Log in, or send a valid token.")),
    403: ("core.not_permitted", _l("Your role does not allow this."), _l("Ask an administrator.")),
    404: (
        "core.not_found",
        _l("There is no such record, or you may not see it."),
        _l("Check the address and the number in it."),
    ),
    405: ("core.method_not_allowed", _l("This address does not take that method."), _l("Use one that Allow names.")),
    406: ("core.not_acceptable", _l("The answer cannot be given in that form."), _l("Ask for application/json.")),
    413: ("core.too_large", _l("The request is too large."), _l("Split it and send the parts.")),
    415: ("core.unsupported_media_type", _l("That form of request cannot be read."), _l("Send application/json.")),
    429: ("core.throttled", _l("Too many calls."), _l("Wait the seconds named in Retry-After, then repeat the call.")),
    503: ("core.unavailable", _l("The service is not available now."), _l("Repeat the same call in a moment.")),
}
_REFUSED: _Said = ("core.refused", _l("The request was refused."), _l("Compare it with the description of the API."))
_INTERNAL: _Said = (
    "core.internal",
    _l("Something went wrong on our side. Nothing of this call was kept."),
    _l("Report the request id; a call with an Idempotency-Key may be repeated safely."),
)
