"""Writing ISO 20022: pain.002.001.03, camt.054.001.02 and camt.053.001.02, elements in the order of their schemas."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from xml.etree import ElementTree

from backoffice.sandbox.bank.records import DEBIT
from backoffice.sandbox.bank.settlement import Reported

STATUS, ADVICE, STATEMENT = "pain.002.001.03", "camt.054.001.02", "camt.053.001.02"
ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An entry the bank refused: its PmtInfId, EndToEndId, the reason and the bank's reference."""

    payment: str
    order_no: str
    code: str
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A collection account on the evening of a day; below zero it is overdrawn."""

    currency: str
    opening: Decimal
    closing: Decimal


def status_report(
    *, name: str, at: datetime, message_id: str, state: str, reason: str = "", refused: Iterable[Refused] = ()
) -> str:
    """A pain.002: what became of a file (`ACTC`, or `RJCT` with a reason), and of the entries that were refused."""
    root, report = _document(STATUS, "CstmrPmtStsRpt")
    header = _add(report, "GrpHdr")
    _add(header, "MsgId", name)
    _add(header, "CreDtTm", at.isoformat())
    group = _add(report, "OrgnlGrpInfAndSts")
    _add(group, "OrgnlMsgId", message_id)
    _add(group, "OrgnlMsgNmId", "pain.008.001.02")
    _add(group, "GrpSts", state)
    if reason:
        _add(_add(_add(group, "StsRsnInf"), "Rsn"), "Cd", reason)
    for payment, entries in groupby(sorted(refused, key=lambda one: one.payment), key=lambda one: one.payment):
        information = _add(report, "OrgnlPmtInfAndSts")
        _add(information, "OrgnlPmtInfId", payment)
        for number, entry in enumerate(entries, start=1):
            told = _add(information, "TxInfAndSts")
            _add(told, "StsId", str(number))
            _add(told, "OrgnlEndToEndId", entry.order_no)
            _add(told, "TxSts", "RJCT")
            _add(_add(_add(told, "StsRsnInf"), "Rsn"), "Cd", entry.code)
            if entry.reference:
                _add(told, "AcctSvcrRef", entry.reference)
    return _written(root)


def advice(*, name: str, at: datetime, entries: Iterable[Reported], owner: str) -> str:
    """A camt.054: what was debited and what was returned, one notification a currency."""
    root, message = _document(ADVICE, "BkToCstmrDbtCdtNtfctn")
    _header(message, name=name, at=at)
    for currency, group in _by_currency(entries):
        notification = _add(message, "Ntfctn")
        _add(notification, "Id", f"{name}-{currency}")
        _add(notification, "CreDtTm", at.isoformat())
        _account(notification, owner=owner, currency=currency)
        for entry in group:
            _entry(notification, entry)
    return _written(root)


def statement(
    *, name: str, at: datetime, day: str, entries: Iterable[Reported], balances: Iterable[Balance], owner: str
) -> str:
    """A camt.053: the day of each collection account, from its opening to its closing balance."""
    root, message = _document(STATEMENT, "BkToCstmrStmt")
    _header(message, name=name, at=at)
    booked: Mapping[str, list[Reported]] = {currency: list(group) for currency, group in _by_currency(entries)}
    for balance in balances:
        found = booked.get(balance.currency, [])
        told = _add(message, "Stmt")
        _add(told, "Id", f"{day}-{balance.currency}")
        _add(told, "CreDtTm", at.isoformat())
        _account(told, owner=owner, currency=balance.currency)
        _balance(told, "OPBD", balance.opening, balance.currency, day)
        _balance(told, "CLBD", balance.closing, balance.currency, day)
        summary = _add(_add(told, "TxsSummry"), "TtlNtries")
        _add(summary, "NbOfNtries", str(len(found)))
        _add(summary, "Sum", str(sum((entry.amount for entry in found), ZERO)))
        for entry in found:
            _entry(told, entry)
    return _written(root)


def _by_currency(entries: Iterable[Reported]) -> Iterator[tuple[str, Iterable[Reported]]]:
    return groupby(sorted(entries, key=lambda one: one.currency), key=lambda one: one.currency)


def _entry(parent: ElementTree.Element, entry: Reported) -> None:
    is_debit = entry.kind == DEBIT
    booked = _add(parent, "Ntry")
    _add(booked, "NtryRef", entry.reference)
    _add(booked, "Amt", str(entry.amount), Ccy=entry.currency)
    # Seen from the lender's collection account: what the borrower pays comes in, what is returned goes out.
    _add(booked, "CdtDbtInd", "CRDT" if is_debit else "DBIT")
    if not is_debit:
        _add(booked, "RvslInd", "true")
    _add(booked, "Sts", "BOOK" if entry.is_booked else "PDNG")
    _add(_add(booked, "BookgDt"), "DtTm", entry.at.isoformat())
    _add(_add(booked, "ValDt"), "Dt", entry.day)
    _add(booked, "AcctSvcrRef", entry.reference)
    domain = _add(_add(booked, "BkTxCd"), "Domn")
    _add(domain, "Cd", "PMNT")
    family = _add(domain, "Fmly")
    _add(family, "Cd", "IDDT")
    _add(family, "SubFmlyCd", "PMDD" if is_debit else "UPDD")
    details = _add(_add(booked, "NtryDtls"), "TxDtls")
    references = _add(details, "Refs")
    _add(references, "AcctSvcrRef", entry.reference)
    _add(references, "EndToEndId", entry.order_no)
    _add(references, "MndtId", entry.agreement_no)
    if not is_debit:
        _add(_add(_add(details, "RtrInf"), "Rsn"), "Cd", entry.code)


def _balance(parent: ElementTree.Element, kind: str, amount: Decimal, currency: str, day: str) -> None:
    balance = _add(parent, "Bal")
    _add(_add(_add(balance, "Tp"), "CdOrPrtry"), "Cd", kind)
    _add(balance, "Amt", str(abs(amount)), Ccy=currency)
    _add(balance, "CdtDbtInd", "DBIT" if amount < 0 else "CRDT")
    _add(_add(balance, "Dt"), "Dt", day)


def _header(message: ElementTree.Element, *, name: str, at: datetime) -> None:
    header = _add(message, "GrpHdr")
    _add(header, "MsgId", name)
    _add(header, "CreDtTm", at.isoformat())


def _account(parent: ElementTree.Element, *, owner: str, currency: str) -> None:
    account = _add(parent, "Acct")
    _add(_add(_add(account, "Id"), "Othr"), "Id", owner)
    _add(account, "Ccy", currency)


def _document(kind: str, message: str) -> tuple[ElementTree.Element, ElementTree.Element]:
    root = ElementTree.Element("Document", xmlns=f"urn:iso:std:iso:20022:tech:xsd:{kind}")
    return root, _add(root, message)


def _add(parent: ElementTree.Element, tag: str, text: str | None = None, **attributes: str) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, tag, attributes)
    child.text = text
    return child


def _written(root: ElementTree.Element) -> str:
    ElementTree.indent(root, space="")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
