"""What a mandate binds and allows, and every fault of it, before anybody is asked to agree."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

_TOKEN: Final = re.compile(r"[A-Za-z0-9._-]{1,34}")
_BANK: Final = re.compile(r"[A-Za-z0-9._-]{1,20}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_AGREEMENT: Final = re.compile(r"[A-Za-z0-9._-]{1,35}")
_NUMBER_LIKE: Final = re.compile(r"[0-9 -]{7,}")
_MOST_DIGITS_SHOWN: Final = 6
LONGEST_MASK: Final = 24


class Fault(StrEnum):
    """What is wrong with one field.

    `looks_like_a_number`: a card's or account's own number stands where a token or a mask belongs. `order`: a day
    allows no less than one debit, a month no less than a day.
    """

    MALFORMED = "malformed"
    LOOKS_LIKE_A_NUMBER = "looks_like_a_number"
    NOT_POSITIVE = "not_positive"
    ORDER = "order"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The account or card a mandate is for; `token` stands for it at the rail, `mask` is what people see of it."""

    kind: str
    bank: str
    token: str
    mask: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a mandate allows of one debit, a day and a month (major units); None: no limit."""

    single: Decimal | None = None
    day: Decimal | None = None
    month: Decimal | None = None


def faults_of_binding(binding: Binding) -> dict[str, Fault]:
    """What is wrong, by field."""
    faults: dict[str, Fault] = {}
    if not _TOKEN.fullmatch(binding.token):
        faults["token"] = Fault.MALFORMED
    elif _NUMBER_LIKE.fullmatch(binding.token):
        faults["token"] = Fault.LOOKS_LIKE_A_NUMBER
    if not 1 <= len(binding.mask) <= LONGEST_MASK or not binding.mask.isprintable():
        faults["mask"] = Fault.MALFORMED
    elif sum(character.isdigit() for character in binding.mask) > _MOST_DIGITS_SHOWN:
        faults["mask"] = Fault.LOOKS_LIKE_A_NUMBER
    if not _BANK.fullmatch(binding.bank):
        faults["bank"] = Fault.MALFORMED
    if not _CURRENCY.fullmatch(binding.currency):
        faults["currency"] = Fault.MALFORMED
    if binding.kind not in {"account", "card"}:
        faults["kind"] = Fault.MALFORMED
    return faults


def faults_of_limits(limits: Limits) -> dict[str, Fault]:
    """What is wrong, by field of a mandate."""
    named = {"single_limit": limits.single, "day_limit": limits.day, "month_limit": limits.month}
    faults = {name: Fault.NOT_POSITIVE for name, limit in named.items() if limit is not None and limit <= 0}
    highest = Decimal(0)
    for name, limit in named.items():
        if limit is None or name in faults:
            continue
        if limit < highest:
            faults[name] = Fault.ORDER
        highest = max(highest, limit)
    return faults


def is_agreement_number(text: str) -> bool:
    """True for a number every rail can carry."""
    return _AGREEMENT.fullmatch(text) is not None


def is_account_token(text: str) -> bool:
    """True for what stands for an account without being its number."""
    return _TOKEN.fullmatch(text) is not None and not _NUMBER_LIKE.fullmatch(text)
