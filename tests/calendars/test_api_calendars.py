"""The calendars over the API."""

from datetime import date
from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from backoffice.audit.models import AuditEntry
from backoffice.calendars import services
from backoffice.core.actors import SYSTEM
from tests.staff.factories import person

pytestmark = pytest.mark.django_db


def client_of(*roles):
    client = APIClient()
    client.force_authenticate(person(*roles))
    return client


@pytest.fixture
def opened():
    services.open_first_day(day=date(2026, 5, 1), actor=SYSTEM)


def test_tells_the_business_day_and_where_new_work_is_booked(opened, django_assert_num_queries):
    client = client_of("agent")
    with django_assert_num_queries(1):
        answer = client.get("/api/v1/calendars/business-day/")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "today": "2026-05-01",
            "state": "open",
            "books_on": "2026-05-01",
            "last_closed_at": None,
            "last_close_seconds": None,
        },
    )
    services.begin_close(day=date(2026, 5, 1), actor=SYSTEM)
    assert client.get("/api/v1/calendars/business-day/").json()["books_on"] == "2026-05-02"
    services.finish_close(day=date(2026, 5, 1), seconds=Decimal("1.5"), actor=SYSTEM)
    assert client.get("/api/v1/calendars/business-day/").json()["last_close_seconds"] == "1.500"


def test_says_that_no_day_is_open_yet():
    answer = client_of("agent").get("/api/v1/calendars/business-day/")
    assert (answer.status_code, answer.json()["code"]) == (409, "calendars.day_not_opened")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_lists_days_with_where_a_due_date_goes(django_assert_num_queries):
    client = client_of("collector")
    with django_assert_num_queries(1):
        answer = client.get("/api/v1/calendars/CN/days/?first=2026-10-07&last=2026-10-08&convention=previous")
    assert answer.json() == {
        "days": [
            {
                "calendar": "CN",
                "day": "2026-10-07",
                "is_working": False,
                "closed_because": "National Day",
                "shifted_to": "2026-09-30",
                "is_known": True,
            },
            {
                "calendar": "CN",
                "day": "2026-10-08",
                "is_working": True,
                "closed_because": "",
                "shifted_to": "2026-10-08",
                "is_known": True,
            },
        ]
    }
    one = client.get("/api/v1/calendars/none/days/?first=2026-10-07").json()["days"]
    assert [(day["day"], day["is_working"]) for day in one] == [("2026-10-07", True)]


@pytest.mark.parametrize(
    ("query", "status", "code", "fields"),
    [
        ("", 400, "core.invalid", {"first"}),
        ("first=2026-02-31", 400, "core.invalid", {"first"}),
        ("first=2026-10-07&last=2026-10-06", 422, "calendars.days_not_listable", {"last"}),
        ("first=2026-10-07&last=2027-10-08", 422, "calendars.days_not_listable", {"last"}),
        ("first=2026-10-07&convention=sideways", 400, "core.invalid", {"convention"}),
        ("first=2026-10-07&frist=2026-10-07", 400, "core.invalid", {"frist"}),
    ],
)
def test_names_the_parameter_it_cannot_use(query, status, code, fields):
    answer = client_of("agent").get(f"/api/v1/calendars/CN/days/?{query}")
    assert (answer.status_code, answer.json()["code"], set(answer.json()["fields"])) == (status, code, fields)


def test_refuses_a_calendar_it_does_not_have():
    answer = client_of("agent").get("/api/v1/calendars/ZZ/days/?first=2026-10-07")
    assert (answer.status_code, answer.json()["code"]) == (422, "calendars.unknown_calendar")


def test_an_administrator_declares_a_day_and_takes_it_back():
    client = client_of("admin")
    declared = client.post(
        "/api/v1/calendars/CN/declare-day/", {"day": "2026-09-16", "is_working": False, "reason": "typhoon"}
    )
    assert (declared.status_code, declared.json()["is_working"]) == (200, False)
    assert declared.json()["shifted_to"] == "2026-09-17"
    withdrawn = client.post("/api/v1/calendars/CN/withdraw-day/", {"day": "2026-09-16", "reason": "a mistake"})
    assert (withdrawn.status_code, withdrawn.json()["is_working"]) == (200, True)
    again = client.post("/api/v1/calendars/CN/withdraw-day/", {"day": "2026-09-16", "reason": "a mistake"})
    assert (again.status_code, again.json()["code"]) == (404, "calendars.no_such_override")
    assert [(entry.verb, entry.reason) for entry in AuditEntry.objects.order_by("id")] == [
        ("calendars.override.declared", "typhoon"),
        ("calendars.override.withdrawn", "a mistake"),
    ]


def test_nobody_else_declares_a_day():
    answer = client_of("team_lead").post(
        "/api/v1/calendars/CN/declare-day/", {"day": "2026-09-16", "is_working": False, "reason": "typhoon"}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "core.not_permitted")
    assert not AuditEntry.objects.exists()


def test_a_stranger_is_asked_to_log_in():
    answer = APIClient().get("/api/v1/calendars/business-day/")
    assert (answer.status_code, answer.json()["code"]) == (401, "core.not_authenticated")
    assert answer.headers["WWW-Authenticate"]


def test_an_unknown_address_is_a_problem_too():
    answer = APIClient().get("/api/v1/calendars/CN/nothing/")
    assert (answer.status_code, answer.json()["code"]) == (404, "core.not_found")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_refuses_a_body_that_is_no_json():
    answer = client_of("admin").post("/api/v1/calendars/CN/declare-day/", b'{"day": ', content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "core.malformed")
    answer = client_of("admin").post("/api/v1/calendars/CN/declare-day/", b"a,b", content_type="text/csv")
    assert (answer.status_code, answer.json()["code"]) == (415, "core.unsupported_media_type")
