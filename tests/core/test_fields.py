"""Amounts and days as people type them, and what is not one."""

from datetime import date
from decimal import Decimal

import pytest
from django import forms
from django.utils.translation import override

from backoffice.core.confirm import ConfirmForm
from backoffice.core.fields import AmountField, DayField


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("1,100.16", "1100.16"),
        ("1 100.16", "1100.16"),
        ("1'100", "1100"),
        ("1\u202f100.16", "1100.16"),
        (" 0.01 ", "0.01"),
        ("１２００.５０", "1200.50"),
    ],
)
def test_reads_an_amount_as_it_is_typed(typed, amount):
    assert AmountField(currency="CNY").clean(typed) == Decimal(amount)


@pytest.mark.parametrize(
    "typed", ["12,00", "1,1001.00", "1.100,16", "abc", "NaN", "Infinity", "1e5x", "1e3", "1E3", "--1", "", "0", "-1"]
)
def test_refuses_what_is_no_amount(typed):
    with pytest.raises(forms.ValidationError):
        AmountField(currency="CNY").clean(typed)


def test_keeps_to_the_decimals_of_the_currency():
    assert AmountField(currency="UGX").clean("153") == Decimal(153)
    assert AmountField(currency="UGX").clean("153.00") == Decimal(153)
    assert AmountField(currency="UGX").prepare_value(Decimal("153.00")) == Decimal(153)
    assert str(AmountField(currency="CNY").prepare_value(Decimal("153.5"))) == "153.50"
    with pytest.raises(forms.ValidationError):
        AmountField(currency="UGX").clean("153.5")
    with pytest.raises(forms.ValidationError):
        AmountField(currency="CNY").clean("1.005")


def test_writes_a_day_as_the_browser_reads_it_in_every_language():
    with override("zh-hans"):
        assert 'value="2026-11-22"' in DayField().widget.render("day", date(2026, 11, 22))
        assert DayField().clean("2026-11-22") == date(2026, 11, 22)


@pytest.mark.parametrize("typed", ["2026-02-31", "22.11.2026", "tomorrow", "2026-13-01"])
def test_refuses_what_is_no_day(typed):
    with pytest.raises(forms.ValidationError):
        DayField().clean(typed)


@pytest.mark.parametrize(("said", "is_enough"), [("还款", True), ("ok", True), ("x", False), ("  ", False)])
def test_a_reason_is_a_word_at_least(said, is_enough):
    form = ConfirmForm({"reason": said})
    assert form.is_valid() == is_enough
    assert form.errors.get("reason", [None])[0] in (None, "Say in a word or more why.", "This field is required.")
