"""What turns out later: money dated back, money that came back, and the nights in between."""

from datetime import date, timedelta

import pytest
from django.db import transaction

from backoffice.calendars.services import begin_close
from backoffice.core.actors import SYSTEM
from backoffice.dayend.services import close_day, close_through, start, step_on, work_range
from backoffice.repayment.models import MonthEnd, Operation, Transfer
from tests.journeys.conftest import LEAD
from tests.journeys.tables import table
from tests.repayment.cases import D, row
from tests.repayment.factories import books

PAID_OUT = date(2026, 1, 15)


@pytest.fixture
def loan(desk):
    """12,000.00 over twelve months at 18 %, paid out on 15 January 2026."""
    desk.open(PAID_OUT)
    return desk.disburse()


def test_a_payment_dated_before_a_penalty_makes_it_never_charged(desk, loan):
    desk.until(date(2026, 3, 5))
    assert (
        desk.schedule(loan).splitlines()[1]
        == "1 2026-02-15     920.16    180.00     7.97      0.00    0.00 left 1108.13"
    )
    desk.pay(loan, "1100.16", on=date(2026, 2, 15))
    assert (
        desk.schedule(loan).splitlines()[1:3]
        == table(
            """
        1 2026-02-15     920.16    180.00     0.00   1100.16    0.00 paid 2026-02-15
        2 2026-03-15     933.96    166.20     0.00      0.00    0.00 left 1100.16
        """
        ).splitlines()
    )
    assert desk.moves(loan) == []
    ledger = Transfer.objects.filter(loan_id=loan, kind="penalty_charge").order_by("id")
    assert [(t.debit, t.credit, t.amount, t.business_date) for t in ledger] == [
        ("penalty_receivable", "penalty_income", D("7.97"), date(2026, 3, 1)),
        ("penalty_income", "penalty_receivable", D("7.97"), date(2026, 3, 5)),
    ]


def test_money_returned_after_a_bucket_change_is_owed_since_its_due_date(desk, loan):
    desk.until(date(2026, 2, 25))
    paid = desk.pay(loan, "1106.29")
    assert desk.moves(loan) == ["2026-02-16 M0 M1 aging", "2026-02-25 M1 M0 payment"]
    desk.until(date(2026, 3, 25))
    assert desk.moves(loan)[2:] == ["2026-03-16 M0 M1 aging"]
    desk.take_back(paid)
    assert desk.moves(loan) == ["2026-02-16 M0 M1 aging", "2026-03-18 M1 M2 aging"]
    assert (
        desk.schedule(loan).splitlines()[1:3]
        == table(
            """
        1 2026-02-15     920.16    180.00     7.97      0.00    0.00 left 1108.13
        2 2026-03-15     933.96    166.20     0.00      0.00    0.00 left 1100.16
        """
        ).splitlines()
    )
    pictures = MonthEnd.objects.filter(loan_id=loan, month_end=date(2026, 2, 28)).order_by("revision")
    assert [(p.bucket, p.dpd, p.overdue_amount) for p in pictures] == [
        ("M0", 0, D("0.00")),
        ("M1", 13, D("1108.13")),
    ]


def test_money_that_settled_the_loan_comes_back_weeks_later(desk, loan):
    desk.until(date(2026, 2, 1))
    quote = desk.quote(loan)
    paid = desk.pay_off(loan, str(quote.total))
    assert desk.loan(loan).status == "closed"
    desk.until(date(2026, 3, 25))
    assert desk.moves(loan) == []
    desk.take_back(paid)
    opened = desk.loan(loan)
    assert (opened.status, opened.bucket, opened.closed_on, opened.schedule_version) == ("active", "M2", None, 3)
    assert desk.moves(loan) == ["2026-02-16 M0 M1 aging", "2026-03-18 M1 M2 aging"]
    assert len(desk.schedule(loan).splitlines()) == 13
    assert [(p.month_end, p.bucket) for p in MonthEnd.objects.filter(loan_id=loan).order_by("month_end")] == [
        (date(2026, 1, 31), "M0"),
        (date(2026, 2, 28), "M1"),
    ]


def test_post_then_take_back_is_as_if_nothing_had_been(desk, loan):
    desk.until(date(2026, 3, 20))
    before = books(loan)
    for amount, rule in (("300.00", None), ("9000.00", "reduce_installment"), ("9000.00", "shorten_term")):
        desk.take_back(desk.pay(loan, amount, surplus=rule))
        assert books(loan) == before


def test_money_that_arrives_between_midnight_and_the_end_of_the_close(desk, loan):
    desk.until(date(2026, 2, 15))
    run = start(day=date(2026, 2, 15), actor=LEAD)
    assert desk.today == date(2026, 2, 16)
    paid = desk.pay(loan, "1100.16", on=date(2026, 2, 15))
    assert Operation.objects.get(pk=paid).business_date == date(2026, 2, 16)
    while ranges := step_on(run_id=run.pk):
        for range_id in ranges:
            work_range(range_id=range_id)
    assert desk.loan(loan).bucket == "M0"
    assert desk.moves(loan) == []
    desk.until(date(2026, 2, 20))
    assert desk.schedule(loan).splitlines()[1] == (
        "1 2026-02-15     920.16    180.00     0.00   1100.16    0.00 paid 2026-02-15"
    )


def test_money_that_arrives_when_its_loan_is_closed_for_the_day_already(desk, loan):
    desk.until(date(2026, 2, 15))
    run = start(day=date(2026, 2, 15), actor=LEAD)
    for range_id in step_on(run_id=run.pk):
        work_range(range_id=range_id)
    assert desk.moves(loan) == ["2026-02-16 M0 M1 aging"]
    desk.pay(loan, "1100.16", on=date(2026, 2, 15))
    assert desk.moves(loan) == []
    begin_close(day=date(2026, 2, 15), actor=SYSTEM)  # pressed again: nothing changes
    while ranges := step_on(run_id=run.pk):
        for range_id in ranges:
            work_range(range_id=range_id)
    assert desk.loan(loan).bucket == "M0"


def test_bucket_by_bucket_up_down_and_up_again(desk):
    """M1, M2, M3, back to M2 by paying the oldest bill, and M3 again."""
    desk.open(date(2026, 1, 10))
    rows = [row(number, date(2026, 1 + number, 10), "1000.00") for number in (1, 2, 3, 4)]
    loan = desk.disburse(principal="4000.00", rows=rows)
    desk.until(date(2026, 4, 20))
    assert (
        desk.schedule(loan).splitlines()[1]
        == "1 2026-02-10    1000.00      0.00    32.67      0.00    0.00 left 1032.67"
    )
    desk.pay(loan, "1046.00")
    desk.until(date(2026, 5, 15))
    assert desk.moves(loan) == [
        "2026-02-11 M0 M1 aging",
        "2026-03-13 M1 M2 aging",
        "2026-04-12 M2 M3 aging",
        "2026-04-20 M3 M2 payment",
        "2026-05-10 M2 M3 aging",
    ]
    assert desk.schedule(loan) == table(
        """
        no due         principal  interest  penalty      paid  waived state
        1 2026-02-10    1000.00      0.00    46.00   1046.00    0.00 paid 2026-04-20
        2 2026-03-10    1000.00      0.00    34.00      0.00    0.00 left 1034.00
        3 2026-04-10    1000.00      0.00    13.33      0.00    0.00 left 1013.33
        4 2026-05-10    1000.00      0.00     0.00      0.00    0.00 left 1000.00
        """
    )


@pytest.mark.parametrize("first", [date(2026, 2, 12), date(2026, 2, 25)])
def test_seven_missed_days_give_the_books_of_seven_nights(desk, first):
    desk.open(PAID_OUT)
    loan = desk.disburse()
    desk.until(first)
    desk.pay(loan, "100.00", surplus="suspense")
    with transaction.atomic():
        for _ in range(7):
            close_day(day=desk.today, actor=SYSTEM, threads=1)
        nightly = books(loan)
        transaction.set_rollback(True)
    assert desk.today == first
    close_through(through=first + timedelta(days=6), actor=SYSTEM, threads=1)
    assert desk.today == first + timedelta(days=7)
    assert books(loan) == nightly
