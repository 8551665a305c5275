"""Endpoints that move money: done once per Idempotency-Key, however often the network repeats the call."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar, cast

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backoffice.audit import idempotency
from backoffice.core.errors import Refusal

HEADER = "Idempotency-Key"

P = ParamSpec("P")
ViewT = TypeVar("ViewT", bound=APIView)
Handler = Callable[Concatenate[ViewT, Request, P], Response]


class KeyMissing(Refusal):
    """A call that moves money came without an Idempotency-Key."""

    code: ClassVar[str] = "audit.idempotency_key_missing"
    status: ClassVar[int] = 400


def idempotent(handler: Handler[ViewT, P]) -> Handler[ViewT, P]:
    """Runs the handler once per person, address and Idempotency-Key; a repeat gets the stored answer.

    The work and its stored answer are one transaction, so the handler must not commit on its own. A refusal is not
    stored: the corrected call may use the key again. Raises KeyMissing, and what `idempotency.run` raises.
    """

    @wraps(handler)
    def once(view: ViewT, request: Request, /, *args: P.args, **kwargs: P.kwargs) -> Response:
        key = request.headers.get(HEADER, "")
        if not key:
            raise KeyMissing(
                _("This call moves money and needs the header Idempotency-Key."),
                next_step=_("Send a fresh random key, such as a UUID, and the same key when repeating the call."),
                fields={HEADER: _("required")},
            )

        def action() -> idempotency.Answer:
            response = handler(view, request, *args, **kwargs)
            return response.status_code, response.data

        status, body = idempotency.run(
            scope=f"user:{request.user.pk} {request.method} {request.path}"[:120],
            key=key,
            payload=_payload(request),
            action=action,
        )
        return Response(body, status=status)

    once.needs_idempotency_key = True  # type: ignore[attr-defined]
    return once


def _payload(request: Request) -> Any:
    """What the key stands for: the body as read; an uploaded file by the digest of its content."""
    if not request.FILES:
        return request.data
    parts = cast("dict[str, Any]", request.data).items()
    return {name: _digest(part) if isinstance(part, UploadedFile) else part for name, part in parts}


def _digest(file: UploadedFile) -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()
