"""How amounts, dates and shares read on a screen, in the language of the reader. No database."""

from datetime import date, datetime
from decimal import Decimal

from django.utils import dateformat, timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from backoffice.core.money import exponent_of, quantize

SYMBOLS: dict[str, str] = {
    "CNY": "¥",
    "USD": "$",
    "GBP": "£",
    "EUR": "€",
    "INR": "₹",
    "NGN": "₦",
    "KES": "KSh",
    "UGX": "USh",
    "CZK": "Kč",
    "TWD": "NT$",
    "MXN": "MX$",
}
MINUS = "\u2212"
THIN = "\u00a0"


def amount_text(amount: Decimal, *, currency: str = "", signed: bool = False, bare: bool = False) -> str:
    """`1234.5`, CNY as `¥ 1,234.50`: grouped by thousands, at the currency's exponent, a true minus before the symbol.

    Without a currency two decimals are shown; `bare` leaves the symbol out and keeps the currency's decimals; `signed`
    puts a plus before what is above zero. Currencies without a symbol of their own show their code.
    """
    exponent = exponent_of(currency) if currency else 2
    value = quantize(amount, exponent=exponent)
    sign = MINUS if value < 0 else "+" if signed and value > 0 else ""
    symbol = f"{SYMBOLS.get(currency, currency)}{THIN}" if currency and not bare else ""
    return f"{sign}{symbol}{abs(value):,.{exponent}f}"


def count_text(count: int) -> str:
    """`1234567` as `1,234,567`."""
    return f"{count:,d}".replace("-", MINUS)


def percent_text(share: Decimal, *, places: int = 2, bare: bool = False) -> str:
    """`0.1956` as `19.56 %`: a fraction as a percentage, half up; `bare` leaves out zeros at the end: `18 %`."""
    value = quantize(share * 100, exponent=places)
    digits = f"{abs(value):,.{places}f}"
    if bare and "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return f"{MINUS if value < 0 else ''}{digits}{THIN}%"


def date_text(day: date, *, style: str = "full", today: date | None = None) -> str:
    """A calendar date: `22 Nov 2026`, in Chinese `2026-11-22`.

    Styles: `full`; `short` leaves the year out when it is that of `today`; `long` adds the weekday.
    """
    chinese = is_chinese()
    if style == "short" and today is not None and day.year == today.year:
        return dateformat.format(day, "m-d" if chinese else "j M")
    if style == "long":
        return dateformat.format(day, "Y-m-d l" if chinese else "D j M Y")
    return dateformat.format(day, "Y-m-d" if chinese else "j M Y")


def moment_text(at: datetime, *, style: str = "full", today: date | None = None) -> str:
    """A moment in the lender's zone: `22 Nov 2026 07:00`; `short` leaves out the year of `today`, `time` the date."""
    local = timezone.localtime(at)
    clock = dateformat.format(local, "H:i")
    if style == "time":
        return clock
    return f"{date_text(local.date(), style=style, today=today)} {clock}"


def seconds_text(seconds: Decimal | float) -> str:
    """How long something took: `7.8 s`, `3 min 20 s`, `2 h 5 min`."""
    total = Decimal(str(seconds))
    if total < 60:
        return _("%(seconds)s s") % {"seconds": quantize(total, exponent=1)}
    minutes, rest = divmod(int(total), 60)
    if minutes < 60:
        return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": rest}
    hours, minutes = divmod(minutes, 60)
    return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}


def is_chinese() -> bool:
    """True when the page is read in Chinese."""
    return (get_language() or "").startswith("zh")


def capitalised(text: object) -> str:
    """A label that begins a line or heads a column: only the first letter changes."""
    words = str(text)
    return words[:1].upper() + words[1:]
