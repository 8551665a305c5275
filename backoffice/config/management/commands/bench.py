"""manage.py bench: measure against the targets of the design, in a database of its own."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from backoffice.config.benches.results import Row, table
from backoffice.config.benches.suite import NAMES, run


class Command(BaseCommand):
    """Prints a table, and with --json writes the rows to a file; exit status 0 whether or not targets are met."""

    help = "Measure speed against the targets, in a database made and dropped by the bench."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", choices=[*NAMES, []], help=", ".join(NAMES))
        parser.add_argument("--loans", type=int, default=1_000_000, help="size of the book")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")

    def handle(self, *args: Any, **options: Any) -> None:
        rows: list[Row] = []
        try:
            for row in run(names=options["names"] or NAMES, loans=options["loans"], say=self._say):
                rows.append(row)
                self._say(table([row]).splitlines()[1])
        finally:
            if rows:
                self.stdout.write(table(rows))
            if options["json"]:
                options["json"].write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n")

    def _say(self, text: str) -> None:
        self.stderr.write(text)
