"""Which bill and which part of it a payment pays: the worked example of mechanics 3.6 and its laws."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.repayment.domain.allocation import allocate, bills_in_reach
from backoffice.repayment.domain.components import COMPONENTS
from backoffice.repayment.domain.terms import AllocationRule
from tests.repayment.cases import D, bill

BY_THE_TERMS = AllocationRule()


@pytest.fixture
def two_bills():
    return [
        bill(1, date(2026, 2, 15), penalty="27.60", interest="180.00", principal="920.16"),
        bill(2, date(2026, 3, 17), penalty="7.00", interest="166.20", principal="933.96"),
    ]


def shares(bills, rule, *, amount="900.00", dpd=40):
    return [
        (share.bill.number, share.component, share.amount)
        for share in allocate(amount=D(amount), bills=bills, rule=rule, dpd=dpd)
    ]


def test_vertical_finishes_the_oldest_bill_before_the_next(two_bills):
    assert shares(two_bills, BY_THE_TERMS) == [
        (1, "penalty", D("27.60")),
        (1, "interest", D("180.00")),
        (1, "principal", D("692.40")),
    ]


def test_horizontal_finishes_a_component_over_all_bills_before_the_next(two_bills):
    assert shares(two_bills, replace(BY_THE_TERMS, mode="horizontal")) == [
        (1, "penalty", D("27.60")),
        (2, "penalty", D("7.00")),
        (1, "interest", D("180.00")),
        (2, "interest", D("166.20")),
        (1, "principal", D("519.20")),
    ]


def test_beyond_ninety_days_principal_comes_first(two_bills):
    assert shares(two_bills, BY_THE_TERMS, dpd=91) == [(1, "principal", D("900.00"))]


def test_on_the_ninetieth_day_the_usual_order_still_holds(two_bills):
    assert shares(two_bills, BY_THE_TERMS, dpd=90) == shares(two_bills, BY_THE_TERMS, dpd=40)


def test_principal_first_takes_the_principal_of_every_bill_and_then_the_rest_bill_by_bill(two_bills):
    assert shares(two_bills, BY_THE_TERMS, amount="2000.00", dpd=91) == [
        (1, "principal", D("920.16")),
        (2, "principal", D("933.96")),
        (1, "penalty", D("27.60")),
        (1, "interest", D("118.28")),
    ]


def test_principal_first_can_be_switched_off(two_bills):
    rule = replace(BY_THE_TERMS, principal_first_after_dpd=None)
    assert shares(two_bills, rule, dpd=400) == shares(two_bills, BY_THE_TERMS, dpd=40)


def test_fees_come_before_penalty_interest_and_principal_unless_the_terms_say_otherwise():
    one = [
        bill(1, date(2026, 2, 15), principal="5.00", interest="4.00", penalty="3.00", guarantee_fee="2.00", fee="1.00")
    ]
    assert shares(one, BY_THE_TERMS, amount="15.00") == [
        (1, "fee", D("1.00")),
        (1, "guarantee_fee", D("2.00")),
        (1, "penalty", D("3.00")),
        (1, "interest", D("4.00")),
        (1, "principal", D("5.00")),
    ]


def test_gives_nothing_to_what_is_paid_or_waived():
    partly = bill(1, date(2026, 2, 15), interest="180.00", principal="920.16")
    partly.paid["interest"] = D("100.00")
    partly.waived["interest"] = D("80.00")
    assert shares([partly], BY_THE_TERMS, amount="10.00") == [(1, "principal", D("10.00"))]


def test_reaches_bills_due_on_the_day_and_no_further():
    bills = [bill(number, date(2026, number, 15), principal="1.00") for number in (2, 3, 4)]
    assert [each.number for each in bills_in_reach(bills=bills, as_of=date(2026, 3, 15))] == [2, 3]
    assert [each.number for each in bills_in_reach(bills=bills, as_of=date(2026, 3, 14))] == [2]


amounts = st.integers(0, 500_00).map(lambda cents: Decimal(cents).scaleb(-2))


@st.composite
def any_bills(draw):
    bills = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        fresh = bill(number, date(2026, number, 15))
        for component in COMPONENTS:
            charged = draw(amounts)
            fresh.charged[component] = charged
            fresh.paid[component] = (charged * draw(st.integers(0, 4)) / 4).quantize(D("0.01"), rounding="ROUND_DOWN")
        bills.append(fresh)
    return bills


rules = st.builds(
    AllocationRule,
    order=st.sampled_from(list(permutations(COMPONENTS))),
    mode=st.sampled_from(["vertical", "horizontal"]),
    principal_first_after_dpd=st.sampled_from([None, 0, 90]),
)


@given(amount=amounts.filter(bool), bills=any_bills(), rule=rules, dpd=st.sampled_from([0, 1, 90, 91]))
def test_the_shares_sum_to_the_payment_or_to_all_that_is_owed(amount, bills, rule, dpd):
    parts = allocate(amount=amount, bills=bills, rule=rule, dpd=dpd)
    owed = sum((each.remaining_total() for each in bills), Decimal(0))
    assert sum((part.amount for part in parts), Decimal(0)) == min(amount, owed)
    assert all(0 < part.amount <= part.bill.remaining(part.component) for part in parts)
    places = [(part.bill.number, part.component) for part in parts]
    assert len(places) == len(set(places))


@given(amount=amounts.filter(bool), bills=any_bills(), rule=rules, dpd=st.sampled_from([0, 91]))
def test_all_but_the_last_share_is_paid_in_full(amount, bills, rule, dpd):
    parts = allocate(amount=amount, bills=bills, rule=rule, dpd=dpd)
    assert all(part.amount == part.bill.remaining(part.component) for part in parts[:-1])
