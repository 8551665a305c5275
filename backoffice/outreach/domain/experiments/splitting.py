"""Is the split sound: do the arms hold as many units as their shares say?

A split that is off by more than chance means that somebody fell out of an arm after the assignment, or was counted
twice. Then the arms are not alike, and no difference between them may be read as an effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from backoffice.outreach.domain.experiments.distributions import beyond_chi_square, kept

ALARM: Final = Decimal("0.001")
"""A split as uneven as this by chance alone, once in a thousand sound experiments, is taken for unsound."""


@dataclass(frozen=True, slots=True)
class ArmCount:
    """One arm: how many units it holds and how many its share would give it."""

    arm: str
    units: int
    expected: Decimal


@dataclass(frozen=True, slots=True)
class SplitCheck:
    """The sample-ratio check: chi-square over the arms, and how often chance alone is as uneven."""

    arms: tuple[ArmCount, ...]
    statistic: Decimal
    p_value: Decimal

    @property
    def is_sound(self) -> bool:
        """Whether the arms may be compared."""
        return self.p_value >= ALARM


def check_split(*, units: Mapping[str, int], shares: Mapping[str, Decimal]) -> SplitCheck:
    """Compares the units of each arm with its share of all of them; without units the split is sound."""
    total = sum(units.values())
    arms = tuple(ArmCount(arm, units.get(arm, 0), share * total) for arm, share in shares.items())
    if not total or len(arms) < 2:
        return SplitCheck(arms, Decimal(0), Decimal(1))
    statistic = float(sum((one.units - one.expected) ** 2 / one.expected for one in arms))
    return SplitCheck(arms, kept(statistic), kept(beyond_chi_square(statistic=statistic, freedom=len(arms) - 1)))
