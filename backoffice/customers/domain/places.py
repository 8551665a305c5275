"""Where a person may be: the time zones each thing known about them allows."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from babel.core import get_global

NOWHERE: Final[tuple[str, ...]] = ()


@cache
def zones_by_country() -> dict[str, tuple[str, ...]]:
    """IANA zones by country (ISO 3166), in alphabetical order. Source: CLDR, as Babel carries it."""
    found: dict[str, list[str]] = {}
    for zone, country in get_global("zone_territories").items():
        found.setdefault(country, []).append(zone)
    return {country: tuple(sorted(zones)) for country, zones in found.items()}


def zones_of_country(country: str) -> tuple[str, ...]:
    """Every zone somebody in the country may be in; none for a country that is not known."""
    return zones_by_country().get(country, NOWHERE)


@cache
def middle_zone(country: str, *, on: date) -> str:
    """The zone in the middle of a country's, by its noon on a day: where to plan for somebody of whom no more is known.

    "" for a country that is not known. What may be sent is for the contact gate, which looks at all of them.
    """
    noon = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
    by_offset: dict[timedelta, str] = {}
    for zone in zones_of_country(country):
        offset = noon.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
        by_offset.setdefault(offset, zone)
    offsets = sorted(by_offset)
    return by_offset[offsets[len(offsets) // 2]] if offsets else ""
