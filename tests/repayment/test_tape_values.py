"""One cell of a tape: what is read, and why the rest is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.repayment.tape.findings import REASONS, as_cell, sentence_of
from backoffice.repayment.tape.format import TABLES, Column
from backoffice.repayment.tape.values import NotAValue, check_decimals, parse_amount, parse_date, parser_of, shown


@pytest.mark.parametrize(
    ("text", "hundredths"),
    [
        ("0", 0),
        ("1", 100),
        ("1.5", 150),
        ("1.50", 150),
        ("1.5000", 150),
        ("007", 700),
        ("-0", 0),
        ("-0.00", 0),
        ("999999999999.99", 99_999_999_999_999),
    ],
)
def test_reads_an_amount_in_hundredths(text: str, hundredths: int) -> None:
    assert parse_amount(text) == hundredths


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("-0.01", "negative_amount"),
        ("-5", "negative_amount"),
        ("1000000000000", "too_many_digits"),
        ("0.001", "too_fine"),
        ("1,000.00", "not_an_amount"),
        ("1 000", "not_an_amount"),
        ("1e3", "not_an_amount"),
        ("+1", "not_an_amount"),
        ("NaN", "not_an_amount"),
        ("Infinity", "not_an_amount"),
        ("１２", "not_an_amount"),
        (".5", "not_an_amount"),
        ("12.00 ", "not_an_amount"),
        ("=1+1", "not_an_amount"),
    ],
)
def test_refuses_what_is_no_amount(text: str, code: str) -> None:
    with pytest.raises(NotAValue) as refusal:
        parse_amount(text)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-02-31", "no_such_day"),
        ("2025-02-29", "no_such_day"),
        ("2026-00-10", "no_such_day"),
        ("31/01/2026", "not_a_date"),
        ("2026-1-5", "not_a_date"),
        ("20260105", "not_a_date"),
        ("2026-01-05T00:00:00", "not_a_date"),
        ("٢٠٢٦-٠١-٠٥", "not_a_date"),
        ("1949-12-31", "date_out_of_range"),
        ("2151-01-01", "date_out_of_range"),
    ],
)
def test_refuses_what_is_no_day(text: str, code: str) -> None:
    with pytest.raises(NotAValue) as refusal:
        parse_date(text)
    assert refusal.value.code == code


def test_reads_the_leap_day() -> None:
    assert parse_date("2024-02-29") == "2024-02-29"


def read_or_reason(column: Column, text: str) -> str | int | None:
    """The value, or the sentence why there is none."""
    try:
        return parser_of(column)(text)
    except NotAValue as refusal:
        return sentence_of(code=refusal.code, params=refusal.params)


def test_counts_yen_in_whole_units() -> None:
    check_decimals(12_300, currency="JPY")
    with pytest.raises(NotAValue) as refusal:
        check_decimals(12_350, currency="JPY")
    assert refusal.value.params == {"value": "123.50", "currency": "JPY", "most": "0"}


@given(text=st.text(min_size=1, max_size=60))
def test_every_column_reads_any_text_or_says_why_not(text: str) -> None:
    for table in TABLES:
        for column in table.columns:
            assert isinstance(read_or_reason(column, text), str | int)


@given(cents=st.integers(min_value=0, max_value=10**14 - 1))
def test_an_amount_written_is_the_amount_read(cents: int) -> None:
    assert parse_amount(f"{cents // 100}.{cents % 100:02d}") == cents


@given(text=st.text(max_size=200))
def test_a_value_is_quoted_short_and_printable(text: str) -> None:
    quoted = shown(text)
    assert len(quoted) <= 61
    assert "\x00" not in quoted


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_a_formula_is_disarmed_in_the_report(text: str) -> None:
    assert as_cell(text) == f"'{text}"


def test_plain_text_stays_as_it_is_in_the_report() -> None:
    assert as_cell("李 = 1") == "李 = 1"


def test_every_reason_has_a_sentence_that_takes_its_parameters() -> None:
    class Anything(dict[str, str]):
        def __missing__(self, key: str) -> str:
            return "x"

    for code, reason in REASONS.items():
        assert str(reason.sentence) % Anything() != "", code
        assert reason.scope in {"file", "row"}


def test_says_in_a_whole_sentence_that_an_amount_is_too_fine() -> None:
    said = []
    for read in (lambda: parse_amount("1.001"), lambda: check_decimals(150, currency="JPY")):
        with pytest.raises(NotAValue) as refusal:
            read()
        said.append(sentence_of(code=refusal.value.code, params=refusal.value.params))
    assert said == [
        "The amount 1.001 has more than 2 decimals.",
        "JPY is counted to 0 decimals; the amount is 1.50.",
    ]
