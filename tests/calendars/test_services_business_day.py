"""The business day: opened once, closed day by day, never skipped, its history kept."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import ClassVar

import pytest
import time_machine
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from backoffice.audit.models import AuditEntry
from backoffice.calendars import clock, selectors, services
from backoffice.calendars.domain.business_day import TRANSITIONS
from backoffice.calendars.models import BusinessDay, BusinessDayMove, HolidayOverride
from backoffice.core.actors import SYSTEM
from tests.staff.factories import actor

pytestmark = pytest.mark.django_db

FRIDAY = date(2026, 5, 1)
SATURDAY = FRIDAY + timedelta(days=1)
ADA = actor("admin", actor_id=7, name="Ada")


@pytest.fixture
def opened():
    services.open_first_day(day=FRIDAY, actor=ADA)


def history():
    return list(BusinessDayMove.objects.order_by("id").values_list("day", "from_state", "to_state", "actor_name"))


def test_has_no_date_before_the_first_day_is_opened():
    with pytest.raises(selectors.DayNotOpened) as refused:
        selectors.business_date()
    assert (refused.value.code, refused.value.status) == ("calendars.day_not_opened", 409)
    for verb in (
        lambda: services.begin_close(day=FRIDAY, actor=SYSTEM),
        lambda: services.finish_close(day=FRIDAY, seconds=Decimal(1), actor=SYSTEM),
    ):
        with pytest.raises(selectors.DayNotOpened):
            verb()
    assert history() == []


def test_opens_the_first_day_once(opened):
    assert selectors.business_date() == FRIDAY
    with pytest.raises(services.DayAlreadyOpened):
        services.open_first_day(day=date(2026, 6, 1), actor=ADA)
    assert selectors.business_date() == FRIDAY
    assert history() == [(FRIDAY, "", "open", "Ada")]


def test_closes_a_day_and_opens_the_next_whether_it_is_worked_or_not(opened):
    services.begin_close(day=FRIDAY, actor=SYSTEM)
    assert (selectors.business_day().today, selectors.business_day().state) == (FRIDAY, "closing")
    with time_machine.travel(datetime(2026, 5, 1, 17, 30, tzinfo=UTC), tick=False):
        assert services.finish_close(day=FRIDAY, seconds=Decimal("8.125"), actor=SYSTEM) == SATURDAY
    assert selectors.business_day() == selectors.BusinessDayNow(
        today=SATURDAY,
        state="open",
        last_closed_at=datetime(2026, 5, 1, 17, 30, tzinfo=UTC),
        last_close_seconds=Decimal("8.125"),
    )
    assert history() == [
        (FRIDAY, "", "open", "Ada"),
        (FRIDAY, "open", "closing", "system"),
        (SATURDAY, "closing", "open", "system"),
    ]
    assert list(AuditEntry.objects.order_by("id").values_list("verb", "subject_id", "actor_name")) == [
        ("calendars.day.open", "2026-05-01", "Ada"),
        ("calendars.day.closing", "2026-05-01", "system"),
        ("calendars.day.open", "2026-05-02", "system"),
    ]


def test_books_new_work_on_the_next_day_while_a_day_is_being_closed(opened):
    services.begin_close(day=FRIDAY, actor=SYSTEM)
    assert selectors.business_date() == SATURDAY


def test_resumes_a_close_that_was_cut_off_without_a_second_entry(opened):
    services.begin_close(day=FRIDAY, actor=SYSTEM)
    before = history()
    assert services.begin_close(day=FRIDAY, actor=SYSTEM) == FRIDAY
    assert history() == before


@pytest.mark.parametrize("days_off", [-1, 1, 7])
def test_refuses_to_skip_or_repeat_a_day(opened, days_off):
    other = FRIDAY + timedelta(days=days_off)
    with pytest.raises(services.NotTheBusinessDay) as refused:
        services.begin_close(day=other, actor=SYSTEM)
    assert "1 May 2026" in refused.value.next_step
    services.begin_close(day=FRIDAY, actor=SYSTEM)
    with pytest.raises(services.NotTheBusinessDay):
        services.finish_close(day=other, seconds=Decimal(1), actor=SYSTEM)
    assert (selectors.business_day().today, len(history())) == (FRIDAY, 2)


def test_refuses_to_finish_a_close_that_was_not_begun(opened):
    with pytest.raises(services.DayNotInState):
        services.finish_close(day=FRIDAY, seconds=Decimal(1), actor=SYSTEM)
    row = BusinessDay.objects.get()
    assert (row.today, row.state, row.last_closed_at) == (FRIDAY, "open", None)


def test_has_two_moves_and_no_other():
    assert TRANSITIONS == {("open", "begin_close"): "closing", ("closing", "finish_close"): "open"}


def test_locks_the_row_before_it_changes_it(opened):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        services.begin_close(day=FRIDAY, actor=SYSTEM)
    about_the_day = [query["sql"] for query in queries if '"calendars_businessday"' in query["sql"]]
    assert "FOR UPDATE" in about_the_day[0]
    assert about_the_day[1].startswith("UPDATE")


def test_reads_the_business_date_in_one_query(opened, django_assert_num_queries):
    with django_assert_num_queries(1):
        selectors.business_date()


def test_the_database_keeps_one_business_day(opened):
    with pytest.raises(IntegrityError, match="there_is_one_business_day"), transaction.atomic():
        BusinessDay.objects.create(id=2, today=FRIDAY)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"state": "asleep"}, "business_day_is_open_or_closing"),
        ({"last_close_seconds": Decimal(-1)}, "closing_took_no_negative_time"),
    ],
)
def test_the_database_refuses_a_day_that_cannot_be(opened, change, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        BusinessDay.objects.update(**change)


@pytest.mark.parametrize(
    "statement", ["UPDATE calendars_businessdaymove SET day = '2020-01-01'", "DELETE FROM calendars_businessdaymove"]
)
def test_the_database_refuses_to_edit_the_history(opened, statement):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert len(history()) == 1


def test_the_database_refuses_to_empty_the_history(opened):
    connection.cursor().execute("SET LOCAL backoffice.emptying = ''")
    with pytest.raises(DatabaseError, match="never emptied"), transaction.atomic():
        connection.cursor().execute("TRUNCATE calendars_businessdaymove")
    assert len(history()) == 1


def test_lists_the_history_newest_first(opened):
    services.begin_close(day=FRIDAY, actor=SYSTEM)
    assert [move.to_state for move in selectors.moves(limit=1)] == ["closing"]


class TestDeclaredDays:
    TYPHOON: ClassVar[date] = date(2026, 9, 16)

    def declare(self, **changes):
        return services.declare_day(
            **{"calendar": "CN", "day": self.TYPHOON, "is_working": False, "reason": " typhoon ", "actor": ADA}
            | changes
        )

    def test_a_declared_day_wins_over_the_published_calendar(self, django_assert_num_queries):
        self.declare()
        with django_assert_num_queries(1):
            answers = selectors.answer_days(calendar="CN", days=[self.TYPHOON, date(2026, 9, 17), date(2027, 1, 1)])
        assert answers == [
            selectors.DayAnswer("CN", self.TYPHOON, False, "override", date(2026, 9, 17), True),
            selectors.DayAnswer("CN", date(2026, 9, 17), True, "", date(2026, 9, 17), True),
            selectors.DayAnswer("CN", date(2027, 1, 1), False, "New Year's Day", date(2027, 1, 4), False),
        ]

    def test_records_who_declared_what_and_why(self):
        self.declare()
        self.declare(is_working=True, reason="it passed by")
        assert [
            (entry.verb, entry.subject_id, entry.reason, entry.before, entry.after)
            for entry in AuditEntry.objects.order_by("id")
        ] == [
            (
                "calendars.override.declared",
                "CN/2026-09-16",
                "typhoon",
                {"is_working": True, "reason": ""},
                {"is_working": False, "reason": "typhoon"},
            ),
            (
                "calendars.override.declared",
                "CN/2026-09-16",
                "it passed by",
                {"is_working": False, "reason": "typhoon"},
                {"is_working": True, "reason": "it passed by"},
            ),
        ]
        assert HolidayOverride.objects.count() == 1

    def test_withdraws_a_declaration(self):
        self.declare()
        services.withdraw_day(calendar="CN", day=self.TYPHOON, reason="entered by mistake", actor=ADA)
        assert selectors.holiday_overrides() == {}
        assert AuditEntry.objects.latest("id").after == {"is_working": True, "reason": ""}

    def test_refuses_to_withdraw_what_was_not_declared(self):
        with pytest.raises(services.NoSuchOverride):
            services.withdraw_day(calendar="CN", day=self.TYPHOON, reason="x", actor=ADA)
        assert not AuditEntry.objects.exists()

    @pytest.mark.parametrize("reason", ["", "  "])
    def test_refuses_a_declaration_without_a_reason(self, reason):
        with pytest.raises(services.OverrideNeedsReason):
            self.declare(reason=reason)
        assert not HolidayOverride.objects.exists()

    def test_keeps_calendars_apart(self):
        self.declare()
        assert selectors.holiday_overrides(calendar="TW") == {}
        assert selectors.holiday_overrides() == {("CN", self.TYPHOON): False}


def test_knows_the_date_in_another_zone():
    with time_machine.travel(datetime(2026, 5, 1, 20, 0, tzinfo=UTC), tick=False):
        assert clock.now() == datetime(2026, 5, 1, 20, 0, tzinfo=UTC)
        assert clock.today_in("Asia/Shanghai") == SATURDAY
        assert clock.today_in("America/New_York") == FRIDAY


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "Asia"])
def test_refuses_a_zone_that_is_none(zone):
    with pytest.raises(clock.UnknownZone) as refused:
        clock.today_in(zone)
    assert set(refused.value.fields) == {"zone"}
