"""Pages by cursor: stable while rows are added, the same cost on the first page and on the ten-thousandth."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

LARGEST_PAGE = 200


class CursorPages(CursorPagination):
    """`?cursor=` from the links of the page before, `?page_size=` from 1 to 200. Newest first unless the view says."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = LARGEST_PAGE
    ordering = "-id"

    def get_page_size(self, request: Request) -> int:
        """The rows asked for. Raises ValidationError outside 1 to 200, where DRF would quietly take another number."""
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked[:9]) <= LARGEST_PAGE:
            raise ValidationError(
                {"page_size": _("must be a whole number from 1 to %(most)d") % {"most": LARGEST_PAGE}}
            )
        return int(asked)

    def decode_cursor(self, request: Request) -> Any:
        """DRF's cursor. Raises ValidationError naming the parameter when it was not made here."""
        try:
            return super().decode_cursor(request)
        except NotFound as error:
            raise ValidationError({"cursor": _("not a cursor of this list")}) from error

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The page in OpenAPI: rows, and the links to the pages beside it."""
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }
