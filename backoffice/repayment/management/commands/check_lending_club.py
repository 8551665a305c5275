"""manage.py check_lending_club FILE: our equal installment against the one Lending Club recorded, loan by loan.

The file is the public loan table of January to March 2018 (columns loan_amount, term, interest_rate, installment,
balance). Findings and their explanation are in docs/processes/schedules.md.
"""

import csv
import gzip
import io
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

from django.core.management.base import BaseCommand, CommandError

from backoffice.repayment.domain.schedule import nominal_installment
from backoffice.repayment.domain.terms import Rounding, Terms

COLUMNS: Final = ("loan_amount", "term", "interest_rate", "installment", "balance")
SHOWN: Final = 20

Finding = Literal["half_up", "up", "reduced_rate", "unexplained"]

MEANINGS: Final[dict[Finding, str]] = {
    "half_up": "equal under our default, rounding half up",
    "up": "equal when rounded up: recorded is one cent above half up",
    "reduced_rate": "equal for the balance left over the months left, at a rate lowered after issue, rounded up",
    "unexplained": "not explained",
}


@dataclass(frozen=True, slots=True)
class RecordedLoan:
    """One line of the table. Amounts in cents, the rate as a fraction of a year."""

    line: int
    principal: int
    months: int
    annual_rate: Decimal
    installment: int
    balance: int


class Command(BaseCommand):
    """Exit status 0 when every installment is explained, 1 when one is not."""

    help = "Compare our equal installments with those Lending Club recorded, and sort the differences by their rule."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the loan table, CSV or CSV in gzip")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError when the file cannot be read or a loan is not explained."""
        try:
            compared = [(loan, compare(loan)) for loan in read_loans(options["file"])]
        except (OSError, KeyError, ArithmeticError, ValueError) as error:
            raise CommandError(f"{options['file']} is not the loan table: {error!r}.") from error
        found = Counter(finding for _, finding in compared)
        self.stdout.write(f"{len(compared)} loans")
        for finding, meaning in MEANINGS.items():
            self.stdout.write(f"{found[finding]:>7}  {meaning}")
        for loan, finding in [each for each in compared if each[1] in {"reduced_rate", "unexplained"}][:SHOWN]:
            self.stdout.write(
                f"line {loan.line}: {cents(loan.principal)} over {loan.months} months at {loan.annual_rate:%}: "
                f"recorded {cents(loan.installment)}, ours {cents(installment(loan, rounding='up'))} ({finding})"
            )
        if found["unexplained"]:
            raise CommandError(f"{found['unexplained']} installments are not explained.", returncode=1)


def compare(loan: RecordedLoan) -> Finding:
    """The first rule that gives the recorded installment to the cent."""
    if loan.installment == installment(loan, rounding="half_up"):
        return "half_up"
    if loan.installment == installment(loan, rounding="up"):
        return "up"
    remaining = (
        nominal_installment(terms=_terms(loan, rounding="up"), balance=loan.balance, periods=months)
        for months in range(1, loan.months)
    )
    return "reduced_rate" if loan.installment in remaining else "unexplained"


def installment(loan: RecordedLoan, *, rounding: Rounding) -> int:
    """Our equal installment for the loan, in cents."""
    return nominal_installment(terms=_terms(loan, rounding=rounding), balance=loan.principal, periods=loan.months)


def read_loans(file: Path) -> Iterator[RecordedLoan]:
    """The loans of the table, one by one. Raises KeyError for a missing column, ArithmeticError for a bad number."""
    opened = gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb")  # noqa: SIM115 - closed below
    with opened, io.TextIOWrapper(opened, encoding="utf-8", newline="") as lines:
        yield from _loans_of(csv.DictReader(lines))


def cents(amount: int) -> str:
    """An amount in cents as people write it."""
    return f"{Decimal(amount).scaleb(-2):.2f}"


def _loans_of(lines: Iterable[dict[str, str]]) -> Iterator[RecordedLoan]:
    for number, line in enumerate(lines, start=2):
        amount, months, percent, recorded, balance = (Decimal(line[name]) for name in COLUMNS)
        yield RecordedLoan(
            line=number,
            principal=int(amount * 100),
            months=int(months),
            annual_rate=percent / 100,
            installment=int(recorded * 100),
            balance=int(balance * 100),
        )


def _terms(loan: RecordedLoan, *, rounding: Rounding) -> Terms:
    return Terms(
        currency="USD",
        method="equal_installment",
        annual_rate=loan.annual_rate,
        periods=loan.months,
        rounding=rounding,
        installment_basis="nominal",
    )
