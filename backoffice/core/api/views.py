"""The base of every endpoint: each method declares its permission, and no query parameter is ignored in silence."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from backoffice.core.api.bodies import BodySerializer, EmptyBodySerializer
from backoffice.core.api.pagination import PARAMETERS, CursorPages
from backoffice.core.api.strangers import JudgedInOrder

METHODS = ("get", "post", "put", "patch", "delete")


class PermissionNotDeclared(TypeError):
    """An endpoint answers a method without naming the permission it takes: a defect of the program."""


class ApiView(JudgedInOrder):
    """An endpoint. `permissions_by_method` maps every HTTP method it answers to one code of the catalogue.

    `query_serializer_class` reads the query string, `request_serializer_class` the body of a writing call. A parameter
    or field nobody reads is refused, not ignored: a filter misspelt would otherwise answer with the whole book.
    """

    permissions_by_method: ClassVar[dict[str, str]] = {}
    query_serializer_class: ClassVar[type[Serializer] | None] = None
    request_serializer_class: ClassVar[type[BodySerializer]] = EmptyBodySerializer

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:  # type: ignore[override]
        """Raises PermissionNotDeclared at start-up for a method without its permission."""
        missing = [name for name in METHODS if hasattr(cls, name) and name.upper() not in cls.permissions_by_method]
        if missing:
            msg = f"{cls.__module__}.{cls.__qualname__} names no permission for {', '.join(missing)}"
            raise PermissionNotDeclared(msg)
        return super().as_view(**initkwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, permit and throttle; then refuse what the query string or the body says and nobody reads."""
        super().initial(request, *args, **kwargs)
        unread = sorted(set(request.query_params) - self.parameters())
        if unread:
            raise ValidationError(dict.fromkeys(unread, _("this address does not take that parameter")))
        if request.method not in SAFE_METHODS and self.request_serializer_class is EmptyBodySerializer:
            read(EmptyBodySerializer, request.data)

    def parameters(self) -> frozenset[str]:
        """Names the query string may hold."""
        if self.query_serializer_class is None:
            return frozenset()
        return frozenset(self.query_serializer_class().fields)

    def query(self) -> dict[str, Any]:
        """The query string as `query_serializer_class` reads it, without what is not given. Raises ValidationError."""
        if self.query_serializer_class is None:
            return {}
        return read(self.query_serializer_class, self.request.query_params.dict())


class ListView(ApiView):
    """A list by cursor. `rows` gives what the person may see, narrowed by the query; `ordering` is its order."""

    serializer_class: ClassVar[type[Serializer]]
    pagination_class: ClassVar[type[CursorPages]] = CursorPages
    ordering: ClassVar[tuple[str, ...]] = ("-id",)

    @abstractmethod
    def rows(self, *args: Any, **filters: Any) -> QuerySet[Any]:
        """The queryset of the rows the person may see, narrowed by the filters."""

    def parameters(self) -> frozenset[str]:
        """The filters, and the two names of the page."""
        return super().parameters() | PARAMETERS

    def get(self, request: Request, **captured: Any) -> Response:
        """One page of the list."""
        pages = self.pagination_class()
        page = pages.paginate_queryset(self.rows(**captured, **self.query()), request, view=self)
        return pages.get_paginated_response(self.serializer_class(page, many=True).data)


def read(serializer_class: type[Serializer], data: Any) -> dict[str, Any]:
    """The values a serializer reads from a body or query. Raises ValidationError naming each one at fault."""
    serializer = serializer_class(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
