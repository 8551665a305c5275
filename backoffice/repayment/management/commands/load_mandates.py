"""manage.py load_mandates [--data DIR]: mandates for the borrowers of a demo."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.calendars import clock
from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.repayment.tape.demo_mandates import load_demo_mandates


class Command(BaseCommand):
    """Safe to run again: what is there stays as it is."""

    help = "Give the borrowers of a demo their mandates: standing orders of --data, made-up agreements for the others."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", type=Path, help="the folder that holds the real data sets")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = load_demo_mandates(data=options["data"], actor=SYSTEM, at=clock.now())
        except Refusal as refusal:
            raise CommandError(f"{refusal.message} {refusal.next_step}".strip()) from refusal
        self.stdout.write(f"  mandates: {done.rows:,} in the sets, {done.new:,} of them new")
