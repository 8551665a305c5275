"""What the bank says of a file of collections: taken whole or not at all."""

from datetime import datetime
from decimal import Decimal

import pytest

from backoffice.repayment.domain.iso20022 import pain002
from backoffice.repayment.domain.iso20022.pain002 import Answer, GroupStatus, Kind
from backoffice.repayment.domain.iso20022.reading import digest_of
from backoffice.repayment.domain.iso20022.refusals import MessageRefused
from tests.repayment.bank_messages import PAIN_002, REJECTED

WHY = b"<StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>"


def test_reads_what_became_of_each_entry() -> None:
    report = pain002.read(PAIN_002)
    assert (report.message_id, report.original_message_id, report.status, report.code) == ("ST-1", "B-17", "PART", "")
    assert (report.original_count, report.original_sum) == (3, Decimal("2973.00"))
    assert report.created_at == datetime.fromisoformat("2026-03-17T07:05:00+08:00")
    assert report.digest == digest_of(PAIN_002)
    assert not report.is_rejected
    assert report.groups == (GroupStatus("B-17-1", "", ""),)
    assert report.answers == (
        Answer(16, "D1-1-1", Kind.REJECTED, "RJCT", "AM04", "no cover", Decimal("1000.00"), "CNY", "bank-1"),
        Answer(17, "D2-1-1", Kind.REJECTED, "RJCT", "Z9", "", Decimal("880.00"), "CNY", ""),
        Answer(18, "D3-1-1", Kind.PENDING, "PDNG", "", "", None, "", ""),
    )


def test_reads_a_message_that_was_rejected_whole() -> None:
    report = pain002.read(REJECTED)
    assert (report.is_rejected, report.code, report.answers) == (True, "FF01", ())
    assert (report.original_count, report.original_sum) == (None, None)


def test_counts_no_rejected_entries_of_a_message_rejected_whole_without_naming_them() -> None:
    told = b"<NbOfTxsPerSts><DtldNbOfTxs>3</DtldNbOfTxs><DtldSts>RJCT</DtldSts></NbOfTxsPerSts></OrgnlGrpInfAndSts>"
    assert pain002.read(REJECTED.replace(b"</OrgnlGrpInfAndSts>", told)).answers == ()


def test_reads_a_group_that_was_rejected_whole() -> None:
    group = (
        b"<OrgnlPmtInfAndSts><OrgnlPmtInfId>B-18-1</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts>"
        b"<StsRsnInf><Rsn><Cd>DT01</Cd></Rsn></StsRsnInf></OrgnlPmtInfAndSts></CstmrPmtStsRpt>"
    )
    report = pain002.read(REJECTED.replace(b"GrpSts>RJCT", b"GrpSts>PART").replace(b"</CstmrPmtStsRpt>", group))
    assert report.groups == (GroupStatus("B-18-1", "RJCT", "DT01"),)
    assert (report.is_rejected, report.groups[0].is_rejected) == (False, True)


def test_counts_rejected_entries_only() -> None:
    told = b"<NbOfTxsPerSts><DtldNbOfTxs>7</DtldNbOfTxs><DtldSts>ACSP</DtldSts></NbOfTxsPerSts></OrgnlGrpInfAndSts>"
    assert len(pain002.read(PAIN_002.replace(b"</OrgnlGrpInfAndSts>", told)).answers) == 3


def test_compares_no_sum_where_an_amount_is_not_told() -> None:
    untold = b'<OrgnlTxRef><Amt><InstdAmt Ccy="CNY">880.00</InstdAmt></Amt></OrgnlTxRef>'
    report = pain002.read(PAIN_002.replace(untold, b"").replace(b"<DtldCtrlSum>1880.00", b"<DtldCtrlSum>1880.50"))
    assert [answer.amount for answer in report.answers] == [Decimal("1000.00"), None, None]


def test_takes_the_reason_of_the_group_where_an_entry_has_none() -> None:
    data = PAIN_002.replace(b"<StsRsnInf><Rsn><Prtry>Z9</Prtry></Rsn></StsRsnInf>", b"").replace(
        b"<NbOfTxsPerSts><DtldNbOfTxs>2</DtldNbOfTxs><DtldSts>RJCT</DtldSts><DtldCtrlSum>",
        b"<StsRsnInf><Rsn><Cd>MD01</Cd></Rsn></StsRsnInf>"
        b"<NbOfTxsPerSts><DtldNbOfTxs>2</DtldNbOfTxs><DtldSts>RJCT</DtldSts><DtldCtrlSum>",
    )
    assert [answer.code for answer in pain002.read(data).answers] == ["AM04", "MD01", "MD01"]


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        (b"D2-1-1", b"D1-1-1", 17, "D1-1-1 stands twice, first in line 16."),
        (b"<DtldCtrlSum>1880.00", b"<DtldCtrlSum>1880.01", 15, "a sum of 1880.01; its entries sum to 1880.00."),
        (b"<DtldNbOfTxs>2", b"<DtldNbOfTxs>1", 11, "The file says 1 entries and has 2."),
        (b"<OrgnlNbOfTxs>3", b"<OrgnlNbOfTxs>2", 8, "The report names more entries than the message had."),
        (b">pain.008.001.02<", b">pain.001.001.03<", 7, "The report is not about a message pain.008.001.02."),
        (
            b"<GrpSts>PART</GrpSts>",
            b"<GrpSts>RJCT</GrpSts>" + WHY,
            18,
            "D3-1-1 is not rejected although its message is.",
        ),
        (
            b"</OrgnlPmtInfId>",
            b"</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts>",
            13,
            "The group is rejected without a reason.",
        ),
        (b"<StsRsnInf><Rsn><Prtry>Z9</Prtry></Rsn></StsRsnInf>", b"", 17, "The entry is rejected without a reason."),
        (b"<OrgnlEndToEndId>D3-1-1</OrgnlEndToEndId>", b"", 18, "OrgnlEndToEndId is missing."),
        (b"<TxSts>PDNG</TxSts>", b"", 18, "TxSts is missing."),
        (b">880.00<", b">880.001<", 17, "880.001 is finer than CNY has decimals."),
        (b"07:05:00+08:00", b"07:05:00", 4, "This is not a time with its offset such as 2026-01-31T07:00:00+08:00."),
        (b"RJCT</TxSts>", b"LOST</TxSts>", 16, "Element 'TxSts'"),
        (b"pain.002.001.03", b"pain.002.001.10", 2, "The file is pain.002.001.10, not a message pain.002.001.03."),
        (b"</CstmrPmtStsRpt>", b"", 21, "The file is not well-formed XML or breaks off"),
    ],
)
def test_refuses_a_report_whole_and_names_the_line(before: bytes, after: bytes, line: int, said: str) -> None:
    assert PAIN_002.count(before) >= 1
    with pytest.raises(MessageRefused) as refused:
        pain002.read(PAIN_002.replace(before, after, 1))
    assert refused.value.line == line, refused.value
    assert said in refused.value.reason
    assert str(refused.value) == f"Line {line}: {refused.value.reason}"


def test_refuses_a_message_rejected_without_a_reason() -> None:
    data = REJECTED.replace(WHY + b"\n", b"")
    with pytest.raises(MessageRefused, match=r"^Line 5: The message is rejected without a reason\.$"):
        pain002.read(data)
