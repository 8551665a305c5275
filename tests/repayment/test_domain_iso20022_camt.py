"""What moved on our account at the bank: notifications and statements, taken whole or not at all."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from backoffice.repayment.domain.iso20022 import camt053, camt054
from backoffice.repayment.domain.iso20022.accounts import Totals
from backoffice.repayment.domain.iso20022.movements import Kind, Movement
from backoffice.repayment.domain.iso20022.reading import digest_of
from backoffice.repayment.domain.iso20022.refusals import MessageRefused
from tests.repayment.bank_messages import CAMT_053, CAMT_054

DAY = date(2026, 3, 17)


def movement(line: int, kind: Kind, order_no: str, amount: str, **more: object) -> Movement:
    values = {
        "booked_on": DAY,
        "at": None,
        "code": "",
        "reference": "",
        "currency": "CNY",
        "is_credit": kind is Kind.DEBIT,
        "is_booked": True,
    }
    return Movement(line=line, kind=kind, order_no=order_no, amount=Decimal(amount), **(values | more))  # type: ignore[arg-type]


def test_reads_debits_and_returns_of_a_notification() -> None:
    message = camt054.read(CAMT_054)
    assert (message.message_id, message.digest) == ("N-1", digest_of(CAMT_054))
    assert message.created_at == datetime.fromisoformat("2026-03-17T12:00:00+08:00")
    [notification] = message.notifications
    assert (notification.notification_id, notification.account, notification.currency) == ("N-1-1", "lender-1", "CNY")
    assert notification.totals == Totals(1, 1, Decimal("1093.00"), Decimal("880.00"), booked=Decimal("213.00"))
    at = datetime.fromisoformat("2026-03-17T07:00:02+08:00")
    assert tuple(message.movements()) == (
        movement(9, Kind.DEBIT, "D1-1-1", "1093.00", at=at, reference="bank-1"),
        movement(10, Kind.RETURN, "D0-2-1", "880.00", code="AC06", reference="bank-7"),
    )


def test_reads_a_statement_with_its_balances() -> None:
    message = camt053.read(CAMT_053)
    [statement] = message.statements
    assert (message.message_id, statement.statement_id, statement.account) == ("S-1", "S-1-1", "lender-1")
    assert (statement.opening, statement.closing, statement.closed_on) == (Decimal("-100.00"), Decimal("198.50"), DAY)
    assert statement.totals == Totals(1, 2, Decimal("1180.00"), Decimal("881.50"), booked=Decimal("298.50"))
    assert (statement.totals.entries, statement.totals.net) == (3, Decimal("298.50"))
    assert tuple(message.movements()) == (
        movement(12, Kind.DEBIT, "D1-1-1", "1093.00"),
        movement(13, Kind.DEBIT, "D2-1-1", "87.00"),
        movement(16, Kind.RETURN, "D0-2-1", "880.00", code="MD06"),
        movement(17, Kind.OTHER, "", "1.50"),
    )


def test_keeps_accounts_of_one_file_apart() -> None:
    first = CAMT_054.index(b"<Ntfctn>")
    last = CAMT_054.index(b"</BkToCstmrDbtCdtNtfctn>")
    second = CAMT_054[first:last].replace(b"D1-1-1", b"E1").replace(b"D0-2-1", b"E2").replace(b"lender-1", b"lender-2")
    message = camt054.read(CAMT_054[:last] + second + CAMT_054[last:])
    assert [each.account for each in message.notifications] == ["lender-1", "lender-2"]
    assert [len(each.movements) for each in message.notifications] == [2, 2]


def test_takes_a_notification_without_entries() -> None:
    start, end = CAMT_054.index(b"<TxsSummry>"), CAMT_054.index(b"</Ntfctn>")
    [notification] = camt054.read(CAMT_054[:start] + CAMT_054[end:]).notifications
    assert (notification.movements, notification.currency) == ((), "CNY")
    assert notification.totals == Totals(0, 0, Decimal(0), Decimal(0), booked=Decimal(0))


def test_takes_one_order_debited_and_returned_in_the_same_file() -> None:
    message = camt054.read(CAMT_054.replace(b"D0-2-1", b"D1-1-1"))
    assert [(each.order_no, each.kind) for each in message.movements()] == [
        ("D1-1-1", Kind.DEBIT),
        ("D1-1-1", Kind.RETURN),
    ]


def test_reads_an_order_number_whole_when_a_comment_stands_in_it() -> None:
    message = camt054.read(CAMT_054.replace(b">D1-1-1<", b">D1<!-- x -->-1-<![CDATA[1]]><"))
    assert next(message.movements()).order_no == "D1-1-1"


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        (b"<Sum>1973.00", b"<Sum>1973.01", 8, "The file says a sum of 1973.01; its entries sum to 1973.00."),
        (b"<NbOfNtries>2", b"<NbOfNtries>1", 8, "The file says 1 entries and has 2."),
        (b"<TtlNetNtryAmt>213.00", b"<TtlNetNtryAmt>1973.00", 8, "a sum of 1973.00; its entries sum to 213.00."),
        (b"<Sum>880.00", b"<Sum>8.00", 8, "The file says a sum of 8.00; its entries sum to 880.00."),
        (b"<Cd>AC06</Cd>", b"<Cd>AC06-</Cd>", 10, "Element 'Cd'"),
        (b"<RtrInf><Rsn><Cd>AC06</Cd></Rsn></RtrInf>", b"", 10, "D0-2-1 is neither a collection nor a return of one."),
        (b"<Sts>BOOK", b"<RvslInd>true</RvslInd><Sts>BOOK", 9, "D1-1-1 is neither a collection nor a return of one."),
        (b'"CNY">880.00', b'"CZK">880.00', 10, "The entry is in CZK, those before in CNY."),
        (b"<Ccy>CNY", b"<Ccy>CZK", 7, "The account is in another currency than its entries (CNY)."),
        (b'"CNY">1093.00', b'"CNY">1093.001', 9, "1093.001 is finer than CNY has decimals."),
        (b'"CNY">1093.00', b'"CNY">-1093.00', 9, "Element 'Amt'"),
        (b'"CNY">1093.00', b'"CNY">1e3', 9, "Element 'Amt'"),
        (b'"CNY">1093.00', b'"CNY">0', 9, "The amount is zero."),
        (b"07:00:02+08:00", b"07:00:02", 9, "This is not a time with its offset"),
        (b"07:00:02+08:00", b"24:00:00+08:00", 9, "This is not a time with its offset"),
        (b"<BookgDt><Dt>2026-03-17</Dt></BookgDt>", b"", 10, "BookgDt is missing."),
        (b"<Dt>2026-03-17</Dt>", b"<Dt>12026-03-17</Dt>", 10, "This is not a day of the calendar such as 2026-01-31."),
        (b"<Dt>2026-03-17</Dt>", b"<Dt>2026-02-30</Dt>", 10, "Element 'Dt'"),
        (b"<Dt>2026-03-17</Dt>", b"<Dt>0000-01-01</Dt>", 10, "'0000-01-01'"),
        (b"<BkTxCd>", b"<Extra/><BkTxCd>", 9, "Element 'Extra': This element is not expected."),
        (b"camt.054.001.02", b"camt.054.001.08", 2, "The file is camt.054.001.08, not a message camt.054.001.02."),
    ],
)
def test_refuses_a_notification_whole_and_names_the_line(before: bytes, after: bytes, line: int, said: str) -> None:
    assert CAMT_054.count(before) >= 1
    with pytest.raises(MessageRefused) as refused:
        camt054.read(CAMT_054.replace(before, after, 1))
    assert refused.value.line == line, refused.value
    assert said in refused.value.reason


def test_refuses_the_same_debit_twice() -> None:
    entry = CAMT_054[CAMT_054.index(b"<Ntry>") : CAMT_054.index(b"</Ntry>") + len(b"</Ntry>\n")]
    with pytest.raises(MessageRefused, match=r"^Line 10: D1-1-1 stands twice, first in line 9\.$"):
        camt054.read(CAMT_054.replace(entry, entry + entry))


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        (b'"CNY">198.50', b'"CNY">198.51', 9, "make 198.50, not the closing balance of 198.51."),
        (b"<Cd>OPBD", b"<Cd>OPAV", 5, "The statement has 0 balances OPBD/PRCD; one is expected."),
        (b"<Cd>OPBD", b"<Cd>CLBD", 5, "The statement has 0 balances OPBD/PRCD; one is expected."),
        (b'"CNY">198.50', b'"CZK">198.50', 8, "The balances and the entries are in several currencies."),
        (b'"CNY">87.00', b'"CNY">87.01', 10, "The parts of the entry do not sum to its amount."),
        (b'"CNY">87.00', b'"CZK">87.00', 13, "A part of the entry is in another currency."),
        (b'<AmtDtls><TxAmt><Amt Ccy="CNY">87.00</Amt></TxAmt></AmtDtls>', b"", 10, "do not sum to its amount."),
        (b"<NbOfTxs>2", b"<NbOfTxs>3", 11, "The file says 3 entries and has 2."),
        (b"</Btch>", b'<TtlAmt Ccy="CNY">1180.01</TtlAmt></Btch>', 11, "a sum of 1180.01; its entries sum to 1180.00."),
        (b"D2-1-1", b"D1-1-1", 13, "D1-1-1 stands twice, first in line 12."),
        (b"<LastPgInd>true", b"<LastPgInd>false", 4, "The file is one page of several"),
        (b"<PgNb>1", b"<PgNb>2", 4, "The file is one page of several"),
    ],
)
def test_refuses_a_statement_whole_and_names_the_line(before: bytes, after: bytes, line: int, said: str) -> None:
    assert CAMT_053.count(before) >= 1
    with pytest.raises(MessageRefused) as refused:
        camt053.read(CAMT_053.replace(before, after, 1))
    assert refused.value.line == line, refused.value
    assert said in refused.value.reason


def test_keeps_a_batch_without_its_parts_as_no_order_of_ours() -> None:
    start, end = CAMT_053.index(b"<TxDtls>"), CAMT_053.index(b"</NtryDtls>")
    batch = camt053.read(CAMT_053[:start] + CAMT_053[end:]).statements[0].movements[0]
    assert (batch.kind, batch.order_no, batch.amount) == (Kind.OTHER, "", Decimal("1180.00"))


def test_keeps_a_pending_entry_out_of_the_balance() -> None:
    pending = (
        b'<Ntry><Amt Ccy="CNY">70.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>PDNG</Sts>'
        b"<ValDt><Dt>2026-03-18</Dt></ValDt><BkTxCd/>"
        b"<NtryDtls><TxDtls><Refs><EndToEndId>D7-1-1</EndToEndId></Refs></TxDtls></NtryDtls></Ntry></Stmt>"
    )
    [statement] = camt053.read(CAMT_053.replace(b"</Stmt>", pending)).statements
    assert statement.totals == Totals(2, 2, Decimal("1250.00"), Decimal("881.50"), booked=Decimal("298.50"))
    last = statement.movements[-1]
    assert (last.order_no, last.kind, last.is_booked) == ("D7-1-1", Kind.DEBIT, False)
    assert (last.booked_on, last.at) == (date(2026, 3, 18), None)


def test_reads_a_balance_with_a_time() -> None:
    data = CAMT_053.replace(
        b"CRDT</CdtDbtInd><Dt><Dt>2026-03-17</Dt></Dt></Bal>",
        b"CRDT</CdtDbtInd><Dt><DtTm>2026-03-18T00:00:00+08:00</DtTm></Dt></Bal>",
    )
    assert camt053.read(data).statements[0].closed_on == date(2026, 3, 18)
