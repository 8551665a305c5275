"""OpenAPI from the endpoints themselves: what each takes, answers and refuses, and the permission it needs.

An endpoint names its serializers: `serializer_class` for the answer, `request_serializer_class` for the body,
`query_serializer_class` for the query string. A POST may have an `answer_serializer_class` of its own, a
`success_status` other than 200, and `other_answers` (status to serializer). `refusals` names further statuses.
"""

import re
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from backoffice.core.access import code_of
from backoffice.core.api.bodies import EmptyBodySerializer
from backoffice.core.api.problems import MEDIA_TYPE, ProblemSerializer
from backoffice.core.api.views import ApiView, ListView

IDEMPOTENCY_HEADER = "Idempotency-Key"
LONGEST_KEY = 200

REFUSALS: dict[str, str] = {
    "400": "The request could not be read, or a value in it cannot be used.",
    "401": "Nobody is logged in, or the token is not valid.",
    "403": "The role, or the token's scopes, do not allow this.",
    "404": "There is no such record among those the person may see.",
    "409": "The record is in a state that excludes this, or the same call is in flight.",
    "422": "A rule refuses it; `code` says which. Also: the Idempotency-Key was used with another payload.",
    "429": "Too many calls; `Retry-After` says how many seconds to wait.",
}


class Schema(AutoSchema):
    """drf-spectacular's schema with the house rules of the API in it."""

    def get_tags(self) -> list[str]:
        """The app an address belongs to: the part after the version."""
        return self._tokenize_path()[:1]

    def get_request_serializer(self) -> Any:
        """The body of a writing call; None where it has none."""
        serializer = getattr(self.view, "request_serializer_class", EmptyBodySerializer)
        return None if serializer is EmptyBodySerializer else serializer

    def get_response_serializers(self) -> Any:
        """The answer; a POST of a list view answers with one row, at the view's `success_status`."""
        serializer = getattr(self.view, "serializer_class", None)
        if self.method == "POST":
            answer = getattr(self.view, "answer_serializer_class", serializer)
            return {getattr(self.view, "success_status", 200): answer} | getattr(self.view, "other_answers", {})
        return serializer

    def get_override_parameters(self) -> list[Any]:
        """The query string, and the header a money-moving call must carry."""
        found: list[Any] = []
        if self.method == "GET" and isinstance(self.view, ApiView) and self.view.query_serializer_class is not None:
            found.append(self.view.query_serializer_class)
        if self._needs_idempotency_key():
            found.append(
                OpenApiParameter(
                    IDEMPOTENCY_HEADER,
                    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
                    OpenApiParameter.HEADER,
                    required=True,
                    description=(
                        "A fresh random key for each new request, such as a UUID. The same request with the same key "
                        "is done once and answered alike; another payload under it gets 422, one in flight 409."
                    ),
                    examples=[OpenApiExample("a UUID", value="7d9f0a52-4a0f-4f2b-9a54-0b1f3d2c7e11")],
                )
            )
        return found

    def get_description(self) -> str:  # type: ignore[override]
        """What the endpoint does, and the permission it takes."""
        handler = getattr(self.view, self.method.lower(), None)
        said = (getattr(handler, "__doc__", None) or type(self.view).__doc__ or "").strip()
        code = code_of(view=self.view, method=self.method)
        return f"{_clean(said)}\n\nPermission: `{code}`." if code else _clean(said)

    def get_summary(self) -> str | None:
        """The first sentence about the endpoint; of a list, about what a POST adds to it."""
        is_added_to_a_list = self.method == "POST" and isinstance(self.view, ListView)
        said = type(self.view).post.__doc__ if is_added_to_a_list else type(self.view).__doc__  # type: ignore[attr-defined]
        return super().get_summary() or re.split(r"[.:;\n]", _clean(said or ""))[0]

    def get_extensions(self) -> dict[str, Any]:
        """The permission, for programs."""
        code = code_of(view=self.view, method=self.method)
        return {"x-permission": code} if code else {}

    def _is_list_view(self, serializer: Any = None) -> bool:
        if isinstance(serializer, ProblemSerializer):
            return False
        if isinstance(self.view, ListView):
            return self.method == "GET"
        return super()._is_list_view(serializer)

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        problem = self.resolve_serializer(ProblemSerializer(), "response").ref
        for status in self._refusals():
            bodies.setdefault(status, {"description": REFUSALS[status], "content": {MEDIA_TYPE: {"schema": problem}}})
        return dict(sorted(bodies.items()))

    def _refusals(self) -> list[str]:
        found = {"400", "401", "403", "429"}
        if "{" in self.path:
            found.add("404")
        if self.method != "GET":
            found |= {"404", "409", "422"}
        elif isinstance(self.view, ListView):
            found.add("422")
        return sorted(found | set(getattr(self.view, "refusals", ())))

    def _needs_idempotency_key(self) -> bool:
        handler = getattr(self.view, self.method.lower(), None)
        return bool(getattr(handler, "needs_idempotency_key", False))


def _clean(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())
