"""pain.008.001.02: the collections a bank is asked for, one entry per debit.

`MsgId` is the batch's number, `PmtInfId` a group of one collection date, `EndToEndId` the order number, `MndtId` the
agreement; accounts are tokens under `Othr/Id`. A message is in one currency, since its control sum is one number.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from lxml import etree

from backoffice.core.money import exponent_of
from backoffice.core.words import phrase
from backoffice.repayment.domain.iso20022.reading import check, entries
from backoffice.repayment.domain.iso20022.refusals import CollectionsRefused, MessageRefused
from backoffice.repayment.domain.iso20022.schemas import PAIN_008, namespace_of
from backoffice.repayment.domain.iso20022.tallies import OnceEach, check_number, check_sum
from backoffice.repayment.domain.iso20022.values import (
    day_of,
    is_whole,
    moment_of,
    money_of,
    needed,
    needed_text,
    text_at,
)

UNKNOWN_BANK: Final = "NOTPROVIDED"
_NAMESPACE: Final = namespace_of(PAIN_008)


@dataclass(frozen=True, slots=True)
class Creditor:
    """Who collects: name, account as a token, the bank's code, and the identifier under which debits are collected."""

    name: str
    account: str
    bank: str
    scheme_id: str


@dataclass(frozen=True, slots=True)
class Collection:
    """One debit: `amount` in major units, `account` a token, `bank` the code of the debtor's bank where it is known."""

    order_no: str
    agreement_no: str
    signed_on: date
    debtor_name: str
    account: str
    amount: Decimal
    currency: str
    remittance: str = ""
    bank: str = UNKNOWN_BANK


@dataclass(frozen=True, slots=True)
class CollectionGroup:
    """Collections of one day."""

    group_id: str
    collect_on: date
    collections: tuple[Collection, ...]


@dataclass(frozen=True, slots=True)
class CollectionMessage:
    """A file of collections; `created_at` is aware."""

    message_id: str
    created_at: datetime
    creditor: Creditor
    groups: tuple[CollectionGroup, ...]

    def collections(self) -> Iterator[Collection]:
        """Every collection, group by group."""
        return (each for group in self.groups for each in group.collections)


def build(message: CollectionMessage) -> bytes:
    """The message as the file that goes to the bank, checked against its schema.

    A collection is one line of the file. Raises CollectionsRefused for a message that says nothing valid: an amount
    that is not whole minor units or not above zero, two currencies, an order number twice, a text too long.
    """
    _check_collections(message)
    try:
        data = etree.tostring(_document(message), xml_declaration=True, encoding="UTF-8")
    except ValueError as error:
        raise CollectionsRefused(phrase("A text has a character that XML cannot hold.")) from error
    try:
        check(data, kind=PAIN_008)
    except MessageRefused as error:
        raise CollectionsRefused(error.reason) from error
    return bytes(data)


def read(data: bytes) -> CollectionMessage:
    """A message of collections as `build` wrote it. Raises MessageRefused, which names the line."""
    check(data, kind=PAIN_008)
    once = OnceEach()
    groups: list[CollectionGroup] = []
    creditors: list[Creditor] = []
    collected: list[Collection] = []
    document: Any = None
    for name, element in entries(data, kind=PAIN_008, each="DrctDbtTxInf", also=("PmtInf", "Document")):
        if name == "DrctDbtTxInf":
            collected.append(_collection(element))
            once.add(order_no=collected[-1].order_no, word="", line=element.sourceline)
        elif name == "PmtInf":
            groups.append(_group(element, collections=tuple(collected)))
            creditors.append(_creditor(element))
            _check_alike(element, creditors=creditors, collected=collected)
            collected = []
        else:
            document = element
    return _message(needed(document, "CstmrDrctDbtInitn/GrpHdr"), groups=tuple(groups), creditor=creditors[0])


def _check_collections(message: CollectionMessage) -> None:
    seen: set[str] = set()
    currencies: set[str] = set()
    for each in message.collections():
        if each.order_no in seen:
            raise CollectionsRefused(phrase("The order number stands twice."), order_no=each.order_no)
        seen.add(each.order_no)
        if each.amount <= 0 or not is_whole(each.amount, currency=each.currency):
            said = phrase("The amount is not above zero in whole minor units of its currency.")
            raise CollectionsRefused(said, order_no=each.order_no)
        currencies.add(each.currency)
        if len(currencies) > 1:
            said = phrase("A message collects in one currency; this one is another.")
            raise CollectionsRefused(said, order_no=each.order_no)
    if message.created_at.tzinfo is None:
        raise CollectionsRefused(phrase("The time the message was made has no offset."))


def _document(message: CollectionMessage) -> Any:
    document = etree.Element(f"{{{_NAMESPACE}}}Document", nsmap={None: _NAMESPACE})
    initiation = _put(document, "CstmrDrctDbtInitn")
    header = _put(initiation, "GrpHdr")
    _put(header, "MsgId", message.message_id)
    _put(header, "CreDtTm", message.created_at.isoformat())
    _put_totals(header, tuple(message.collections()))
    _put(header, "InitgPty/Nm", message.creditor.name)
    for group in message.groups:
        _put_group(initiation, group, creditor=message.creditor)
    return document


def _put_group(initiation: Any, group: CollectionGroup, *, creditor: Creditor) -> None:
    information = _put(initiation, "PmtInf")
    information.tail = "\n"
    _put(information, "PmtInfId", group.group_id)
    _put(information, "PmtMtd", "DD")
    _put_totals(information, group.collections)
    _put(information, "PmtTpInf/SeqTp", "RCUR")
    _put(information, "ReqdColltnDt", group.collect_on.isoformat())
    _put(information, "Cdtr/Nm", creditor.name)
    _put(information, "CdtrAcct/Id/Othr/Id", creditor.account)
    _put(information, "CdtrAgt/FinInstnId/Othr/Id", creditor.bank)
    _put(information, "CdtrSchmeId/Id/PrvtId/Othr/Id", creditor.scheme_id)
    information[-1].tail = "\n"
    for collection in group.collections:
        _put_collection(information, collection)


def _put_collection(information: Any, collection: Collection) -> None:
    entry = _put(information, "DrctDbtTxInf")
    entry.tail = "\n"
    _put(entry, "PmtId/EndToEndId", collection.order_no)
    amount = _put(entry, "InstdAmt", _written(collection.amount, currency=collection.currency))
    amount.set("Ccy", collection.currency)
    mandate = _put(entry, "DrctDbtTx/MndtRltdInf")
    _put(mandate, "MndtId", collection.agreement_no)
    _put(mandate, "DtOfSgntr", collection.signed_on.isoformat())
    _put(entry, "DbtrAgt/FinInstnId/Othr/Id", collection.bank)
    _put(entry, "Dbtr/Nm", collection.debtor_name)
    _put(entry, "DbtrAcct/Id/Othr/Id", collection.account)
    if collection.remittance:
        _put(entry, "RmtInf/Ustrd", collection.remittance)


def _put_totals(element: Any, collections: tuple[Collection, ...]) -> None:
    _put(element, "NbOfTxs", str(len(collections)))
    _put(element, "CtrlSum", f"{sum((each.amount for each in collections), Decimal(0)):f}")


def _put(parent: Any, path: str, text: str | None = None) -> Any:
    """Elements one within the other below a parent, the innermost with the text; gives the innermost."""
    for name in path.split("/"):
        parent = etree.SubElement(parent, f"{{{_NAMESPACE}}}{name}")
    parent.text = text
    return parent


def _written(amount: Decimal, *, currency: str) -> str:
    return f"{amount.quantize(Decimal(1).scaleb(-exponent_of(currency))):f}"


def _message(header: Any, *, groups: tuple[CollectionGroup, ...], creditor: Creditor) -> CollectionMessage:
    message = CollectionMessage(
        message_id=needed_text(header, "MsgId"),
        created_at=moment_of(needed(header, "CreDtTm")),
        creditor=creditor,
        groups=groups,
    )
    _check_totals(header, tuple(message.collections()))
    return message


def _group(information: Any, *, collections: tuple[Collection, ...]) -> CollectionGroup:
    _check_totals(information, collections)
    return CollectionGroup(
        group_id=needed_text(information, "PmtInfId"),
        collect_on=day_of(needed(information, "ReqdColltnDt")),
        collections=collections,
    )


def _check_totals(element: Any, collections: tuple[Collection, ...]) -> None:
    check_number(element, "NbOfTxs", counted=len(collections))
    check_sum(element, "CtrlSum", counted=sum((each.amount for each in collections), Decimal(0)))


def _check_alike(information: Any, *, creditors: list[Creditor], collected: list[Collection]) -> None:
    """Groups of one message are of one creditor, entries of one group in one currency."""
    if creditors[-1] != creditors[0]:
        raise MessageRefused.at(information, phrase("The groups of the message are of two creditors."))
    if len({each.currency for each in collected}) > 1:
        raise MessageRefused.at(information, phrase("The collections of the group are in two currencies."))


def _creditor(information: Any) -> Creditor:
    return Creditor(
        name=text_at(information, "Cdtr/Nm"),
        account=needed_text(information, "CdtrAcct/Id/Othr/Id"),
        bank=needed_text(information, "CdtrAgt/FinInstnId/Othr/Id"),
        scheme_id=needed_text(information, "CdtrSchmeId/Id/PrvtId/Othr/Id"),
    )


def _collection(entry: Any) -> Collection:
    amount, currency = money_of(needed(entry, "InstdAmt"))
    return Collection(
        order_no=needed_text(entry, "PmtId/EndToEndId"),
        agreement_no=needed_text(entry, "DrctDbtTx/MndtRltdInf/MndtId"),
        signed_on=day_of(needed(entry, "DrctDbtTx/MndtRltdInf/DtOfSgntr")),
        debtor_name=text_at(entry, "Dbtr/Nm"),
        account=needed_text(entry, "DbtrAcct/Id/Othr/Id"),
        amount=amount,
        currency=currency,
        remittance=text_at(entry, "RmtInf/Ustrd"),
        bank=needed_text(entry, "DbtrAgt/FinInstnId/Othr/Id"),
    )
