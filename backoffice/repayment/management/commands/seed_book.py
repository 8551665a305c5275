"""manage.py seed_book: a synthetic book of any size, for benches."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.calendars.clock import today_in
from backoffice.calendars.selectors import DayNotOpened, business_day
from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.repayment.seeding.book import BookWanted, seed_book


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise ArgumentTypeError("a share is from 0 to 1")
    return share


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ArgumentTypeError("at least one loan")
    return count


class Command(BaseCommand):
    """Writes by COPY and reports its progress; what exactly is written stands in docs/benchmarks.md."""

    help = "Write a synthetic book of any size (borrowers, loans with 12 bills, payments, ledger, history)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--loans", type=_count, required=True, help="open loans to write")
        parser.add_argument("--seed", type=int, default=1, help="the same seed writes the same book")
        parser.add_argument("--overdue-share", type=_share, default=0.10, help="share of the loans that is overdue")
        parser.add_argument("--date", type=date.fromisoformat, help="business date; the open one, else today")
        parser.add_argument("--append", action="store_true", help="write beside the loans that are there")

    def handle(self, *args: Any, **options: Any) -> None:
        started = perf_counter()
        self._reported = started
        wanted = BookWanted(
            loans=options["loans"],
            business_date=options["date"] or _business_date(),
            seed=options["seed"],
            overdue_share=options["overdue_share"],
            is_append=options["append"],
        )
        try:
            written = seed_book(wanted=wanted, actor=SYSTEM, on_progress=self._report)
        except Refusal as refusal:
            raise CommandError(refusal.whole) from refusal
        for table, rows in written.rows.items():
            self.stdout.write(f"{table}: {rows}")
        self.stdout.write(
            f"{wanted.loans} loans as of the morning of {wanted.business_date} in {perf_counter() - started:.1f} s"
        )

    def _report(self, what: str, done: int, total: int) -> None:
        now = perf_counter()
        if done == total or now - self._reported >= 1:
            self._reported = now
            self.stderr.write(f"{what}: {done} of {total}" if total else f"{what} ...")


def _business_date() -> date:
    try:
        return business_day().today
    except DayNotOpened:
        return today_in("Asia/Shanghai")
