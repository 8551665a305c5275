"""Where to plan for somebody of whom nothing but a country is known."""

from datetime import date

import pytest

from backoffice.customers.domain.places import middle_zone, zones_of_country

MARCH = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("country", "zone"),
    [("US", "America/Boise"), ("CN", "Asia/Shanghai"), ("GB", "Europe/London"), ("ID", "Asia/Makassar")],
)
def test_it_is_the_zone_in_the_middle(country, zone):
    assert middle_zone(country, on=MARCH) == zone
    assert zone in zones_of_country(country)


def test_a_country_nobody_knows_has_none():
    assert middle_zone("", on=MARCH) == middle_zone("XX", on=MARCH) == ""
