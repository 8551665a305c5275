"""Form fields for amounts and days, the same on every page."""

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backoffice.core.money import exponent_of

_GROUPED = re.compile(r"\d{1,3}([, ']\d{3})+(\.\d+)?")
_PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2009\u202f", " "))


class ReasonField(forms.CharField):
    """Why something is done, as the trail keeps it: two characters are a word in Chinese, one is none."""

    default_error_messages = {"min_length": _("Say in a word or more why.")}

    def __init__(self, *, max_length: int | None = 500, **options: Any) -> None:
        options.setdefault("label", _("Reason"))
        super().__init__(min_length=2, max_length=max_length, **options)


class DayField(forms.DateField):
    """A calendar date, picked or typed; sent as ISO 8601 whatever the language of the page."""

    widget = forms.DateInput

    def __init__(self, *, input_formats: Sequence[str] = ("%Y-%m-%d",), **options: Any) -> None:
        options.setdefault("widget", forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))
        super().__init__(input_formats=list(input_formats), **options)


class AmountField(forms.DecimalField):
    """An amount of money in major units, typed as people type it: `1,100.16`, `１１００`, `1 100.16`.

    `unit` is what stands before the field; more decimals than the currency has are refused, never rounded away.
    """

    widget = forms.TextInput

    def __init__(self, *, currency: str = "", unit: str = "", **options: Any) -> None:
        self.unit = unit
        options.setdefault("max_digits", 18)
        places = exponent_of(currency) if currency else 2
        options.setdefault("decimal_places", places)
        options.setdefault("min_value", Decimal(1).scaleb(-places))
        options.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}))
        super().__init__(**options)
        self.error_messages["invalid"] = _("Write the amount in digits, with a point before the decimals.")

    def to_python(self, value: Any) -> Any:
        """The amount; thousands may be grouped. A comma that groups no thousands is refused: `12,00` is not 1200.

        So is a number in the writing of programs: `1e3` was meant for something else.
        """
        if isinstance(value, str):
            value = unicodedata.normalize("NFKC", value).translate(_SPACES).strip()
            if _GROUPED.fullmatch(value):
                value = re.sub(r"[, ']", "", value)
            if value and not _PLAIN.fullmatch(value):
                raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return self._without_zeros(super().to_python(value))

    def prepare_value(self, value: Any) -> Any:
        """An amount the field opens with, at the currency's decimals: `153` in a currency without cents."""
        return self._without_zeros(value) if isinstance(value, Decimal) else value

    def _without_zeros(self, amount: Any) -> Any:
        """Zeros the currency has no decimals for are no fault; anything else is left for the check to refuse."""
        if amount is None or not amount.is_finite():
            return amount
        rounded = round(amount, self.decimal_places or 0)
        return rounded if rounded == amount else amount


class PercentField(forms.DecimalField):
    """A share typed in percent: `18` or `18.5` is 0.18 or 0.185."""

    widget = forms.TextInput

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}))
        options.setdefault("min_value", Decimal(0))
        super().__init__(max_digits=12, decimal_places=6, **options)
        self.unit = "%"

    def clean(self, value: Any) -> Decimal | None:
        """The share as a fraction of one."""
        percent = super().clean(value)
        return None if percent is None else percent / 100
