"""One cell of the tape: text in, a typed value out, or the reason why not.

Amounts come out as whole hundredths (integers), so that the stage can add them up exactly; dates as ISO text, which
sorts; rates as decimal text. Text is kept as it came, formulas too: only reports and exports must disarm them.
"""

import json
import re
import zoneinfo
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache

from backoffice.core.money import exponent_of
from backoffice.repayment.tape.format import (
    AMOUNT_DIGITS,
    EARLIEST_YEAR,
    HIGHEST_RATE,
    LATEST_YEAR,
    RATE_DECIMALS,
    Column,
)

Staged = str | int | None
Parse = Callable[[str], Staged]

AMOUNT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]*))?", re.ASCII)
DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
RATE = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
# What neither the database (NUL) nor a line of text can hold.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
BOOLEANS: dict[str, int] = {"true": 1, "false": 0, "1": 1, "0": 0, "yes": 1, "no": 0}
SHOWN_AT_MOST = 60


class NotAValue(ValueError):
    """A cell cannot be read; `code` is of the catalogue of findings."""

    def __init__(self, code: str, **params: str) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


def shown(text: str) -> str:
    """A value as a message may quote it: short, and without control characters."""
    clean = CONTROL.sub("�", text)
    return clean if len(clean) <= SHOWN_AT_MOST else f"{clean[:SHOWN_AT_MOST]}…"


def parser_of(column: Column) -> Parse:
    """The function that reads a cell of the column; it gets text that is not empty and raises NotAValue."""
    match column.kind:
        case "amount":
            return parse_amount
        case "date":
            return parse_date
        case "rate":
            return parse_rate
        case "currency":
            return _matching(CURRENCY, "not_a_currency")
        case "country":
            return _matching(COUNTRY, "not_a_country")
        case "boolean":
            return parse_boolean
        case "integer":
            return lambda text: parse_integer(text, least=column.least, most=column.most)
        case "json":
            return lambda text: parse_json(text, longest=column.longest)
        case "id":
            return lambda text: parse_id(text, longest=column.longest)
        case "code" if column.choices:
            return lambda text: parse_choice(text, choices=column.choices)
        case "code":
            return lambda text: parse_word(text, longest=column.longest)
        case _:
            return lambda text: parse_text(text, longest=column.longest)


def parse_text(text: str, *, longest: int) -> str:
    """Free text as it came."""
    if len(text) > longest:
        raise NotAValue("too_long", found=str(len(text)), most=str(longest))
    if CONTROL.search(text):
        raise NotAValue("control_character")
    return text


def parse_id(text: str, *, longest: int) -> str:
    """The sender's identifier: any text without spaces around it, on one line."""
    parse_text(text, longest=longest)
    if text != text.strip() or "\n" in text or "\t" in text or "\r" in text:
        raise NotAValue("not_an_id")
    return text


def parse_word(text: str, *, longest: int) -> str:
    """A code: ASCII letters, digits, point, dash, underscore."""
    parse_text(text, longest=longest)
    if not WORD.fullmatch(text):
        raise NotAValue("not_a_word", value=shown(text))
    return text


def parse_choice(text: str, *, choices: tuple[str, ...]) -> str:
    """One of the words."""
    if text not in choices:
        raise NotAValue("not_a_code", value=shown(text), choices=", ".join(choices))
    return text


@cache
def parse_date(text: str) -> str:
    """A calendar day as ISO text."""
    match = DATE.fullmatch(text)
    if match is None:
        raise NotAValue("not_a_date", value=shown(text))
    year, month, day = (int(part) for part in match.groups())
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise NotAValue("date_out_of_range", value=text, least=str(EARLIEST_YEAR), most=str(LATEST_YEAR))
    try:
        date(year, month, day)
    except ValueError:
        raise NotAValue("no_such_day", value=text) from None
    return text


def parse_amount(text: str) -> int:
    """An amount in hundredths of the major unit; never negative."""
    match = AMOUNT.fullmatch(text)
    if match is None:
        raise NotAValue("not_an_amount", value=shown(text))
    sign, whole, decimals = match.groups()
    if len(whole.lstrip("0")) > AMOUNT_DIGITS:
        raise NotAValue("too_many_digits", found=str(len(whole.lstrip("0"))), most=str(AMOUNT_DIGITS))
    decimals = (decimals or "").rstrip("0")
    if len(decimals) > 2:
        raise NotAValue("too_fine", value=shown(text), most="2")
    hundredths = int(whole) * 100 + int(decimals.ljust(2, "0") or "0")
    if sign and hundredths:
        raise NotAValue("negative_amount", value=shown(text))
    return hundredths


def check_decimals(hundredths: int, *, currency: str) -> None:
    """An amount must be whole minor units of its currency. Raises NotAValue."""
    exponent = exponent_of(currency)
    if exponent < 2 and hundredths % 10 ** (2 - exponent):
        amount = Decimal(hundredths).scaleb(-2)
        raise NotAValue("too_many_decimals", value=str(amount), currency=currency, most=str(exponent))


def parse_rate(text: str) -> str:
    """A yearly rate as a fraction: 0.18 is 18 %."""
    if not RATE.fullmatch(text):
        raise NotAValue("not_a_rate", value=shown(text))
    try:
        rate = Decimal(text)
    except InvalidOperation:
        raise NotAValue("not_a_rate", value=shown(text)) from None
    if not 0 <= rate <= HIGHEST_RATE:
        raise NotAValue("rate_out_of_range", value=shown(text), most=str(HIGHEST_RATE))
    if rate != round(rate, RATE_DECIMALS):
        raise NotAValue("not_a_rate", value=shown(text))
    return text


def parse_integer(text: str, *, least: int, most: int) -> int:
    """A whole number between two bounds."""
    if not INTEGER.fullmatch(text):
        raise NotAValue("not_an_integer", value=shown(text))
    number = int(text)
    if not least <= number <= most:
        raise NotAValue("integer_out_of_range", value=text, least=str(least), most=str(most))
    return number


def parse_boolean(text: str) -> int:
    """true or false, also 1, 0, yes, no; 1 or 0 in the stage."""
    value = BOOLEANS.get(text.lower())
    if value is None:
        raise NotAValue("not_a_boolean", value=shown(text))
    return value


def parse_json(text: str, *, longest: int) -> str:
    """A JSON object, kept as text; numbers in it are never read as floats."""
    parse_text(text, longest=longest)
    try:
        value = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise NotAValue("not_json", detail=shown(str(error))) from None
    if not isinstance(value, dict):
        raise NotAValue("not_json", detail="{...}")
    return text


@cache
def is_time_zone(name: str) -> bool:
    """True for a name of the IANA database."""
    return name in zoneinfo.available_timezones()


def _matching(pattern: re.Pattern[str], code: str) -> Parse:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise NotAValue(code, value=shown(text))
        return text

    return parse
