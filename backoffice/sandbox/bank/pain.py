"""Reading pain.008.001.02: what the lender asks to collect. Document types are refused: nothing may be expanded."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from xml.etree import ElementTree
from xml.parsers import expat

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.008.001.02"
_IN = f"{{{NAMESPACE}}}"


class Unreadable(ValueError):
    """The file is no pain.008.001.02 that could be answered; the sentence says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One entry: PmtInfId, EndToEndId, MndtId, the token of the account, and the day it is to be collected."""

    payment: str
    order_no: str
    agreement_no: str
    account: str
    bank: str
    holder: str
    amount: Decimal
    currency: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Collections:
    """One message. `fault`: the reason code its own totals earn it; empty when they are right."""

    message_id: str
    created_at: str
    entries: tuple[Collection, ...]
    fault: str = ""


def read(text: bytes) -> Collections:
    """A message, entry by entry; UTF-8 only. Raises Unreadable."""
    _refuse_document_type(text)
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("the file is not UTF-8") from error
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - as above
    except ElementTree.ParseError as error:
        raise Unreadable(str(error)) from error
    if root.tag != f"{_IN}Document":
        raise Unreadable(f"the root is {root.tag}, not Document of {NAMESPACE}")
    header = _child(_child(root, "CstmrDrctDbtInitn"), "GrpHdr")
    message_id = _text(header, "MsgId")
    entries = tuple(_entries(_child(root, "CstmrDrctDbtInitn")))
    count, total = _text(header, "NbOfTxs"), header.findtext(f"{_IN}CtrlSum")
    fault = ""
    if not count.isdigit() or int(count) != len(entries):
        fault = "AM18"
    elif total is not None and _money(total, message_id) != sum(entry.amount for entry in entries):
        fault = "AM10"
    return Collections(message_id=message_id, created_at=_text(header, "CreDtTm"), entries=entries, fault=fault)


def _entries(message: ElementTree.Element) -> Iterator[Collection]:
    for payment in message.findall(f"{_IN}PmtInf"):
        payment_id, method = _text(payment, "PmtInfId"), _text(payment, "PmtMtd")
        if method != "DD":
            raise Unreadable(f"{payment_id}: PmtMtd is {method}, not DD")
        asked = _text(payment, "ReqdColltnDt")
        try:
            on = date.fromisoformat(asked[:10])
        except ValueError as error:
            raise Unreadable(f"{payment_id}: ReqdColltnDt {asked} is no date") from error
        for entry in payment.findall(f"{_IN}DrctDbtTxInf"):
            order_no = _text(entry, "PmtId", "EndToEndId")
            amount = _child(entry, "InstdAmt")
            yield Collection(
                payment=payment_id,
                order_no=order_no,
                agreement_no=_text(entry, "DrctDbtTx", "MndtRltdInf", "MndtId"),
                account=_text(entry, "DbtrAcct", "Id", "Othr", "Id"),
                bank=_bank(entry),
                holder=entry.findtext(f"{_IN}Dbtr/{_IN}Nm") or "",
                amount=_money(amount.text or "", order_no),
                currency=amount.get("Ccy", ""),
                on=on,
            )


def _bank(entry: ElementTree.Element) -> str:
    """The debtor's bank by its BIC or another code; empty where nothing is said."""
    bank = entry.find(f"{_IN}DbtrAgt/{_IN}FinInstnId")
    if bank is None:
        return ""
    return bank.findtext(f"{_IN}BIC") or bank.findtext(f"{_IN}Othr/{_IN}Id") or ""


def _child(parent: ElementTree.Element, *path: str) -> ElementTree.Element:
    found = parent.find("/".join(f"{_IN}{name}" for name in path))
    if found is None:
        raise Unreadable(f"{parent.tag.removeprefix(_IN)} has no {'/'.join(path)}")
    return found


def _text(parent: ElementTree.Element, *path: str) -> str:
    text = (_child(parent, *path).text or "").strip()
    if not text:
        raise Unreadable(f"{'/'.join(path)} is empty")
    return text


def _money(text: str, whose: str) -> Decimal:
    try:
        amount = Decimal(text.strip())
    except InvalidOperation as error:
        raise Unreadable(f"{whose}: {text!r} is no amount") from error
    if not amount.is_finite() or amount <= 0 or amount > Decimal("1e15"):
        raise Unreadable(f"{whose}: {text!r} is no positive amount")
    cents = amount.quantize(Decimal("0.01"))
    if cents != amount:
        raise Unreadable(f"{whose}: {text!r} has more than two decimals")
    return cents


def _refuse_document_type(text: bytes) -> None:
    def refuse(*_said: object) -> None:
        raise Unreadable("a document type is not accepted")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except Unreadable:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:
        # An encoding nobody knows is a LookupError; one of several bytes a letter is a ValueError.
        raise Unreadable(str(error)) from error
