"""Lists by cursor over the API: every row once, the size asked for or a refusal, no filter ignored."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from rest_framework import serializers
from rest_framework.test import APIRequestFactory, force_authenticate

from backoffice.calendars.models import BusinessDayMove
from backoffice.core.api.views import ListView
from tests.staff.factories import person

pytestmark = pytest.mark.django_db


class Filters(serializers.Serializer):
    state = serializers.CharField(required=False)


class MoveSerializer(serializers.Serializer):
    name = serializers.CharField(source="actor_name")


class MovesView(ListView):
    """Moves of the business day."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "calendars.day.view"}
    query_serializer_class = Filters
    serializer_class = MoveSerializer
    ordering = ("-day",)

    def rows(self, *, state=None):
        rows = BusinessDayMove.objects.all()
        return rows.filter(to_state=state) if state else rows


@pytest.fixture(autouse=True)
def moves():
    start = datetime(2026, 5, 1, tzinfo=UTC)
    for number in range(5):
        BusinessDayMove.objects.create(
            day=start.date() + timedelta(days=number), to_state="open", at=start, actor_kind="staff", actor_name=number
        )


def get(query=""):
    address = query if query.startswith("http") else f"/api/v1/tests/moves/?{query}"
    request = APIRequestFactory().get(address)
    force_authenticate(request, person("agent"))
    return MovesView.as_view()(request)


def names(response):
    return "".join(row["name"] for row in response.data["results"])


def test_walks_from_page_to_page_and_back():
    first = get("page_size=2&state=open")
    assert (names(first), first.data["previous"]) == ("43", None)
    second = get(first.data["next"])
    third = get(second.data["next"])
    assert (names(second), names(third), third.data["next"]) == ("21", "0", None)
    assert names(get(third.data["previous"])) == "21"
    assert "state=open" in second.data["next"]
    assert "page_size=2" in second.data["next"]


def test_gives_fifty_rows_when_no_size_is_asked_for():
    response = get()
    assert (names(response), response.data["next"]) == ("43210", None)


@pytest.mark.parametrize("size", ["0", "201", "-1", "many", "1e2", "", "٣", "9" * 40])
def test_refuses_a_size_it_does_not_give(size):
    response = get(f"page_size={size}")
    assert (response.status_code, set(response.data["fields"])) == (400, {"page_size"})


def test_refuses_a_cursor_it_did_not_write():
    response = get("cursor=forged")
    assert (response.status_code, response.data["code"]) == (422, "core.cursor_not_usable")


def test_refuses_a_filter_it_does_not_have_instead_of_answering_with_everything():
    response = get("status=open")
    assert (response.status_code, response.data["code"], set(response.data["fields"])) == (
        400,
        "core.invalid",
        {"status"},
    )
