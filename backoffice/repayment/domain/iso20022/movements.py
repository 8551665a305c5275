"""Entries of the creditor's account, as camt.053 and camt.054 tell them alike.

The account is ours: a credit with our order number is a debit of the borrower that succeeded, a debit with it and a
reason is a debit taken back. What carries no order number (fees, sweeps) is kept as `other`, so that balances add up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from backoffice.core.words import phrase
from backoffice.repayment.domain.iso20022.refusals import MessageRefused
from backoffice.repayment.domain.iso20022.tallies import check_number, check_sum
from backoffice.repayment.domain.iso20022.values import (
    all_of,
    code_of,
    day_of,
    found,
    moment_of,
    money_of,
    needed,
    needed_text,
    text_at,
)

NO_ORDER: Final = frozenset({"", "NOTPROVIDED"})
CREDIT: Final = "CRDT"


class Kind(StrEnum):
    """What an entry is to us."""

    DEBIT = "debit"
    RETURN = "return"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Movement:
    """Money on the account for one order: `amount` above zero in major units, `at` where the bank tells the time.

    `is_credit`: the balance grew. `is_booked`: it really moved; what is pending or told for information has not, and
    may never. `code` is the reason of a return, "" of everything else or where none is given.
    """

    line: int
    kind: Kind
    order_no: str
    is_credit: bool
    is_booked: bool
    amount: Decimal
    currency: str
    booked_on: date
    at: datetime | None
    code: str
    reference: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the account: one movement, or several that were booked together."""

    amount: Decimal
    currency: str
    is_credit: bool
    is_booked: bool
    movements: tuple[Movement, ...]


def read_entry(element: Any) -> Entry:
    """An `Ntry`. Raises MessageRefused for one that nobody can tell what it is, or whose parts do not sum to it."""
    amount, currency = money_of(needed(element, "Amt"))
    details = list(all_of(element, "NtryDtls/TxDtls")) or [element]
    movements = tuple(_movements(element, details, amount=amount, currency=currency))
    if sum((each.amount for each in movements), Decimal(0)) != amount:
        raise MessageRefused.at(element, phrase("The parts of the entry do not sum to its amount."))
    _check_batches(element, amount=amount)
    return Entry(
        amount=amount,
        currency=currency,
        is_credit=_is_credit(element),
        is_booked=_is_booked(element),
        movements=movements,
    )


def _check_batches(element: Any, *, amount: Decimal) -> None:
    """What an entry says of the parts it was booked from; a batch without parts says nothing that could be counted."""
    groups = list(all_of(element, "NtryDtls"))
    for group in groups:
        batch, parts = found(group, "Btch"), list(all_of(group, "TxDtls"))
        if batch is not None and parts:
            check_number(batch, "NbOfTxs", counted=len(parts))
        if batch is not None and len(groups) == 1:
            check_sum(batch, "TtlAmt", counted=amount)


def _movements(entry: Any, details: list[Any], *, amount: Decimal, currency: str) -> Iterator[Movement]:
    at, booked_on = _booked(entry)
    is_credit = _is_credit(entry)
    is_reversal = text_at(entry, "RvslInd").strip() in {"true", "1"}
    for detail in details:
        own_amount, own_currency = amount, currency
        if (told := found(detail, "AmtDtls/TxAmt/Amt")) is not None:
            own_amount, own_currency = money_of(told)
        if own_currency != currency:
            raise MessageRefused.at(detail, phrase("A part of the entry is in another currency."))
        order_no = text_at(detail, "Refs/EndToEndId")
        reason = found(detail, "RtrInf")
        yield Movement(
            line=detail.sourceline,
            kind=_kind(detail, order_no, is_credit=is_credit, is_back=is_reversal or reason is not None),
            order_no="" if order_no in NO_ORDER else order_no,
            is_credit=is_credit,
            is_booked=_is_booked(entry),
            amount=own_amount,
            currency=currency,
            booked_on=booked_on,
            at=at,
            code="" if reason is None else code_of(found(reason, "Rsn")),
            reference=text_at(detail, "Refs/AcctSvcrRef") or text_at(entry, "AcctSvcrRef"),
        )


def _kind(detail: Any, order_no: str, *, is_credit: bool, is_back: bool) -> Kind:
    if order_no in NO_ORDER:
        return Kind.OTHER
    if is_credit != is_back:
        return Kind.DEBIT if is_credit else Kind.RETURN
    said = phrase("%(order_no)s is neither a collection nor a return of one.", order_no=order_no)
    raise MessageRefused.at(detail, said)


def _booked(entry: Any) -> tuple[datetime | None, date]:
    """When an entry was booked; of one that was not, when its money counts."""
    booking = found(entry, "BookgDt")
    if booking is None:
        booking = needed(entry, "BookgDt" if _is_booked(entry) else "ValDt")
    moment = found(booking, "DtTm")
    if moment is None:
        return None, day_of(needed(booking, "Dt"))
    at = moment_of(moment)
    return at, at.date()


def _is_credit(entry: Any) -> bool:
    return needed_text(entry, "CdtDbtInd") == CREDIT


def _is_booked(entry: Any) -> bool:
    return needed_text(entry, "Sts") == "BOOK"
