"""pain.002.001.03: what the bank says of a file of collections, as a whole and of single entries."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from backoffice.core.words import phrase
from backoffice.repayment.domain.iso20022.reading import check, digest_of, entries
from backoffice.repayment.domain.iso20022.refusals import MessageRefused
from backoffice.repayment.domain.iso20022.schemas import PAIN_002, PAIN_008
from backoffice.repayment.domain.iso20022.tallies import OnceEach, check_number, check_sum
from backoffice.repayment.domain.iso20022.values import (
    all_of,
    code_of,
    found,
    moment_of,
    money_of,
    needed,
    needed_text,
    number_of,
    text_at,
)


class Kind(StrEnum):
    """What the bank says of an entry: refused and never debited, not decided yet, or taken on (not: debited)."""

    REJECTED = "rejected"
    PENDING = "pending"
    ACCEPTED = "accepted"


_KINDS: Final[Mapping[str, Kind]] = {
    "RJCT": Kind.REJECTED,
    "PDNG": Kind.PENDING,
    "ACTC": Kind.ACCEPTED,
    "ACCP": Kind.ACCEPTED,
    "ACSP": Kind.ACCEPTED,
    "ACSC": Kind.ACCEPTED,
    "ACWC": Kind.ACCEPTED,
}
REJECTED: Final = "RJCT"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of one order: `code` is its reason, `status` the word of the file; amount and currency if told."""

    line: int
    order_no: str
    kind: Kind
    status: str
    code: str
    said: str
    amount: Decimal | None
    currency: str
    reference: str


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """What is said of one group (`PmtInfId`) of the message; one of status RJCT was refused with all its entries."""

    group_id: str
    status: str
    code: str

    @property
    def is_rejected(self) -> bool:
        """Whether nothing of the group is executed."""
        return self.status == REJECTED


@dataclass(frozen=True, slots=True)
class StatusReport:
    """A whole file: which message it answers, with what status and reason, and the groups and entries it names.

    `original_count` and `original_sum` are what the bank says it received, None where it does not say. A message of
    status RJCT was refused with all its entries, named or not.
    """

    message_id: str
    created_at: datetime
    digest: str
    original_message_id: str
    original_count: int | None
    original_sum: Decimal | None
    status: str
    code: str
    groups: tuple[GroupStatus, ...]
    answers: tuple[Answer, ...]

    @property
    def is_rejected(self) -> bool:
        """Whether nothing of the message is executed."""
        return self.status == REJECTED


def read(data: bytes) -> StatusReport:
    """The report in a file. Raises MessageRefused, which names the line."""
    check(data, kind=PAIN_002)
    once = OnceEach()
    groups: list[GroupStatus] = []
    answers: list[Answer] = []
    of_group: list[Answer] = []
    document: Any = None
    for name, element in entries(data, kind=PAIN_002, each="TxInfAndSts", also=("OrgnlPmtInfAndSts", "Document")):
        if name == "TxInfAndSts":
            of_group.append(_answer(element))
            once.add(order_no=of_group[-1].order_no, word="", line=element.sourceline)
        elif name == "OrgnlPmtInfAndSts":
            groups.append(_group(element, of_group))
            answers += of_group
            of_group = []
        else:
            document = needed(element, "CstmrPmtStsRpt")
    return _report(document, groups=tuple(groups), answers=tuple(answers), digest=digest_of(data))


def _report(
    document: Any, *, groups: tuple[GroupStatus, ...], answers: tuple[Answer, ...], digest: str
) -> StatusReport:
    header, original = needed(document, "GrpHdr"), needed(document, "OrgnlGrpInfAndSts")
    answered = needed(original, "OrgnlMsgNmId")
    if answered.text != PAIN_008:
        raise MessageRefused.at(answered, phrase("The report is not about a message %(kind)s.", kind=PAIN_008))
    count, total = found(original, "OrgnlNbOfTxs"), found(original, "OrgnlCtrlSum")
    if count is not None and len(answers) > int(count.text):
        raise MessageRefused.at(count, phrase("The report names more entries than the message had."))
    status, code = text_at(original, "GrpSts"), next(_codes(original), "")
    if status == REJECTED and not code:
        raise MessageRefused.at(original, phrase("The message is rejected without a reason."))
    _check_rejected(original, answers, status=status)
    return StatusReport(
        message_id=needed_text(header, "MsgId"),
        created_at=moment_of(needed(header, "CreDtTm")),
        digest=digest,
        original_message_id=needed_text(original, "OrgnlMsgId"),
        original_count=None if count is None else int(count.text),
        original_sum=None if total is None else number_of(total),
        status=status,
        code=code,
        groups=groups,
        answers=answers,
    )


def _group(element: Any, answers: Sequence[Answer]) -> GroupStatus:
    status = text_at(element, "PmtInfSts")
    code = next((code for level in (element, _original_of(element)) for code in _codes(level)), "")
    if status == REJECTED and not code:
        raise MessageRefused.at(element, phrase("The group is rejected without a reason."))
    _check_rejected(element, answers, status=status)
    return GroupStatus(group_id=needed_text(element, "OrgnlPmtInfId"), status=status, code=code)


def _original_of(group: Any) -> Any:
    return needed(group.getparent(), "OrgnlGrpInfAndSts")


def _check_rejected(element: Any, answers: Sequence[Answer], *, status: str) -> None:
    """What a message or a group says of its rejected entries; one rejected as a whole need not name them."""
    rejected = [answer for answer in answers if answer.kind is Kind.REJECTED]
    if status == REJECTED:
        for answer in answers:
            if answer.kind is not Kind.REJECTED:
                said = phrase("%(order_no)s is not rejected although its message is.", order_no=answer.order_no)
                raise MessageRefused(said, line=answer.line)
        if not answers:
            return
    for told in all_of(element, "NbOfTxsPerSts"):
        if text_at(told, "DtldSts") == REJECTED:
            check_number(told, "DtldNbOfTxs", counted=len(rejected))
            amounts = [answer.amount for answer in rejected if answer.amount is not None]
            if len(amounts) == len(rejected):
                check_sum(told, "DtldCtrlSum", counted=sum(amounts, Decimal(0)))


def _answer(entry: Any) -> Answer:
    status = needed(entry, "TxSts").text
    kind = _KINDS[status]
    group = entry.getparent()
    code = next((code for level in (entry, group, _original_of(group)) for code in _codes(level)), "")
    if kind is Kind.REJECTED and not code:
        raise MessageRefused.at(entry, phrase("The entry is rejected without a reason."))
    amount, currency = None, ""
    if (told := found(entry, "OrgnlTxRef/Amt/InstdAmt")) is not None:
        amount, currency = money_of(told)
    return Answer(
        line=entry.sourceline,
        order_no=needed_text(entry, "OrgnlEndToEndId"),
        kind=kind,
        status=status,
        code=code,
        said=" ".join(each.text for each in all_of(entry, "StsRsnInf/AddtlInf")),
        amount=amount,
        currency=currency,
        reference=text_at(entry, "AcctSvcrRef"),
    )


def _codes(element: Any) -> Iterator[str]:
    """The codes of an element's own reasons."""
    return (code for reason in all_of(element, "StsRsnInf") if (code := code_of(found(reason, "Rsn"))))
