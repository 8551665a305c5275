"""Lines of a payment file: each is read or refused by itself, and no value is cut to one that means another thing."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.repayment.domain.payment_lines import BadHeader, Line, PaymentLine, UnreadableLine, read_lines
from backoffice.repayment.domain.payment_totals import totals_of

HEADER = "loan,amount,currency,value_date,portfolio,external_id\n"
GOOD = "L-1,100.00,CNY,2026-04-03,cash,A-1\n"


def lines(*rows: str) -> list[Line]:
    return list(read_lines([HEADER, *rows]))


def codes(found: Sequence[Line]) -> list[tuple[int, str]]:
    return [(line.line, line.code if isinstance(line, UnreadableLine) else "") for line in found]


@pytest.mark.parametrize(
    "spoilt",
    [
        '"L-2,100.00,CNY,2026-04-03,cash,A-2\n',
        '"L-2"x,100.00,CNY,2026-04-03,cash,A-2\n',
        "L-2,100.00\r,CNY,2026-04-03,cash,A-2\n",
    ],
)
def test_a_line_that_cannot_be_told_apart_spoils_no_line_but_itself(spoilt):
    assert codes(lines(GOOD, spoilt, GOOD, GOOD)) == [(2, ""), (3, "payment_file.not_csv"), (4, ""), (5, "")]


def test_a_quoted_cell_may_hold_a_comma():
    (line,) = lines('"L-1,a",100.00,CNY,2026-04-03,cash,A-1\r\n')
    assert isinstance(line, PaymentLine)
    assert line.loan == "L-1,a"


@pytest.mark.parametrize("currency", ["CNYX", "USDT", "cny", "", "156"])
def test_a_currency_is_three_letters_and_never_cut_to_three(currency):
    (line,) = lines(f"L-1,100.00,{currency},2026-04-03,cash,A-1\n")
    assert isinstance(line, UnreadableLine)
    assert (line.code, line.reason) == (
        "payment_file.currency_unreadable",
        "The currency is not a code of three letters such as CNY.",
    )


@pytest.mark.parametrize(("column", "longest"), [("loan", 80), ("portfolio", 64), ("external_id", 120)])
def test_a_number_that_is_too_long_is_refused_instead_of_standing_for_another(column, longest):
    cells = {"loan": "L-1", "portfolio": "cash", "external_id": "A-1"}

    def row(length: int) -> str:
        written = cells | {column: "x" * length}
        return f"{written['loan']},100.00,CNY,2026-04-03,{written['portfolio']},{written['external_id']}\n"

    fits, too_long = lines(row(longest), row(longest + 1))
    assert getattr(fits, column) == "x" * longest
    assert isinstance(too_long, UnreadableLine)
    assert (too_long.code, too_long.reason) == (
        "payment_file.too_long",
        f"{column} has more than {longest} characters.",
    )


def test_a_line_that_is_too_long_is_refused_instead_of_cut_to_another_payment():
    rows = [
        "loan,amount,currency,value_date,reference,external_id\n",
        *(f"L-1,100.00,CNY,2026-04-03,{'x' * (4_000 - 32 + more)},A-17\n" for more in (0, 1)),
    ]
    fits, too_long = read_lines(rows)
    assert (len(rows[1]), len(rows[2])) == (4_000, 4_001)
    assert isinstance(fits, PaymentLine)
    assert fits.external_id == "A-17"
    assert isinstance(too_long, UnreadableLine)
    assert (too_long.line, too_long.code, too_long.reason) == (
        3,
        "payment_file.too_long",
        "The line has more than 4000 characters.",
    )


def test_a_header_that_cannot_be_read_names_the_columns_it_lacks():
    with pytest.raises(BadHeader) as refused:
        list(read_lines(['"loan,amount,currency,value_date\n', GOOD]))
    assert [str(problem) for problem in refused.value.problems] == [
        f"column {name} is missing" for name in ("loan", "amount", "currency", "value_date")
    ]


def test_two_quotes_out_of_place_spoil_their_two_lines_and_hide_none_between_them():
    rows = [GOOD.replace("A-1", f"A-{number}") for number in range(1_000)]
    for at in (400, 600):
        rows[at] = f'"{rows[at]}'
    found = lines(*rows)
    assert [line.line for line in found] == list(range(2, 1_002))
    assert [number for number, code in codes(found) if code] == [402, 602]
    assert (totals_of(lines=found).count, totals_of(lines=found).unreadable) == (1_000, 2)


@given(st.lists(st.text(alphabet='L1,."\r\t中 -', min_size=1, max_size=30), max_size=12))
def test_every_line_of_a_file_comes_out_once_under_its_own_number(texts):
    rows = [f"{text}\n" for text in texts]
    found = [line.line for line in lines(*rows)]
    assert found == sorted(set(found))
    written = [number for number, row in enumerate(rows, start=2) if row.strip("\r\n")]
    assert set(written) <= set(found) <= set(range(2, len(rows) + 2))
