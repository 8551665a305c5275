"""manage.py measure_rates --data DIR: the real sets' rates, written down for the docs and the synthetic book."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backoffice.core.errors import Refusal
from backoffice.repayment.tape.measuring.report import CONSTANTS, measure, page_of, write_constants


class Command(BaseCommand):
    """Reads the sets, keeps aggregates only."""

    help = "Measure entry, exit, flow, roll, repeat and payment habits in the real data sets."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", type=Path, required=True, help="the folder that holds the data sets")
        parser.add_argument("--page", type=Path, default=settings.BASE_DIR / "docs" / "measured_rates.md")
        parser.add_argument("--constants", type=Path, default=CONSTANTS)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rates = measure(folder=options["data"])
        except Refusal as refusal:
            raise CommandError(refusal.whole) from refusal
        options["page"].write_text(page_of(rates), encoding="utf-8")
        write_constants(rates, path=options["constants"])
        self.stdout.write(f"{len(rates)} rates written to {options['page']} and {options['constants']}")
