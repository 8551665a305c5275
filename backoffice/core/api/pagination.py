"""Pages by cursor: stable while rows are added, the same cost on the first page and on the ten-thousandth."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from backoffice.core.keyset import Page, page_of

CURSOR = "cursor"
PAGE_SIZE = "page_size"
PARAMETERS = frozenset({CURSOR, PAGE_SIZE})
USUAL_PAGE = 50
LARGEST_PAGE = 200


class CursorPages(BasePagination):
    """`?cursor=` from the links of the page before, `?page_size=` from 1 to 200.

    The order is that of the view's `ordering`, ORM paths with "-" for descending; newest first when it names none.
    """

    def paginate_queryset(  # type: ignore[override]  # a cursor needs a queryset, a sequence will not do
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        """The rows of the page asked for, one query. Raises ValidationError (size), CursorNotUsable."""
        self._url = request.build_absolute_uri()
        self._page: Page = page_of(
            rows=queryset,
            order=getattr(view, "ordering", ("-id",)),
            cursor=request.query_params.get(CURSOR, ""),
            size=_size(request),
        )
        return self._page.rows

    def get_paginated_response(self, data: Any) -> Response:
        """The rows, and the links to the pages beside them."""
        return Response(
            {"next": self._link(self._page.older), "previous": self._link(self._page.newer), "results": data}
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The page in OpenAPI."""
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The two parameters in OpenAPI."""
        return [
            {
                "name": CURSOR,
                "in": "query",
                "required": False,
                "description": "taken from the links of another page; not to be made",
                "schema": {"type": "string"},
            },
            {
                "name": PAGE_SIZE,
                "in": "query",
                "required": False,
                "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": USUAL_PAGE},
            },
        ]

    def _link(self, cursor: str) -> str | None:
        if not cursor:
            return None
        return replace_query_param(remove_query_param(self._url, CURSOR), CURSOR, cursor)


def _size(request: Request) -> int:
    """The rows asked for. Raises ValidationError outside 1 to 200: another number is not taken quietly instead."""
    asked = request.query_params.get(PAGE_SIZE)
    if asked is None:
        return USUAL_PAGE
    if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked[:9]) <= LARGEST_PAGE:
        said = _("must be a whole number from 1 to %(most)d") % {"most": LARGEST_PAGE}
        raise ValidationError({PAGE_SIZE: said})
    return int(asked)
