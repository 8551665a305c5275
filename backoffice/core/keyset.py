"""Pages of a queryset by the values of their last row: the ten-thousandth page costs what the first costs.

A cursor holds the direction, how many rows lie before the page, and the sort values of the row beside it. The sort is
completed by `id`, so that no row is shown twice or left out. In both directions NULL comes last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Literal

from django.core.exceptions import FieldDoesNotExist
from django.core.signing import BadSignature, Signer
from django.db.models import F, Field, Model, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.utils.translation import gettext as _

from backoffice.core.errors import Refusal

Direction = Literal["older", "newer"]


class CursorNotUsable(Refusal):
    """The cursor was not made for this list, or not by this program."""

    code: ClassVar[str] = "core.cursor_not_usable"


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page; `first` is the number of its first row counted from 1, the cursors are empty at the ends."""

    rows: list[Any]
    first: int
    newer: str
    older: str

    @property
    def last(self) -> int:
        """The number of the last row; one less than `first` when there is none."""
        return self.first + len(self.rows) - 1


@dataclass(frozen=True, slots=True)
class _Key:
    """One sort value: an ORM path, its direction, and whether it can be NULL."""

    path: str
    descending: bool
    nullable: bool
    field: "Field[Any, Any] | None"

    def order(self, *, backwards: bool) -> OrderBy:
        """The key in ORDER BY; read backwards, everything is turned round."""
        expression = F(self.path)
        descending = self.descending != backwards
        nulls: dict[str, bool | None] = {}
        if self.nullable:
            nulls = {"nulls_first": True} if backwards else {"nulls_last": True}
        return expression.desc(**nulls) if descending else expression.asc(**nulls)

    def beyond(self, value: Any, *, backwards: bool) -> Q:
        """Rows whose value comes after `value` in reading order; NULL is read last."""
        descending = self.descending != backwards
        operator = "lt" if descending else "gt"
        if value is None:
            return Q(**{f"{self.path}__isnull": False}) if backwards else Q(pk__in=[])
        past = Q(**{f"{self.path}__{operator}": value})
        return past | Q(**{f"{self.path}__isnull": True}) if self.nullable and not backwards else past

    def equal(self, value: Any) -> Q:
        """Rows with just that value."""
        return Q(**{f"{self.path}__isnull": True}) if value is None else Q(**{self.path: value})

    def typed(self, value: Any) -> Any:
        """A value out of a cursor as the database compares it."""
        return value if self.field is None or self.field.is_relation else self.field.to_python(value)


def page_of(*, rows: QuerySet[Any], order: Sequence[str], cursor: str, size: int) -> Page:
    """The page after (or before) the cursor, one query; `order` is ORM paths, "-" first for descending.

    Rows may be a queryset of models; annotations can be sorted by. Raises CursorNotUsable.
    """
    keys = _keys(rows.model, order)
    direction, skipped, values = _read(cursor, keys) if cursor else ("older", 0, None)
    backwards = direction == "newer"
    if values is not None:
        rows = rows.filter(_beyond(keys, values, backwards=backwards))
    found = list(rows.order_by(*(key.order(backwards=backwards) for key in keys))[: size + 1])
    has_more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
        first = max(1, skipped - len(found) + 1) if has_more else 1
        has_newer, has_older = has_more, True
    else:
        first, has_newer, has_older = skipped + 1, skipped > 0, has_more
    if not found:
        return Page(rows=[], first=first, newer="", older="")
    return Page(
        rows=found,
        first=first,
        newer=_write("newer", first - 1, found[0], keys) if has_newer else "",
        older=_write("older", first + len(found) - 1, found[-1], keys) if has_older else "",
    )


def _keys(model: type[Model], order: Sequence[str]) -> list[_Key]:
    keys = []
    for name in order:
        path = name.lstrip("-")
        field = _field(model, path)
        keys.append(_Key(path, name.startswith("-"), field is None or field.null or "__" in path, field))
    if not keys or keys[-1].path not in {"id", "pk"}:
        descending = keys[0].descending if keys else True
        keys.append(_Key("id", descending, nullable=False, field=_field(model, "id")))
    return keys


def _field(model: type[Model], path: str) -> "Field[Any, Any] | None":
    """The field at the end of an ORM path; None for an annotation."""
    field: Any = None
    for step in path.split("__"):
        try:
            field = model._meta.pk if step == "pk" else model._meta.get_field(step)
        except FieldDoesNotExist:
            return None
        if field.is_relation:
            model = field.related_model
    return field if isinstance(field, Field) else None


def _beyond(keys: Sequence[_Key], values: Sequence[Any], *, backwards: bool) -> Q:
    condition = Q(pk__in=[])
    same = Q()
    for key, value in zip(keys, values, strict=True):
        condition |= same & key.beyond(value, backwards=backwards)
        same &= key.equal(value)
    return condition


def _write(direction: Direction, position: int, row: Any, keys: Sequence[_Key]) -> str:
    values = [_plain(_value(row, key.path)) for key in keys]
    return _signer(keys).sign_object([direction, position, *values])


def _read(cursor: str, keys: Sequence[_Key]) -> tuple[Direction, int, list[Any]]:
    try:
        direction, position, *values = _signer(keys).unsign_object(cursor)
    except (BadSignature, ValueError) as error:
        raise CursorNotUsable(
            _("This page of the list cannot be found again."), next_step=_("Open the list from its first page.")
        ) from error
    return direction, position, [key.typed(value) for key, value in zip(keys, values, strict=True)]


def _signer(keys: Sequence[_Key]) -> Signer:
    """Signs a cursor for one sorting: nobody writes cursors but this module, and none is read by another sorting."""
    return Signer(salt="keyset:" + ",".join(f"{'-' if key.descending else ''}{key.path}" for key in keys))


def _plain(value: Any) -> Any:
    """The value as JSON holds it, exact."""
    if value is None or isinstance(value, int | str):
        return value
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _value(row: Any, path: str) -> Any:
    for step in path.split("__"):
        row = getattr(row, step) if row is not None else None
    return row
