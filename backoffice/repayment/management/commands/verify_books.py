"""manage.py verify_books: recompute every invariant of the book and name what differs."""

import time
from argparse import ArgumentParser
from itertools import chain
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.calendars.selectors import business_date
from backoffice.repayment.selectors.verification import verify_book
from backoffice.repayment.services.replaying import replay_drifts, sample_of_loans

SHOWN = 100


class Command(BaseCommand):
    """Exit status 0 when the books agree, 1 when anything differs."""

    help = "Recompute ledger, bills, cached facts, buckets and transitions of every loan and list what differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="no progress")
        parser.add_argument(
            "--replay",
            type=int,
            metavar="N",
            default=0,
            help="also replay N loans drawn at random from their disbursement and compare every row",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        found = 0
        report = None if options["quiet"] else self._report
        today = business_date()
        drawn = sample_of_loans(count=options["replay"])
        for drift in chain(
            verify_book(business_date=today, on_range=report), replay_drifts(loan_ids=drawn, business_date=today)
        ):
            found += 1
            if found <= SHOWN:
                self.stdout.write(
                    f"loan {drift.loan_id}: {drift.check}: rows say {drift.computed}, stored is {drift.stored}"
                )
        seconds = time.monotonic() - started
        if found:
            raise CommandError(f"{found} things do not agree ({seconds:.1f} s).", returncode=1)
        self.stdout.write(self.style.SUCCESS(f"The books agree ({seconds:.1f} s)."))

    def _report(self, done: int, total: int) -> None:
        self.stderr.write(f"verified {done} of {total} ranges", ending="\r")
