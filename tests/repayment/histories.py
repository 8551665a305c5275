"""Random terms and random lives of a loan: what is done, how many days later, and how far back it is dated."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hypothesis import strategies as st

from backoffice.repayment.domain.terms import (
    M_BANDS,
    AllocationRule,
    Band,
    FeeRule,
    Grace,
    PenaltyRule,
    PrepaymentRule,
    Terms,
    Tolerance,
)

ORDERS = (
    ("fee", "guarantee_fee", "penalty", "interest", "principal"),
    ("principal", "interest", "penalty", "fee", "guarantee_fee"),
)
FUTURES = ("suspense", "next_installment", "last_installment", "reduce_installment", "shorten_term")
# Narrow bands, so that short lives cross many of them.
NARROW = (Band("C", 0, 0), Band("B1", 1, 4), Band("B2", 5, 11), Band("B3", 12, 40), Band("B4", 41, None))

_hundredths = st.integers(0, 100).map(lambda n: Decimal(n).scaleb(-2))


@st.composite
def any_terms(draw: st.DrawFn) -> Terms:
    """Terms over all rules the engine reads, with few and short periods so that much happens soon."""
    unit, every = draw(st.sampled_from([("month", 1), ("week", 1), ("week", 2), ("day", 10)]))
    return Terms(
        currency=draw(st.sampled_from(["CNY", "CNY", "CNY", "UGX"])),
        method=draw(
            st.sampled_from(["equal_installment", "equal_principal", "interest_only", "flat", "single_payment"])
        ),
        annual_rate=draw(st.sampled_from([Decimal("0"), Decimal("0.18"), Decimal("0.18"), Decimal("1.50")])),
        periods=draw(st.integers(1, 5)),
        day_count=draw(st.sampled_from(["monthly", "act/360"])),
        every=every,
        unit=unit,  # type: ignore[arg-type]
        fees=draw(
            st.sampled_from(
                [
                    (),
                    (
                        FeeRule("service", "fee", "lender", "per_period_fixed", Decimal("5")),
                        FeeRule("guarantee", "guarantee_fee", "guarantor", "per_period_of_balance", Decimal("0.005")),
                    ),
                ]
            )
        ),
        grace=draw(st.sampled_from([Grace(), Grace(3, "waive"), Grace(3, "shift")])),
        penalty=PenaltyRule(
            base=draw(st.sampled_from(["principal", "principal_and_interest"])),
            uplift=Decimal("0.50"),
            rate_cap=draw(st.sampled_from([Decimal("0"), Decimal("0.24"), None])),
            compounding=draw(st.sampled_from(["none", "monthly"])),
        ),
        allocation=AllocationRule(
            order=draw(st.sampled_from(ORDERS)),
            mode=draw(st.sampled_from(["vertical", "horizontal"])),
            principal_first_after_dpd=draw(st.sampled_from([None, 20])),
            future=draw(st.sampled_from(FUTURES)),
        ),
        prepayment=draw(
            st.sampled_from(
                [
                    PrepaymentRule(),
                    PrepaymentRule("percent", Decimal("0.01")),
                    PrepaymentRule("days_interest", Decimal("30"), fee_cap=Decimal("20")),
                    PrepaymentRule("fixed", Decimal("7")),
                ]
            )
        ),
        tolerance=draw(
            st.sampled_from(
                [
                    Tolerance(),
                    Tolerance(days=2),
                    Tolerance(floor=Decimal("5")),
                    Tolerance(2, Decimal(1), Decimal("0.05")),
                ]
            )
        ),
        bands=draw(st.sampled_from([M_BANDS, NARROW])),
    )


@dataclass(frozen=True, slots=True)
class Step:
    """Wait some days, then do something dated some days back. `share` of what is owed, `pick` chooses among choices."""

    wait: int
    action: str
    back: int
    share: Decimal
    pick: int


ACTIONS = (
    *("payment",) * 6,
    "surplus",
    "surplus",
    "waiver",
    "refund",
    "payoff",
    "reversal",
    "reversal",
    "write_off",
    "charge_off",
    "creditor_change",
    "hold",
    "nothing",
)

steps = st.lists(
    st.builds(
        Step,
        wait=st.sampled_from([0, 0, 1, 2, 5, 9, 14, 31]),
        action=st.sampled_from(ACTIONS),
        back=st.sampled_from([0, 0, 0, 1, 2, 6, 20, 45]),
        share=_hundredths,
        pick=st.integers(0, 7),
    ),
    min_size=1,
    max_size=9,
)
principals = st.integers(1, 40).map(lambda n: Decimal(n * 50))
disbursements = st.sampled_from([date(2026, 1, 15), date(2026, 1, 31), date(2026, 2, 20), date(2025, 12, 29)])
