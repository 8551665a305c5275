"""manage.py ingest SOURCE FILE...: bring a loan tape, or a data set by its adapter's name, into the book."""

import shutil
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.repayment.models import ImportRun
from backoffice.repayment.tape.adapters.registry import ADAPTERS
from backoffice.repayment.tape.bringing_in import TAPE, BroughtIn, bring_in
from backoffice.repayment.tape.findings import sentence_of
from backoffice.repayment.tape.receiving import report_of

SHOWN = 20


class Command(BaseCommand):
    """Exit status 0 when the tape is loaded, 1 when rows were rejected and nothing was loaded."""

    help = "Check a loan tape (folder, .zip, or single CSV and Parquet files; docs/loan_tape.md) and load it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", choices=(TAPE, *ADAPTERS), help="tape, or the name of a data set's adapter")
        parser.add_argument("file", nargs="+", type=Path, help="the tape; for an adapter the folder of its set")
        parser.add_argument("--portfolio", default="", help="the book it goes into; default: the source's name")
        parser.add_argument(
            "--accept-partial", action="store_true", help="load the loans without a rejected row, each one whole"
        )
        parser.add_argument("--report", type=Path, help="copy the CSV of all rejected rows here")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        try:
            brought_in = bring_in(
                source=options["source"],
                paths=options["file"],
                portfolio=options["portfolio"],
                partial=options["accept_partial"],
                actor=SYSTEM,
                on_step=self._report_step,
            )
        except Refusal as refusal:
            raise CommandError(refusal.whole) from refusal
        self._say_what_happened(brought_in, seconds=time.monotonic() - started)
        run = brought_in.run
        if options["report"] and report_of(run).exists():
            shutil.copyfile(report_of(run), options["report"])
        if run.state != ImportRun.State.LOADED:
            raise CommandError(
                f"Nothing was loaded. All rejected rows: {options['report'] or report_of(run)}", returncode=1
            )

    def _say_what_happened(self, brought_in: BroughtIn, *, seconds: float) -> None:
        run = brought_in.run
        if brought_in.conversion:
            self.stdout.write(f"Dates moved by {brought_in.conversion.shift_days} days.")
            for rule, times in brought_in.conversion.used.items():
                self.stdout.write(f"  {times:>9,}  {rule}")
        for name, count in run.row_counts.items():
            self.stdout.write(f"  {count:>9,}  rows of {name}")
        for rejected in run.rejected_rows.all()[:SHOWN]:
            sentence = sentence_of(code=rejected.code, params=rejected.params)
            self.stdout.write(
                self.style.WARNING(f"{rejected.file}:{rejected.line} {rejected.field} {rejected.subject}: {sentence}")
            )
        if run.finding_count:
            self.stdout.write(f"{run.finding_count:,} rejected rows in all.")
        if run.state == ImportRun.State.LOADED:
            for name, count in run.loaded_counts.items():
                self.stdout.write(f"  {count:>9,}  {name} loaded")
            self.stdout.write(
                self.style.SUCCESS(
                    f"{run.portfolio}: {run.loaded_through:,} loans loaded, {run.skipped_loan_count:,} were there, "
                    f"{run.refused_loan_count:,} left out, in {seconds:.1f} s"
                )
            )

    def _report_step(self, run: ImportRun) -> None:
        """One line a step; at a terminal it is written over by the next."""
        of = f" of {run.loan_count}" if run.state == ImportRun.State.LOADING else ""
        self.stderr.write(
            f"{run.portfolio}: {run.get_state_display()}: {run.step} {run.step_done}{of}",
            ending="\r" if self.stderr.isatty() else "\n",
        )
