"""Money and dates as they cross the API: decimal strings with a currency beside them, ISO 8601 dates."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from rest_framework import serializers

from backoffice.core.api.bodies import BodySerializer
from backoffice.core.money import exponent_of
from backoffice.core.telling import told

MOST_DIGITS = 16
_PLAIN_DECIMAL = re.compile(r"(?P<whole>0|[1-9][0-9]*)(?:\.(?P<fraction>[0-9]+))?", re.ASCII)

EARLIEST_DAY = date(1900, 1, 1)
LATEST_DAY = date(2199, 12, 31)


class MoneyField(serializers.Field):
    """An amount in major units, written "1234.50": no sign, no exponent, no NaN, at most 16 digits before the point.

    Reads strings only, as documented: a JSON number has lost its digits in most programs that wrote it. The digits the
    currency allows are checked by `MoneySerializer`, which knows the currency. `allow_zero` is False by default.
    """

    default_error_messages = {
        "form": _("write the amount as a decimal string such as “120.50”"),
        "sign": _("must not be negative"),
        "digits": _("has more digits than an amount may have"),
        "zero": _("must be more than zero"),
    }

    def __init__(self, *, allow_zero: bool = False, **kwargs: Any) -> None:
        self.allow_zero = allow_zero
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        """The amount, exact. Raises ValidationError for any other writing."""
        if not isinstance(data, str):
            self.fail("form")
        match = _PLAIN_DECIMAL.fullmatch(data)
        if match is None and _PLAIN_DECIMAL.fullmatch(data.removeprefix("-")):
            self.fail("sign")
        if match is None:
            self.fail("form")
        if len(match["whole"]) > MOST_DIGITS or len(match["fraction"] or "") > MOST_DIGITS:
            self.fail("digits")
        amount = Decimal(match[0])
        if not amount and not self.allow_zero:
            self.fail("zero")
        return amount

    def to_representation(self, value: Decimal) -> str:
        """The amount with every digit it is stored with."""
        return f"{value:f}"


class SignedMoneyField(MoneyField):
    """An amount the API only answers with, which may be negative."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, allow_zero=True, **kwargs)


class TextField(serializers.CharField):
    """A text as it was sent: a number or a yes is not one, and no space is taken away before a rule has seen it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """The text. Raises ValidationError for anything else."""
        if not isinstance(data, str):
            self.fail("invalid")
        text: str = super().to_internal_value(data)
        return text


class ToldField(serializers.CharField):
    """A text the API only answers with, told in the caller's language."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Any) -> str:
        """A phrase by the catalogue, a plain text as it is."""
        return told(value)


class YesNoField(serializers.BooleanField):
    """true or false in a body; no words and no numbers that mean them."""

    def to_internal_value(self, data: Any) -> bool:
        """The answer. Raises ValidationError for anything else."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class DayField(serializers.DateField):
    """A calendar date, ISO 8601 (2026-01-31), from 1900 to 2199."""

    default_error_messages = {
        "range": _("must lie between 1900 and 2199"),
        "no_day": _("is not a day of the calendar"),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["%Y-%m-%d"], **kwargs)

    def to_internal_value(self, value: Any) -> date:
        """The date. Raises ValidationError for another writing, a day that does not exist, or a far year."""
        if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
            self.fail("invalid", format="YYYY-MM-DD")
        if isinstance(value, str) and not _is_day(value):
            self.fail("no_day")
        day: date = super().to_internal_value(value)
        if not EARLIEST_DAY <= day <= LATEST_DAY:
            self.fail("range")
        return day


def _is_day(text: str) -> bool:
    """Whether a date in the right writing exists: 2026-02-31 does not."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


class MoneySerializer(BodySerializer):
    """A body with `currency` beside its money fields; refuses digits the currency does not have."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError naming each amount with too many decimals for the currency."""
        currency = attrs.get("currency")
        if currency:
            places = exponent_of(currency)
            said = _("%(currency)s has %(places)d decimal places") % {"currency": currency, "places": places}
            money = [name for name, kind in self.fields.items() if isinstance(kind, MoneyField) and name in attrs]
            wrong = {name: said for name in money if not fits(amount=attrs[name], currency=currency)}
            if wrong:
                raise serializers.ValidationError(wrong)
        return attrs


def fits(*, amount: Decimal | None, currency: str) -> bool:
    """Whether the amount can be paid in the currency: no more decimals than it is quoted to."""
    return amount is None or amount == amount.quantize(Decimal(1).scaleb(-exponent_of(currency)))


def currency_field(**kwargs: Any) -> serializers.RegexField:
    """The three capital letters of ISO 4217."""
    return serializers.RegexField(r"^[A-Z]{3}$", **{"help_text": "ISO 4217", **kwargs})


class MoneySchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Tells OpenAPI that money is a decimal string."""

    target_class = MoneyField
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """A pattern that admits exactly what the field reads."""
        amount = rf"(0|[1-9][0-9]{{0,{MOST_DIGITS - 1}}})(\.[0-9]{{1,2}})?"
        if isinstance(self.target, SignedMoneyField):
            amount = f"-?{amount}"
        elif not self.target.allow_zero:
            amount = rf"(?!0(\.0+)?$){amount}"
        return {"type": "string", "format": "decimal", "pattern": f"^{amount}$", "example": "120.50"}


class DaySchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Tells OpenAPI which years a date may lie in."""

    target_class = DayField

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """A date, with the years that are read where it is sent to us; a schedule may end in a later one."""
        described = {"type": "string", "format": "date"}
        read = {"pattern": "^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$"}
        return described | read if direction == "request" else described


class TextSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Tells OpenAPI that text holds no NUL, which the database cannot keep."""

    target_class = serializers.CharField

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """The text as it would be described anyway, without NUL."""
        described: dict[str, Any] = auto_schema._map_serializer_field(self.target, direction, bypass_extensions=True)
        return {"pattern": "^[^\\u0000]*$", **described} if direction == "request" else described


class ExactTextSchema(TextSchema):  # type: ignore[no-untyped-call]
    """The same of a text as it was sent."""

    target_class = TextField
