"""Money is Decimal at the currency's exponent; every rounding is written; every split is exact."""

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal

ROUNDINGS: dict[str, str] = {
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "up": ROUND_UP,
    "down": ROUND_DOWN,
}

# ISO 4217 minor-unit exponents of the currencies that are not quoted to two decimals.
CURRENCY_EXPONENTS: dict[str, int] = {"JPY": 0, "KRW": 0, "VND": 0, "UGX": 0, "CLP": 0, "XOF": 0, "XAF": 0}

ZERO = Decimal("0.00")
CENT = Decimal("0.01")


def exponent_of(currency: str) -> int:
    """Decimal places the currency is quoted to (2 unless ISO 4217 says otherwise)."""
    return CURRENCY_EXPONENTS.get(currency, 2)


def quantize(amount: Decimal, *, exponent: int = 2, rounding: str = ROUND_HALF_UP) -> Decimal:
    """`amount` rounded to `exponent` decimal places (major units), half up unless told otherwise."""
    return amount.quantize(Decimal(1).scaleb(-exponent), rounding=rounding)


def split(amount: Decimal, shares: Sequence[Decimal], *, unit: Decimal = CENT) -> list[Decimal]:
    """Divide `amount` by `shares` so that the parts sum to it exactly (largest remainder, first wins ties).

    Shapes: one part per share, same order. Units: `amount` a multiple of `unit` in major units.
    Raises ValueError for no shares, a negative share, or shares that sum to zero. Source: mechanics 3.7.
    """
    total_share = sum(shares, Decimal(0))
    if not shares or min(shares) < 0 or total_share <= 0:
        msg = "shares must be non-negative and sum to more than zero"
        raise ValueError(msg)
    units = int(amount / unit)
    exact = [units * share / total_share for share in shares]
    whole = [int(part.to_integral_value(rounding=ROUND_DOWN)) for part in exact]
    left = units - sum(whole)
    step = 1 if left >= 0 else -1
    by_remainder = sorted(range(len(shares)), key=lambda i: (-abs(exact[i] - whole[i]), i))
    for i in by_remainder[: abs(left)]:
        whole[i] += step
    return [part * unit for part in whole]
