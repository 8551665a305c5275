"""Settlement files, line by line: what a rail moved on a day, and what a funder or guarantor was paid of it.

The contract is `docs/rails.md`. A file is good whole or refused whole: the first fault ends the reading, with its line.
"""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import BinaryIO, Final

from backoffice.core.money import ZERO, exponent_of
from backoffice.core.words import Phrase, phrase
from backoffice.repayment.domain.autopay.order_numbers import LONGEST
from backoffice.repayment.domain.components import COMPONENTS

CHANNEL_HEADER: Final = ("order_no", "kind", "amount", "currency", "at", "code", "reference")
PAYEE_HEADER: Final = (
    "order_no", "loan", "period", "component", "kind", "amount", "currency", "at", "plan_version",
)  # fmt: skip
TRAILER: Final = "#trailer"
MOVEMENTS: Final = ("debit", "return")
PENDING: Final = "PDNG"
"""What a statement's entry that was not booked is kept under: no code of a success."""
MOST_BYTES_A_LINE: Final = 1_000

_ORDER_NO = re.compile(rf"[A-Za-z0-9-]{{1,{LONGEST}}}")
_AMOUNT = re.compile(r"\d{1,14}(?:\.\d{1,4})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_COUNT = re.compile(r"\d{1,9}")
_TOTAL = re.compile(r"\d{1,18}(?:\.\d{1,4})?")


class BadFile(ValueError):
    """The file cannot be taken in: `line` is the one at fault (the header is 1), `problem` says what is wrong."""

    def __init__(self, line: int, problem: Phrase) -> None:
        self.line, self.problem = line, problem
        super().__init__(f"line {line}: {problem}")


@dataclass(frozen=True, slots=True)
class FileLine:
    """One movement of an order; `amount` in major units, positive, `at` the other side's time.

    `component`, `loan`, `period` and `plan_version` are those of a payee's file; a rail does not know them.
    """

    number: int
    order_no: str
    kind: str
    amount: Decimal
    currency: str
    at: datetime
    code: str = ""
    reference: str = ""
    component: str = ""
    loan: str = ""
    period: int | None = None
    plan_version: int | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a file may speak of: its currencies (none: any) and the calendar dates in the lender's zone it covers.

    `local_date` tells the date of a time there.
    """

    local_date: Callable[[datetime], date]
    from_day: date
    through_day: date
    currencies: frozenset[str] = frozenset()


def read_channel_file(content: BinaryIO, *, expected: Expected) -> Iterator[FileLine]:
    """The lines of a rail's file, streamed. Raises BadFile, at the latest after the last line: keep nothing then."""
    return _read(content, header=CHANNEL_HEADER, read_line=_channel_line, expected=expected)


def read_payee_file(content: BinaryIO, *, expected: Expected) -> Iterator[FileLine]:
    """The lines of a funder's or guarantor's file, streamed. Raises BadFile like `read_channel_file`."""
    return _read(content, header=PAYEE_HEADER, read_line=_payee_line, expected=expected)


def _read(
    content: BinaryIO,
    *,
    header: tuple[str, ...],
    read_line: Callable[[int, list[str]], FileLine],
    expected: Expected,
) -> Iterator[FileLine]:
    rows = _rows(content)
    first = next(rows, (1, [""]))[1]
    if tuple(first) != header:
        raise BadFile(1, phrase("the header must be %(header)s", header=",".join(header)))
    seen: set[tuple[str, str, str]] = set()
    total, number = ZERO, 1
    for number, cells in rows:
        if cells[0] == TRAILER:
            _check_trailer(number, cells, count=len(seen), total=total)
            _check_end(rows)
            return
        if len(cells) != len(header):
            said = phrase("it has %(found)s cells, not %(wanted)s", found=len(cells), wanted=len(header))
            raise BadFile(number, said)
        line = read_line(number, cells)
        _check_expected(line, expected)
        key = (line.order_no, line.kind, line.component)
        if key in seen:
            raise BadFile(number, phrase("%(order)s stands twice as a %(kind)s", order=line.order_no, kind=line.kind))
        seen.add(key)
        total += line.amount
        yield line
    raise BadFile(number, phrase("the file ends here without its trailer: it is cut off"))


def _rows(content: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Each line of the file with its number, as cells. A line is a line: no quote reaches over its end."""
    for number, raw in enumerate(iter(lambda: content.readline(MOST_BYTES_A_LINE + 1), b""), start=1):
        if len(raw) > MOST_BYTES_A_LINE:
            raise BadFile(number, phrase("it has more than %(most)s bytes", most=MOST_BYTES_A_LINE))
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise BadFile(number, phrase("it is not UTF-8")) from error
        if "\x00" in text:
            raise BadFile(number, phrase("it holds a zero byte: this is not a text file"))
        if '"' not in text:
            yield number, text.split(",")
            continue
        try:
            yield number, next(csv.reader([text], strict=True))
        except csv.Error as error:
            raise BadFile(number, phrase("a quote is left open")) from error


def _check_trailer(number: int, cells: list[str], *, count: int, total: Decimal) -> None:
    if len(cells) != 3 or not _COUNT.fullmatch(cells[1]) or not _TOTAL.fullmatch(cells[2]):
        raise BadFile(number, phrase("the trailer must be #trailer, the number of lines, the sum of all amounts"))
    if int(cells[1]) != count:
        said = phrase("the trailer says %(said)s lines, there are %(found)s", said=cells[1], found=count)
        raise BadFile(number, said)
    if Decimal(cells[2]) != total:
        said = phrase("the trailer says the amounts sum to %(said)s, they sum to %(found)s", said=cells[2], found=total)
        raise BadFile(number, said)


def _check_end(rows: Iterator[tuple[int, list[str]]]) -> None:
    for number, cells in rows:
        if cells != [""]:
            raise BadFile(number, phrase("something follows after the trailer"))


def _check_expected(line: FileLine, expected: Expected) -> None:
    if expected.currencies and line.currency not in expected.currencies:
        raise BadFile(line.number, phrase("nobody is debited in %(currency)s here", currency=line.currency))
    if not expected.from_day <= expected.local_date(line.at) <= expected.through_day:
        raise BadFile(line.number, phrase("its time is of another day: the file is not the one of this day"))


def _channel_line(number: int, cells: list[str]) -> FileLine:
    order_no, kind, amount, currency, at, code, reference = cells
    return FileLine(
        number=number,
        order_no=_order_no(number, order_no),
        kind=_kind(number, kind),
        amount=_amount(number, amount, currency),
        currency=currency,
        at=_moment(number, at),
        code=_short(number, "code", code, longest=40),
        reference=_short(number, "reference", reference, longest=80),
    )


def _payee_line(number: int, cells: list[str]) -> FileLine:
    order_no, loan, period, component, kind, amount, currency, at, plan_version = cells
    if component not in COMPONENTS:
        raise BadFile(number, phrase("%(component)s is no component of a bill", component=component[:20]))
    if not loan:
        raise BadFile(number, phrase("it names no loan"))
    if not _COUNT.fullmatch(period) or not _COUNT.fullmatch(plan_version):
        raise BadFile(number, phrase("period and plan version must be whole numbers"))
    return FileLine(
        number=number,
        order_no=_order_no(number, order_no),
        kind=_kind(number, kind),
        amount=_amount(number, amount, currency),
        currency=currency,
        at=_moment(number, at),
        component=component,
        loan=_short(number, "loan", loan, longest=80),
        period=int(period),
        plan_version=int(plan_version),
    )


def _order_no(number: int, text: str) -> str:
    if not _ORDER_NO.fullmatch(text):
        raise BadFile(number, phrase("its order number cannot be one: %(text)s", text=text[:60]))
    return text


def _kind(number: int, text: str) -> str:
    if text not in MOVEMENTS:
        raise BadFile(number, phrase("its kind is neither debit nor return: %(text)s", text=text[:20]))
    return text


def _amount(number: int, text: str, currency: str) -> Decimal:
    if not _CURRENCY.fullmatch(currency):
        raise BadFile(number, phrase("its currency is not a code of three letters such as CNY"))
    if not _AMOUNT.fullmatch(text):
        raise BadFile(number, phrase("its amount is not a decimal number such as 1100.16"))
    amount = Decimal(text)
    exponent = exponent_of(currency)
    if amount != amount.quantize(Decimal(1).scaleb(-exponent)):
        said = phrase("%(currency)s has %(exponent)s decimals, not as many", currency=currency, exponent=exponent)
        raise BadFile(number, said)
    if not amount:
        raise BadFile(number, phrase("its amount is nought"))
    return amount


def _moment(number: int, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BadFile(number, phrase("its time is not one with an offset such as 2026-03-17T07:00:02+08:00"))
    return at


def _short(number: int, name: str, text: str, *, longest: int) -> str:
    if len(text) > longest:
        raise BadFile(number, phrase("its %(name)s is longer than %(longest)s characters", name=name, longest=longest))
    return text
