"""What reaching people did: the group that was reached against the group that was not, with an interval.

Shares of units that did something (`binary`) are compared by Newcombe's hybrid score interval, built from the two
Wilson intervals (Newcombe 1998, method 10), and the two-sided z test with the pooled share, which is the chi-square
test of the two by two table. Means per unit (`mean`) are compared by Welch's t test and its interval.
"""

from dataclasses import dataclass
from decimal import Decimal
from math import sqrt
from typing import Final, Literal

from backoffice.outreach.domain.experiments.distributions import (
    kept,
    normal_quantile,
    t_quantile,
    two_sided_normal,
    two_sided_t,
)
from backoffice.outreach.domain.experiments.sentences import Sentence

Kind = Literal["binary", "mean"]
Verdict = Literal["more", "less", "unclear", "too_few"]
Said = Literal["more", "less", "unclear", "too_few", "so_far"]
"""How an effect is put into words: by its verdict, or as it stands so far where there must be none yet."""

ALPHA: Final = Decimal("0.05")
"""How often a difference is claimed where there is none."""


class SampleNotPossible(ValueError):
    """Numbers no group can have, such as more successes than units: a defect of the program."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one group did: how many units, the sum of the metric over them, and the sum of its squares.

    For a `binary` metric the sum is the number of units that did it and the squares are the same; leave them out.
    """

    units: int
    total: Decimal
    squares: Decimal | None = None

    @property
    def mean(self) -> Decimal | None:
        """The metric per unit: the share of a binary one; None without units."""
        return self.total / self.units if self.units else None

    @property
    def variance(self) -> float:
        """The unbiased variance between units; nought for a single one."""
        if self.units < 2:
            return 0.0
        squares = self.total if self.squares is None else self.squares
        return max(0.0, float((squares - self.total * self.total / self.units) / (self.units - 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """By how much the treated differ from the control, per unit of the metric; a binary one in fractions of one.

    `low` and `high` bound the difference with the confidence; `p_value` is two-sided, for this comparison alone. They
    are None and the verdict is `too_few` where a group is too small to compare.
    """

    kind: Kind
    treated: Sample
    control: Sample
    confidence: Decimal
    difference: Decimal | None
    low: Decimal | None
    high: Decimal | None
    p_value: Decimal | None
    verdict: Verdict
    method: str

    @property
    def relative(self) -> Decimal | None:
        """The difference as a fraction of the control; None where the control is nought."""
        base = self.control.mean
        return None if self.difference is None or not base else self.difference / base

    @property
    def extra(self) -> Decimal | None:
        """What the treated did beyond what they would have done anyway: the difference times their number."""
        return None if self.difference is None else self.difference * self.treated.units

    @property
    def sentence(self) -> Sentence:
        """The effect in plain words, to be put into a language."""
        return self.sentence_for(verdict=self.verdict)

    def sentence_for(self, *, verdict: Said) -> Sentence:
        """The same with another verdict: `unclear` where a correction for several comparisons says so, `so_far`.

        Of an effect that is less, the params are how much less: the signs turned, the bounds swapped.
        """
        difference, low, high = self.difference, self.low, self.high
        if verdict == "less" and difference is not None and low is not None and high is not None:
            difference, low, high = -difference, -high, -low
        return Sentence(
            f"effect.{verdict}",
            {
                "treated": self.treated.mean,
                "control": self.control.mean,
                "treated_units": self.treated.units,
                "control_units": self.control.units,
                "difference": difference,
                "low": low,
                "high": high,
                "confidence": self.confidence,
            },
        )


def effect(*, treated: Sample, control: Sample, kind: Kind = "binary", alpha: Decimal = ALPHA) -> Effect:
    """The treated against the control. `alpha` is two-sided; the interval has the confidence 1 - alpha.

    Raises SampleNotPossible.
    """
    for sample in (treated, control):
        _check(sample, kind)
    fewest = 1 if kind == "binary" else 2
    if min(treated.units, control.units) < fewest:
        return _effect(kind, treated, control, alpha, None)
    compare = _two_proportions if kind == "binary" else _two_means
    return _effect(kind, treated, control, alpha, compare(treated, control, alpha=float(alpha)))


def wilson(*, sample: Sample, alpha: Decimal = ALPHA) -> tuple[Decimal, Decimal] | None:
    """Wilson's score interval of the share of one group; None without units."""
    if not sample.units:
        return None
    low, high = _wilson(sample, normal_quantile(probability=1 - float(alpha) / 2))
    return kept(low), kept(high)


def mean_interval(*, sample: Sample, alpha: Decimal = ALPHA) -> tuple[Decimal, Decimal] | None:
    """Student's interval of the mean of one group; None below two units."""
    mean = sample.mean
    if mean is None or sample.units < 2:
        return None
    reach = t_quantile(probability=1 - float(alpha) / 2, freedom=sample.units - 1)
    half = reach * sqrt(sample.variance / sample.units)
    return kept(float(mean) - half), kept(float(mean) + half)


Compared = tuple[float, float, float, float]
"""The difference, its interval and its p value."""


def _two_proportions(treated: Sample, control: Sample, *, alpha: float) -> Compared:
    z = normal_quantile(probability=1 - alpha / 2)
    p1, p2 = float(treated.total) / treated.units, float(control.total) / control.units
    low1, high1 = _wilson(treated, z)
    low2, high2 = _wilson(control, z)
    difference = p1 - p2
    low = difference - sqrt((p1 - low1) ** 2 + (high2 - p2) ** 2)
    high = difference + sqrt((high1 - p1) ** 2 + (p2 - low2) ** 2)
    pooled = float(treated.total + control.total) / (treated.units + control.units)
    error = sqrt(pooled * (1 - pooled) * (1 / treated.units + 1 / control.units))
    p_value = two_sided_normal(z=difference / error) if error else 1.0
    return difference, low, high, p_value


def _two_means(treated: Sample, control: Sample, *, alpha: float) -> Compared:
    of_treated, of_control = treated.variance / treated.units, control.variance / control.units
    difference = float(treated.total / treated.units - control.total / control.units)
    error = sqrt(of_treated + of_control)
    if not error:
        return difference, difference, difference, 1.0 if not difference else 0.0
    freedom = (of_treated + of_control) ** 2 / (
        of_treated**2 / (treated.units - 1) + of_control**2 / (control.units - 1)
    )
    half = t_quantile(probability=1 - alpha / 2, freedom=freedom) * error
    return difference, difference - half, difference + half, two_sided_t(t=difference / error, freedom=freedom)


def _wilson(sample: Sample, z: float) -> tuple[float, float]:
    units, share = sample.units, float(sample.total) / sample.units
    middle = (share + z * z / (2 * units)) / (1 + z * z / units)
    half = z / (1 + z * z / units) * sqrt(share * (1 - share) / units + z * z / (4 * units * units))
    return max(0.0, middle - half), min(1.0, middle + half)


def _effect(kind: Kind, treated: Sample, control: Sample, alpha: Decimal, compared: Compared | None) -> Effect:
    difference, low, high, p_value = (None,) * 4 if compared is None else tuple(map(kept, compared))
    verdict: Verdict
    if difference is None or p_value is None:
        verdict = "too_few"
    elif p_value >= alpha:
        verdict = "unclear"
    else:
        verdict = "more" if difference > 0 else "less"
    return Effect(
        kind=kind,
        treated=treated,
        control=control,
        confidence=1 - alpha,
        difference=difference,
        low=low,
        high=high,
        p_value=p_value,
        verdict=verdict,
        method="newcombe" if kind == "binary" else "welch",
    )


def _check(sample: Sample, kind: Kind) -> None:
    if sample.units < 0:
        msg = f"a group of {sample.units} units"
        raise SampleNotPossible(msg)
    if kind == "binary" and not (0 <= sample.total <= sample.units and sample.total == int(sample.total)):
        msg = f"{sample.total} of {sample.units} units did it"
        raise SampleNotPossible(msg)
    if kind == "mean" and sample.squares is None:
        msg = "the mean of a metric needs the sum of its squares"
        raise SampleNotPossible(msg)
