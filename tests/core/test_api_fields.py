"""Amounts and dates at the edge: exact or refused."""

import io
import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError, ValidationError

from backoffice.core.api.fields import (
    DayField,
    MoneyField,
    MoneySchema,
    MoneySerializer,
    SignedMoneyField,
    currency_field,
)
from backoffice.core.api.parsing import DecimalJSONParser


class Payment(MoneySerializer):
    amount = MoneyField()
    currency = currency_field()


def read(field, value):
    return field.run_validation(value)


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("120.50", "120.50"),
        ("0.01", "0.01"),
        ("9999999999999999.99", "9999999999999999.99"),
    ],
)
def test_reads_a_plain_decimal_exactly(written, amount):
    assert read(MoneyField(), written) == Decimal(amount)


@pytest.mark.parametrize(
    "written",
    ["", " 1", "1 ", "-1", "+1", "01", "1.", ".5", "1e3", "1E3", "NaN", "Infinity", "1,000.00", "١٢", "0x10", "1_000",
     True, False, 0.1, [], {}, Decimal("1E+3"), Decimal("-1"), -1, 7, Decimal("120.50")],
)  # fmt: skip
def test_refuses_every_other_writing_of_an_amount(written):
    with pytest.raises(ValidationError):
        read(MoneyField(), written)


@pytest.mark.parametrize(
    ("written", "code"),
    [("10000000000000000", "digits"), ("0." + "1" * 17, "digits"), ("0", "zero"), ("0.00", "zero"), ("abc", "form")],
)
def test_says_which_way_an_amount_is_wrong(written, code):
    with pytest.raises(ValidationError) as refused:
        read(MoneyField(), written)
    assert [detail.code for detail in refused.value.detail] == [code]


def test_takes_nothing_where_nothing_is_allowed():
    assert read(MoneyField(allow_zero=True), "0.00") == Decimal(0)


@given(st.decimals(min_value="0.01", max_value="9999999999999999.99", places=2))
def test_writes_an_amount_as_it_reads_it(amount):
    written = MoneyField().to_representation(amount)
    assert MoneyField().to_internal_value(written) == amount
    assert "E" not in written


def test_writes_a_negative_balance_with_its_sign():
    assert SignedMoneyField().to_representation(Decimal("-0.50")) == "-0.50"


@pytest.mark.parametrize(
    ("amount", "currency", "fields"),
    [
        ("10.50", "CNY", {}),
        ("10.505", "CNY", {"amount": ["CNY has 2 decimal places"]}),
        ("10.00", "UGX", {}),
        ("10.50", "UGX", {"amount": ["UGX has 0 decimal places"]}),
    ],
)
def test_refuses_digits_the_currency_does_not_have(amount, currency, fields):
    payment = Payment(data={"amount": amount, "currency": currency})
    payment.is_valid()
    assert payment.errors == fields


@pytest.mark.parametrize("written", ["cny", "CN", "CNYY", "C1Y", "ＣＮＹ"])
def test_refuses_what_is_no_currency_code(written):
    payment = Payment(data={"amount": "1.00", "currency": written})
    assert not payment.is_valid()
    assert set(payment.errors) == {"currency"}


def test_reads_an_iso_date():
    assert read(DayField(), "2024-02-29") == date(2024, 2, 29)


@pytest.mark.parametrize(
    ("written", "code"),
    [("2026-02-31", "no_day"), ("2026-2-3", "invalid"), ("31/01/2026", "invalid"), ("20260131", "invalid"),
     (20260131, "invalid"), ("1899-12-31", "range"), ("2200-01-01", "range"), ("2026-01-31T00:00:00", "invalid")],
)  # fmt: skip
def test_refuses_what_is_no_date(written, code):
    with pytest.raises(ValidationError) as refused:
        read(DayField(), written)
    assert [detail.code for detail in refused.value.detail] == [code]


def parse(text):
    return DecimalJSONParser().parse(io.BytesIO(text if isinstance(text, bytes) else text.encode()))


def test_parses_fractions_without_losing_a_digit():
    assert parse('{"amount": 0.10, "count": 3}') == {"amount": Decimal("0.10"), "count": 3}


def test_parses_a_character_written_as_two_halves():
    assert parse(r'{"a": "\ud83d\ude00", "b": 0.5}') == {"a": "😀", "b": Decimal("0.5")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": -Infinity}', "-Infinity is not a JSON number"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the name “c” is given twice"),
        ('{"a": ', "line 1, column 7"),
        (b"\xff\xfe", "is not utf-8 text"),
        ("[" * 100_000, "cannot be used"),
        (r'{"a": ["\ud83d"]}', r"'\ud83d' is half a character"),
        (r'{"\uDE00": 0.5}', r"'\ude00' is half a character"),
        ("1" * 5000, "cannot be used"),
    ],
)
def test_refuses_what_it_cannot_read_as_json(text, said):
    with pytest.raises(ParseError) as refused:
        parse(text)
    assert said in str(refused.value.detail)


def test_shows_a_money_pattern_that_admits_what_the_field_reads():
    pattern = MoneySchema(MoneyField()).map_serializer_field(None, "request")["pattern"]
    taken = ["120.50", "0.01", "1", "9999999999999999.99"]
    refused = ["0", "0.00", "-1", "01", "1.", "1.005", ".5", "1e3"]
    assert [text for text in taken + refused if re.search(pattern, text)] == taken
    negative = MoneySchema(SignedMoneyField()).map_serializer_field(None, "response")["pattern"]
    assert re.search(negative, "-0.50")
