"""The few distributions the tests need. From scipy.special, whose import is a third of that of scipy.stats."""

from decimal import Decimal
from statistics import NormalDist
from typing import Final

from scipy import special

_NORMAL: Final = NormalDist()
_KEPT: Final = Decimal("1E-10")


def normal_quantile(*, probability: float) -> float:
    """z below which a standard normal falls with the probability."""
    return _NORMAL.inv_cdf(probability)


def two_sided_normal(*, z: float) -> float:
    """How often a standard normal falls at least as far from zero as z."""
    return float(2 * special.ndtr(-abs(z)))


def two_sided_t(*, t: float, freedom: float) -> float:
    """How often Student's t with `freedom` degrees falls at least as far from zero as t."""
    return float(2 * special.stdtr(freedom, -abs(t)))


def t_quantile(*, probability: float, freedom: float) -> float:
    """t below which Student's t with `freedom` degrees falls with the probability."""
    return float(special.stdtrit(freedom, probability))


def beyond_chi_square(*, statistic: float, freedom: int) -> float:
    """How often chi-square with `freedom` degrees is larger than the statistic."""
    return float(special.chdtrc(freedom, statistic))


def kept(number: float) -> Decimal:
    """A result as it is shown and compared: ten decimals."""
    return Decimal(number).quantize(_KEPT)
