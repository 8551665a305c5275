"""Layers: experiments of one layer never share a unit, because each takes a slice of its own of everybody."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import pairwise

from backoffice.outreach.domain.assignment import assign, is_within

Slice = tuple[Decimal, Decimal]
"""`[start, end)` as fractions of one."""


def free_slice(*, taken: Iterable[Slice], share: Decimal) -> Slice | None:
    """The first slice of that width nobody has; None when no gap of the layer is wide enough."""
    at = Decimal(0)
    for start, end in sorted(taken):
        if start - at >= share:
            break
        at = max(at, end)
    return (at, at + share) if at + share <= 1 else None


def free_share(*, taken: Iterable[Slice]) -> Decimal:
    """The widest gap of the layer."""
    edges = [(Decimal(0), Decimal(0)), *sorted(taken), (Decimal(1), Decimal(1))]
    return max(after[0] - before[1] for before, after in pairwise(edges))


def arm_of(
    *, layer_salt: str, taken: Slice, experiment_salt: str, shares: Mapping[str, Decimal], unit_id: int
) -> str | None:
    """The arm of a unit in an experiment; None for a unit outside its slice of the layer.

    Where the unit stands in the layer and which arm it gets are independent, so a later experiment on the same slice
    finds the arms of an earlier one evenly mixed.
    """
    start, end = taken
    if not is_within(salt=layer_salt, unit_id=unit_id, start=start, end=end):
        return None
    return assign(salt=experiment_salt, unit_id=unit_id, shares=shares)
