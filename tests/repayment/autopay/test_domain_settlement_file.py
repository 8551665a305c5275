"""A settlement file is good whole or refused whole, with its line."""

import io
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.repayment.domain.autopay.settlement_file import (
    BadFile,
    Expected,
    FileLine,
    read_channel_file,
    read_payee_file,
)
from tests.repayment.autopay.days import HEADER, PAYEE_HEADER, SHANGHAI, Line, file_of, payee_file_of

EXPECTED = Expected(
    local_date=lambda at: at.astimezone(SHANGHAI).date(),
    from_day=date(2026, 3, 16),
    through_day=date(2026, 3, 17),
    currencies=frozenset({"CNY", "JPY"}),
)
GOOD = "D1-1-1,debit,1093.00,CNY,2026-03-17T07:00:02+08:00,00,union-1"


def read(content: bytes) -> list[FileLine]:
    return list(read_channel_file(io.BytesIO(content), expected=EXPECTED))


def fault(content: bytes) -> tuple[int, str]:
    with pytest.raises(BadFile) as caught:
        read(content)
    return caught.value.line, str(caught.value.problem)


def text(*lines: str) -> bytes:
    return "\n".join([HEADER, *lines, ""]).encode()


def test_reads_the_file_of_the_contract() -> None:
    lines = read(
        text(
            GOOD,
            "D0f3c-2-1,return,880.00,CNY,2026-03-17T11:20:00+08:00,AC06,union-7",
            "#trailer,2,1973.00",
        )
    )
    assert [(line.number, line.order_no, line.kind, line.amount, line.code, line.reference) for line in lines] == [
        (2, "D1-1-1", "debit", Decimal("1093.00"), "00", "union-1"),
        (3, "D0f3c-2-1", "return", Decimal("880.00"), "AC06", "union-7"),
    ]
    assert lines[0].at == datetime(2026, 3, 17, 7, 0, 2, tzinfo=SHANGHAI)


def test_reads_a_file_of_a_day_without_movements() -> None:
    assert read(text("#trailer,0,0.00")) == []


def test_reads_a_byte_order_mark_line_ends_of_windows_and_quotes() -> None:
    content = text(GOOD.replace("union-1", '"union, 1"'), "#trailer,1,1093.00")
    lines = read(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"))
    assert [(line.order_no, line.reference) for line in lines] == [("D1-1-1", "union, 1")]


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b"", 1, f"the header must be {HEADER}"),
        (text("#trailer,0,0.00").replace(b"order_no", b"order"), 1, f"the header must be {HEADER}"),
        (text(GOOD), 2, "the file ends here without its trailer: it is cut off"),
        (text(GOOD)[:-20], 2, "it has 5 cells, not 7"),
        (text(GOOD, "#trailer,2,1093.00"), 3, "the trailer says 2 lines, there are 1"),
        (text(GOOD, "#trailer,1,1093.01"), 3, "the trailer says the amounts sum to 1093.01, they sum to 1093.00"),
        (text(GOOD, "#trailer,1,109"), 3, "the trailer says the amounts sum to 109, they sum to 1093.00"),
        (text(GOOD, "#trailer,1"), 3, "the trailer must be #trailer, the number of lines, the sum of all amounts"),
        (text(GOOD, "#trailer,1,1093.00", GOOD), 4, "something follows after the trailer"),
        (text(GOOD, GOOD, "#trailer,2,2186.00"), 3, "D1-1-1 stands twice as a debit"),
        (text(GOOD, "", "#trailer,1,1093.00"), 3, "it has 1 cells, not 7"),
        (text(GOOD.replace("debit", "credit")), 2, "its kind is neither debit nor return: credit"),
        (text(GOOD.replace("1093.00", "1,093.00")), 2, "it has 8 cells, not 7"),
        (text(GOOD.replace("1093.00", "-1093.00")), 2, "its amount is not a decimal number such as 1100.16"),
        (text(GOOD.replace("1093.00", "1e3")), 2, "its amount is not a decimal number such as 1100.16"),
        (text(GOOD.replace("1093.00", "0.00")), 2, "its amount is nought"),
        (text(GOOD.replace("1093.00", "1093.005")), 2, "CNY has 2 decimals, not as many"),
        (text(GOOD.replace("1093.00,CNY", "1093.50,JPY")), 2, "JPY has 0 decimals, not as many"),
        (text(GOOD.replace("CNY", "USD")), 2, "nobody is debited in USD here"),
        (text(GOOD.replace("CNY", "cny")), 2, "its currency is not a code of three letters such as CNY"),
        (text(GOOD.replace("+08:00", "")), 2, "its time is not one with an offset such as 2026-03-17T07:00:02+08:00"),
        (text(GOOD.replace("03-17", "03-15")), 2, "its time is of another day: the file is not the one of this day"),
        (text(GOOD.replace("D1-1-1", "D1 1 1")), 2, "its order number cannot be one: D1 1 1"),
        (text(GOOD.replace("union-1", '"union-1')), 2, "a quote is left open"),
        (text(GOOD.replace("union-1", "u" * 2_000)), 2, "it has more than 1000 bytes"),
        (text(GOOD.replace("union-1", "u" * 81)), 2, "its reference is longer than 80 characters"),
        (text(GOOD).replace(b"union", b"\xff\xfe"), 2, "it is not UTF-8"),
        (text(GOOD).replace(b"union", b"\x00"), 2, "it holds a zero byte: this is not a text file"),
    ],
)
def test_names_the_line_at_fault(content: bytes, line: int, problem: str) -> None:
    assert fault(content) == (line, problem)


@given(cut=st.integers(min_value=0, max_value=2_000))
def test_a_file_cut_anywhere_is_refused_or_says_the_same(cut: int) -> None:
    """Cut after its last digit that counts, nothing is lost; anywhere before, it is refused."""
    whole = file_of(Line(f"D{number}-1-1", amount=f"{number + 1}.50") for number in range(20))
    lines = read(whole)
    try:
        assert read(whole[:cut]) == lines
        assert cut >= len(whole) - 2
    except BadFile:
        assert cut < len(whole)


def test_reads_a_payee_file() -> None:
    row = ("D1-1-1", "L-1", 3, "interest", "debit", "33.40", "CNY", "2026-03-17T07:00:02+08:00", 2)
    (line,) = read_payee_file(io.BytesIO(payee_file_of([row])), expected=EXPECTED)
    assert (line.loan, line.period, line.component, line.amount, line.plan_version) == (
        "L-1",
        3,
        "interest",
        Decimal("33.40"),
        2,
    )


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ((3, "bonus"), "bonus is no component of a bill"),
        ((1, ""), "it names no loan"),
        ((2, "third"), "period and plan version must be whole numbers"),
    ],
)
def test_names_what_is_wrong_with_a_payee_line(changed: tuple[int, str], problem: str) -> None:
    row = ["D1-1-1", "L-1", "3", "interest", "debit", "33.40", "CNY", "2026-03-17T07:00:02+08:00", "2"]
    row[changed[0]] = changed[1]
    content = "\n".join([PAYEE_HEADER, ",".join(row), ""]).encode()
    with pytest.raises(BadFile) as caught:
        list(read_payee_file(io.BytesIO(content), expected=EXPECTED))
    assert (caught.value.line, str(caught.value.problem)) == (2, problem)
