"""Days that do not exist, days banks do not work, and clocks that stand still for a while."""

from datetime import date

import pytest

from backoffice.repayment.models import Loan, MonthEnd
from tests.journeys.tables import table
from tests.repayment.cases import D, terms


@pytest.mark.parametrize(
    ("paid_out", "due_dates"),
    [
        (date(2026, 1, 29), [date(2026, 2, 28), date(2026, 3, 29), date(2026, 4, 29)]),
        (date(2026, 1, 30), [date(2026, 2, 28), date(2026, 3, 30), date(2026, 4, 30)]),
        (date(2026, 1, 31), [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]),
        (date(2024, 1, 31), [date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30)]),
    ],
)
def test_a_due_day_the_month_does_not_have_is_its_last_day_and_comes_back(desk, paid_out, due_dates):
    desk.open(paid_out)
    loan = desk.disburse(terms=terms(periods=3), principal="3000.00")
    bills = Loan.objects.get(pk=loan).installments.order_by("number")
    assert [bill.due_date for bill in bills] == due_dates
    # Unpaid through its due date, which is a month end: late from the next morning.
    desk.until(date.fromordinal(due_dates[0].toordinal() + 1))
    assert desk.moves(loan) == [f"{date.fromordinal(due_dates[0].toordinal() + 1)} M0 M1 aging"]
    if due_dates[0].day in (28, 29) and due_dates[0].month == 2:
        picture = MonthEnd.objects.get(loan_id=loan, month_end=due_dates[0])
        assert (picture.bucket, picture.dpd, picture.cycles, picture.overdue_amount) == ("M0", 0, 0, D("0.00"))


def test_a_due_date_on_a_holiday_moves_to_the_next_working_day_and_counts_from_there(desk):
    """1 May is Labour Day in China, kept through 5 May in 2026; the bill of 1 May is due on the 6th."""
    desk.open(date(2026, 4, 1))
    shifted = terms(periods=2, holiday_shift="next", calendar="CN")
    loan = desk.disburse(terms=shifted, principal="2000.00")
    bills = Loan.objects.get(pk=loan).installments.order_by("number")
    assert [bill.due_date for bill in bills] == [date(2026, 5, 6), date(2026, 6, 1)]
    # The month is a month whatever the holiday: 1.5 % of 2,000.00.
    assert [bill.interest for bill in bills] == [D("30.00"), D("15.11")]
    desk.until(date(2026, 5, 6))
    assert desk.loan(loan).bucket == "M0"
    desk.until(date(2026, 5, 7))
    assert desk.moves(loan) == ["2026-05-07 M0 M1 aging"]


@pytest.mark.parametrize(
    ("periods", "principals"),
    [
        (3, ["33.33", "33.33", "33.34"]),
        (7, ["14.28"] * 6 + ["14.32"]),
        (13, ["7.69"] * 12 + ["7.72"]),
    ],
)
def test_the_last_bill_takes_the_residue(desk, periods, principals):
    desk.open(date(2026, 1, 15))
    free = terms(method="equal_principal", annual_rate=D("0"), periods=periods)
    loan = desk.disburse(terms=free, principal="100.00")
    bills = Loan.objects.get(pk=loan).installments.order_by("number")
    assert [str(bill.principal) for bill in bills] == principals
    for bill in bills:
        desk.until(bill.due_date)
        desk.pay(loan, str(bill.principal))
    assert (desk.loan(loan).status, desk.loan(loan).suspense) == ("closed", D("0.00"))


DUE = date(2026, 2, 15)


@pytest.fixture
def late(desk):
    """A loan whose first bill goes unpaid from 15 February 2026."""
    desk.open(date(2026, 1, 15))
    return desk.disburse()


@pytest.mark.parametrize(
    ("holds", "m1_on", "m2_on", "penalty_of_march"),
    [
        ([], "2026-02-16", "2026-03-18", "26.99"),
        ([("aging", date(2026, 2, 20), date(2026, 3, 2))], "2026-02-16", "2026-03-28", "26.99"),  # ten days inside
        ([("aging", date(2026, 2, 1), date(2026, 2, 21))], "2026-02-21", "2026-03-23", "26.99"),  # five of them overdue
        (
            [("aging", date(2026, 1, 20), date(2026, 2, 16))],
            "2026-02-16",
            "2026-03-18",
            "26.99",
        ),  # over on the due date
        (
            [("aging", date(2026, 2, 20), date(2026, 2, 25)), ("aging", date(2026, 2, 25), date(2026, 3, 2))],
            "2026-02-16",
            "2026-03-28",
            "26.99",
        ),  # adjacent
        ([("penalty", date(2026, 2, 20), date(2026, 3, 2))], "2026-02-16", "2026-03-18", "20.86"),
        (
            [("penalty", date(2026, 2, 20), date(2026, 3, 2)), ("aging", date(2026, 2, 20), date(2026, 2, 25))],
            "2026-02-16",
            "2026-03-23",
            "20.86",
        ),  # the same start
    ],
)
def test_a_hold_takes_out_only_the_overdue_days_it_covers(desk, late, holds, m1_on, m2_on, penalty_of_march):
    desk.until(date(2026, 1, 16))
    for scope, start, end in holds:
        desk.hold(late, scope, start, end)
    desk.until(date(2026, 4, 1))
    assert desk.moves(late) == [f"{m1_on} M0 M1 aging", f"{m2_on} M1 M2 aging"]
    assert str(desk.loan(late).installments.get(number=1).penalty) == penalty_of_march


def test_a_day_under_a_hold_of_the_loan_and_one_of_the_borrower_counts_once(desk, late):
    desk.until(date(2026, 1, 16))
    desk.hold(late, "aging", date(2026, 2, 18), date(2026, 3, 2), all_loans=True)
    desk.hold(late, "aging", date(2026, 2, 20), date(2026, 2, 25))  # enclosed by the other
    desk.until(date(2026, 4, 1))
    assert desk.moves(late) == ["2026-02-16 M0 M1 aging", "2026-03-30 M1 M2 aging"]  # twelve days


def test_a_hold_set_later_for_the_past_puts_right_what_was_aged_and_charged(desk, late):
    desk.until(date(2026, 3, 20))
    assert desk.moves(late) == ["2026-02-16 M0 M1 aging", "2026-03-18 M1 M2 aging"]
    desk.hold(late, "aging", date(2026, 2, 20), date(2026, 3, 2))
    desk.hold(late, "penalty", date(2026, 2, 20), date(2026, 3, 2))
    assert desk.moves(late) == ["2026-02-16 M0 M1 aging"]
    desk.until(date(2026, 4, 1))
    assert desk.moves(late) == ["2026-02-16 M0 M1 aging", "2026-03-28 M1 M2 aging"]
    assert (
        desk.schedule(late).splitlines()[1:3]
        == table(
            """
        1 2026-02-15     920.16    180.00    20.86      0.00    0.00 left 1121.02
        2 2026-03-15     933.96    166.20     9.96      0.00    0.00 left 1110.12
        """
        ).splitlines()
    )
    pictures = MonthEnd.objects.filter(loan_id=late, month_end=date(2026, 2, 28)).order_by("revision")
    assert [(p.dpd, p.dpd_contract, p.overdue_amount) for p in pictures] == [
        (13, 13, D("1108.13")),
        (4, 13, D("1108.13")),
        (4, 13, D("1102.61")),  # four days of penalty
    ]


def test_an_open_hold_keeps_the_loan_where_it_is_and_contract_days_go_on(desk, late):
    desk.until(date(2026, 2, 20))
    desk.hold(late, "aging", date(2026, 2, 20), None)
    desk.until(date(2026, 6, 1))
    assert desk.moves(late) == ["2026-02-16 M0 M1 aging"]
    picture = MonthEnd.objects.get(loan_id=late, month_end=date(2026, 5, 31))
    assert (picture.bucket, picture.dpd, picture.dpd_contract, picture.cycles) == ("M1", 4, 105, 4)
