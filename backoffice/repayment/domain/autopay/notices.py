"""What a rail tells of a debit unasked, read and checked. docs/rails.md is the contract.

Everything here comes from outside, so nothing is believed before it is read.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from backoffice.core.money import exponent_of
from backoffice.repayment.domain.autopay.order_numbers import LONGEST

LONGEST_ID: Final = 100
LONGEST_CODE: Final = 40
LONGEST_REFERENCE: Final = 80
_AMOUNT: Final = re.compile(r"(?:0|[1-9]\d{0,14})(?:\.\d{1,3})?", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)


class NoticeNotReadable(ValueError):
    """The body is not a notice; `field` says which part of it, "" for the whole."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


class Event(StrEnum):
    """What became of a debit; `returned`: one that had succeeded was taken back."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing a rail says happened, and when: the debit, the refusal or the return. `amount` in major units."""

    notice_id: str
    order_no: str
    event: Event
    amount: Decimal
    currency: str
    at: datetime
    code: str
    reference: str


def read_notice(body: bytes) -> Notice:
    """The notice in a webhook's body. Raises NoticeNotReadable naming the field at fault."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoticeNotReadable("", "the body is not JSON") from error
    if not isinstance(given, dict):
        raise NoticeNotReadable("", "the body is not an object")
    currency = _text(given, "currency", longest=3)
    if not _CURRENCY.fullmatch(currency):
        raise NoticeNotReadable("currency", "is not a currency")
    return Notice(
        notice_id=_text(given, "notice_id", longest=LONGEST_ID),
        order_no=_text(given, "order_no", longest=LONGEST),
        event=_event(given),
        amount=_amount(given, currency=currency),
        currency=currency,
        at=_moment(given),
        code=_text(given, "code", longest=LONGEST_CODE),
        reference=_text(given, "reference", longest=LONGEST_REFERENCE, needed=False),
    )


def _text(given: dict[str, Any], name: str, *, longest: int, needed: bool = True) -> str:
    value = given.get(name, "")
    if not isinstance(value, str) or not value.isprintable():
        raise NoticeNotReadable(name, "must be a text")
    if needed and not value.strip():
        raise NoticeNotReadable(name, "is needed")
    if len(value) > longest:
        raise NoticeNotReadable(name, f"has more than {longest} characters")
    return value


def _event(given: dict[str, Any]) -> Event:
    event = _text(given, "event", longest=20)
    try:
        return Event(event)
    except ValueError as error:
        raise NoticeNotReadable("event", f"must be one of {', '.join(Event)}") from error


def _amount(given: dict[str, Any], *, currency: str) -> Decimal:
    text = _text(given, "amount", longest=20)
    amount = Decimal(text) if _AMOUNT.fullmatch(text) else Decimal(0)
    if amount <= 0 or amount != round(amount, exponent_of(currency)):
        raise NoticeNotReadable("amount", "is not an amount of its currency")
    return amount


def _moment(given: dict[str, Any]) -> datetime:
    text = _text(given, "at", longest=40)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise NoticeNotReadable("at", "is not a moment of ISO 8601") from error
    if at.tzinfo is None:
        raise NoticeNotReadable("at", "has no offset from UTC")
    return at
