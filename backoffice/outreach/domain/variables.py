"""What a template may leave open: every variable with its type, its limits and who fills it. One catalogue.

Values travel as strings: money `CNY 1100.16`, a date `2026-03-20`, a number `3`, a link with https, text as it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from backoffice.core.money import exponent_of
from backoffice.outreach.domain.elements import CHINESE

Filler = Literal["plan", "house", "borrower"]


class VariableKind(StrEnum):
    """The type of a variable: how its value is written, checked and shown."""

    MONEY = "money"
    DATE = "date"
    TEXT = "text"
    NUMBER = "number"
    LINK = "link"


class Fault(StrEnum):
    """What is wrong with the value of a variable."""

    MISSING = "missing"
    UNKNOWN = "unknown"
    NOT_MONEY = "not_money"
    NOT_A_DATE = "not_a_date"
    NOT_A_NUMBER = "not_a_number"
    NOT_A_LINK = "not_a_link"
    TOO_LONG = "too_long"
    UNPRINTABLE = "unprintable"
    HOLDS_A_LINK = "holds_a_link"


@dataclass(frozen=True, slots=True)
class Variable:
    """One thing a text may leave open. `sample` is what a preview shows; `longest` counts characters as shown.

    `filled_by`: who plans the message, the house's own settings, or the borrower's record as the message leaves.
    """

    name: str
    kind: VariableKind
    sample: str
    longest: int = 40
    filled_by: Filler = "plan"


_ALL: Final = (
    Variable("name", VariableKind.TEXT, "", longest=60, filled_by="borrower"),
    Variable("lender", VariableKind.TEXT, "", longest=30, filled_by="house"),
    Variable("service_phone", VariableKind.TEXT, "", longest=20, filled_by="house"),
    Variable("app_link", VariableKind.LINK, "", longest=120, filled_by="house"),
    Variable("amount", VariableKind.MONEY, "CNY 1100.16"),
    Variable("overdue_amount", VariableKind.MONEY, "CNY 1135.42"),
    Variable("due_date", VariableKind.DATE, "2026-03-20"),
    Variable("days_past_due", VariableKind.NUMBER, "3", longest=5),
    Variable("days_left", VariableKind.NUMBER, "3", longest=5),
    Variable("loan", VariableKind.TEXT, "L-1042", longest=64),
    Variable("card_last4", VariableKind.TEXT, "6688", longest=4),
    Variable("paid_amount", VariableKind.MONEY, "CNY 1100.16"),
    Variable("paid_on", VariableKind.DATE, "2026-03-18"),
    Variable("offer_amount", VariableKind.MONEY, "CNY 20000.00"),
    Variable("offer_until", VariableKind.DATE, "2026-04-15"),
    Variable("coupon", VariableKind.TEXT, "15 days without interest", longest=30),
    Variable("borrowers", VariableKind.NUMBER, "120000", longest=12),
    Variable("link", VariableKind.LINK, "https://pay.example.org/a1b2", longest=120),
    Variable("pay_link", VariableKind.LINK, "https://pay.example.org/pay/a1b2/", longest=160),
)
CATALOGUE: Final[dict[str, Variable]] = {variable.name: variable for variable in _ALL}

_NOBODY: Final = {CHINESE: "客户"}

PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_MONEY = re.compile(r"([A-Z]{3}) (-?(?:0|[1-9]\d{0,15})(?:\.\d{1,2})?)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,11})", re.ASCII)
_LINK = re.compile(r"https://[a-z0-9.-]+\.[a-z]{2,24}(?::\d{1,5})?(?:/[\x21-\x7e]*)?", re.ASCII)
_LINK_IN_TEXT = re.compile(r"(?:https?:|www\.)", re.IGNORECASE)
_SYMBOLS: Final = {"CNY": "¥", "USD": "$", "GBP": "£", "EUR": "€", "INR": "Rs.", "TWD": "NT$"}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def a_customer(*, language: str) -> str:
    """What stands for the name of somebody whose name is not known or cannot be written."""
    return _NOBODY.get(language, "customer")


def names_in(text: str) -> tuple[str, ...]:
    """The variables a text leaves open, each once, in the order they are read."""
    return tuple(dict.fromkeys(PLACEHOLDER.findall(text)))


def unknown_in(text: str) -> tuple[str, ...]:
    """Names in braces that the catalogue does not have."""
    return tuple(name for name in names_in(text) if name not in CATALOGUE)


def broken_braces(text: str) -> bool:
    """Whether a brace stands alone: `{due date}`, `{amount`; it would be sent as it is written."""
    return bool(set(PLACEHOLDER.sub("", text)) & set("{}"))


def to_plan(text: str) -> tuple[str, ...]:
    """The variables whoever plans a message has to give."""
    return tuple(name for name in names_in(text) if name in CATALOGUE and CATALOGUE[name].filled_by == "plan")


def faults_of(values: Mapping[str, str], *, needed: tuple[str, ...]) -> dict[str, Fault]:
    """What is wrong with values given for the variables of a text: missing, not in the catalogue, or not of its type.

    A value for a variable the text does not use is no fault.
    """
    found = {name: Fault.MISSING for name in needed if not values.get(name, "").strip()}
    for name, value in values.items():
        if name in found:
            continue
        fault = fault_in(name, value)
        if fault is not None:
            found[name] = fault
    return found


def fault_in(name: str, value: str) -> Fault | None:
    """What is wrong with one value; None when it can be shown."""
    variable = CATALOGUE.get(name)
    if variable is None:
        return Fault.UNKNOWN
    match variable.kind:
        case VariableKind.MONEY:
            return None if _MONEY.fullmatch(value) else Fault.NOT_MONEY
        case VariableKind.NUMBER:
            fault = None if _NUMBER.fullmatch(value) else Fault.NOT_A_NUMBER
        case VariableKind.DATE:
            return None if _day(value) else Fault.NOT_A_DATE
        case VariableKind.LINK:
            fault = None if _LINK.fullmatch(value) else Fault.NOT_A_LINK
        case _:
            fault = _fault_in_text(value)
    return fault or (Fault.TOO_LONG if len(value) > variable.longest else None)


def shown(name: str, value: str, *, language: str) -> str:
    """The value as the borrower reads it. The value has no fault.

    Money `¥1,100.16`; a date `20 Mar 2026`, in Chinese `3月20日`; the rest as it is.
    """
    match CATALOGUE[name].kind:
        case VariableKind.MONEY:
            currency, _space, amount = value.partition(" ")
            return f"{_SYMBOLS.get(currency, f'{currency} ')}{Decimal(amount):,.{exponent_of(currency)}f}"
        case VariableKind.DATE:
            day = date.fromisoformat(value)
            if language == CHINESE:
                return f"{day.month}月{day.day}日"
            return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
        case VariableKind.NUMBER:
            return f"{int(value):,d}"
        case _:
            return value


def fill(text: str, *, values: Mapping[str, str], language: str) -> str:
    """The text with every variable in place. Raises KeyError for one that is missing: check with `faults_of` first.

    A value is never read as a template again, whatever braces it holds.
    """
    return PLACEHOLDER.sub(lambda found: shown(found[1], values[found[1]], language=language), text)


def _fault_in_text(value: str) -> Fault | None:
    if not value.isprintable():
        return Fault.UNPRINTABLE
    return Fault.HOLDS_A_LINK if _LINK_IN_TEXT.search(value) else None


def _day(value: str) -> bool:
    if not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
