"""How many units an experiment needs, before it starts."""

from dataclasses import dataclass
from decimal import Decimal
from math import ceil, sqrt
from typing import Final

from backoffice.outreach.domain.experiments.distributions import normal_quantile

ALPHA: Final = Decimal("0.05")
POWER: Final = Decimal("0.8")
LARGEST: Final = 10**9
"""Sizes beyond this are no plan any more."""


class SizeNotPossible(ValueError):
    """Numbers no size can be worked out from; `field` names the one at fault."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Size:
    """Units per group, and in all of `groups` of them."""

    per_group: int
    groups: int

    @property
    def total(self) -> int:
        """Units of all groups together."""
        return self.per_group * self.groups


def size_for_shares(
    *, base: Decimal, target: Decimal, alpha: Decimal = ALPHA, power: Decimal = POWER, groups: int = 2
) -> Size:
    """Units per group to tell `target` from `base`, both fractions of one, by a two-sided test of two shares.

    The usual formula with the pooled share under no difference and the shares' own spread under the difference: from
    2.0 % to 2.4 % at 5 % and 80 % power it takes 21,109 (features.md, orthogonal design). Raises SizeNotPossible.
    """
    _check(alpha, power)
    for field, share in (("base", base), ("target", target)):
        if not 0 <= share <= 1:
            msg = "a share lies between 0 and 1"
            raise SizeNotPossible(msg, field=field)
    if base == target:
        msg = "the two shares are the same"
        raise SizeNotPossible(msg, field="target")
    first, second = float(base), float(target)
    middle = (first + second) / 2
    reach = _z(1 - float(alpha) / 2) * sqrt(2 * middle * (1 - middle))
    reach += _z(float(power)) * sqrt(first * (1 - first) + second * (1 - second))
    return _size(reach**2 / (second - first) ** 2, groups)


def size_for_means(
    *, difference: Decimal, deviation: Decimal, alpha: Decimal = ALPHA, power: Decimal = POWER, groups: int = 2
) -> Size:
    """Units per group to find a `difference` of means where units spread by `deviation`, both in the metric's unit.

    Raises SizeNotPossible.
    """
    _check(alpha, power)
    if not difference:
        msg = "the difference is nought"
        raise SizeNotPossible(msg, field="difference")
    if deviation <= 0:
        msg = "the standard deviation is above nought"
        raise SizeNotPossible(msg, field="deviation")
    reach = _z(1 - float(alpha) / 2) + _z(float(power))
    return _size(2 * (reach * float(deviation) / float(difference)) ** 2, groups)


def size_of_screening(*, per_level: int, rows: int, levels: int) -> Size:
    """Units per cell of an orthogonal plan where each level of a factor needs `per_level`: its rows share them."""
    cells_of_a_level = rows // levels
    return Size(per_group=ceil(per_level / cells_of_a_level), groups=rows)


def _z(probability: float) -> float:
    return normal_quantile(probability=probability)


def _size(units: float, groups: int) -> Size:
    if units > LARGEST:
        msg = "the difference is too small to be found"
        raise SizeNotPossible(msg, field="target")
    return Size(per_group=max(2, ceil(units)), groups=groups)


def _check(alpha: Decimal, power: Decimal) -> None:
    if not 0 < alpha < 1:
        msg = "alpha lies between 0 and 1"
        raise SizeNotPossible(msg, field="alpha")
    if not alpha < power < 1:
        msg = "the power lies between alpha and 1"
        raise SizeNotPossible(msg, field="power")
