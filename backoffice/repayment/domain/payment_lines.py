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
_AMOUNT = re.compile(r"^-?\d{1,16}(\.\d{1,8})?$")
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")


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
    """The lines of a CSV with a header, numbered as in the file. Raises BadHeader before the first line is read."""
    reader = csv.reader(_short_lines(rows), strict=False)
    header = [name.strip().lower() for name in next(reader, [])]
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
    for cells in reader:
        if cells:
            yield _read(reader.line_num, cells, position, width=len(header))


def _read(number: int, cells: list[str], position: dict[str, int], *, width: int) -> Line:
    if len(cells) != width:
        return UnreadableLine(
            number,
            cells[0][:80],
            "",
            "",
            "payment_file.wrong_number_of_cells",
            phrase("The line has %(found)s cells, the header %(expected)s.", found=len(cells), expected=width),
        )

    def cell(name: str, limit: int = 140) -> str:
        index = position.get(name)
        return cells[index].strip()[:limit] if index is not None else ""

    loan, amount, value_date = cell("loan", 80), cell("amount", 40), cell("value_date", 20)

    def refuse(code: str, reason: Phrase) -> UnreadableLine:
        return UnreadableLine(number, loan, amount, value_date, f"payment_file.{code}", reason)

    if not loan:
        return refuse("loan_missing", phrase("The line names no loan."))
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
        currency=cell("currency", 3),
        value_date=day,
        portfolio=cell("portfolio", 64),
        channel=cell("channel", 40),
        reference=cell("reference", 140),
        external_id=cell("external_id", 120),
    )


def _short_lines(rows: Iterable[str]) -> Iterator[str]:
    for row in rows:
        yield row if len(row) <= MAX_LINE else row[:MAX_LINE] + "\n"
