"""manage.py load_hillstrom FILE: the e-mail test of 2008 as a finished experiment, as sums."""

import gzip
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.outreach.services.experiments import bring_in_hillstrom


class Command(BaseCommand):
    """Safe to run again: what is loaded is compared and left as it is."""

    help = "Load Hillstrom's e-mail test (customers.csv or .csv.gz) as a finished experiment; only sums are kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="customers.csv.gz of the data set, or its unpacked copy")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        try:
            with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open() as lines:
                brought_in = bring_in_hillstrom(lines=lines, actor=SYSTEM)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        except Refusal as refusal:
            raise CommandError(f"{refusal.message} {refusal.next_step}".strip()) from refusal
        said = "brought in" if brought_in.is_new else "there already, with the same results"
        self.stdout.write(f"  {brought_in.experiment.name}: {brought_in.units:,} customers in three arms, {said}")
