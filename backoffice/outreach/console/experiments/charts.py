"""Pictures of an experiment: what each arm did, by how much it differs, what each element adds, with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import altair as alt
from django.utils.safestring import SafeString

from backoffice.core.charts import INK, svg_of
from backoffice.outreach.domain.experiments.screening import Screening
from backoffice.outreach.models import Factor, Metric
from backoffice.outreach.selectors.experiments import MetricReading

WIDTH: Final = 480
ROW: Final = 30
LONGEST: Final = 34


@dataclass(frozen=True, slots=True)
class Point:
    """One line of a picture: a value with its interval, in an ink; `href` leads to its row."""

    label: str
    value: Decimal
    low: Decimal
    high: Decimal
    ink: str = "accent"
    href: str = ""


def values_chart(*, reading: MetricReading) -> SafeString:
    """What each arm did, with the interval of each; the control is muted."""
    points = [
        Point(
            label=one.arm.name,
            value=one.value,
            low=one.low,
            high=one.high,
            ink="muted" if one.arm.is_control else "accent",
            href=f"#arm-{reading.metric.code}-{one.arm.number}",
        )
        for one in reading.arms
        if one.value is not None and one.low is not None and one.high is not None
    ]
    return _drawn(points, is_share=reading.metric.kind == Metric.Kind.BINARY)


def differences_chart(*, reading: MetricReading) -> SafeString:
    """Each arm less the control, around nought; in colour only once there is a verdict."""
    points = []
    for one in reading.comparisons:
        found = one.comparison.effect
        if found.difference is None or found.low is None or found.high is None:
            continue
        ink = "muted" if one.verdict in {None, "unclear"} else "good" if one.comparison.is_better else "danger"
        points.append(
            Point(
                label=one.arm.name,
                value=found.difference,
                low=found.low,
                high=found.high,
                ink=ink,
                href=f"#difference-{reading.metric.code}-{one.arm.number}",
            )
        )
    return _drawn(points, is_share=reading.metric.kind == Metric.Kind.BINARY, zero=True)


def main_effects_chart(
    *, screening: Screening, factors: Sequence[Factor], metric: Metric, is_ready: bool
) -> SafeString:
    """What each new version of an element adds to today's: level 1 less the level, turned around."""
    points = []
    for one in screening.effects:
        factor = factors[one.factor]
        gain = -one.difference
        is_better = (gain > 0) == (metric.goal == Metric.Goal.MORE)
        ink = "muted" if not is_ready or not one.is_found else "good" if is_better else "danger"
        label = factor.name if len(factor.levels) == 2 else f"{factor.name} {one.level}"
        points.append(
            Point(
                label=label,
                value=gain,
                low=-one.high,
                high=-one.low,
                ink=ink,
                href=f"#effect-{factor.number}-{one.level}",
            )
        )
    return _drawn(points, is_share=metric.kind == Metric.Kind.BINARY, zero=True)


def _drawn(points: Sequence[Point], *, is_share: bool, zero: bool = False) -> SafeString:
    """The points, one a line. A point is a picture: the only place where an amount becomes a float."""
    if not points:
        return SafeString("")
    scale = 100 if is_share else 1
    values = [
        {
            "line": f"{number} {point.label}",
            "value": float(point.value * scale),
            "low": float(point.low * scale),
            "high": float(point.high * scale),
            "ink": INK[point.ink],
            "href": point.href,
        }
        for number, point in enumerate(points)
    ]
    data = alt.Data(values=values)
    shorten = f"truncate(slice(datum.label, indexof(datum.label, ' ') + 1), {LONGEST})"
    y = alt.Y(
        "line:N",
        sort=[str(each["line"]) for each in values],
        axis=alt.Axis(title=None, ticks=False, domain=False, labelExpr=shorten, labelFontSize=13, labelLimit=240),
    )
    axis = alt.Axis(title=None, tickCount=6, labelExpr="datum.label + ' %'" if is_share and not zero else "datum.label")
    x = alt.X("low:Q", scale=alt.Scale(zero=zero, nice=True), axis=axis)
    ink = alt.Color("ink:N", scale=None, legend=None)
    base = alt.Chart(data, width=WIDTH, height=max(2, len(points)) * ROW)
    line = base.mark_rule(strokeWidth=3, opacity=0.55).encode(y=y, x=x, x2="high:Q", color=ink)
    dot = base.mark_point(filled=True, size=90, opacity=1).encode(y=y, x="value:Q", color=ink, href="href:N")
    layers: list[alt.Chart] = [line, dot]
    if zero:
        nought = alt.Chart(alt.Data(values=[{"nought": 0}])).mark_rule(color=INK["ink"], strokeDash=[3, 3])
        layers.insert(0, nought.encode(x="nought:Q"))
    return svg_of(alt.layer(*layers))
