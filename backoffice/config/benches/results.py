"""A measured row, and how rows are shown."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. `size` counts what was worked on, `rate` is per second, `floor_ratio` is against the bare statements.

    `met` is None where the design names no target.
    """

    name: str
    size: int
    seconds: float
    rate: float | None = None
    floor_ratio: float | None = None
    target: str = ""
    met: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """The row with its figures rounded to what can be read from them."""
        values = asdict(self)
        for name in ("seconds", "rate", "floor_ratio"):
            if values[name] is not None:
                values[name] = float(f"{values[name]:.4g}")
        return values


HEADINGS = ("name", "size", "seconds", "rate/s", "floor ratio", "target", "met")


def table(rows: Sequence[Row]) -> str:
    """The rows as lines of text in columns."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)


def _cells(row: Row) -> tuple[str, ...]:
    values = row.as_json()
    return (
        row.name,
        f"{row.size:,}",
        f"{values['seconds']:,}",
        "" if row.rate is None else f"{values['rate']:,}",
        "" if row.floor_ratio is None else f"{values['floor_ratio']:,}",
        row.target,
        {True: "yes", False: "NO", None: ""}[row.met],
    )


def seconds_of(work: Callable[[], object]) -> float:
    """How long a call took."""
    started = perf_counter()
    work()
    return perf_counter() - started


def median(values: Sequence[float]) -> float:
    """The middle of some measurements."""
    return statistics.median(values)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent of the measurements do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * percent // 100) - 1))]
