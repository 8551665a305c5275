"""manage.py day_end: close the business date, a named day, or every day through one."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.calendars.selectors import business_day
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.dayend.models import DayEndRun, SetAside
from backoffice.dayend.services import Progress, check_has_come, close_day, close_through


def _day(text: str) -> date:
    """A date of the command line; what is none is refused in words."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is not a day of the calendar; write it as 2026-01-31") from error


class Command(BaseCommand):
    """Prints each day's steps with counts and seconds; exit status 1 when loans are left behind."""

    help = "Close the business date (or the day given, or all days through one)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        group = parser.add_mutually_exclusive_group()
        group.add_argument("--date", type=_day, help="the day to close; must be the business date")
        group.add_argument("--through", type=_day, help="close every day up to and including this one")
        group.add_argument("--open", type=_day, help="open the lender's first business day")
        parser.add_argument("--ahead", action="store_true", help="close days that have not come yet: for trials only")
        parser.add_argument("--threads", type=int, default=2, help="connections to work on side by side")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._close(options)
        except Refusal as refusal:
            raise CommandError(refusal.whole) from refusal
        left = SetAside.objects.filter(resolved_at__isnull=True).count()
        if left:
            raise CommandError(f"{left} loans are set aside; see the day-end page.", returncode=1)

    def _close(self, options: dict[str, Any]) -> None:
        if options["open"]:
            open_first_day(day=options["open"], actor=SYSTEM)
            self.stdout.write(f"The business date is {options['open']}.")
            return
        last = options["through"] or options["date"] or business_day().today
        if not options["ahead"]:
            check_has_come(day=last)
        if options["through"]:
            runs = close_through(
                through=options["through"], actor=SYSTEM, on_progress=self._report, threads=options["threads"]
            )
        else:
            day = options["date"] or business_day().today
            runs = [close_day(day=day, actor=SYSTEM, on_progress=self._report, threads=options["threads"])]
        for run in runs:
            self._print(run)
        if not runs:
            self.stdout.write(f"Nothing to close: the business date is {business_day().today}.")

    def _report(self, progress: Progress) -> None:
        self.stderr.write(f"{progress.day} {progress.step}: {progress.done} of {progress.total}", ending="\r")

    def _print(self, run: DayEndRun) -> None:
        steps = "; ".join(
            f"{step.name} " + ", ".join(f"{name} {count}" for name, count in step.counts.items())
            for step in run.steps.all()
        )
        self.stdout.write(f"{run.day} closed in {run.seconds} s: {steps}")
