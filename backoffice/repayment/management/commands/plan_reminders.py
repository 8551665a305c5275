"""manage.py plan_reminders [--date D] [--starter]: plan the reminders of a day, as the close of the day before does."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand

from backoffice.calendars.selectors import business_date
from backoffice.core.actors import SYSTEM
from backoffice.outreach.services.starting import load_starter_plan
from backoffice.repayment.services.reminders import plan_reminders


class Command(BaseCommand):
    """Plans what is not planned yet; a second run changes nothing."""

    help = "Plan the reminders of a day by the plans in force; the close of each day does it for the next one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--date", type=date.fromisoformat, help="the day the messages leave (the business date)")
        parser.add_argument("--starter", action="store_true", help="first load the plan a new lender starts with")

    def handle(self, *args: Any, **options: Any) -> None:
        day = options["date"] or business_date()
        if options["starter"] and load_starter_plan(effective_from=day, actor=SYSTEM):
            self.stdout.write("Loaded the reminder plan a new lender starts with.")
        done = plan_reminders(day=day)
        by_channel = ", ".join(f"{channel} {count:,}" for channel, count in sorted(done.by_channel.items())) or "none"
        self.stdout.write(
            f"{day}: {done.bills:,} bills, {done.new:,} new messages ({by_channel}), {done.held_out:,} left alone"
        )
