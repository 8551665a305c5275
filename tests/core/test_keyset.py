"""Pages by cursor: every row once, in order, both ways, whatever is sorted by and however many are equal or empty."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice.calendars.models import BusinessDayMove, HolidayOverride
from backoffice.core.keyset import CursorNotUsable, page_of

pytestmark = pytest.mark.django_db

START = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def moves():
    """Seven moves; actor ids have NULLs and equals, the moments differ by microseconds."""
    actors = [3, None, 1, 3, None, 2, 1]
    return [
        BusinessDayMove.objects.create(
            day=START.date() + timedelta(days=number),
            to_state="open",
            at=START + timedelta(microseconds=number),
            actor_kind="staff",
            actor_id=actor,
            actor_name=f"person {number}",
        )
        for number, actor in enumerate(actors)
    ]


def walk(*, order, size, rows=None):
    """Every page forth from the first to the last, and back again."""
    rows = BusinessDayMove.objects.all() if rows is None else rows
    forth = [page_of(rows=rows, order=order, cursor="", size=size)]
    while forth[-1].older:
        forth.append(page_of(rows=rows, order=order, cursor=forth[-1].older, size=size))
    back = [forth[-1]]
    while back[-1].newer:
        back.append(page_of(rows=rows, order=order, cursor=back[-1].newer, size=size))
    return forth, back


def numbers(pages):
    return [[row.actor_name[-1] for row in page.rows] for page in pages]


def test_shows_every_row_once_forth_and_back(moves):
    forth, back = walk(order=("-id",), size=3)
    assert numbers(forth) == [["6", "5", "4"], ["3", "2", "1"], ["0"]]
    assert numbers(back) == [["0"], ["3", "2", "1"], ["6", "5", "4"]]
    assert [(page.first, page.last) for page in forth] == [(1, 3), (4, 6), (7, 7)]
    assert [(page.first, page.last) for page in back] == [(7, 7), (4, 6), (1, 3)]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (("actor_id",), "2650314"),
        (("-actor_id",), "3056241"),
        (("-at",), "6543210"),
        (("day",), "0123456"),
        (("actor_id", "-day"), "6253041"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_keeps_the_order_with_equal_and_empty_values(moves, order, expected, size):
    forth, back = walk(order=order, size=size)
    assert "".join("".join(page) for page in numbers(forth)) == expected
    assert [list(reversed(page)) for page in reversed(numbers(forth))] == [list(reversed(p)) for p in numbers(back)]


def test_stays_in_place_while_rows_are_added_in_front(moves):
    first = page_of(rows=BusinessDayMove.objects.all(), order=("-id",), cursor="", size=3)
    BusinessDayMove.objects.create(
        day=START.date() - timedelta(days=1), to_state="open", at=START, actor_kind="staff", actor_name="new 7"
    )
    second = page_of(rows=BusinessDayMove.objects.all(), order=("-id",), cursor=first.older, size=3)
    assert numbers([second]) == [["3", "2", "1"]]


def test_is_one_query_and_has_no_offset(moves, django_assert_num_queries):
    first = page_of(rows=BusinessDayMove.objects.all(), order=("-at",), cursor="", size=2)
    with django_assert_num_queries(1) as queries:
        page_of(rows=BusinessDayMove.objects.all(), order=("-at",), cursor=first.older, size=2)
    assert "OFFSET" not in queries[0]["sql"]


def test_has_an_empty_first_page():
    page = page_of(rows=BusinessDayMove.objects.all(), order=("-id",), cursor="", size=3)
    assert (page.rows, page.first, page.last, page.newer, page.older) == ([], 1, 0, "", "")


@pytest.mark.parametrize("cursor", ["x", "W10", "W10:forged", "é", "\x00", "a" * 5000])
def test_refuses_a_cursor_it_did_not_write(moves, cursor):
    with pytest.raises(CursorNotUsable) as refused:
        page_of(rows=BusinessDayMove.objects.all(), order=("-id",), cursor=cursor, size=3)
    assert (refused.value.code, refused.value.status) == ("core.cursor_not_usable", 422)


def test_refuses_a_cursor_of_another_sorting(moves):
    page = page_of(rows=BusinessDayMove.objects.all(), order=("-at",), cursor="", size=3)
    with pytest.raises(CursorNotUsable):
        page_of(rows=BusinessDayMove.objects.all(), order=("at",), cursor=page.older, size=3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    days=st.lists(st.tuples(st.booleans(), st.sampled_from("abc")), max_size=12),
    order=st.sampled_from([("is_working",), ("-is_working", "reason"), ("reason",), ("-reason", "-day")]),
    size=st.integers(min_value=1, max_value=5),
)
def test_pages_put_together_are_the_whole_list(days, order, size):
    HolidayOverride.objects.all().delete()
    for number, (is_working, reason) in enumerate(days):
        HolidayOverride.objects.create(
            calendar="CN", day=START.date() + timedelta(days=number), is_working=is_working, reason=reason
        )
    rows = HolidayOverride.objects.order_by()
    forth, back = walk(order=order, size=size, rows=rows)
    last = "-id" if order[0].startswith("-") else "id"
    whole = [row.id for row in rows.order_by(*order, last)]
    assert [row.id for page in forth for row in page.rows] == whole
    assert [row.id for page in reversed(back) for row in page.rows] == whole
