"""Arms against the control, all of them at once, and what may be concluded from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from backoffice.outreach.domain.experiments.correcting import holm
from backoffice.outreach.domain.experiments.effects import Effect, Kind, Sample, Verdict, effect


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric as it is compared: `goal` says whether `more` or `less` of it is better."""

    code: str
    kind: Kind
    goal: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """One arm against the control on one metric; `corrected` is the p value after Holm over its family."""

    metric: str
    arm: int
    effect: Effect
    corrected: Decimal | None
    verdict: Verdict
    is_better: bool


def compare(
    *, measures: Sequence[Measure], samples: Mapping[tuple[int, str], Sample], control: int, alpha: Decimal
) -> tuple[Comparison, ...]:
    """Every other arm against the control on every metric; `samples` by (arm, metric).

    The comparisons together are one family for Holm's correction: the declared metric is compared by itself, the
    metrics that are only watched in another call. A verdict of more or less is given after the correction only.
    """
    arms = sorted({arm for arm, _metric in samples} - {control})
    found = [
        (measure, arm, _effect(samples, measure=measure, arm=arm, control=control, alpha=alpha))
        for measure in measures
        for arm in arms
    ]
    known = [one.p_value for _measure, _arm, one in found if one.p_value is not None]
    corrected = iter(holm(p_values=known))
    comparisons = []
    for measure, arm, one in found:
        value = None if one.p_value is None else next(corrected)
        verdict: Verdict = one.verdict if value is None or value < alpha else "unclear"
        comparisons.append(Comparison(measure.code, arm, one, value, verdict, verdict == measure.goal))
    return tuple(comparisons)


def winner_of(*, comparisons: Sequence[Comparison]) -> Comparison | None:
    """The arm that does better than the control by most, on the declared metric; None when none is found better."""
    better = [one for one in comparisons if one.is_better]
    return max(better, key=lambda one: abs(one.effect.difference or Decimal(0)), default=None)


def _effect(
    samples: Mapping[tuple[int, str], Sample], *, measure: Measure, arm: int, control: int, alpha: Decimal
) -> Effect:
    treated, base = samples[arm, measure.code], samples[control, measure.code]
    return effect(treated=treated, control=base, kind=measure.kind, alpha=alpha)
