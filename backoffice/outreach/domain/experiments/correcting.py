"""Several comparisons at once: Holm's correction, so that one of many is not found by chance."""

from collections.abc import Sequence
from decimal import Decimal


def holm(*, p_values: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """The p values of one family, corrected by Holm (1979), in the order given; compare them with alpha itself.

    The smallest counts as many times as there are comparisons, the next one time less, and none may come out smaller
    than one before it.
    """
    corrected = [Decimal(1)] * len(p_values)
    largest = Decimal(0)
    for rank, at in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        largest = max(largest, min(Decimal(1), p_values[at] * (len(p_values) - rank)))
        corrected[at] = largest
    return tuple(corrected)
