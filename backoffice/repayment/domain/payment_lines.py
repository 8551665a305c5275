"""A file of payments, line by line: what a line must say, and what is wrong with one that does not."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from backoffice.core.words import Phrase, phrase

REQUIRED = ("loan", "amount", "currency", "value_date")
OPTIONAL = ("portfolio", "channel", "reference", "external_id")
MAX_LINE = 4_000
# What a longer value would be cut to could be another loan's number, or another payment's.
LONGEST = {"loan": 80, "portfolio": 64, "external_id": 120}
_AMOUNT = re.compile(r"^-?\d{1,16}(\.\d{1,8})?$")
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_CURRENCY = re.compile(r"^[A-Z]{3}$")


class BadHeader(ValueError):
    """The first line does not name the columns a payment file has; `problems` says what is wrong with them."""

    def __init__(self, problems: tuple[Phrase, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class PaymentLine:
    """A readable line: amount in major units of the currency."""

    line: int
    loan: str
    amount: Decimal
    currency: str
    value_date: date
    portfolio: str
    channel: str
    reference: str
    external_id: str


@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """A line that cannot be posted as it stands, kept as it came."""

    line: int
    loan: str
    amount: str
    value_date: str
    code: str
    reason: str


Line = PaymentLine | UnreadableLine


def read_lines(rows: Iterable[str]) -> Iterator[Line]:
    """The lines of a CSV with a header, numbered as in the file. Raises BadHeader before the first line is read.

    A line is a line of the file: a quote that is left open spoils its own line and swallows none of those after it.
    """
    numbered = enumerate(rows, start=1)
    _number, first = next(numbered, (1, ""))
    header = [name.strip().lower() for name in _cells_of(first) or []]
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name for name in header if name not in (*REQUIRED, *OPTIONAL)]
    if missing or unknown or len(set(header)) != len(header):
        problems = [
            *(phrase("column %(name)s is missing", name=name) for name in missing),
            *(
                phrase("column %(name)s is not known", name=name) if name else phrase("a column has no name")
                for name in unknown
            ),
        ]
        raise BadHeader(tuple(problems) or (phrase("a column stands twice"),))
    position = {name: index for index, name in enumerate(header)}
    for number, row in numbered:
        if len(row) > MAX_LINE:
            said = phrase("The line has more than %(longest)s characters.", longest=MAX_LINE)
            yield _refused_whole(number, row, "too_long", said)
            continue
        cells = _cells_of(row)
        if cells is None:
            yield _refused_whole(
                number,
                row,
                "not_csv",
                phrase("The line cannot be read: a quote is left open, or a line break stands inside it."),
            )
        elif cells:
            yield _read(number, cells, position, width=len(header))


def _cells_of(row: str) -> list[str] | None:
    """The cells of one line, none of an empty one; None when they cannot be told apart."""
    try:
        return next(csv.reader([row], strict=True), [])
    except csv.Error:
        return None


def _read(number: int, cells: list[str], position: dict[str, int], *, width: int) -> Line:
    if len(cells) != width:
        said = phrase("The line has %(found)s cells, the header %(expected)s.", found=len(cells), expected=width)
        return _refused_whole(number, cells[0], "wrong_number_of_cells", said)

    def cell(name: str) -> str:
        index = position.get(name)
        return cells[index].strip() if index is not None else ""

    loan, amount, value_date, currency = cell("loan"), cell("amount"), cell("value_date"), cell("currency")

    def refuse(code: str, reason: Phrase) -> UnreadableLine:
        return UnreadableLine(number, loan[:80], amount[:40], value_date[:20], f"payment_file.{code}", reason)

    if not loan:
        return refuse("loan_missing", phrase("The line names no loan."))
    for name, longest in LONGEST.items():
        if len(cell(name)) > longest:
            said = phrase("%(column)s has more than %(longest)s characters.", column=name, longest=longest)
            return refuse("too_long", said)
    if not _CURRENCY.match(currency):
        return refuse("currency_unreadable", phrase("The currency is not a code of three letters such as CNY."))
    if not _AMOUNT.match(amount):
        return refuse("amount_unreadable", phrase("The amount is not a decimal number such as 1100.16."))
    try:
        day = date.fromisoformat(value_date) if _DATE.match(value_date) else None
        money = Decimal(amount)
    except (ValueError, InvalidOperation):
        day = None
        money = Decimal(0)
    if day is None:
        return refuse("date_unreadable", phrase("The value date is not a day of the calendar such as 2026-01-31."))
    return PaymentLine(
        line=number,
        loan=loan,
        amount=money,
        currency=currency,
        value_date=day,
        portfolio=cell("portfolio"),
        channel=cell("channel")[:40],
        reference=cell("reference")[:140],
        external_id=cell("external_id"),
    )


def _refused_whole(number: int, text: str, code: str, reason: Phrase) -> UnreadableLine:
    """A line of which nothing is known but how it begins."""
    return UnreadableLine(number, text.strip()[:80], "", "", f"payment_file.{code}", reason)
