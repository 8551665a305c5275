"""Altair charts as SVG that stands in the page: drawn on the server, coloured by the tokens of the stylesheet.

Colours of a chart are written as the names of `INK`; they become `var(--token)`, so one picture serves light and dark.
The picture is hidden from screen readers: a page shows the same figures in a table beside it. Marks may link to rows.
"""

import json
import re
from functools import lru_cache
from typing import Final

import altair as alt
import vl_convert
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

# A colour Vega can work with, for each token it stands for.
INK: Final[dict[str, str]] = {
    "accent": "#000101",
    "info": "#000102",
    "good": "#000103",
    "warn": "#000104",
    "danger": "#000105",
    "ink": "#000106",
    "muted": "#000107",
    "line": "#000108",
}
_TOKENS: Final[dict[str, str]] = {
    INK["accent"]: "var(--accent)",
    INK["info"]: "color-mix(in srgb, var(--accent) 38%, var(--surface))",
    INK["good"]: "var(--good-fill)",
    INK["warn"]: "var(--warn-fill)",
    INK["danger"]: "var(--danger-fill)",
    INK["ink"]: "var(--ink)",
    INK["muted"]: "var(--ink-3)",
    INK["line"]: "var(--line)",
}
_COLOUR = re.compile("|".join(map(re.escape, _TOKENS)))
# What the page says better: the picture is hidden from readers, and its texts have the font of the page.
_NOT_KEPT = re.compile(r' (?:role|aria-[a-z]+|font-family|font-size)="[^"]*"')
# Vega reads a link relative to its own examples.
_LINK = re.compile(r'<a xlink:href="(?:https://vega\.github\.io/vega-datasets/)?')


def svg_of(chart: alt.TopLevelMixin) -> SafeString:
    """The chart as an inline SVG of class `chart`, without styles or scripts, as wide as its place."""
    config = {
        "background": None,
        "view": {"stroke": None},
        "axis": {
            "labelColor": INK["muted"],
            "titleColor": INK["muted"],
            "gridColor": INK["line"],
            "domainColor": INK["line"],
            "tickColor": INK["line"],
        },
        "legend": {"labelColor": INK["muted"], "titleColor": INK["muted"]},
    }
    spec = chart.to_dict()
    spec["config"] = spec.get("config", {}) | config
    return _drawn(json.dumps(spec, sort_keys=True))


def legend_of(entries: tuple[tuple[str, str], ...]) -> tuple[dict[str, str], ...]:
    """Entries of a legend for the page to write: (label, name of the ink) with its colour."""
    return tuple({"label": label, "colour": _TOKENS[INK[name]]} for label, name in entries)


@lru_cache(maxsize=256)
def _drawn(spec: str) -> SafeString:
    drawn = vl_convert.vegalite_to_svg(json.loads(spec))
    head, _, body = drawn.partition(">")
    box = re.search(r'viewBox="[^"]*"', head)
    body = _NOT_KEPT.sub("", body)
    body = _LINK.sub('<a tabindex="-1" href="', body)
    body = _COLOUR.sub(lambda found: _TOKENS[found[0]], body)
    return format_html(
        '<svg class="chart" {} aria-hidden="true" focusable="false">{}',
        mark_safe(box[0] if box else ""),  # noqa: S308 - four numbers Vega wrote
        mark_safe(body),  # noqa: S308 - drawn by Vega, which escapes the texts of the data
    )
