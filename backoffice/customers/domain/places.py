"""Where a person may be: the time zones each thing known about them allows."""

from functools import cache
from typing import Final

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
