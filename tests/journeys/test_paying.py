"""Lives of the loan of the drawn page: 12,000.00 over twelve months at 18 %, paid out on 18 June 2026."""

from datetime import date

import pytest

from backoffice.audit import approvals
from backoffice.audit.models import Approval
from backoffice.repayment.domain.terms import PenaltyRule, PrepaymentRule
from backoffice.repayment.models import MonthEnd, Transfer
from backoffice.repayment.services.verbs import Asked
from tests.journeys.conftest import ADMIN, AGENT
from tests.journeys.tables import table
from tests.repayment.cases import D, terms

PAID_OUT = date(2026, 6, 18)
PERCENT = PrepaymentRule(fee="percent", value=D("0.01"))


@pytest.fixture
def loan(desk):
    """The loan on its first morning."""
    desk.open(PAID_OUT)
    return desk.disburse(terms=terms(prepayment=PERCENT))


@pytest.fixture
def after_three(desk, loan):
    """The loan on the evening of 18 September, three bills paid on their day."""
    for month in (7, 8, 9):
        desk.until(date(2026, month, 18))
        desk.pay(loan, "1100.16")
    return loan


def test_paid_on_time_to_the_end(desk, loan):
    for number in range(1, 13):
        desk.until(date(2026 + (number > 6), (5 + number) % 12 + 1, 18))
        desk.pay(loan, "1100.19" if number == 12 else "1100.16")
    assert desk.schedule(loan) == table(
        """
        no due         principal  interest  penalty      paid  waived state
         1 2026-07-18     920.16    180.00     0.00   1100.16    0.00 paid 2026-07-18
         2 2026-08-18     933.96    166.20     0.00   1100.16    0.00 paid 2026-08-18
         3 2026-09-18     947.97    152.19     0.00   1100.16    0.00 paid 2026-09-18
         4 2026-10-18     962.19    137.97     0.00   1100.16    0.00 paid 2026-10-18
         5 2026-11-18     976.62    123.54     0.00   1100.16    0.00 paid 2026-11-18
         6 2026-12-18     991.27    108.89     0.00   1100.16    0.00 paid 2026-12-18
         7 2027-01-18    1006.14     94.02     0.00   1100.16    0.00 paid 2027-01-18
         8 2027-02-18    1021.23     78.93     0.00   1100.16    0.00 paid 2027-02-18
         9 2027-03-18    1036.55     63.61     0.00   1100.16    0.00 paid 2027-03-18
        10 2027-04-18    1052.10     48.06     0.00   1100.16    0.00 paid 2027-04-18
        11 2027-05-18    1067.88     32.28     0.00   1100.16    0.00 paid 2027-05-18
        12 2027-06-18    1083.93     16.26     0.00   1100.19    0.00 paid 2027-06-18
        """
    )
    assert (desk.loan(loan).status, desk.loan(loan).closed_on) == ("closed", date(2027, 6, 18))
    assert desk.moves(loan) == []
    assert MonthEnd.objects.filter(loan_id=loan).count() == 12


def test_the_drawn_page_on_22_november(desk, after_three):
    desk.until(date(2026, 11, 22))
    assert desk.schedule(after_three) == table(
        """
        no due         principal  interest  penalty      paid  waived state
         1 2026-07-18     920.16    180.00     0.00   1100.16    0.00 paid 2026-07-18
         2 2026-08-18     933.96    166.20     0.00   1100.16    0.00 paid 2026-08-18
         3 2026-09-18     947.97    152.19     0.00   1100.16    0.00 paid 2026-09-18
         4 2026-10-18     962.19    137.97     8.34      0.00    0.00 left 1108.50
         5 2026-11-18     976.62    123.54     0.00      0.00    0.00 left 1100.16
         6 2026-12-18     991.27    108.89     0.00      0.00    0.00 left 1100.16
         7 2027-01-18    1006.14     94.02     0.00      0.00    0.00 left 1100.16
         8 2027-02-18    1021.23     78.93     0.00      0.00    0.00 left 1100.16
         9 2027-03-18    1036.55     63.61     0.00      0.00    0.00 left 1100.16
        10 2027-04-18    1052.10     48.06     0.00      0.00    0.00 left 1100.16
        11 2027-05-18    1067.88     32.28     0.00      0.00    0.00 left 1100.16
        12 2027-06-18    1083.93     16.26     0.00      0.00    0.00 left 1100.19
        """
    )
    assert desk.moves(after_three) == ["2026-10-19 M0 M1 aging", "2026-11-18 M1 M2 aging"]
    assert (desk.loan(after_three).bucket, desk.loan(after_three).outstanding_principal) == ("M2", D("9197.91"))


def test_late_with_penalty_and_cured(desk, after_three):
    desk.until(date(2026, 11, 22))
    desk.pay(after_three, "2225.37")  # what the page says is due today
    desk.until(date(2026, 11, 25))
    assert (
        desk.schedule(after_three).splitlines()[4:7]
        == table(
            """
         4 2026-10-18     962.19    137.97    22.45   1122.61    0.00 paid 2026-11-22
         5 2026-11-18     976.62    123.54     2.60   1102.76    0.00 paid 2026-11-22
         6 2026-12-18     991.27    108.89     0.00      0.00    0.00 left 1100.16
        """
        ).splitlines()
    )
    assert desk.moves(after_three)[-1] == "2026-11-22 M2 M0 payment"


def test_a_part_of_what_is_due_pays_the_oldest_first_and_leaves_the_loan_late(desk, after_three):
    desk.until(date(2026, 11, 22))
    desk.pay(after_three, "1500.00")
    assert (
        desk.schedule(after_three).splitlines()[4:6]
        == table(
            """
         4 2026-10-18     962.19    137.97    22.45   1122.61    0.00 paid 2026-11-22
         5 2026-11-18     976.62    123.54     2.60    377.39    0.00 left 725.37
        """
        ).splitlines()
    )
    assert desk.moves(after_three)[-1] == "2026-11-22 M2 M1 payment"
    desk.until(date(2026, 12, 1))
    # 251.25 of principal went on the 22nd: four days on 976.62, eight on 725.37.
    assert desk.schedule(after_three).splitlines()[5] == (
        "5 2026-11-18     976.62    123.54     6.47    377.39    0.00 left 729.24"
    )


def test_the_waterfall_of_the_worked_example_at_forty_days(desk):
    """Mechanics 3.6 without the cap: bill 1 is 40 days late, bill 2 ten; 900.00 comes in."""
    desk.open(date(2026, 1, 15))
    loan = desk.disburse(terms=terms(penalty=PenaltyRule(rate_cap=None)))
    desk.until(date(2026, 3, 27))
    desk.pay(loan, "900.00")
    assert (
        desk.schedule(loan).splitlines()[1:3]
        == table(
            """
         1 2026-02-15     920.16    180.00    27.60    900.00    0.00 left 227.76
         2 2026-03-15     933.96    166.20     8.41      0.00    0.00 left 1108.57
        """
        ).splitlines()
    )
    paid = Transfer.objects.filter(loan_id=loan, kind="payment").order_by("component")
    assert [(line.component, line.amount) for line in paid] == [
        ("interest", D("180.00")),
        ("penalty", D("27.60")),
        ("principal", D("692.40")),
    ]


# too much


@pytest.mark.parametrize(
    ("rule", "tail", "suspense", "morning_after"),
    [
        (
            "suspense",
            """
             4 2026-10-18     962.19    137.97     0.00      0.00    0.00 left 1100.16
             5 2026-11-18     976.62    123.54     0.00      0.00    0.00 left 1100.16
             6 2026-12-18     991.27    108.89     0.00      0.00    0.00 left 1100.16
             7 2027-01-18    1006.14     94.02     0.00      0.00    0.00 left 1100.16
             8 2027-02-18    1021.23     78.93     0.00      0.00    0.00 left 1100.16
             9 2027-03-18    1036.55     63.61     0.00      0.00    0.00 left 1100.16
            10 2027-04-18    1052.10     48.06     0.00      0.00    0.00 left 1100.16
            11 2027-05-18    1067.88     32.28     0.00      0.00    0.00 left 1100.16
            12 2027-06-18    1083.93     16.26     0.00      0.00    0.00 left 1100.19
            """,
            "5000.00",
            "M0",
        ),
        (
            "next_installment",
            """
             4 2026-10-18     962.19    137.97     0.00   1100.16    0.00 paid 2026-09-30
             5 2026-11-18     976.62    123.54     0.00   1100.16    0.00 paid 2026-09-30
             6 2026-12-18     991.27    108.89     0.00   1100.16    0.00 paid 2026-09-30
             7 2027-01-18    1006.14     94.02     0.00   1100.16    0.00 paid 2026-09-30
             8 2027-02-18    1021.23     78.93     0.00    599.36    0.00 left 500.80
             9 2027-03-18    1036.55     63.61     0.00      0.00    0.00 left 1100.16
            10 2027-04-18    1052.10     48.06     0.00      0.00    0.00 left 1100.16
            11 2027-05-18    1067.88     32.28     0.00      0.00    0.00 left 1100.16
            12 2027-06-18    1083.93     16.26     0.00      0.00    0.00 left 1100.19
            """,
            "0.00",
            "M0",
        ),
        (
            "last_installment",
            """
             4 2026-10-18     962.19    137.97     0.00      0.00    0.00 left 1100.16
             5 2026-11-18     976.62    123.54     0.00      0.00    0.00 left 1100.16
             6 2026-12-18     991.27    108.89     0.00      0.00    0.00 left 1100.16
             7 2027-01-18    1006.14     94.02     0.00      0.00    0.00 left 1100.16
             8 2027-02-18    1021.23     78.93     0.00    599.33    0.00 left 500.83
             9 2027-03-18    1036.55     63.61     0.00   1100.16    0.00 paid 2026-09-30
            10 2027-04-18    1052.10     48.06     0.00   1100.16    0.00 paid 2026-09-30
            11 2027-05-18    1067.88     32.28     0.00   1100.16    0.00 paid 2026-09-30
            12 2027-06-18    1083.93     16.26     0.00   1100.19    0.00 paid 2026-09-30
            """,
            "0.00",
            "M1",
        ),
        (
            "reduce_installment",
            """
             4 2026-09-30    4944.81     55.19     0.00   5000.00    0.00 paid 2026-09-30
             5 2026-10-18     467.43     38.28     0.00      0.00    0.00 left 505.71
             6 2026-11-18     448.92     56.79     0.00      0.00    0.00 left 505.71
             7 2026-12-18     455.66     50.05     0.00      0.00    0.00 left 505.71
             8 2027-01-18     462.49     43.22     0.00      0.00    0.00 left 505.71
             9 2027-02-18     469.43     36.28     0.00      0.00    0.00 left 505.71
            10 2027-03-18     476.47     29.24     0.00      0.00    0.00 left 505.71
            11 2027-04-18     483.62     22.09     0.00      0.00    0.00 left 505.71
            12 2027-05-18     490.87     14.84     0.00      0.00    0.00 left 505.71
            13 2027-06-18     498.21      7.47     0.00      0.00    0.00 left 505.68
            """,
            "0.00",
            "M1",
        ),
        (
            "shorten_term",
            """
             4 2026-09-30    4944.81     55.19     0.00   5000.00    0.00 paid 2026-09-30
             5 2026-10-18    1061.88     38.28     0.00      0.00    0.00 left 1100.16
             6 2026-11-18    1052.29     47.87     0.00      0.00    0.00 left 1100.16
             7 2026-12-18    1068.08     32.08     0.00      0.00    0.00 left 1100.16
             8 2027-01-18    1070.85     16.06     0.00      0.00    0.00 left 1086.91
            """,
            "0.00",
            "M1",
        ),
    ],
)
def test_money_beyond_what_is_due_goes_where_the_borrower_wants_it(
    desk, after_three, rule, tail, suspense, morning_after
):
    desk.until(date(2026, 9, 30))
    desk.pay(after_three, "5000.00", surplus=rule)
    assert desk.schedule(after_three).splitlines()[4:] == table(tail).splitlines()
    assert desk.loan(after_three).suspense == D(suspense)
    desk.until(date(2026, 10, 19))
    assert desk.loan(after_three).bucket == morning_after


def test_what_is_held_pays_the_bills_as_they_fall_due(desk, after_three):
    desk.until(date(2026, 9, 30))
    desk.pay(after_three, "3000.00", surplus="suspense")
    desk.until(date(2026, 12, 19))
    assert (
        desk.schedule(after_three).splitlines()[4:7]
        == table(
            """
         4 2026-10-18     962.19    137.97     0.00   1100.16    0.00 paid 2026-10-18
         5 2026-11-18     976.62    123.54     0.00   1100.16    0.00 paid 2026-11-18
         6 2026-12-18     991.27    108.89     0.00    799.68    0.00 left 300.48
        """
        ).splitlines()
    )
    assert desk.moves(after_three) == ["2026-12-19 M0 M1 aging"]
    assert desk.loan(after_three).suspense == D("0.00")


# settled early


def test_settled_early_for_9345_08(desk, after_three):
    desk.until(date(2026, 9, 30))
    quote = desk.quote(after_three)
    assert (quote.principal, quote.interest_accrued, quote.early_fee, quote.total) == (
        D("9197.91"),
        D("55.19"),
        D("91.98"),
        D("9345.08"),
    )
    desk.pay_off(after_three, "9345.08")
    assert desk.schedule(after_three) == table(
        """
        no due         principal  interest  penalty      paid  waived state
         1 2026-07-18     920.16    180.00     0.00   1100.16    0.00 paid 2026-07-18
         2 2026-08-18     933.96    166.20     0.00   1100.16    0.00 paid 2026-08-18
         3 2026-09-18     947.97    152.19     0.00   1100.16    0.00 paid 2026-09-18
         4 2026-09-30    9197.91     55.19     0.00   9345.08    0.00 paid 2026-09-30
        """
    )
    assert (desk.loan(after_three).status, desk.loan(after_three).schedule_version) == ("closed", 2)
    desk.until(date(2026, 11, 1))
    assert desk.moves(after_three) == []


def test_the_quote_of_yesterday_does_not_settle_today(desk, after_three):
    desk.until(date(2026, 9, 30))
    desk.until(date(2026, 10, 1))
    assert desk.quote(after_three).total == D("9349.68")  # one more day of interest


# waived


def test_penalty_is_waived_by_who_may_and_asked_for_by_who_may_not(desk, after_three):
    desk.until(date(2026, 11, 22))
    asked = desk.waive(after_three, actor=AGENT, interest="100.00")
    assert isinstance(asked, Asked)
    assert desk.schedule(after_three).splitlines()[4].endswith("0.00    0.00 left 1108.50")
    approvals.approve(approval_id=asked.approval_id, actor=ADMIN, note="agreed")
    assert Approval.objects.get(pk=asked.approval_id).state == "approved"
    desk.waive(after_three, penalty="22.45")
    assert (
        desk.schedule(after_three).splitlines()[4:6]
        == table(
            """
         4 2026-10-18     962.19    137.97    22.45      0.00  122.45 left 1000.16
         5 2026-11-18     976.62    123.54     2.60      0.00    0.00 left 1102.76
        """
        ).splitlines()
    )
    desk.pay(after_three, "2102.92")
    assert desk.loan(after_three).bucket == "M0"
