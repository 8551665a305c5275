"""Posting a file of payments through its real entry: taken in, read, posted in chunks, with ledger and trail."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random

from backoffice.config.benches import floor
from backoffice.config.benches.results import Row, median, seconds_of
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.repayment.services.file_lanes import CHUNK
from backoffice.repayment.services.payment_files import post_file, receive_file

TARGET = 5_000
FLOOR_TARGET = 0.3
UNPAID_ON_THE_DAY = 10  # of a hundred bills due, those whose borrower does not pay on the day

# (loan number, amount): what falls due on the day and is paid on it, arrears of the first bucket, early payments.
DUE = """
SELECT loan.external_id, bill.principal + bill.interest - bill.principal_paid - bill.interest_paid
FROM repayment_loan loan
JOIN repayment_installment bill ON bill.loan_id = loan.id AND bill.due_date = %(day)s AND bill.settled_on IS NULL
WHERE loan.next_transition_date = %(day)s AND loan.bucket = 'M0' AND loan.suspense = 0 AND loan.id %% 100 >= %(unpaid)s
"""
ARREARS = """
SELECT external_id, overdue_amount FROM repayment_loan
WHERE bucket = 'M1' AND overdue_amount > 0 AND id %% %(share)s = 0
"""
EARLY = """
SELECT loan.external_id, bill.principal + bill.interest
FROM repayment_loan loan
JOIN repayment_installment bill
  ON bill.loan_id = loan.id AND bill.due_date = loan.next_transition_date AND bill.settled_on IS NULL
WHERE loan.bucket = 'M0' AND loan.suspense = 0
  AND loan.next_transition_date BETWEEN %(day)s::date + 5 AND %(day)s::date + 9
ORDER BY loan.id
"""


@dataclass(frozen=True, slots=True)
class Posted:
    """One file posted: its lines, how long it took end to end, how long the bare writing of its rows takes."""

    lines: int
    seconds: float
    floor_seconds: float


def post_day(*, day: date, folder: Path, most: int, everyone_in_arrears: bool, say: Callable[[str], None]) -> Posted:
    """Post one file on the business date `day`: bills of the day, arrears, and early payments up to `most` lines."""
    path, lines = _write_file(day=day, folder=folder, most=most, share_of_arrears=1 if everyone_in_arrears else 30)
    before = floor.marks()
    seconds = seconds_of(lambda: _post(path))
    say(f"posting {lines:,} payments of {day}: {seconds:.1f} s, {lines / seconds:,.0f}/s")
    floor_seconds = floor.seconds_from_client(floor.twin_since(before), chunk=CHUNK)
    return Posted(lines=lines, seconds=seconds, floor_seconds=floor_seconds)


def rows_of(posted: list[Posted]) -> list[Row]:
    """The largest file stands for all; rates and ratios are medians over the files."""
    rate = median([each.lines / each.seconds for each in posted])
    ratio = median([each.floor_seconds / each.seconds for each in posted])
    largest = max(posted, key=lambda each: each.lines)
    return [
        Row(
            name="posting a file of payments",
            size=largest.lines,
            seconds=largest.seconds,
            rate=rate,
            floor_ratio=ratio,
            target=f">= {TARGET:,}/s and >= {FLOOR_TARGET} of the floor",
            met=rate >= TARGET and ratio >= FLOOR_TARGET,
        )
    ]


def _post(path: Path) -> None:
    with path.open("rb") as content:
        file = receive_file(name=path.name, content=content, source="bench", actor=SYSTEM, is_confirmed=True)
    file = post_file(file_id=file.pk, actor=SYSTEM)
    if file.refused_count:
        reasons = sorted(set(file.refused_lines.values_list("reason", flat=True)[:100]))
        msg = f"{file.refused_count} lines of {path.name} were refused: {reasons}"
        raise AssertionError(msg)


def _write_file(*, day: date, folder: Path, most: int, share_of_arrears: int) -> tuple[Path, int]:
    asked = {"day": day, "unpaid": UNPAID_ON_THE_DAY, "share": share_of_arrears}
    payments = fetch(DUE, asked) + fetch(ARREARS, asked)
    payments = (payments + fetch(EARLY, asked))[:most] if len(payments) < most else payments[:most]
    Random(day.toordinal()).shuffle(payments)  # noqa: S311 - the order of a bank's file, nothing secret
    path = folder / f"payments-{day}.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["loan", "amount", "currency", "value_date", "channel", "reference", "external_id"])
        for number, (loan, amount) in enumerate(payments):
            writer.writerow([loan, amount, "CNY", day, "debit", f"statement {number}", f"{day}-{number}"])
    return path, len(payments)
