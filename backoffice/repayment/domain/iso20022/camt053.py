"""camt.053.001.02: the statement of a day, reconciled like a settlement file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from backoffice.core.words import phrase
from backoffice.repayment.domain.iso20022.accounts import Account, Totals, read_accounts
from backoffice.repayment.domain.iso20022.movements import CREDIT, Movement
from backoffice.repayment.domain.iso20022.refusals import MessageRefused
from backoffice.repayment.domain.iso20022.schemas import CAMT_053
from backoffice.repayment.domain.iso20022.values import (
    all_of,
    balance_of,
    day_of,
    found,
    moment_of,
    needed,
    needed_text,
    text_at,
)

# A statement that goes on where one of the same day ended opens with the booked balance of before (PRCD).
OPENING: Final = ("OPBD", "PRCD")
CLOSING: Final = ("CLBD",)


@dataclass(frozen=True, slots=True)
class Statement:
    """One account and what moved on it; balances in major units, below zero when the account is overdrawn."""

    statement_id: str
    account: str
    currency: str
    opening: Decimal
    closing: Decimal
    closed_on: date
    totals: Totals
    movements: tuple[Movement, ...]


@dataclass(frozen=True, slots=True)
class StatementMessage:
    """A whole file; `digest` tells it from every other one."""

    message_id: str
    created_at: datetime
    digest: str
    statements: tuple[Statement, ...]

    def movements(self) -> Iterator[Movement]:
        """Every movement, statement by statement."""
        return (each for statement in self.statements for each in statement.movements)


def read(data: bytes) -> StatementMessage:
    """The statements in a file. Raises MessageRefused, which names the line."""
    message = read_accounts(data, kind=CAMT_053, name="Stmt")
    return StatementMessage(
        message_id=message.message_id,
        created_at=message.created_at,
        digest=message.digest,
        statements=tuple(_statement(each) for each in message.accounts),
    )


def _statement(account: Account) -> Statement:
    opened, closed = _balance(account.element, OPENING), _balance(account.element, CLOSING)
    opening, currency = _signed(opened)
    closing, closing_currency = _signed(closed)
    if {currency, closing_currency} != {account.currency or currency}:
        raise MessageRefused.at(opened, phrase("The balances and the entries are in several currencies."))
    if opening + account.totals.booked != closing:
        said = phrase(
            "The opening balance and the booked entries make %(counted)s, not the closing balance of %(said)s.",
            counted=opening + account.totals.booked,
            said=closing,
        )
        raise MessageRefused.at(closed, said)
    return Statement(
        statement_id=needed_text(account.element, "Id"),
        account=account.account,
        currency=currency,
        opening=opening,
        closing=closing,
        closed_on=_day(needed(closed, "Dt")),
        totals=account.totals,
        movements=account.movements,
    )


def _balance(statement: Any, codes: tuple[str, ...]) -> Any:
    """The one balance of the statement with one of these codes."""
    named = [each for each in all_of(statement, "Bal") if text_at(each, "Tp/CdOrPrtry/Cd") in codes]
    if len(named) != 1:
        said = phrase(
            "The statement has %(count)s balances %(codes)s; one is expected.", count=len(named), codes="/".join(codes)
        )
        raise MessageRefused.at(statement, said)
    return named[0]


def _signed(balance: Any) -> tuple[Decimal, str]:
    amount, currency = balance_of(needed(balance, "Amt"))
    return (amount if needed_text(balance, "CdtDbtInd") == CREDIT else -amount), currency


def _day(element: Any) -> date:
    moment = found(element, "DtTm")
    return day_of(needed(element, "Dt")) if moment is None else moment_of(moment).date()
