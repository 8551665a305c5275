"""Closing a day over a range of loans: again is a no-op, one bad loan is left behind and the rest is closed."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import execute, fetch
from backoffice.repayment.models import BucketMove, Loan, MonthEnd, Transfer
from backoffice.repayment.seeding.book import BookWanted, seed_book
from backoffice.repayment.services import closing
from backoffice.repayment.services.closing import RangeClosed, close_loans, close_range, due_loans, snapshot_range
from tests.repayment.cases import D
from tests.repayment.factories import DISBURSED, books, close, close_days, drifts, open_loan, post, replay_changes

pytestmark = pytest.mark.django_db

DUE = date(2026, 2, 15)
EVERYTHING = {"first_id": 0, "last_id": 2**62, "run_id": None}


def rows():
    return {
        table: fetch(f"SELECT * FROM repayment_{table} ORDER BY id")
        for table in ("loan", "installment", "transfer", "bucketmove", "monthend")
    }


def test_a_quiet_day_touches_nothing():
    open_loan()
    before = rows()
    assert due_loans(day=date(2026, 1, 20)) == []
    assert close_range(day=date(2026, 1, 20), **EVERYTHING) == RangeClosed()
    assert rows() == before


def test_closing_a_day_again_changes_nothing():
    open_loan()
    close_days(DISBURSED, date(2026, 2, 27))
    for day in (DUE, date(2026, 2, 28)):
        close(day)
        before = rows()
        assert close(day) == RangeClosed()
        assert rows() == before


def test_only_the_loans_of_the_range_are_closed():
    one, other, third = (open_loan(business_date=DUE) for _ in range(3))
    result = close_range(day=DUE, first_id=one, last_id=other, run_id=17)
    assert (result.loans, result.moves, result.left_behind) == (2, 2, {})
    assert due_loans(day=DUE) == [third]
    assert set(BucketMove.objects.values_list("loan_id", "run_id")) == {(one, 17), (other, 17)}


def test_the_run_is_stamped_on_what_the_engine_writes_too():
    loan_id = open_loan(business_date=date(2026, 2, 28))
    close_range(day=date(2026, 2, 28), first_id=loan_id, last_id=loan_id, run_id=17)
    snapshot_range(day=date(2026, 2, 28), first_id=loan_id, last_id=loan_id, run_id=17)
    assert Transfer.objects.get(loan_id=loan_id, kind="penalty_charge").run_id == 17
    assert MonthEnd.objects.get(loan_id=loan_id, month_end=date(2026, 2, 28)).run_id == 17


def test_the_loans_are_locked_in_id_order_before_any_is_read():
    open_loan(business_date=DUE)
    with CaptureQueriesContext(connection) as captured:
        close_range(day=DUE, **EVERYTHING)
    first = next(query["sql"] for query in captured if "repayment_" in query["sql"])
    assert first.endswith("ORDER BY id FOR NO KEY UPDATE")


def test_a_day_is_closed_in_the_same_number_of_statements_whatever_the_number_of_loans():
    def statements():
        with CaptureQueriesContext(connection) as captured:
            close_range(day=DUE, **EVERYTHING)
        return len(captured)

    open_loan(business_date=DUE)
    statements()  # the terms are read once and kept
    open_loan(business_date=DUE)
    few = statements()
    for _ in range(20):
        open_loan(business_date=DUE)
    assert statements() == few


# a bad loan


def test_a_bad_loan_among_many_is_left_behind_and_the_others_are_closed(monkeypatch):
    loans = [open_loan(business_date=date(2026, 2, 28)) for _ in range(5)]
    real = closing.advance

    def advance(state, **arguments):
        if state.principal == D("777.00"):
            raise ValueError("cannot be")
        real(state, **arguments)

    bad = open_loan(principal="777.00", business_date=date(2026, 2, 28))
    before = books(bad)
    monkeypatch.setattr(closing, "advance", advance)
    result = close_range(day=date(2026, 2, 28), **EVERYTHING)
    assert result.left_behind == {bad: ("ValueError", "cannot be")}
    assert result.loans == 5
    assert books(bad) == before
    for loan_id in loans:
        assert Transfer.objects.filter(loan_id=loan_id, kind="penalty_charge").count() == 1
        assert Loan.objects.get(pk=loan_id).next_transition_date == date(2026, 3, 15)
    assert due_loans(day=date(2026, 2, 28)) == [bad]


def test_a_loan_the_database_refuses_is_left_behind_with_its_words():
    good, bad = (open_loan(business_date=date(2026, 2, 28)) for _ in range(2))
    with connection.cursor() as cursor:
        # One cent more of penalty than its column can hold.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE repayment_installment SET penalty = 9999999999999999.99, overdue_base_days = "
            "9999999999999999.99::numeric * 1500 WHERE loan_id = %s AND number = 1",
            [bad],
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
    result = close_range(day=date(2026, 2, 28), **EVERYTHING)
    assert list(result.left_behind) == [bad]
    code, reason = result.left_behind[bad]
    assert code == "DataError"
    assert "numeric field overflow" in reason
    assert Loan.objects.get(pk=good).next_transition_date == date(2026, 3, 15)


def test_when_the_set_statement_fails_the_engine_closes_them_one_by_one(monkeypatch):
    good, bad = (open_loan(business_date=DUE) for _ in range(2))
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE repayment_bucketmove ADD CONSTRAINT no_moves_for_this_loan CHECK (loan_id <> %s)", [bad]
        )
    result = close_range(day=DUE, **EVERYTHING)
    assert (result.loans, result.moves) == (1, 1)
    assert list(result.left_behind) == [bad]
    assert "no_moves_for_this_loan" in result.left_behind[bad][1]
    assert (Loan.objects.get(pk=good).bucket, Loan.objects.get(pk=bad).bucket) == ("M1", "M0")


def test_what_was_left_behind_is_closed_by_a_later_night():
    loan_id, beside = open_loan(business_date=DUE), open_loan(business_date=DUE)
    for day in (DUE + timedelta(days=n) for n in range(30)):
        close(day, loan_ids=[beside])
    assert Loan.objects.get(pk=loan_id).next_transition_date == DUE
    assert {drift.loan_id for drift in drifts(date(2026, 3, 17))} == {loan_id}
    close(date(2026, 3, 17))
    assert books(loan_id) == books(beside)
    assert [(p.month_end, p.bucket, p.dpd) for p in MonthEnd.objects.filter(loan_id=loan_id).order_by("month_end")] == [
        (date(2026, 1, 31), "M0", 0),
        (date(2026, 2, 28), "M1", 13),
    ]
    assert drifts(date(2026, 3, 18)) == []


def test_a_month_end_is_not_pictured_for_a_loan_whose_day_is_still_open():
    loan_id = open_loan(business_date=DUE)
    assert snapshot_range(day=date(2026, 2, 28), first_id=loan_id, last_id=loan_id, run_id=None).rows == 0
    assert not MonthEnd.objects.filter(loan_id=loan_id, month_end=date(2026, 2, 28)).exists()


def test_a_payment_on_a_loan_left_behind_closes_its_open_days_first():
    loan_id, beside = open_loan(business_date=DUE), open_loan(business_date=DUE)
    for day in (DUE + timedelta(days=n) for n in range(30)):
        close(day, loan_ids=[beside])
    for each in (loan_id, beside):
        post(each, "500.00", date(2026, 3, 17), external_id=f"P{each}")
    assert Loan.objects.get(pk=loan_id).bucket == "M1"
    assert [m[:4] for m in books(loan_id)["moves"]] == [m[:4] for m in books(beside)["moves"]]
    assert books(loan_id)["month ends"] == books(beside)["month ends"]
    assert drifts(date(2026, 3, 17)) == []
    assert replay_changes(loan_id, business_date=date(2026, 3, 17)) == {}


def test_loans_closed_one_by_one_are_closed_as_together():
    one, other = open_loan(business_date=date(2026, 2, 28)), open_loan(business_date=date(2026, 2, 28))
    together, single = RangeClosed(), RangeClosed()
    close_loans(loan_ids=[one], day=date(2026, 2, 28), run_id=None, result=single)
    close_loans(loan_ids=[other], day=date(2026, 2, 28), run_id=None, result=together)
    assert books(one) == books(other)


# month ends


def test_a_month_end_pictures_every_open_loan_once():
    today = date(2026, 2, 28)
    active, late = open_loan(disbursed_on=date(2026, 2, 10)), open_loan(business_date=today)
    closed = open_loan(disbursed_on=date(2026, 2, 10))
    post(closed, "12000.00", date(2026, 2, 10), surplus="shorten_term")
    tomorrow = open_loan(disbursed_on=date(2026, 3, 1))
    close(today)
    pictures = MonthEnd.objects.filter(month_end=today).order_by("loan_id")
    assert [(p.loan_id, p.bucket, p.dpd, p.outstanding_principal) for p in pictures] == [
        (active, "M0", 0, D("12000.00")),
        (late, "M1", 13, D("12000.00")),
    ]
    assert not MonthEnd.objects.filter(loan_id__in=[closed, tomorrow]).exists()


def test_a_loan_booked_on_for_the_next_day_is_pictured_as_of_the_evening():
    loan_id = open_loan(disbursed_on=date(2026, 2, 10))
    close_range(day=date(2026, 2, 28), **EVERYTHING)
    post(loan_id, "3000.00", date(2026, 3, 1), surplus="shorten_term")
    assert Loan.objects.get(pk=loan_id).outstanding_principal == D("9114.00")  # 19 days of interest come first
    assert snapshot_range(day=date(2026, 2, 28), **EVERYTHING).rows == 1
    picture = MonthEnd.objects.get(loan_id=loan_id)
    assert (picture.outstanding_principal, picture.bucket) == (D("12000.00"), "M0")


def test_a_loan_paid_and_booked_on_for_the_next_day_is_pictured_with_what_was_paid_before():
    loan_id = open_loan(disbursed_on=date(2026, 2, 10))
    post(loan_id, "5000.00", date(2026, 2, 20), surplus="shorten_term")
    close_range(day=date(2026, 2, 28), **EVERYTHING)
    post(loan_id, "3000.00", date(2026, 3, 1), surplus="shorten_term")
    paid_off = open_loan(disbursed_on=date(2026, 2, 10))
    post(paid_off, "13000.00", date(2026, 2, 20), surplus="shorten_term")
    post(paid_off, "940.00", date(2026, 3, 1), kind="refund")
    assert snapshot_range(day=date(2026, 2, 28), **EVERYTHING).rows == 1
    picture = MonthEnd.objects.get(month_end=date(2026, 2, 28))
    assert (picture.loan_id, picture.outstanding_principal) == (loan_id, D("7060.00"))  # ten days of interest: 60.00


def test_a_day_on_which_everybody_comes_due_is_planned_as_such_though_statistics_know_nothing_of_it():
    seed_book(wanted=BookWanted(loans=300, business_date=date(2026, 3, 10)), actor=SYSTEM, on_progress=lambda *_: None)
    ids = list(
        Loan.objects.filter(status="active", suspense=0, bucket="M0", next_transition_date__gte=date(2026, 3, 10))
        .order_by("id")
        .values_list("id", flat=True)
    )
    execute("ANALYZE repayment_loan")
    Loan.objects.filter(pk__in=ids).update(next_transition_date=date(2026, 3, 10))

    with CaptureQueriesContext(connection) as asked:
        assert close_range(day=date(2026, 3, 10), **EVERYTHING).loans >= len(ids)
    (closing_them,) = [each["sql"] for each in asked if "-- Ages the loans" in each["sql"]]
    plan = [row[0] for row in fetch("EXPLAIN " + closing_them)]
    due = plan[next(number for number, line in enumerate(plan) if "CTE due" in line) + 1]
    assert int(due.partition("rows=")[2].split()[0]) > len(ids) // 2, due
