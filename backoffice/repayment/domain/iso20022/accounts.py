"""What camt.053 and camt.054 have in common: a file of accounts, each with its entries and what it says of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from backoffice.core.words import phrase
from backoffice.repayment.domain.iso20022.movements import CREDIT, Entry, Kind, Movement, read_entry
from backoffice.repayment.domain.iso20022.reading import check, digest_of, entries
from backoffice.repayment.domain.iso20022.refusals import MessageRefused
from backoffice.repayment.domain.iso20022.tallies import OnceEach, check_number, check_sum
from backoffice.repayment.domain.iso20022.values import found, moment_of, needed, needed_text, text_at


@dataclass(frozen=True, slots=True)
class Totals:
    """Entries of an account by side, sums in major units. An entry may be several movements.

    `booked`: by how much the balance grew; entries that are not booked (yet) are in the other numbers only.
    """

    credit_entries: int
    debit_entries: int
    credits: Decimal
    debits: Decimal
    booked: Decimal

    @property
    def entries(self) -> int:
        """All entries."""
        return self.credit_entries + self.debit_entries

    @property
    def net(self) -> Decimal:
        """By how much the balance grows when all of them are booked."""
        return self.credits - self.debits


@dataclass(frozen=True, slots=True)
class Account:
    """A statement or notification (`element`, its entries taken out) with what it holds; `currency` "" without any."""

    element: Any
    account: str
    currency: str
    totals: Totals
    movements: tuple[Movement, ...]


@dataclass(frozen=True, slots=True)
class AccountsMessage:
    """A whole file of accounts."""

    message_id: str
    created_at: datetime
    digest: str
    accounts: tuple[Account, ...]


def read_accounts(data: bytes, *, kind: str, name: str) -> AccountsMessage:
    """The accounts in a file, each an element called `name`. Raises MessageRefused, which names the line."""
    check(data, kind=kind)
    once = OnceEach()
    accounts: list[Account] = []
    told: list[Entry] = []
    header: Any = None
    for found_name, element in entries(data, kind=kind, each="Ntry", also=("GrpHdr", name)):
        if found_name == "Ntry":
            told.append(_entry(element, before=told, once=once))
        elif found_name == "GrpHdr":
            _check_page(element)
            header = element
        else:
            accounts.append(_account(element, told))
            told = []
    return AccountsMessage(
        message_id=needed_text(header, "MsgId"),
        created_at=moment_of(needed(header, "CreDtTm")),
        digest=digest_of(data),
        accounts=tuple(accounts),
    )


def _entry(element: Any, *, before: Sequence[Entry], once: OnceEach) -> Entry:
    entry = read_entry(element)
    for movement in entry.movements:
        if movement.kind is not Kind.OTHER:
            once.add(order_no=movement.order_no, word=movement.kind, line=movement.line)
    if before and before[0].currency != entry.currency:
        said = phrase(
            "The entry is in %(found)s, those before in %(expected)s.",
            found=entry.currency,
            expected=before[0].currency,
        )
        raise MessageRefused.at(element, said)
    return entry


def _account(element: Any, told: Sequence[Entry]) -> Account:
    currency = told[0].currency if told else text_at(element, "Acct/Ccy")
    if text_at(element, "Acct/Ccy", default=currency) != currency:
        said = phrase("The account is in another currency than its entries (%(currency)s).", currency=currency)
        raise MessageRefused.at(needed(element, "Acct/Ccy"), said)
    totals = _totals(told)
    _check_summary(element, totals)
    return Account(
        element=element,
        account=text_at(element, "Acct/Id/Othr/Id") or text_at(element, "Acct/Id/IBAN"),
        currency=currency,
        totals=totals,
        movements=tuple(movement for entry in told for movement in entry.movements),
    )


def _totals(entries: Sequence[Entry]) -> Totals:
    credits = [each.amount for each in entries if each.is_credit]
    debits = [each.amount for each in entries if not each.is_credit]
    booked = (each.amount if each.is_credit else -each.amount for each in entries if each.is_booked)
    return Totals(
        credit_entries=len(credits),
        debit_entries=len(debits),
        credits=sum(credits, Decimal(0)),
        debits=sum(debits, Decimal(0)),
        booked=sum(booked, Decimal(0)),
    )


def _check_summary(element: Any, totals: Totals) -> None:
    """The totals an account tells itself, where it does."""
    for path, number, total in (
        ("TtlNtries", totals.entries, totals.credits + totals.debits),
        ("TtlCdtNtries", totals.credit_entries, totals.credits),
        ("TtlDbtNtries", totals.debit_entries, totals.debits),
    ):
        told = found(element, f"TxsSummry/{path}")
        if told is not None:
            check_number(told, "NbOfNtries", counted=number)
            check_sum(told, "Sum", counted=total)
    told = found(element, "TxsSummry/TtlNtries")
    if told is not None:
        is_credit = text_at(told, "CdtDbtInd", default=CREDIT) == CREDIT
        check_sum(told, "TtlNetNtryAmt", counted=totals.net if is_credit else -totals.net)


def _check_page(header: Any) -> None:
    page = found(header, "MsgPgntn")
    if page is None:
        return
    if int(needed_text(page, "PgNb")) != 1 or needed_text(page, "LastPgInd").strip() not in {"true", "1"}:
        raise MessageRefused.at(page, phrase("The file is one page of several; what is on the others is not known."))
