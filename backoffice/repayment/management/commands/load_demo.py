"""manage.py load_demo [--data DIR]: the books of a demo, its people, and the proof that the books agree."""

import logging
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.repayment.models import ImportRun
from backoffice.repayment.tape.adapters.registry import ADAPTERS, SYNTHETIC
from backoffice.repayment.tape.bringing_in import BroughtIn, bring_in
from backoffice.repayment.tape.receiving import report_of

EXPERIMENT = Path("hillstrom_email_test") / "customers.csv.gz"
COUNTED = ("borrowers", "loans", "installments", "payments")


class Command(BaseCommand):
    """Loads the real data sets, or without them a made-up book. Safe to run again: what is loaded is skipped."""

    help = "Load the demo's books: the real sets of --data, or a synthetic book; then the demo's users."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", type=Path, help="the folder that holds the real data sets")

    def handle(self, *args: Any, **options: Any) -> None:
        data: Path | None = options["data"]
        if data is not None and not data.is_dir():
            raise CommandError(f"{data} is not a folder. Point DATA to the data sets, or leave it out.")
        # Tasks that run at once, because no worker is there yet, would write between the lines.
        logging.getLogger("celery").setLevel(logging.WARNING)
        totals = dict.fromkeys(COUNTED, 0)
        self.stdout.write(f"  {'book':<14}{''.join(f'{name:>14}' for name in COUNTED)}{'seconds':>10}")
        for source, folder in self._sources(data):
            began = time.monotonic()
            run = self._bring_in(source, folder)
            counts = {name: run.loaded_counts.get(name, 0) for name in COUNTED}
            for name, count in counts.items():
                totals[name] += count
            self._line(source, counts, time.monotonic() - began)
            if run.skipped_loan_count:
                self.stdout.write(f"  {'':<14}{run.skipped_loan_count:>28,} loans were there already")
        self._line("together", totals)
        if data is not None and (data / EXPERIMENT).is_file():
            call_command("load_hillstrom", str(data / EXPERIMENT), stdout=self.stdout)
        call_command("verify_books", "--quiet", stdout=self.stdout)
        # As the evening before would have done: today's messages are planned, and leave when the workers start.
        call_command("load_templates", "--active", stdout=self.stdout)
        call_command("plan_reminders", "--starter", stdout=self.stdout)
        call_command("plan_campaigns", "--starter", stdout=self.stdout)
        if settings.PLAIN_HTTP:
            self.stdout.write("Logins of the demo:")
            call_command("create_demo_users", stdout=self.stdout)

    def _sources(self, data: Path | None) -> Iterator[tuple[str, Path]]:
        if data is None:
            yield SYNTHETIC, Path()
            return
        found = [name for name, adapter in ADAPTERS.items() if name != SYNTHETIC and (data / adapter.folder).is_dir()]
        if not found:
            raise CommandError(f"None of the data sets is in {data}.")
        for name in found:
            yield name, data

    def _bring_in(self, source: str, folder: Path) -> ImportRun:
        try:
            brought_in: BroughtIn = bring_in(source=source, paths=[folder], actor=SYSTEM, on_step=self._report_step)
        except Refusal as refusal:
            raise CommandError(f"{source}: {refusal.whole}") from refusal
        run = brought_in.run
        if run.state != ImportRun.State.LOADED:
            raise CommandError(f"{source} was not loaded; its rejected rows are in {report_of(run)}")
        return run

    def _line(self, name: str, counts: dict[str, int], seconds: float | None = None) -> None:
        took = "" if seconds is None else f"{seconds:>10.1f}"
        self.stdout.write(f"  {name:<14}{''.join(f'{count:>14,}' for count in counts.values())}{took}")

    def _report_step(self, run: ImportRun) -> None:
        if not self.stderr.isatty():
            return
        of = f" of {run.loan_count:,}" if run.state == ImportRun.State.LOADING else ""
        step = f"  {run.portfolio}: {run.get_state_display()}, {run.step} {run.step_done:,}{of}"
        self.stderr.write(f"{step:<78}", ending="\r")
