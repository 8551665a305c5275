"""Texts, amounts and dates in elements of a message that keeps its schema; anything odd is refused by its line."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

from backoffice.core.money import exponent_of
from backoffice.core.words import phrase
from backoffice.repayment.domain.iso20022.refusals import MessageRefused

_DATE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(Z|[+-]\d{2}:\d{2})?")


def found(element: Any, path: str) -> Any:
    """The first element at a path below one, such as "Refs/EndToEndId"; None when it is not there."""
    return element.find(_steps(path))


def all_of(element: Any, path: str) -> Iterator[Any]:
    """Every element at a path below one."""
    return iter(element.findall(_steps(path)))


def needed(element: Any, path: str) -> Any:
    """The first element at a path; raises MessageRefused when it is not there."""
    child = found(element, path)
    if child is None:
        raise MessageRefused.at(element, phrase("%(name)s is missing.", name=path))
    return child


def text_at(element: Any, path: str, *, default: str = "") -> str:
    """The text at a path as it stands, or the default where there is none."""
    child = found(element, path)
    return default if child is None else child.text or ""


def needed_text(element: Any, path: str) -> str:
    """The text at a path; raises MessageRefused when it is not there."""
    return needed(element, path).text or ""


def number_of(element: Any) -> Decimal:
    """A decimal number."""
    return Decimal((element.text or "").strip())


def money_of(element: Any) -> tuple[Decimal, str]:
    """An amount above zero in whole minor units of its currency, and the currency; raises MessageRefused."""
    amount, currency = balance_of(element)
    if not amount:
        raise MessageRefused.at(element, phrase("The amount is zero."))
    return amount, currency


def balance_of(element: Any) -> tuple[Decimal, str]:
    """An amount that may be zero in whole minor units of its currency, and the currency; raises MessageRefused."""
    amount, currency = number_of(element), element.get("Ccy")
    if not is_whole(amount, currency=currency):
        said = phrase("%(amount)s is finer than %(currency)s has decimals.", amount=amount, currency=currency)
        raise MessageRefused.at(element, said)
    return amount, currency


def is_whole(amount: Decimal, *, currency: str) -> bool:
    """Whether an amount in major units is a whole number of minor units of the currency."""
    minor = amount.scaleb(exponent_of(currency))
    return minor == minor.to_integral_value()


def day_of(element: Any) -> date:
    """A calendar date; what zone stands behind it is left out."""
    said = _DATE.fullmatch((element.text or "").strip())
    if said is None:
        raise MessageRefused.at(element, phrase("This is not a day of the calendar such as 2026-01-31."))
    return date.fromisoformat(said[1])


def moment_of(element: Any) -> datetime:
    """A time with its offset; one without is refused, since nobody knows which moment it means."""
    try:
        moment = datetime.fromisoformat((element.text or "").strip())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        said = phrase("This is not a time with its offset such as 2026-01-31T07:00:00+08:00.")
        raise MessageRefused.at(element, said)
    return moment


def code_of(element: Any | None) -> str:
    """The code in a reason, published or of the bank's own; "" without a reason."""
    if element is None:
        return ""
    return text_at(element, "Cd") or text_at(element, "Prtry")


@cache
def _steps(path: str) -> str:
    return "/".join(f"{{*}}{step}" for step in path.split("/"))
