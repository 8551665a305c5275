"""A table of a console page, described once: columns, sorting, filters, pages by cursor.

    LOANS = Table(
        name="loans",
        columns=(
            Column("external_id", _("Loan"), link=lambda loan: reverse("repayment:loan", args=[loan.id])),
            Column("overdue_amount", _("Overdue"), kind="money", sort="overdue_amount"),
            Column("status", _("Status"), kind="state", family="repayment.loan"),
        ),
        filters=(Choice("status", _("Status"), choices=Loan.Status.choices),),
        order=("-overdue_amount",),
    )
    context["table"] = LOANS.shown(rows=Loan.objects.visible_to(request.user), query=request.GET)

and `{% include "console/_table.html" %}` in the template. One query for the rows, whatever the page; with `count_up_to`
one more that stops counting there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Literal

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from backoffice.core.errors import Refusal
from backoffice.core.formats import count_text
from backoffice.core.keyset import page_of

Text = str | Promise
Kind = Literal["text", "id", "code", "money", "count", "percent", "date", "moment", "state"]
NUMBERS: frozenset[Kind] = frozenset({"money", "count", "percent"})
PAGE_SIZE = 50

Rows = QuerySet[Any]


class ListNotReadable(Refusal):
    """The address of the list names a sorting or a filter value it does not have."""

    code: ClassVar[str] = "core.list_not_readable"
    status: ClassVar[int] = 400


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `value` reads the row (a dotted path, default the name, or a function); `sort` is an ORM path;
    `sort_within` one that is sorted by first, for values that cannot be compared across it (amounts and currencies).

    An `id` longer than its place shows its beginning, and the whole of it on hovering.
    Money is in major units of `currency`, a dotted path of the row; `family` declares the tones of a state;
    `link` gives the address a cell leads to, `css` an extra class.
    """

    name: str
    label: Text
    kind: Kind = "text"
    value: str | Callable[[Any], Any] = ""
    sort: str = ""
    sort_within: str = ""
    link: Callable[[Any], str] | None = None
    currency: str = "currency"
    family: str = ""
    css: str = ""

    @property
    def is_number(self) -> bool:
        """Whether its cells stand at the right."""
        return self.kind in NUMBERS

    def read(self, row: Any) -> Any:
        """The value of the row's cell."""
        return self.value(row) if callable(self.value) else _at(row, self.value or self.name)


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter by one of a few values. `path` is the ORM path (default the name), or `narrow` does the filtering.

    `usual` narrows the rows when nothing is chosen, and `usual_label` says so in the place of "All".
    """

    name: str
    label: Text
    choices: Sequence[tuple[str, Text]] | Callable[[], Sequence[tuple[str, Text]]]
    path: str = ""
    narrow: Callable[[Rows, str], Rows] | None = None
    usual: Callable[[Rows], Rows] | None = None
    usual_label: Text = ""
    kind: ClassVar[str] = "choice"

    def options(self) -> list[tuple[str, Text]]:
        """(value, label) of what can be chosen."""
        return list(self.choices() if callable(self.choices) else self.choices)

    def apply(self, rows: Rows, value: str) -> Rows:
        """The rows with that value. Raises ListNotReadable for a value that cannot be chosen."""
        if value not in {chosen for chosen, _label in self.options()}:
            raise _unreadable(self.name)
        return self.narrow(rows, value) if self.narrow else rows.filter(**{self.path or self.name: value})


@dataclass(frozen=True, slots=True)
class Flag:
    """A filter that is on or off; `narrow` says which rows are left when it is on."""

    name: str
    label: Text
    narrow: Callable[[Rows], Rows]
    kind: ClassVar[str] = "flag"

    def options(self) -> list[tuple[str, Text]]:
        """Nothing to choose from."""
        return []

    def apply(self, rows: Rows, value: str) -> Rows:
        """The rows left when it is on. Raises ListNotReadable for another value than 1."""
        if value != "1":
            raise _unreadable(self.name)
        return self.narrow(rows)


@dataclass(frozen=True, slots=True)
class Day:
    """A filter by date: from the date on, or up to and with it, by its ORM lookup such as `value_date__gte`.

    `narrow` does it instead where an index is by the instant, which a lookup of the date would pass by.
    """

    name: str
    label: Text
    lookup: str = ""
    narrow: Callable[[Rows, date], Rows] | None = None
    kind: ClassVar[str] = "day"

    def options(self) -> list[tuple[str, Text]]:
        """Nothing to choose from."""
        return []

    def apply(self, rows: Rows, value: str) -> Rows:
        """The rows within the date. Raises ListNotReadable for what is no ISO date."""
        try:
            day = date.fromisoformat(value)
        except ValueError as error:
            raise _unreadable(self.name) from error
        return self.narrow(rows, day) if self.narrow else rows.filter(**{self.lookup: day})


@dataclass(frozen=True, slots=True)
class Words:
    """A filter by typed text; `narrow` says what of a row it is looked for in."""

    name: str
    label: Text
    narrow: Callable[[Rows, str], Rows]
    kind: ClassVar[str] = "words"

    def options(self) -> list[tuple[str, Text]]:
        """Nothing to choose from."""
        return []

    def apply(self, rows: Rows, value: str) -> Rows:
        """The rows that hold the text."""
        return self.narrow(rows, value.replace("\x00", "").strip())


Filter = Choice | Flag | Day | Words


@dataclass(frozen=True, slots=True)
class Head:
    """A column's heading on one page: where a click on it leads, and how the rows are sorted by it now."""

    label: Text
    is_number: bool
    sort_query: str
    sorted: Literal["", "ascending", "descending"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One value as the template draws it."""

    value: Any
    kind: Kind
    url: str = ""
    currency: str = ""
    family: str = ""
    css: str = ""
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its cells, the address the whole row leads to, an extra class."""

    row: Any
    cells: list[Cell]
    url: str = ""
    css: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A filter on one page with the value it holds."""

    name: str
    label: Text
    kind: str
    options: list[tuple[str, Text]]
    value: str
    usual_label: Text = ""


@dataclass(frozen=True, slots=True)
class Total:
    """What some of the filtered rows add up to, in major units of the currency, and how many they are."""

    label: Text
    count: int
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Pager:
    """What `console/_pager.html` reads; `total` None when it was not counted or is beyond the most counted."""

    first: int
    last: int
    total: int | None
    newer_url: str
    older_url: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A table on one page."""

    name: str
    caption: Text
    heads: list[Head]
    lines: list[Line]
    filters: list[Asked]
    is_filtered: bool
    hidden: list[tuple[str, str]]
    page: Pager
    totals: Sequence[Total]
    totals_note: Text
    empty_title: Text
    empty_text: Text


@dataclass(frozen=True, slots=True)
class Table:
    """The description of a table. `order` is the sorting before anyone clicks, as ORM paths ("-" for descending).

    `row_url` makes whole rows clickable; `row_css` marks rows; `count_up_to` counts the rows, but no further than that;
    `totals_of` adds up all rows of the filters, where they could be counted. `prepare` reads for all rows of the page
    at once what their cells show beside the row's own values. `prefix` keeps the parameters of two tables apart.
    """

    name: str
    columns: tuple[Column, ...]
    order: tuple[str, ...] = ("-id",)
    caption: Text = ""
    filters: tuple[Filter, ...] = ()
    row_url: Callable[[Any], str] | None = None
    row_css: Callable[[Any], str] | None = None
    prepare: Callable[[Sequence[Any]], None] | None = None
    page_size: int = PAGE_SIZE
    count_up_to: int = 0
    totals_of: Callable[[Rows], Sequence[Total]] | None = None
    empty_title: Text = ""
    empty_text: Text = ""
    prefix: str = field(default="")

    def offering(self, *, name: str, choices: Sequence[tuple[str, Text]]) -> "Table":
        """The same table with other choices in one filter: those of whoever looks."""
        filters = [
            replace(one, choices=choices) if isinstance(one, Choice) and one.name == name else one
            for one in self.filters
        ]
        return replace(self, filters=tuple(filters))

    def shown(self, *, rows: Rows, query: QueryDict) -> Shown:
        """One page of the rows as the query string asks. Raises ListNotReadable, CursorNotUsable."""
        asked = self._asked(query)
        for chosen in self.filters:
            if value := asked[chosen.name]:
                rows = chosen.apply(rows, value)
            elif isinstance(chosen, Choice) and chosen.usual:
                rows = chosen.usual(rows)
        sort = query.get(self._name("sort"), "")
        page = page_of(
            rows=rows, order=self._order(sort), cursor=query.get(self._name("cursor"), ""), size=self.page_size
        )
        if self.prepare:
            self.prepare(page.rows)
        is_filtered = any(asked.values())
        total = self._total(rows)
        return Shown(
            name=self.name,
            caption=self.caption,
            heads=[self._head(column, sort, query) for column in self.columns],
            lines=[self._line(row) for row in page.rows],
            filters=[
                Asked(
                    name=self._name(one.name),
                    label=one.label,
                    kind=one.kind,
                    options=one.options(),
                    value=asked[one.name],
                    usual_label=one.usual_label if isinstance(one, Choice) else "",
                )
                for one in self.filters
            ],
            is_filtered=is_filtered,
            hidden=self._hidden(query),
            page=Pager(
                first=page.first,
                last=page.last,
                total=total,
                newer_url=self._url(query, cursor=page.newer) if page.newer else "",
                older_url=self._url(query, cursor=page.older) if page.older else "",
            ),
            totals=self.totals_of(rows) if self.totals_of and total else (),
            totals_note=self._totals_note() if self.totals_of and total is None else "",
            empty_title=_("Nothing matches the filters") if is_filtered else self.empty_title or _("Nothing here yet"),
            empty_text=_("Take a filter away to see more.") if is_filtered else self.empty_text,
        )

    def _asked(self, query: QueryDict) -> dict[str, str]:
        return {one.name: query.get(self._name(one.name), "").strip() for one in self.filters}

    def _order(self, sort: str) -> tuple[str, ...]:
        if not sort:
            return self.order
        column = next((one for one in self.columns if one.sort and one.name == sort.removeprefix("-")), None)
        if column is None:
            raise _unreadable("sort")
        paths = (column.sort_within, column.sort) if column.sort_within else (column.sort,)
        return tuple(f"-{path}" if sort.startswith("-") else path for path in paths)

    def _head(self, column: Column, sort: str, query: QueryDict) -> Head:
        if not column.sort:
            return Head(column.label, column.is_number, "", "")
        leading = sort or self._sort_of(self.order[0])
        is_sorted = leading.removeprefix("-") == column.name
        is_descending = leading.startswith("-")
        # Numbers and dates are first wanted from the top, names from A.
        first_click = f"-{column.name}" if column.kind not in {"text", "code"} else column.name
        turned = column.name if is_descending else f"-{column.name}"
        return Head(
            label=column.label,
            is_number=column.is_number,
            sort_query=self._url(query, sort=turned if is_sorted else first_click),
            sorted=("descending" if is_descending else "ascending") if is_sorted else "",
        )

    def _sort_of(self, path: str) -> str:
        """The sorting parameter that means an ORM path; empty when no column shows it."""
        column = next((one for one in self.columns if one.sort and one.sort == path.removeprefix("-")), None)
        if column is None:
            return ""
        return f"-{column.name}" if path.startswith("-") else column.name

    def _line(self, row: Any) -> Line:
        cells = [
            Cell(
                value=column.read(row),
                kind=column.kind,
                url=column.link(row) if column.link else "",
                currency=_at(row, column.currency) if column.kind == "money" and column.currency else "",
                family=column.family,
                css=column.css,
                is_number=column.is_number,
            )
            for column in self.columns
        ]
        return Line(
            row=row,
            cells=cells,
            url=self.row_url(row) if self.row_url else "",
            css=self.row_css(row) if self.row_css else "",
        )

    def _total(self, rows: Rows) -> int | None:
        if not self.count_up_to:
            return None
        total = rows.order_by()[: self.count_up_to + 1].count()
        return total if total <= self.count_up_to else None

    def _totals_note(self) -> str:
        return _("With filters that leave at most %(most)s rows, what they add up to stands here.") % {
            "most": count_text(self.count_up_to)
        }

    def _hidden(self, query: QueryDict) -> list[tuple[str, str]]:
        """What the filter form must carry along: the sorting and what belongs to the rest of the page."""
        own = {self._name(one.name) for one in self.filters} | {self._name("cursor")}
        return [(name, value) for name, values in query.lists() if name not in own for value in values]

    def _url(self, query: QueryDict, **changes: str) -> str:
        """The query string with a change; a new sorting starts at the first page."""
        changed = query.copy()
        changed.pop(self._name("cursor"), None)
        for name, value in changes.items():
            changed[self._name(name)] = value
        return f"?{changed.urlencode()}"

    def _name(self, parameter: str) -> str:
        return f"{self.prefix}{parameter}"


def _at(row: Any, path: str) -> Any:
    for step in path.split("."):
        if row is None:
            return None
        row = row.get(step) if isinstance(row, dict) else getattr(row, step)
    return row


def _unreadable(name: str) -> ListNotReadable:
    return ListNotReadable(
        _("The list cannot be shown with this value of “%(name)s”.") % {"name": name},
        next_step=_("Open the list again and choose from what it offers."),
        fields={name: _("not one of the choices")},
    )
