"""Reading an orthogonal plan: what each level of each factor does, and the cell that should do best.

A main effect is the mean over the rows of level 1 minus the mean over the rows of the other level (features.md F36).
Rows count alike whatever their size, so that the other factors cancel. The plans are of resolution III: a main effect
cannot be told from the interplay of two other factors, so the predicted best cell is a guess until a test of its own
against the current text confirms it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt

from backoffice.outreach.domain.experiments.correcting import holm
from backoffice.outreach.domain.experiments.distributions import kept, normal_quantile, two_sided_normal
from backoffice.outreach.domain.experiments.effects import ALPHA, Sample
from backoffice.outreach.domain.experiments.plans import Plan


@dataclass(frozen=True, slots=True)
class MainEffect:
    """Level 1 of a factor minus another of its levels, with an interval; `corrected` is the p value after Holm."""

    factor: int
    level: int
    difference: Decimal
    low: Decimal
    high: Decimal
    p_value: Decimal
    corrected: Decimal
    is_found: bool


@dataclass(frozen=True, slots=True)
class LevelMean:
    """The mean over the rows of one level of one factor, levels from 1."""

    factor: int
    level: int
    mean: Decimal


@dataclass(frozen=True, slots=True)
class Screening:
    """What a plan says: level means, main effects, and the best level of each factor with the mean predicted for them.

    `current` is predicted in the same way, by adding effects up, for level 1 of everything: today's text.
    `best_row` is the row of the plan, from 0, that is the best cell; None when the plan does not try it itself.
    """

    means: tuple[LevelMean, ...]
    effects: tuple[MainEffect, ...]
    best: tuple[int, ...]
    predicted: Decimal
    current: Decimal
    best_row: int | None

    @property
    def is_current_best(self) -> bool:
        """Whether the current text, level 1 of everything, is the predicted best itself."""
        return set(self.best) == {1}


def screen(
    *, plan: Plan, levels: Sequence[int], cells: Sequence[Sample], goal: str = "more", alpha: Decimal = ALPHA
) -> Screening | None:
    """Reads the cells, one per row of the plan in its order; `levels` are those of each factor.

    `goal` says whether more of the metric is better, or less. None while a cell has fewer than two units.
    Raises FactorsDoNotFit, and ValueError for another number of cells than the plan has rows.
    """
    columns = plan.columns_for(levels=levels)
    by_row = list(zip(range(len(plan.rows)), cells, strict=True))
    if any(cell.units < 2 for cell in cells):
        return None

    def rows_of(factor: int, level: int) -> list[Sample]:
        return [cell for row, cell in by_row if plan.level(row=row, column=columns[factor]) == level]

    means = [
        LevelMean(factor, level, _mean(rows_of(factor, level)))
        for factor, number in enumerate(levels)
        for level in range(1, number + 1)
    ]
    raw = [
        (one.factor, one.level, *_contrast(rows_of(one.factor, 1), rows_of(one.factor, one.level), alpha=float(alpha)))
        for one in means
        if one.level > 1
    ]
    corrected = holm(p_values=[p_value for *_, p_value in raw])
    effects = tuple(
        MainEffect(*values, corrected=value, is_found=value < alpha)
        for values, value in zip(raw, corrected, strict=True)
    )
    best = tuple(_best_level(means, factor, goal) for factor in range(len(levels)))
    grand = _mean(list(cells))
    rows = [
        row
        for row, _cell in by_row
        if all(plan.level(row=row, column=columns[factor]) == level for factor, level in enumerate(best))
    ]
    return Screening(
        means=tuple(means),
        effects=effects,
        best=best,
        predicted=_predicted(means, levels=best, grand=grand),
        current=_predicted(means, levels=(1,) * len(levels), grand=grand),
        best_row=rows[0] if rows else None,
    )


def _predicted(means: Sequence[LevelMean], *, levels: Sequence[int], grand: Decimal) -> Decimal:
    """The mean of a cell if effects just add up: the grand mean and what each of its levels adds to it."""
    return grand + sum((one.mean - grand for one in means if one.level == levels[one.factor]), Decimal(0))


def _best_level(means: Sequence[LevelMean], factor: int, goal: str) -> int:
    """The level with the best mean; of equals the first, which is today's."""
    sign = 1 if goal == "more" else -1
    return max((one for one in means if one.factor == factor), key=lambda one: (sign * one.mean, -one.level)).level


def _mean(cells: Sequence[Sample]) -> Decimal:
    """The mean of the means of the cells."""
    return sum((cell.total / cell.units for cell in cells), Decimal(0)) / len(cells)


def _contrast(
    first: Sequence[Sample], second: Sequence[Sample], *, alpha: float
) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """The difference of two means of cell means, its interval and its p value, by the spread within the cells."""
    difference = float(_mean(first) - _mean(second))
    error = sqrt(sum(sum(cell.variance / cell.units for cell in cells) / len(cells) ** 2 for cells in (first, second)))
    half = normal_quantile(probability=1 - alpha / 2) * error
    p_value = two_sided_normal(z=difference / error) if error else float(not difference)
    return kept(difference), kept(difference - half), kept(difference + half), kept(p_value)
