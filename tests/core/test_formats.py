"""How amounts, dates and shares read, in both languages."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.utils.translation import override

from backoffice.core import formats

NB = "\u00a0"


@pytest.mark.parametrize(
    ("amount", "options", "text"),
    [
        ("1234567.891", {"currency": "CNY"}, f"¥{NB}1,234,567.89"),
        ("0.005", {"currency": "CNY"}, f"¥{NB}0.01"),
        ("-42.5", {"currency": "USD"}, f"\u2212${NB}42.50"),
        ("42.5", {"currency": "USD", "signed": True}, f"+${NB}42.50"),
        ("0", {"currency": "USD", "signed": True}, f"${NB}0.00"),
        ("18000.4", {"currency": "UGX"}, f"USh{NB}18,000"),
        ("99.9", {"currency": "CHF"}, f"CHF{NB}99.90"),
        ("1100.16", {}, "1,100.16"),
    ],
)
def test_an_amount_reads_with_its_sign_its_grouping_and_its_decimals(amount, options, text):
    assert formats.amount_text(Decimal(amount), **options) == text


@pytest.mark.parametrize(
    ("share", "options", "text"),
    [
        ("0.1956", {}, f"19.56{NB}%"),
        ("0.18", {"bare": True}, f"18{NB}%"),
        ("0.185", {"bare": True}, f"18.5{NB}%"),
        ("-0.003", {"places": 1}, f"\u22120.3{NB}%"),
        ("1", {"places": 0, "bare": True}, f"100{NB}%"),
    ],
)
def test_a_fraction_reads_as_a_percentage(share, options, text):
    assert formats.percent_text(Decimal(share), **options) == text


@pytest.mark.parametrize(
    ("language", "style", "text"),
    [
        ("en", "full", "22 Nov 2026"),
        ("en", "short", "22 Nov"),
        ("en", "long", "Sun 22 Nov 2026"),
        ("zh-hans", "full", "2026-11-22"),
        ("zh-hans", "short", "11-22"),
        ("zh-hans", "long", "2026-11-22 星期日"),
    ],
)
def test_a_date_reads_as_the_language_has_it(language, style, text):
    with override(language):
        assert formats.date_text(date(2026, 11, 22), style=style, today=date(2026, 12, 1)) == text


@pytest.mark.parametrize(
    ("language", "text"), [("en", "22 Nov 2026 · 22 Nov 2026 07:00"), ("zh-hans", "2026-11-22 · 2026-11-22 07:00")]
)
def test_a_date_that_a_template_writes_by_itself_reads_the_same(language, text, settings):
    settings.TIME_ZONE = "Asia/Shanghai"
    context = Context({"day": date(2026, 11, 22), "at": datetime(2026, 11, 21, 23, 0, tzinfo=UTC)})
    with override(language):
        assert Template("{{ day }} · {{ at }}").render(context) == text


def test_a_short_date_of_another_year_keeps_its_year():
    assert formats.date_text(date(2025, 11, 22), style="short", today=date(2026, 1, 1)) == "22 Nov 2025"


def test_a_moment_is_told_in_the_zone_of_the_lender(settings):
    settings.TIME_ZONE = "Asia/Shanghai"
    assert formats.moment_text(datetime(2026, 11, 21, 23, 0, tzinfo=UTC)) == "22 Nov 2026 07:00"


@pytest.mark.parametrize(
    ("seconds", "text"), [("7.82", "7.8 s"), ("59.96", "60.0 s"), ("200", "3 min 20 s"), ("7500", "2 h 5 min")]
)
def test_a_duration_reads_in_the_units_people_use(seconds, text):
    assert formats.seconds_text(Decimal(seconds)) == text


def test_an_amount_without_its_symbol_keeps_the_decimals_of_its_currency():
    assert formats.amount_text(Decimal("3520000.00"), currency="UGX", bare=True) == "3,520,000"
    assert formats.amount_text(Decimal("1100.16"), currency="CNY", bare=True) == "1,100.16"


def test_counts_are_grouped():
    assert formats.count_text(-1234567) == "\u22121,234,567"
