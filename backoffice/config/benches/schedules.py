"""How many 12-bill schedules a core builds in a second: exact to the cent, dated, of mixed products and payout days."""

from datetime import date, timedelta
from decimal import Decimal

from backoffice.config.benches.results import Row, median, seconds_of
from backoffice.core.collecting import without_collecting
from backoffice.repayment.domain.bulk_schedule import BulkLoan, build_many
from backoffice.repayment.domain.terms import DayCount, Terms

TARGET = 35_000
PRODUCTS: tuple[tuple[str, DayCount], ...] = (
    ("0.18", "monthly"),
    ("0.2399", "act/365"),
    ("0.36", "act/360"),
    ("0.10", "30/360"),
)
FIRST_DAY = date(2022, 1, 1)


def measure(*, loans: int = 100_000, repeats: int = 3) -> list[Row]:
    """Four products over four years of payout days, every principal its own; and with every rate its own as well.

    As bulk work runs: without the cycle collector.
    """
    return [
        _row("schedules", _asked(loans, own_rates=False), repeats, target=f">= {TARGET:,}/s on one core"),
        _row("schedules, each loan with a rate of its own", _asked(loans, own_rates=True), repeats, target=""),
    ]


def _row(name: str, asked: list[BulkLoan], repeats: int, *, target: str) -> Row:
    with without_collecting():
        seconds = median([seconds_of(lambda: build_many(asked)) for _ in range(repeats)])
    rate = len(asked) / seconds
    return Row(
        name=name,
        size=len(asked),
        seconds=seconds,
        rate=rate,
        target=target,
        met=rate >= TARGET if target else None,
    )


def _asked(loans: int, *, own_rates: bool) -> list[BulkLoan]:
    products = tuple(_product(rate, day_count) for rate, day_count in PRODUCTS)
    return [
        BulkLoan(
            terms=_product(f"0.{1000 + number % 3000}", PRODUCTS[number % 4][1]) if own_rates else products[number % 4],
            principal=100_000 + number * 7919 % 4_900_000,
            disbursed_on=FIRST_DAY + timedelta(days=number * 31 % 1461),
        )
        for number in range(loans)
    ]


def _product(rate: str, day_count: DayCount) -> Terms:
    return Terms(currency="CNY", method="equal_installment", annual_rate=Decimal(rate), periods=12, day_count=day_count)
