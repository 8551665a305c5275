"""Merchant order numbers: one for each (bill, purpose, attempt), short enough for every rail. mechanics 3.7."""

import string
from datetime import date
from enum import StrEnum
from typing import Final

LONGEST: Final = 35
"""The longest end-to-end id of ISO 20022."""
_DIGITS: Final = string.digits + string.ascii_lowercase


class Purpose(StrEnum):
    """Who set the payment off: the lender's slot, or the borrower by a pay link."""

    DEBIT = "debit"
    ACTIVE = "active"


CLAIM: Final = "C"
LETTERS: Final = {Purpose.DEBIT: "D", Purpose.ACTIVE: "A"}
INITIATED_BY: Final = {Purpose.DEBIT: "lender", Purpose.ACTIVE: "customer"}
"""Who set a payment off, in the words of rails."""


def order_number(*, loan_id: int, bill_number: int, version: int, purpose: Purpose, attempt: int) -> str:
    """The number of an attempt on a bill, the same every time it is asked for.

    `version` is the schedule version the bill was made in: bill 3 before and after an extension are two bills.
    """
    parts = (loan_id, bill_number, version, attempt)
    if min(parts) < 0:
        msg = "ids and counts are not negative"
        raise ValueError(msg)
    return LETTERS[purpose] + "-".join(_short(part) for part in parts)


def claim_number(*, rule_id: int, loan_id: int, bill_number: int, version: int, day: date) -> str:
    """The number of a claim on a guarantor, the same every time it is asked for; bill 0 is the whole loan."""
    parts = (rule_id, loan_id, bill_number, version, day.toordinal())
    return CLAIM + "-".join(_short(part) for part in parts)


def _short(number: int) -> str:
    """A number to the base of 36."""
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
        if not number:
            return digits
