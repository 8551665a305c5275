"""What loans cost a year: the golden figures of mechanics 3.3, the cap's verdict, agreement with an outside library."""

from datetime import date
from decimal import Decimal, localcontext
from typing import Any

import pytest
import pyxirr
from hypothesis import given
from hypothesis import strategies as st

from backoffice.repayment.domain.quote import Quote, make_quote, quote_to_json
from backoffice.repayment.domain.terms import CostCap
from backoffice.repayment.domain.terms_form import quote_from_json
from backoffice.repayment.domain.yearly_cost import NothingPaidOut, YearlyCost, judge, rate_per_step

ASKED: dict[str, Any] = {
    "principal": "12000.00",
    "currency": "CNY",
    "disbursed_on": "2026-01-15",
    "method": "equal_installment",
    "annual_rate": "0.24",
    "periods": 12,
}


def quote(**changes: Any) -> Quote:
    return make_quote(quote_from_json(ASKED | changes))


def guarantee(share: str) -> list[dict[str, str]]:
    return [
        {
            "code": "guarantee",
            "component": "guarantee_fee",
            "payee": "guarantor",
            "way": "per_period_of_principal",
            "amount": share,
        }
    ]


def percent(rate: Decimal) -> str:
    return f"{rate * 100:.2f}"


def test_24_percent_by_three_conventions() -> None:
    cost = quote().cost
    assert [percent(rate) for rate in (cost.apr_irr, cost.ear, cost.xirr)] == ["24.00", "26.82", "26.95"]
    assert cost.irr_period * 12 == pytest.approx(cost.apr_irr, abs=Decimal("1e-7"))


@pytest.mark.parametrize(
    ("changes", "apr", "verdict"),
    [
        ({"method": "flat", "annual_rate": "0.12"}, "21.46", "within"),
        ({"method": "flat", "annual_rate": "0.144"}, "25.60", "above"),
        ({"annual_rate": "0.12", "fees": guarantee("0.005")}, "22.53", "within"),
        ({"annual_rate": "0.12", "fees": guarantee("0.006")}, "24.60", "above"),
        (
            {"annual_rate": "0.22", "fees": [{"code": "membership", "way": "upfront_deducted", "amount": "199"}]},
            "25.26",
            "above",
        ),
        ({"annual_rate": "0"}, "0.00", "within"),
        ({"unit": "week", "day_count": "act/365", "annual_rate": "0.2397"}, "23.90", "within"),
        ({"unit": "day", "day_count": "act/365", "annual_rate": "0.2397"}, "23.97", "within"),
        ({"every": 3, "periods": 4}, "24.00", "within"),
        ({"method": "single_payment"}, "21.71", "within"),
    ],
)
def test_the_cap_is_tested_on_all_that_is_charged(changes: dict[str, Any], apr: str, verdict: str) -> None:
    found = quote(**changes)
    assert percent(found.cost.apr_irr) == apr
    assert found.cap.verdict == verdict


def test_flat_one_percent_compounds_to_23_70() -> None:
    assert percent(quote(method="flat", annual_rate="0.12").cost.ear) == "23.70"


def test_a_rounding_of_the_bills_is_not_a_breach_of_the_cap() -> None:
    cost = quote().cost
    assert cost.apr_irr == Decimal("0.24000192")
    assert judge(cost=cost, cap=CostCap()).value == Decimal("0.2400")
    assert judge(cost=cost, cap=CostCap()).verdict == "within"
    over = YearlyCost(irr_period=Decimal(0), apr_irr=Decimal("0.24005"), ear=Decimal(0), xirr=Decimal(0))
    assert judge(cost=over, cap=CostCap()).verdict == "above"


def test_the_convention_decides() -> None:
    assert quote(cost_cap={"formula": "ear"}).cap.verdict == "above"
    assert quote(cost_cap={"rate": None}).cap.verdict == "no_cap"


def test_refuses_fees_that_leave_nothing() -> None:
    with pytest.raises(NothingPaidOut) as refused:
        quote(fees=[{"code": "all", "way": "upfront_deducted", "amount": "12000"}])
    assert list(refused.value.fields) == ["fees"]


def test_an_absurd_loan_of_a_day_still_has_a_rate() -> None:
    found = quote(
        unit="day", periods=1, annual_rate="0", fees=[{"code": "x", "way": "upfront_deducted", "amount": "6000"}]
    )
    assert found.cost.irr_period == 1
    assert found.cost.apr_irr == 365
    assert found.cost.ear == pytest.approx(Decimal(2**365), rel=Decimal("1e-20"))


flows = st.lists(st.integers(0, 10**8), min_size=1, max_size=60).filter(lambda amounts: sum(amounts) > 0)


@given(flows, st.integers(1, 99))
def test_the_rate_makes_what_is_paid_worth_what_was_received(cents: list[int], percentage: int) -> None:
    """To 20 decimals either side: the value of what is paid passes what was received between them."""
    paid = [(number, Decimal(amount).scaleb(-2)) for number, amount in enumerate(cents, start=1)]
    received = sum(amount for _, amount in paid) * percentage / 100
    with localcontext() as context:
        context.prec = 60
        rate = rate_per_step(received=received, paid=paid)
        low, high = (
            sum(amount / (1 + rate + nudge) ** step for step, amount in paid)
            for nudge in (Decimal("1e-20"), Decimal("-1e-20"))
        )
    assert low < received < high


@given(st.integers(0, 60), st.integers(1, 36), st.integers(0, 500), st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_an_outside_library_finds_the_same_rates(rate: int, periods: int, fee: int, paid_out: date) -> None:
    found = quote(
        annual_rate=str(Decimal(rate).scaleb(-2)),
        periods=periods,
        disbursed_on=paid_out.isoformat(),
        fees=[{"code": "fee", "way": "upfront_deducted", "amount": str(fee)}],
    )
    amounts = [-float(found.net_disbursed), *(float(row.total) for row in found.rows)]
    dates = [paid_out, *(row.due_date for row in found.rows)]
    assert float(found.cost.irr_period) == pytest.approx(pyxirr.irr(amounts), abs=2e-8)
    assert float(found.cost.xirr) == pytest.approx(pyxirr.xirr(dates, amounts), abs=2e-8)


def test_the_answer_has_the_columns_of_the_contract() -> None:
    answer = quote_to_json(quote(fees=[{"code": "m", "way": "upfront_deducted", "amount": "199"}], annual_rate="0.22"))
    assert list(answer) == ["currency", "rows", "totals", "apr_irr", "ear", "xirr", "cost_cap"]
    assert answer["rows"][0] == {
        "number": 1,
        "due_date": "2026-02-15",
        "days": 31,
        "principal": "903.13",
        "interest": "220.00",
        "fees": "0.00",
        "total": "1123.13",
        "balance": "11096.87",
    }
    assert answer["totals"] == {
        "principal": "12000.00",
        "interest": "1477.60",
        "fees": "0.00",
        "total": "13477.60",
        "upfront_fees": "199.00",
        "net_disbursed": "11801.00",
    }
    assert (answer["apr_irr"], answer["ear"], answer["xirr"]) == ("0.25264686", "0.28405624", "0.28542746")
    assert answer["cost_cap"] == {
        "regime": "cn_24",
        "rate": "0.24",
        "formula": "apr_irr",
        "value": "0.2526",
        "verdict": "above",
    }


def test_a_currency_without_cents_is_answered_without_them() -> None:
    answer = quote_to_json(quote(currency="UGX", principal="100000"))
    assert answer["totals"]["principal"] == "100000"
    assert answer["cost_cap"]["rate"] is None
    assert answer["cost_cap"]["verdict"] == "no_cap"
