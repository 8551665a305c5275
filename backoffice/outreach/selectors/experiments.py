"""Reads of experiments: what the pages and the API show, each in a fixed number of queries.

Nothing here gives a verdict before the experiment may be judged: until then p values, verdicts and the predicted best
cell are left out of the results, so that no page can show them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, cast

from backoffice.core.bulk import fetch
from backoffice.outreach.domain.experiments.comparing import Comparison, Measure, compare, winner_of
from backoffice.outreach.domain.experiments.deciding import Declared, Readiness, readiness
from backoffice.outreach.domain.experiments.effects import Kind, Sample, Verdict, mean_interval, wilson
from backoffice.outreach.domain.experiments.plans import PLANS
from backoffice.outreach.domain.experiments.screening import MainEffect, Screening, screen
from backoffice.outreach.domain.experiments.splitting import SplitCheck, check_split
from backoffice.outreach.models import Arm, ArmResult, Experiment, Factor, Layer, Metric

if TYPE_CHECKING:
    from backoffice.outreach.domain.experiments.states import ExperimentState

_SAMPLES = (Path(__file__).parents[1] / "sql" / "experiment_samples.sql").read_text()
NOBODY = Sample(0, Decimal(0), Decimal(0))


@dataclass(frozen=True, slots=True)
class ArmReading:
    """What one arm did on one metric, per unit, with the interval of that arm alone."""

    arm: Arm
    sample: Sample
    value: Decimal | None
    low: Decimal | None
    high: Decimal | None


@dataclass(frozen=True, slots=True)
class ComparisonReading:
    """An arm against the control. Verdict and corrected p value are None until the experiment may be judged."""

    arm: Arm
    comparison: Comparison
    verdict: Verdict | None
    corrected: Decimal | None
    is_winner: bool


@dataclass(frozen=True, slots=True)
class MetricReading:
    """One metric over all arms; the comparisons are empty for an orthogonal plan."""

    metric: Metric
    is_declared: bool
    arms: tuple[ArmReading, ...]
    comparisons: tuple[ComparisonReading, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """Everything an experiment shows on a business date; `winner` and `screening` only once it may be judged.

    `interim` is the screening before that: its level means and intervals may be read, what is best may not.
    """

    arms: tuple[Arm, ...]
    factors: tuple[Factor, ...]
    split: SplitCheck
    readiness: Readiness
    declared: Declared
    metrics: tuple[MetricReading, ...]
    winner: Arm | None
    screening: Screening | None
    interim: Screening | None

    @property
    def units(self) -> int:
        """Units of all arms together."""
        return sum(one.units for one in self.split.arms)

    @property
    def main_effects(self) -> tuple[MainEffect, ...]:
        """Those of an orthogonal plan, judged or not; their p values are for pages that may show them."""
        read = self.screening or self.interim
        return read.effects if read else ()

    @property
    def control(self) -> Arm:
        """What the others are compared with."""
        return next(arm for arm in self.arms if arm.is_control)

    @property
    def main(self) -> MetricReading:
        """The declared metric."""
        return self.metrics[0]


def results_of(*, experiment: Experiment, as_of: date) -> Results:
    """The results as of a business date; three queries, four with elements. Read the experiment with its metric."""
    arms = tuple(experiment.arms.order_by("number"))
    watched = list(experiment.watched.order_by("code"))
    metrics = [experiment.metric, *watched]
    factors = tuple(experiment.factors.order_by("number")) if experiment.design != "arms" else ()
    samples = _samples(experiment, arms=arms, metrics=metrics)
    units = {str(arm.number): samples[arm.number, experiment.metric.code].units for arm in arms}
    split = check_split(units=units, shares={str(arm.number): arm.share for arm in arms})
    declared = Declared(
        stop_on=experiment.stop_on, window_days=experiment.window_days, minimum=experiment.minimum_sample
    )
    judged = readiness(
        declared=declared,
        state=cast("ExperimentState", experiment.state),
        stopped_on=experiment.stopped_on,
        as_of=as_of,
        smallest_arm=min(units.values(), default=0),
        is_split_sound=split.is_sound,
    )
    readings = _readings(experiment, arms=arms, metrics=metrics, samples=samples, is_ready=judged.is_ready)
    read = _screening(experiment, arms=arms, factors=factors, samples=samples)
    return Results(
        arms=arms,
        factors=factors,
        split=split,
        readiness=judged,
        declared=declared,
        metrics=readings,
        winner=next((one.arm for one in readings[0].comparisons if one.is_winner), None),
        screening=read if judged.is_ready else None,
        interim=None if read is None or judged.is_ready else replace(read, best=(), best_row=None),
    )


def counting() -> list[int]:
    """Ids of the experiments run here whose outcomes still count: those that run, and those not decided yet."""
    states = [Experiment.State.RUNNING, Experiment.State.STOPPED]
    own = Experiment.objects.filter(state__in=states, origin=Experiment.Origin.OWN)
    return list(own.order_by("id").values_list("id", flat=True))


def layers() -> list[tuple[Layer, Decimal, list[Experiment]]]:
    """Every layer with the part of it that is free and what runs in it; two queries."""
    running: dict[int, list[Experiment]] = {}
    for experiment in Experiment.objects.filter(state="running").order_by("slice"):
        running.setdefault(experiment.layer_id, []).append(experiment)
    return [
        (layer, 1 - sum((one.share for one in running.get(layer.pk, ())), Decimal(0)), running.get(layer.pk, []))
        for layer in Layer.objects.order_by("code")
    ]


def _samples(
    experiment: Experiment, *, arms: Sequence[Arm], metrics: Sequence[Metric]
) -> dict[tuple[int, str], Sample]:
    """What every arm did on every metric, nought where nobody is; one query."""
    if experiment.origin == Experiment.Origin.BROUGHT_IN:
        results = ArmResult.objects.filter(arm__in=arms)
        rows = list(results.values_list("arm_id", "metric_id", "units", "total", "squares"))
    else:
        params = {
            "experiment": experiment.pk,
            "metrics": [metric.pk for metric in metrics],
            "kinds": [metric.kind for metric in metrics],
            "window_days": experiment.window_days,
        }
        rows = [cast("tuple[int, int, int, Decimal, Decimal]", row) for row in fetch(_SAMPLES, params)]
    found = {(arm, metric): Sample(units, total, squares) for arm, metric, units, total, squares in rows}
    return {(arm.number, metric.code): found.get((arm.pk, metric.pk), NOBODY) for arm in arms for metric in metrics}


def _readings(
    experiment: Experiment,
    *,
    arms: Sequence[Arm],
    metrics: Sequence[Metric],
    samples: Mapping[tuple[int, str], Sample],
    is_ready: bool,
) -> tuple[MetricReading, ...]:
    """The declared metric first; its comparisons are one family for Holm, those of all watched ones another."""
    by_number = {arm.number: arm for arm in arms}
    control = next(arm.number for arm in arms if arm.is_control)
    compared: dict[str, list[ComparisonReading]] = {}
    if experiment.design == Experiment.Design.ARMS:
        for family in (metrics[:1], metrics[1:]):
            comparisons = compare(
                measures=[_measure(metric) for metric in family],
                samples={key: one for key, one in samples.items() if key[1] in {metric.code for metric in family}},
                control=control,
                alpha=experiment.alpha,
            )
            winner = winner_of(comparisons=comparisons) if is_ready and family == metrics[:1] else None
            for one in comparisons:
                reading = ComparisonReading(
                    arm=by_number[one.arm],
                    comparison=one,
                    verdict=one.verdict if is_ready else None,
                    corrected=one.corrected if is_ready else None,
                    is_winner=one is winner,
                )
                compared.setdefault(one.metric, []).append(reading)
    return tuple(
        MetricReading(
            metric=metric,
            is_declared=position == 0,
            arms=tuple(
                _arm_reading(arm, samples[arm.number, metric.code], metric=metric, alpha=experiment.alpha)
                for arm in arms
            ),
            comparisons=tuple(compared.get(metric.code, ())),
        )
        for position, metric in enumerate(metrics)
    )


def _arm_reading(arm: Arm, sample: Sample, *, metric: Metric, alpha: Decimal) -> ArmReading:
    interval = wilson if metric.kind == Metric.Kind.BINARY else mean_interval
    low, high = interval(sample=sample, alpha=alpha) or (None, None)
    return ArmReading(arm=arm, sample=sample, value=sample.mean, low=low, high=high)


def _screening(
    experiment: Experiment,
    *,
    arms: Sequence[Arm],
    factors: Sequence[Factor],
    samples: Mapping[tuple[int, str], Sample],
) -> Screening | None:
    if experiment.design == Experiment.Design.ARMS:
        return None
    return screen(
        plan=PLANS[experiment.design],
        levels=[len(factor.levels) for factor in factors],
        cells=[samples[arm.number, experiment.metric.code] for arm in arms],
        goal=experiment.metric.goal,
        alpha=experiment.alpha,
    )


def _measure(metric: Metric) -> Measure:
    return Measure(code=metric.code, kind=cast("Kind", metric.kind), goal=metric.goal)
