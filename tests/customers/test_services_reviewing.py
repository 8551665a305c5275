"""Holds that have no end are looked at again; those that have one leave a trace when it comes."""

from datetime import date, timedelta

import pytest

from backoffice.audit.models import AuditEntry, OutboxEvent
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Hold
from backoffice.customers.selectors.holds import (
    due_for_review,
    effects_in_words,
    ending_soon,
    held_groups,
    review_count,
    running_on,
)
from backoffice.customers.services import lift_hold, note_expired, place_hold, review_hold
from backoffice.customers.services.holding import HoldRefused
from backoffice.customers.services.lifting import HoldIsOver
from backoffice.customers.services.reviewing import ReasonMissing, ReviewIsOfAnother
from backoffice.customers.tasks import note_expired_holds
from tests.customers.factories import borrower
from tests.staff.factories import actor, person

pytestmark = pytest.mark.django_db

AGENT = actor("agent", actor_id=7, name="Ada")
CARE = actor("senior_agent", actor_id=8, name="Bo")
START = date(2026, 3, 1)


@pytest.fixture(autouse=True)
def no_loans_declared(monkeypatch):
    monkeypatch.setattr("backoffice.customers.services.merging._declared", {})


def hardship(row, **changes):
    return place_hold(
        **{"borrower_id": row.pk, "start": START, "reason": "hardship", "note": "lost the job", "actor": AGENT}
        | changes
    ).hold_ids[0]


def review(hold_id, **changes):
    return review_hold(
        **{
            "hold_id": hold_id,
            "review_on": date(2026, 4, 20),
            "finding": "still looking for work",
            "as_of": date(2026, 3, 31),
            "actor": CARE,
        }
        | changes
    )


class TestReviewing:
    def test_puts_the_next_review_off_and_keeps_what_was_found(self):
        hold = hardship(borrower(), evidence="letter")

        assert review(hold, evidence="payslip", take=True) == 4

        rows = Hold.objects.all()
        assert {row.review_on for row in rows} == {date(2026, 4, 20)}
        assert {(row.evidence, row.owner_id, row.owner_name) for row in rows} == {("letter\npayslip", 8, "Bo")}
        entry = AuditEntry.objects.filter(verb="customers.hold.reviewed").first()
        assert (entry.reason, entry.before["review_on"], entry.after["review_on"]) == (
            "still looking for work",
            "2026-03-31",
            "2026-04-20",
        )

    def test_leaves_the_parts_that_are_over(self):
        hold = hardship(borrower())
        lift_hold(hold_id=hold, on=date(2026, 3, 10), reason="agreed", actor=SYSTEM, scopes=["penalty"])

        assert review(hold) == 3
        assert Hold.objects.get(scope="penalty").review_on == date(2026, 3, 31)

    @pytest.mark.parametrize("roles", [("agent",), ("collector",)])
    def test_is_for_the_owners_role(self, roles):
        hold = hardship(borrower())
        with pytest.raises(ReviewIsOfAnother):
            review(hold, actor=actor(*roles, actor_id=9))
        assert Hold.objects.first().review_on == date(2026, 3, 31)

    @pytest.mark.parametrize("who", [actor("team_lead", actor_id=9), actor("compliance", actor_id=9), SYSTEM])
    def test_a_lead_compliance_and_the_system_review_any(self, who):
        assert review(hardship(borrower()), actor=who) == 4

    @pytest.mark.parametrize("day", [date(2026, 3, 31), date(2026, 3, 1), date(2026, 5, 1)])
    def test_not_to_a_day_that_has_passed_and_not_beyond_what_the_reason_allows(self, day):
        with pytest.raises(HoldRefused) as refusal:
            review(hardship(borrower()), review_on=day)
        assert set(refusal.value.fields) == {"review_on"}

    def test_says_what_was_found(self):
        with pytest.raises(ReasonMissing):
            review(hardship(borrower()), finding=" ")

    def test_of_what_is_over_is_refused(self):
        hold = hardship(borrower(), end_exclusive=date(2026, 3, 20))
        with pytest.raises(HoldIsOver):
            review(hold)


class TestListing:
    def test_shows_one_row_for_what_was_placed_together_on_the_day_of_its_review(self, django_assert_num_queries):
        reader = person("agent")
        row = borrower()
        hold = hardship(row)
        hardship(borrower("B-2"), start=START + timedelta(days=3))

        due = due_for_review(held_groups(user=reader), day=date(2026, 3, 31))
        with django_assert_num_queries(1):
            (found,) = list(due)
        assert (found.pk, found.borrower_id) == (hold, row.pk)
        assert effects_in_words(found.effect_codes) == (
            "calls pause; texts: status only; debits: ask first; penalty stops"
        )
        assert due_for_review(held_groups(user=reader), day=date(2026, 3, 30)).count() == 0
        assert review_count(user=reader, day=date(2026, 4, 3)) == 2

    def test_nothing_leaves_the_list_by_getting_old(self):
        hardship(borrower())
        assert review_count(user=person("agent"), day=date(2027, 3, 31)) == 1

    def test_the_part_that_is_left_stands_for_a_hold_whose_lead_was_lifted(self):
        hold = hardship(borrower())
        lift_hold(hold_id=hold, on=date(2026, 3, 10), reason="agreed", actor=SYSTEM, scopes=["calls"])

        (found,) = due_for_review(held_groups(user=person("agent")), day=date(2026, 4, 3))

        assert (found.scope, effects_in_words(found.effect_codes)) == (
            "texts",
            "texts: status only; debits: ask first; penalty stops",
        )

    def test_what_ends_within_a_week_is_seen_before(self):
        ends = hardship(borrower("B-1"), end_exclusive=date(2026, 3, 15))
        reviewed = hardship(borrower("B-2"), review_on=date(2026, 3, 15))
        hardship(borrower("B-3"))
        rows = held_groups(user=person("agent"))

        assert set(ending_soon(rows, day=date(2026, 3, 8)).values_list("pk", flat=True)) == {ends, reviewed}
        assert ending_soon(rows, day=date(2026, 3, 7)).count() == 0
        assert running_on(rows, day=date(2026, 3, 15)).count() == 2

    def test_rows_are_restricted_to_who_asks(self):
        hardship(borrower())
        stranger = person("agent", team__portfolios=["other"])
        assert review_count(user=stranger, day=date(2026, 4, 3)) == 0


class TestRunningOut:
    def test_leaves_a_trace_and_an_event_once(self):
        row = borrower()
        hardship(row, end_exclusive=date(2026, 3, 20))
        hardship(borrower("B-2"))

        assert note_expired(on=date(2026, 3, 19)) == 0
        assert note_expired(on=date(2026, 3, 20)) == 4
        assert note_expired(on=date(2026, 3, 20)) == 0

        entries = AuditEntry.objects.filter(verb="customers.hold.expired").order_by("id")
        assert [(entry.borrower_id, entry.after["scope"]) for entry in entries] == [
            (row.pk, "calls"),
            (row.pk, "texts"),
            (row.pk, "debit"),
            (row.pk, "penalty"),
        ]
        event = OutboxEvent.objects.get(event="customers.hold.expired")
        assert (event.key, len(event.payload["hold_ids"])) == (f"borrower:{row.pk}", 4)

    def test_a_lifted_hold_does_not_run_out_a_second_time(self):
        hold = hardship(borrower(), end_exclusive=date(2026, 3, 20))
        lift_hold(hold_id=hold, on=date(2026, 3, 10), reason="found work", actor=SYSTEM)
        assert note_expired(on=date(2026, 4, 1)) == 0

    def test_the_task_goes_by_the_business_date_and_waits_for_the_first(self, monkeypatch):
        monkeypatch.setattr("backoffice.customers.tasks.BATCH", 2)
        monkeypatch.setattr("backoffice.customers.services.reviewing.BATCH", 2)
        hardship(borrower(), end_exclusive=date(2026, 3, 20))
        assert note_expired_holds() == 0
        open_first_day(day=date(2026, 3, 20), actor=SYSTEM)
        assert note_expired_holds() == 4
