"""How many 12-bill schedules a core builds in a second: exact to the cent, dated, of mixed products and payout days."""

import time
from datetime import date, timedelta
from decimal import Decimal

from backoffice.repayment.domain.bulk_schedule import BulkLoan, build_many
from backoffice.repayment.domain.terms import DayCount, Terms

PRODUCTS: tuple[tuple[str, DayCount], ...] = (
    ("0.18", "monthly"),
    ("0.2399", "act/365"),
    ("0.36", "act/360"),
    ("0.10", "30/360"),
)
FIRST_DAY = date(2022, 1, 1)


def measure(*, loans: int = 100_000, own_rates: bool = False) -> tuple[int, float]:
    """Schedules built and seconds taken: four products, payouts over four years of days, principals all different.

    With `own_rates` every loan has a rate and terms of its own, so that nothing but the calendar can be shared.
    """
    products = tuple(_product(rate, day_count) for rate, day_count in PRODUCTS)
    asked = [
        BulkLoan(
            terms=_product(f"0.{1000 + number % 3000}", PRODUCTS[number % 4][1]) if own_rates else products[number % 4],
            principal=100_000 + number * 7919 % 4_900_000,
            disbursed_on=FIRST_DAY + timedelta(days=number * 31 % 1461),
        )
        for number in range(loans)
    ]
    started = time.perf_counter()
    built = build_many(asked)
    return len(built), time.perf_counter() - started


def _product(rate: str, day_count: DayCount) -> Terms:
    return Terms(currency="CNY", method="equal_installment", annual_rate=Decimal(rate), periods=12, day_count=day_count)
