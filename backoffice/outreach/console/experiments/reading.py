"""The results of an experiment as the page writes them: every figure as text, with its picture."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.safestring import SafeString

from backoffice.core.formats import amount_text, percent_text
from backoffice.core.tones import Tone
from backoffice.outreach.console.experiments.charts import differences_chart, main_effects_chart, values_chart
from backoffice.outreach.console.experiments.states import VERDICTS, tone_of
from backoffice.outreach.domain.experiments.plans import PLANS, Plan
from backoffice.outreach.models import Arm, Experiment, Metric
from backoffice.outreach.selectors.effect_words import (
    difference_interval_text,
    difference_text,
    effect_in_words,
    value_interval_text,
    value_text,
)
from backoffice.outreach.selectors.experiments import ComparisonReading, MetricReading, Results


@dataclass(frozen=True, slots=True)
class ShownArm:
    """One arm on one metric as text."""

    arm: Arm
    units: int
    total: str
    value: str
    interval: str


@dataclass(frozen=True, slots=True)
class ShownComparison:
    """One arm against the control as text; `verdict` is empty until the experiment may be judged."""

    arm: Arm
    difference: str
    interval: str
    relative: str
    p_value: str
    verdict: Any
    tone: Tone
    sentence: str


@dataclass(frozen=True, slots=True)
class ShownMetric:
    """A metric with its table and its pictures."""

    metric: Metric
    arms: tuple[ShownArm, ...]
    comparisons: tuple[ShownComparison, ...]
    values: SafeString
    differences: SafeString


def shown_metric(reading: MetricReading, *, results: Results) -> ShownMetric:
    """One metric over all arms."""
    metric, kind, currency = reading.metric, reading.metric.kind, reading.metric.currency
    arms = tuple(
        ShownArm(
            arm=one.arm,
            units=one.sample.units,
            total=amount_text(one.sample.total, currency=currency) if kind == "mean" else f"{one.sample.total:,.0f}",
            value=value_text(value=one.value, kind=kind, currency=currency),
            interval=value_interval_text(low=one.low, high=one.high, kind=kind, currency=currency),
        )
        for one in reading.arms
    )
    return ShownMetric(
        metric=metric,
        arms=arms,
        comparisons=tuple(_shown_comparison(one, metric=metric, results=results) for one in reading.comparisons),
        values=values_chart(reading=reading),
        differences=differences_chart(reading=reading),
    )


def _shown_comparison(one: ComparisonReading, *, metric: Metric, results: Results) -> ShownComparison:
    found, kind, currency = one.comparison.effect, metric.kind, metric.currency
    relative = found.relative
    return ShownComparison(
        arm=one.arm,
        difference=difference_text(value=found.difference, kind=kind, currency=currency, signed=True),
        interval=difference_interval_text(low=found.low, high=found.high, kind=kind, currency=currency),
        relative="–" if relative is None else percent_text(relative, places=0),
        p_value=p_value_text(one.corrected),
        verdict=VERDICTS[one.verdict] if one.verdict else "",
        tone=tone_of(verdict=one.verdict, is_better=one.comparison.is_better) if one.verdict else "neutral",
        sentence=effect_in_words(
            effect=found,
            treated=one.arm.name,
            control=results.control.name,
            currency=currency,
            verdict=one.verdict or ("too_few" if found.verdict == "too_few" else "so_far"),
        ),
    )


def p_value_text(value: Decimal | None) -> str:
    """A probability to three decimals."""
    if value is None:
        return "–"
    return "< 0.001" if value < Decimal("0.001") else f"{value:.3f}"


def shown_screening(subject: Experiment, *, results: Results) -> dict[str, Any]:
    """The plan, its cells, main effects and the predicted best cell."""
    plan: Plan = PLANS[subject.design]
    read = results.screening or results.interim
    kind, currency = subject.metric.kind, subject.metric.currency

    def said(value: Decimal) -> str:
        return difference_text(value=value, kind=kind, currency=currency, signed=True)

    effects = [
        {
            "factor": results.factors[one.factor],
            "level": one.level,
            "version": results.factors[one.factor].levels[one.level - 1],
            "difference": said(-one.difference),
            "interval": difference_interval_text(low=-one.high, high=-one.low, kind=kind, currency=currency),
            "p_value": p_value_text(one.corrected if results.screening else None),
            "is_found": one.is_found,
            "tone": tone_of(
                verdict="more" if one.is_found else "unclear",
                is_better=(one.difference < 0) == (subject.metric.goal == Metric.Goal.MORE),
            ),
        }
        for one in (read.effects if read else ())
    ]
    best = results.screening
    return {
        "plan": plan,
        "effects": effects,
        "effects_chart": main_effects_chart(
            screening=read, factors=results.factors, metric=subject.metric, is_ready=best is not None
        )
        if read
        else "",
        "best": best,
        "best_levels": [
            {"factor": factor, "level": level, "version": factor.levels[level - 1]}
            for factor, level in zip(results.factors, best.best, strict=True)
        ]
        if best
        else [],
        "best_value": value_text(value=best.predicted, kind=kind, currency=currency) if best else "",
        "current_value": value_text(value=best.current, kind=kind, currency=currency) if best else "",
        "best_row": best.best_row + 1 if best and best.best_row is not None else None,
    }
