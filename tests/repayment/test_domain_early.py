"""Paying before the due date: what a payoff and a prepayment make of the bills ahead. mechanics 3.5."""

from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.repayment.domain import early
from backoffice.repayment.domain.admission import payoff_of
from backoffice.repayment.domain.bills import copy_of
from backoffice.repayment.domain.operations import Operation
from backoffice.repayment.domain.penalty import charge, uncharged
from backoffice.repayment.domain.terms import FeeRule, PrepaymentRule
from tests.repayment.cases import D, lived, loan, owed, page_loan, payment, row, terms

DAY_TWELVE = date(2026, 9, 30)  # twelve days after bill 3 of the drawn loan
PERCENT = PrepaymentRule(fee="percent", value=D("0.01"))


def table(state):
    return [
        (bill.number, bill.due_date, bill.charged["principal"], bill.charged["interest"], bill.from_version)
        for bill in state.bills
    ]


# the fee


@pytest.mark.parametrize(
    ("rule", "fee"),
    [
        (PrepaymentRule(), "0.00"),
        (PERCENT, "91.98"),
        (PrepaymentRule(fee="percent", value=D("0.01"), fee_cap=D("50.00")), "50.00"),
        (PrepaymentRule(fee="days_interest", value=D("30")), "137.97"),
        (PrepaymentRule(fee="fixed", value=D("25.00")), "25.00"),
    ],
)
def test_the_early_fee_follows_the_rule_of_the_terms(rule, fee):
    state = page_loan(terms=terms(prepayment=rule))
    assert early.fee_ahead(state, at=DAY_TWELVE) == D(fee)


def test_there_is_no_early_fee_when_nothing_lies_ahead():
    state = loan(terms=terms(prepayment=PERCENT), principal="100.00", rows=[row(1, date(2026, 2, 15), "100.00")])
    assert early.fee_ahead(state, at=date(2026, 2, 15)) == D("0.00")
    assert early.fee_ahead(state, at=date(2026, 2, 14)) == D("1.00")


# interest earned so far


@pytest.mark.parametrize(
    ("on", "earned"),
    [
        (date(2026, 9, 18), "0.00"),  # the due day itself
        (date(2026, 9, 19), "4.60"),
        (DAY_TWELVE, "55.19"),
        (date(2026, 10, 17), "133.37"),  # 29 days
    ],
)
def test_interest_is_earned_by_the_day_since_the_last_due_date(on, earned):
    assert early.accrued_ahead(page_loan(), at=on) == D(earned)


def test_interest_already_paid_ahead_is_taken_off():
    state = page_loan()
    lived(state, payment("30.00", DAY_TWELVE, key=20, surplus="next_installment"), through=DAY_TWELVE)
    assert early.accrued_ahead(state, at=DAY_TWELVE) == D("25.19")


def test_flat_interest_is_earned_evenly_and_what_lies_ahead_is_not_asked():
    flat = loan(terms=terms(method="flat", annual_rate=D("0.12")), disbursed_on=date(2026, 6, 18))
    lived(flat, payment("1120.00", date(2026, 7, 18)), through=date(2026, 7, 18))
    quote = payoff_of(flat, at=date(2026, 8, 2))  # 15 of the 31 days to 18 August
    assert (quote.principal, quote.interest_accrued) == (D("11000.00"), D("58.06"))


# payoff


def test_a_payoff_with_arrears_asks_for_what_is_due_and_what_is_ahead():
    state = page_loan(terms=terms(prepayment=PERCENT))
    lived(state, through=date(2026, 11, 21))
    quote = payoff_of(state, at=date(2026, 11, 22), uncharged_penalty=D("16.71"))
    assert quote.principal == D("9197.91")
    assert quote.interest_due == D("261.51")  # bills 4 and 5
    assert quote.interest_accrued == D("14.52")  # 4 days on 7,259.10
    assert quote.penalty == D("25.05")
    assert quote.early_fee == D("72.59")
    assert quote.total == D("9571.58")


def test_a_payoff_leaves_one_bill_for_today_and_remembers_the_others():
    state = page_loan()
    change = early.close_early(state, at=DAY_TWELVE)
    assert [(bill.number, bill.due_date, bill.to_version) for bill in state.superseded] == [
        (number, date(2026, 6 + number, 18) if number < 7 else date(2027, number - 6, 18), 2) for number in range(4, 13)
    ]
    assert table(state)[3:] == [(4, DAY_TWELVE, D("9197.91"), D("55.19"), 2)]
    assert change.differences == {
        "principal": D("0.00"),
        "interest": D("-648.37"),
        "fee": D("0.00"),
        "guarantee_fee": D("0.00"),
    }


def test_what_was_paid_ahead_goes_over_to_the_closing_bill():
    state = page_loan()
    lived(state, payment("500.00", DAY_TWELVE, key=20, surplus="next_installment"), through=DAY_TWELVE)
    early.close_early(state, at=DAY_TWELVE)
    closing = state.bills[3]
    # 137.97 of interest was paid for the whole month: it stays paid, and covers more than was earned.
    assert (closing.charged["interest"], closing.paid["interest"]) == (D("137.97"), D("137.97"))
    assert (closing.charged["principal"], closing.paid["principal"]) == (D("9197.91"), D("362.03"))


def test_nothing_ahead_means_nothing_to_reschedule():
    state = loan(principal="100.00", rows=[row(1, date(2026, 2, 15), "100.00")])
    assert early.close_early(state, at=date(2026, 2, 15)) is None
    assert state.version == 1


# prepayment


def level_table(*, balance, installment, rate, dates, since):
    """Level bills recomputed the slow way: 1/360 a day for the broken first month, 1/12 a month after it."""
    rows, left = [], balance
    for index, due in enumerate(dates):
        share = Decimal((due - since).days) / 360 if index == 0 else Decimal(1) / 12
        interest = (left * rate * share).quantize(D("0.01"), rounding=ROUND_HALF_UP)
        principal = left if index == len(dates) - 1 or left <= installment - interest else installment - interest
        rows.append((due, principal, interest))
        left -= principal
        if not left:
            break
    return rows


def test_reducing_the_installment_keeps_the_dates():
    state = page_loan()
    lived(state, payment("5000.00", DAY_TWELVE, key=20, surplus="reduce_installment"), through=DAY_TWELVE)
    rows = table(state)
    assert rows[3] == (4, DAY_TWELVE, D("4944.81"), D("55.19"), 2)
    assert [due for _, due, *_ in rows[4:]] == [date(2026, month, 18) for month in (10, 11, 12)] + [
        date(2027, month, 18) for month in range(1, 7)
    ]
    assert [number for number, *_ in rows] == list(range(1, 14))
    assert sum(principal for _, _, principal, *_ in rows[4:]) == D("4253.10")
    installment = rows[4][2] + rows[4][3]
    assert installment == D("505.71")  # 4,253.10 x 1.009 x 1.015^8 over the end value of nine payments
    assert [row[1:4] for row in rows[4:]] == level_table(
        balance=D("4253.10"),
        installment=installment,
        rate=D("0.18"),
        dates=[row[1] for row in rows[4:]],
        since=DAY_TWELVE,
    )
    assert state.bills[3].settled_on == DAY_TWELVE
    assert state.suspense == D("0.00")


def test_shortening_the_term_keeps_the_installment():
    state = page_loan()
    lived(state, payment("5000.00", DAY_TWELVE, key=20, surplus="shorten_term"), through=DAY_TWELVE)
    rows = table(state)[4:]
    assert [(number, due) for number, due, *_ in rows] == [
        (5, date(2026, 10, 18)),
        (6, date(2026, 11, 18)),
        (7, date(2026, 12, 18)),
        (8, date(2027, 1, 18)),
    ]
    assert [principal + interest for _, _, principal, interest, _ in rows[:-1]] == [D("1100.16")] * 3
    assert [row[1:4] for row in rows] == level_table(
        balance=D("4253.10"),
        installment=D("1100.16"),
        rate=D("0.18"),
        dates=[row[1] for row in rows],
        since=DAY_TWELVE,
    )


def test_a_prepayment_of_everything_ends_the_loan_without_the_early_fee():
    state = page_loan(terms=terms(prepayment=PERCENT))
    lived(state, payment("9253.10", DAY_TWELVE, key=20, surplus="shorten_term"), through=DAY_TWELVE)
    assert (state.status, state.suspense) == ("closed", D("0.00"))


def test_money_beyond_a_prepaid_loan_is_held():
    state = page_loan()
    lived(state, payment("9300.00", DAY_TWELVE, key=20, surplus="reduce_installment"), through=DAY_TWELVE)
    assert (state.status, state.suspense) == ("closed", D("46.90"))


def test_money_that_does_not_even_cover_the_interest_earned_waits_in_suspense():
    state = page_loan()
    lived(state, payment("55.19", DAY_TWELVE, key=20, surplus="shorten_term"), through=DAY_TWELVE)
    assert (state.version, state.suspense) == (1, D("55.19"))


def test_arrears_are_paid_before_anything_is_prepaid():
    state = page_loan()
    lived(
        state,
        payment("3000.00", date(2026, 11, 22), key=20, surplus="reduce_installment"),
        through=date(2026, 11, 22),
    )
    assert owed(state.bills[:5], "principal") == [D("0.00")] * 5
    prepaid = state.bills[5]
    assert (prepaid.due_date, prepaid.charged["principal"], prepaid.charged["interest"]) == (
        date(2026, 11, 22),
        D("760.11"),  # 3,000.00 less 2,225.37 due and 14.52 earned since 18 November
        D("14.52"),
    )


def test_a_second_prepayment_on_the_same_day_earns_no_second_interest():
    state = page_loan()
    lived(
        state,
        payment("1055.19", DAY_TWELVE, key=20, surplus="reduce_installment"),
        payment("1000.00", DAY_TWELVE, key=21, surplus="reduce_installment"),
        through=DAY_TWELVE,
    )
    assert [(bill.number, bill.charged["principal"], bill.charged["interest"]) for bill in state.bills[3:5]] == [
        (4, D("1000.00"), D("55.19")),
        (5, D("1000.00"), D("0.00")),
    ]
    assert state.version == 3
    assert sum(bill.charged["principal"] for bill in state.bills) == D("12000.00")


def test_a_bill_paid_ahead_stays_and_the_fresh_ones_count_around_it():
    state = page_loan()
    lived(
        state,
        payment("1100.16", DAY_TWELVE, key=20, surplus="next_installment"),  # settles bill 4, due in October
        payment("2000.00", DAY_TWELVE, key=21, surplus="reduce_installment"),
        through=DAY_TWELVE,
    )
    numbers = [bill.number for bill in state.bills]
    assert len(numbers) == len(set(numbers))
    paid_ahead = next(bill for bill in state.bills if bill.due_date == date(2026, 10, 18))
    assert (paid_ahead.number, paid_ahead.settled_on, paid_ahead.from_version) == (4, DAY_TWELVE, 1)
    assert sum(bill.charged["principal"] for bill in state.bills) == D("12000.00")


def test_up_front_fees_are_not_asked_twice_and_monthly_ones_go_on():
    fees = (
        FeeRule("opening", "fee", "lender", "upfront_billed", D("100")),
        FeeRule("guarantee", "guarantee_fee", "guarantor", "per_period_fixed", D("10")),
    )
    state = page_loan(terms=terms(fees=fees))
    lived(state, payment("5200.00", DAY_TWELVE, key=20, surplus="reduce_installment"), through=DAY_TWELVE)
    ahead = [bill for bill in state.bills if bill.due_date > DAY_TWELVE]
    assert len(ahead) == 9
    assert {(bill.charged["fee"], bill.charged["guarantee_fee"]) for bill in ahead} == {(D("0.00"), D("10.00"))}


# laws

methods = st.sampled_from(["equal_installment", "equal_principal", "interest_only", "flat", "single_payment"])
prepaid_days = st.integers(0, 400)
amounts = st.integers(1, 1_300_000).map(lambda cents: Decimal(cents).scaleb(-2))


@given(method=methods, days=prepaid_days, amount=amounts, rule=st.sampled_from(["reduce_installment", "shorten_term"]))
def test_a_prepayment_keeps_the_principal_and_uses_no_more_than_it_brings(method, days, amount, rule):
    on = date.fromordinal(date(2026, 1, 15).toordinal() + days)
    state = loan(terms=terms(method=method))
    journal = lived(state, payment(str(amount), on, surplus=rule), through=on)
    assert sum((bill.charged["principal"] for bill in state.bills), Decimal(0)) == D("12000.00")
    assert sum(line.amount for line in journal.lines if line.debit == "cash") == amount
    assert [bill.due_date for bill in state.bills] == sorted(bill.due_date for bill in state.bills)
    assert len({bill.number for bill in state.bills}) == len(state.bills)
    assert all(bill.remaining(part) >= 0 for bill in state.bills for part in bill.charged)


@given(
    method=methods,
    days=prepaid_days,
    paid=st.lists(amounts, max_size=3),
    fee=st.sampled_from(
        [PrepaymentRule(), PERCENT, PrepaymentRule(fee="fixed", value=D("9")), PrepaymentRule("days_interest", D("30"))]
    ),
)
def test_the_payoff_quoted_is_exactly_what_closes_the_loan(method, days, paid, fee):
    on = date.fromordinal(date(2026, 1, 15).toordinal() + days)
    state = loan(terms=replace(terms(method=method), prepayment=fee))
    earlier = [
        payment(str(amount), date(2026, 2 + index, 20), key=index)
        for index, amount in enumerate(paid)
        if date(2026, 2 + index, 20) <= on
    ]
    lived(state, *earlier, through=date.fromordinal(on.toordinal() - 1))
    if state.status == "closed":
        return
    grown = sum(uncharged(state, as_of=on).values(), Decimal(0))
    total = payoff_of(state, at=on, uncharged_penalty=grown).total
    charged = copy_of(state)
    charge(charged, at=on)
    assert payoff_of(charged, at=on).total == total
    lived(state, Operation(kind="payoff", value_date=on, key=99, amount=total), through=on)
    assert state.status == "closed"
    assert state.outstanding_principal() == D("0.00")
