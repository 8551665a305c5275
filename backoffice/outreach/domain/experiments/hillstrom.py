"""The e-mail test of K. Hillstrom (MineThatData, 2008) as sums: 64,000 customers in three arms, two weeks of doings.

The file has no ids and no dates, so its customers are nobody's borrowers: they are added up and not kept.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from backoffice.outreach.domain.experiments.effects import Sample

CONTROL: Final = "No E-Mail"
SEGMENTS: Final = (CONTROL, "Mens E-Mail", "Womens E-Mail")
METRICS: Final = ("visit", "conversion", "spend")
WINDOW_DAYS: Final = 14


class NotTheFile(ValueError):
    """The lines are not those of the data set; the message says which line and what is wrong."""


@dataclass(slots=True)
class _Sums:
    units: int
    total: Decimal
    squares: Decimal


def read_arms(*, lines: Iterable[str]) -> dict[str, dict[str, Sample]]:
    """What each segment did on each metric: 0 or 1 for visit and conversion, US dollars for spend.

    Raises NotTheFile.
    """
    sums = {segment: {metric: _Sums(0, Decimal(0), Decimal(0)) for metric in METRICS} for segment in SEGMENTS}
    reader = csv.DictReader(lines)
    missing = {"segment", *METRICS} - set(reader.fieldnames or ())
    if missing:
        msg = f"line 1 lacks the columns {', '.join(sorted(missing))}"
        raise NotTheFile(msg)
    for number, row in enumerate(reader, start=2):
        if row["segment"] not in sums:
            msg = f"line {number} has the segment {row['segment']!r}"
            raise NotTheFile(msg)
        for metric, into in sums[row["segment"]].items():
            value = _value(row[metric], metric=metric, line=number)
            into.units += 1
            into.total += value
            into.squares += value * value
    if not all(of[METRICS[0]].units for of in sums.values()):
        msg = "a segment has no customers"
        raise NotTheFile(msg)
    return {
        segment: {metric: Sample(one.units, one.total, one.squares) for metric, one in of.items()}
        for segment, of in sums.items()
    }


def _value(text: str | None, *, metric: str, line: int) -> Decimal:
    try:
        value = Decimal(text or "")
    except InvalidOperation as error:
        msg = f"line {line} has the {metric} {text!r}"
        raise NotTheFile(msg) from error
    if not value.is_finite() or value < 0 or (metric != "spend" and value not in (0, 1)):
        msg = f"line {line} has the {metric} {text!r}"
        raise NotTheFile(msg)
    return value
