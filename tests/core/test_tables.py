"""A described table: what its address asks for, what it shows, what it refuses."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from django.test import RequestFactory

from backoffice.calendars.models import BusinessDayMove
from backoffice.core import tones
from backoffice.core.keyset import CursorNotUsable
from backoffice.core.tables import Choice, Column, Day, Flag, ListNotReadable, Table, Words

pytestmark = pytest.mark.django_db

START = date(2026, 5, 1)

MOVES = Table(
    name="moves",
    caption="Moves",
    columns=(
        Column("day", "Day", kind="date", sort="day", link=lambda move: f"/moves/{move.id}/"),
        Column("actor_name", "By", sort="actor_name"),
        Column("to_state", "State", kind="state", family="tests.move"),
        Column("cost", "Cost", kind="money", value=lambda move: Decimal(move.actor_id), currency=""),
        Column("weekday", "Weekday", value=lambda move: move.day.strftime("%a"), css="muted"),
    ),
    filters=(
        Choice("state", "State", choices=(("open", "Open"), ("closing", "Closing")), path="to_state"),
        Flag("late", "Late only", narrow=lambda rows: rows.filter(day__gte=date(2026, 5, 4))),
        Day("since", "From", lookup="day__gte"),
        Words("who", "Who", narrow=lambda rows, words: rows.filter(actor_name__icontains=words)),
    ),
    order=("-day",),
    row_url=lambda move: f"/moves/{move.id}/",
    row_css=lambda move: "alarm" if move.actor_name == "Ada" else "",
    page_size=2,
    count_up_to=4,
    empty_title="No day yet",
    empty_text="Open the first one.",
)


@pytest.fixture
def moves():
    tones.declare("tests.move", {"open": ("open", "good"), "closing": ("closing", "warn")})
    for number, (name, state) in enumerate(
        [("Bo", "open"), ("Ada", "closing"), ("Cy", "open"), ("Ada", "open"), ("Bo", "closing")]
    ):
        BusinessDayMove.objects.create(
            day=START + timedelta(days=number),
            to_state=state,
            at=datetime(2026, 5, 1, tzinfo=UTC),
            actor_kind="staff",
            actor_name=name,
            actor_id=number,
        )


def shown(query="", table=MOVES):
    return table.shown(rows=BusinessDayMove.objects.all(), query=QueryDict(query))


def days(table):
    return [line.row.day.day for line in table.lines]


def test_shows_the_first_page_in_its_own_order(moves, django_assert_num_queries):
    with django_assert_num_queries(2):
        table = shown()
    assert days(table) == [5, 4]
    assert [(cell.value, cell.kind, cell.url) for cell in table.lines[1].cells][:3] == [
        (date(2026, 5, 4), "date", f"/moves/{table.lines[1].row.id}/"),
        ("Ada", "text", ""),
        ("open", "state", ""),
    ]
    assert [cell.value for cell in table.lines[1].cells][3:] == [3, "Mon"]
    assert [line.css for line in table.lines] == ["", "alarm"]
    assert (table.page.first, table.page.last, table.page.total, table.page.newer_url) == (1, 2, None, "")


def test_walks_to_the_next_page_and_back(moves):
    second = shown(shown().page.older_url[1:])
    assert days(second) == [3, 2]
    assert days(shown(second.page.newer_url[1:])) == [5, 4]


def test_counts_no_further_than_told(moves):
    assert shown("state=open").page.total == 3
    assert shown().page.total is None


def test_sorts_by_a_click_and_turns_round_by_the_next(moves):
    heads = {head.label: head for head in shown().heads}
    assert (heads["Day"].sorted, heads["Day"].sort_query) == ("descending", "?sort=day")
    assert (heads["By"].sorted, heads["By"].sort_query) == ("", "?sort=actor_name")
    assert (heads["State"].sorted, heads["State"].sort_query) == ("", "")
    by_name = shown("sort=actor_name")
    assert days(by_name) == [2, 4]
    heads = {head.label: head for head in by_name.heads}
    assert (heads["By"].sorted, heads["By"].sort_query) == ("ascending", "?sort=-actor_name")
    assert (heads["Day"].sorted, heads["Day"].sort_query) == ("", "?sort=-day")


def test_keeps_sorting_and_filters_on_the_next_page(moves):
    table = shown("sort=day&state=open&tab=ledger")
    assert days(table) == [1, 3]
    assert days(shown(table.page.older_url[1:])) == [4]
    assert "state=open" in table.page.older_url
    assert "tab=ledger" in table.page.older_url
    assert table.hidden == [("sort", "day"), ("tab", "ledger")]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=closing", [5, 2]),
        ("late=1", [5, 4]),
        ("since=2026-05-05", [5]),
        ("who=+ADA+", [4, 2]),
        ("who=%00", [5, 4]),
        ("state=open&who=cy", [3]),
        ("state=", [5, 4]),
    ],
)
def test_narrows_by_its_filters(moves, query, expected):
    assert days(shown(query)) == expected


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("state=asleep", "state"),
        ("late=yes", "late"),
        ("since=yesterday", "since"),
        ("since=2026-02-31", "since"),
        ("sort=cost", "sort"),
        ("sort=password", "sort"),
    ],
)
def test_refuses_an_address_it_cannot_read(moves, query, name):
    with pytest.raises(ListNotReadable) as refused:
        shown(query)
    assert (refused.value.status, set(refused.value.fields)) == (400, {name})


def test_refuses_a_cursor_of_another_sorting(moves):
    cursor = shown("sort=day").page.older_url.partition("cursor=")[2]
    with pytest.raises(CursorNotUsable):
        shown(f"sort=-day&cursor={cursor}")


def test_says_what_to_do_when_there_is_nothing(moves):
    nothing = shown("who=nobody")
    assert (nothing.empty_title, nothing.is_filtered) == ("Nothing matches the filters", True)
    empty = MOVES.shown(rows=BusinessDayMove.objects.none(), query=QueryDict(""))
    assert (empty.empty_title, empty.empty_text, empty.is_filtered) == ("No day yet", "Open the first one.", False)


def test_keeps_two_tables_of_one_page_apart(moves):
    other = Table(name="other", columns=MOVES.columns, filters=MOVES.filters, order=("-day",), page_size=2, prefix="b-")
    table = shown("state=open&b-state=closing&b-sort=day", table=other)
    assert days(table) == [2, 5]
    assert [asked.name for asked in table.filters] == ["b-state", "b-late", "b-since", "b-who"]
    assert table.hidden == [("state", "open"), ("b-sort", "day")]


def test_is_drawn_with_headings_amounts_states_and_pages(moves):
    request = RequestFactory().get("/moves/")
    html = render_to_string("console/_table.html", {"table": shown("state=open")}, request=request)
    assert '<th scope="col" aria-sort="descending"><a href="?state=open&amp;sort=day">Day</a></th>' in html
    assert '<th scope="col" class="money">Cost</th>' in html
    assert '<span class="badge good">open</span>' in html
    assert '<option value="open" selected>Open</option>' in html
    assert "1 to 2 of 3" in html
    assert 'rel="next"' in html
    assert 'rel="prev"' not in html


def test_is_drawn_as_a_sentence_when_empty(moves):
    request = RequestFactory().get("/moves/")
    html = render_to_string("console/_table.html", {"table": shown("who=nobody")}, request=request)
    assert "Nothing matches the filters" in html
    assert "<table" not in html
