"""An instant at every place a borrower may be: places whose clocks agree stand together."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from backoffice.core.formats import date_text

NAMED = 3


@dataclass(frozen=True, slots=True)
class LocalTime:
    """What the clock shows at some places: `named` are the first of them, `more` how many others agree."""

    day: str
    clock: str
    offset: str
    named: tuple[str, ...]
    more: int
    is_other_day: bool


def local_times(*, at: datetime, zones: Iterable[str], beside: datetime | None = None) -> tuple[LocalTime, ...]:
    """The instant at the zones, the earliest clock first; `is_other_day`: its date is not that of `beside` there."""
    agreeing: dict[datetime, list[str]] = defaultdict(list)
    for zone in zones:
        agreeing[at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)].append(zone)
    return tuple(_shown(zones=agreeing[clock], at=at, beside=beside) for clock in sorted(agreeing))


def local_times_text(*, at: datetime, zones: Iterable[str]) -> str:
    """The instant at the zones in one line: `8 Apr 2026 03:00 New York (UTC-04:00)`; clocks that agree are one."""
    return "; ".join(
        f"{time.day} {time.clock} {', '.join(time.named)}{' …' if time.more else ''} ({time.offset})"
        for time in local_times(at=at, zones=zones)
    )


def _shown(*, zones: list[str], at: datetime, beside: datetime | None) -> LocalTime:
    here = ZoneInfo(zones[0])
    local = at.astimezone(here)
    named = tuple(zone.rpartition("/")[2].replace("_", " ") for zone in zones[:NAMED])
    written = local.strftime("%z")
    return LocalTime(
        day=date_text(local.date()),
        clock=local.strftime("%H:%M"),
        offset=f"UTC{written[:3]}:{written[3:5]}",
        named=named,
        more=len(zones) - len(named),
        is_other_day=beside is not None and beside.astimezone(here).date() != local.date(),
    )
