"""The calendars page: a year as it is worked, what was declared, and the two verbs of an administrator."""

import re
from datetime import date

import pytest
from django.urls import reverse
from django.utils.translation import override

from backoffice.audit.models import AuditEntry
from backoffice.calendars import services
from backoffice.calendars.console.year import Stretch, year_of
from backoffice.calendars.models import HolidayOverride
from backoffice.calendars.names import holiday_name
from backoffice.core.actors import SYSTEM
from tests.staff.factories import person

PAGE = "/calendars/"
DECLARE = "/calendars/CN/declare/"


def shown(calendar, year, overrides=None, reasons=None):
    return year_of(calendar=calendar, year=year, overrides=overrides or {}, reasons=reasons or {})


def test_shows_twelve_months_of_whole_weeks():
    year = shown("CN", 2026)
    assert [month.first.month for month in year.months] == list(range(1, 13))
    assert {len(week) for month in year.months for week in month.weeks} == {7}
    assert sum(day is not None for month in year.months for week in month.weeks for day in week) == 365
    assert (year.working_days, year.months[1].working_days, year.is_known) == (248, 16, True)


def test_puts_days_in_a_row_together():
    assert shown("CN", 2026).stretches[:4] == (
        Stretch(date(2026, 1, 1), date(2026, 1, 3), False, "New Year's Day", False),
        Stretch(date(2026, 1, 4), date(2026, 1, 4), True, "", False),
        Stretch(date(2026, 2, 14), date(2026, 2, 14), True, "", False),
        Stretch(date(2026, 2, 15), date(2026, 2, 23), False, "Spring Festival", False),
    )
    assert shown("CN", 2026).stretches[3].count == 9


def test_keeps_declared_days_apart_with_their_reasons():
    days = {date(2026, 9, 15): "storm", date(2026, 9, 16): "storm"}
    year = shown("CN", 2026, overrides={("CN", day): False for day in days}, reasons=days)
    assert [stretch for stretch in year.stretches if stretch.is_declared] == [
        Stretch(day, day, False, "storm", True) for day in days
    ]


@pytest.mark.parametrize(
    ("calendar", "looks"),
    [
        ("none", {""}),
        ("CN", {"", "weekend", "holiday", "made-up"}),
        ("US", {"", "weekend", "holiday"}),
        ("IN", {"", "weekend", "holiday"}),
    ],
)
def test_draws_each_kind_of_day_its_own_way(calendar, looks):
    months = shown(calendar, 2026).months
    assert {day.look for month in months for week in month.weeks for day in week if day} == looks


@pytest.fixture
def book(db):
    services.open_first_day(day=date(2026, 4, 3), actor=SYSTEM)


@pytest.fixture
def reader(client, book):
    client.force_login(person("agent"))
    return client


@pytest.fixture
def admin(client, book, monkeypatch):
    monkeypatch.setattr("backoffice.staff.sessions.second_factor_is_due", lambda *_args, **_named: False)
    client.force_login(person("admin"))
    return client


def send(client, address, **values):
    """What a browser sends: the numbers the panel showed come back with the form."""
    look = client.post(address, values | {"look": "1"}).content.decode()
    seen = re.search(r'name="seen" value="([^"]*)"', look)
    return client.post(address, values | {"seen": seen[1] if seen else ""})


def test_opens_on_the_year_of_the_business_date(reader):
    html = reader.get(PAGE).content.decode()
    assert "2026: 248 working days" in html
    assert "year not announced yet" not in html
    assert 'class=" today">3</td>' in html
    assert reverse("calendars:declare", args=["CN"]) not in html


def test_warns_of_a_year_that_is_not_announced(reader):
    assert "year not announced yet" in reader.get(f"{PAGE}?calendar=CN&year=2027").content.decode()


@pytest.mark.parametrize("query", ["calendar=ZZ", "year=20x6", "year=1989", "year=2101", "year=٢٠٢٦", "year="])
def test_knows_no_other_calendar_or_year(reader, query):
    assert reader.get(f"{PAGE}?{query}").status_code == 404


def test_asks_to_open_a_day_first(client, db):
    client.force_login(person("agent"))
    answer = client.get(PAGE)
    assert answer.status_code == 409
    assert "No business day has been opened yet." in answer.content.decode()


def test_reads_the_page_in_a_fixed_number_of_queries(reader, django_assert_num_queries):
    reader.get(PAGE)
    for day in range(1, 6):
        services.declare_day(calendar="CN", day=date(2026, 7, day), is_working=False, reason="x", actor=SYSTEM)
    with django_assert_num_queries(9):
        reader.get(PAGE)


def test_an_administrator_sees_what_a_declaration_does_before_it_is_done(admin):
    html = admin.get(f"{DECLARE}?day=2026-09-16&is_working=no").content.decode()
    assert "Schedules made before are not moved." in html
    assert "17 Sep 2026" in html
    assert not HolidayOverride.objects.exists()


def test_an_administrator_declares_a_day_and_takes_it_back(admin):
    values = {"day": "2026-09-16", "is_working": "no", "reason": "typhoon"}
    done = send(admin, DECLARE, **values)
    assert (done.status_code, done.headers["Location"]) == (303, "/calendars/?calendar=CN")
    assert "typhoon" in admin.get(PAGE).content.decode()
    back = send(admin, "/calendars/CN/2026-09-16/withdraw/", reason="a mistake")
    assert (back.status_code, back.headers["Location"]) == (303, "/calendars/?calendar=CN&year=2026")
    assert [
        (entry.verb, entry.reason) for entry in AuditEntry.objects.filter(subject_type="calendar").order_by("id")
    ] == [
        ("calendars.override.declared", "typhoon"),
        ("calendars.override.withdrawn", "a mistake"),
    ]


@pytest.mark.parametrize("values", [{"day": "2026-02-31"}, {"day": ""}, {"reason": ""}, {"is_working": "maybe"}])
def test_a_declaration_that_says_too_little_changes_nothing(admin, values):
    answer = send(admin, DECLARE, **({"day": "2026-09-16", "is_working": "no", "reason": "typhoon"} | values))
    assert answer.status_code == 422
    assert not HolidayOverride.objects.exists()


@pytest.mark.parametrize(
    "address", ["/calendars/ZZ/declare/", "/calendars/none/declare/", "/calendars/CN/never/withdraw/"]
)
def test_knows_no_other_calendar_to_edit(admin, address):
    assert admin.get(address).status_code == 404


def test_nobody_else_edits_a_calendar(reader):
    assert reader.get(DECLARE).status_code == 403
    assert reader.post("/calendars/CN/2026-09-16/withdraw/", {"reason": "x"}).status_code == 403


@pytest.mark.parametrize(
    ("calendar", "day", "name", "said"),
    [
        ("CN", date(2026, 4, 5), "Tomb-sweeping Day", "清明"),
        ("CN", date(2026, 10, 6), "National Day", "国庆节"),
        ("TW", date(2026, 2, 28), "Peace Memorial Day", "和平纪念日"),
        ("US", date(2026, 11, 26), "Thanksgiving Day", "Thanksgiving Day"),
    ],
)
def test_holidays_are_called_what_their_own_country_calls_them(calendar, day, name, said):
    assert holiday_name(calendar=calendar, day=day, name=name) == name
    with override("zh-hans"):
        assert holiday_name(calendar=calendar, day=day, name=name).startswith(said)
