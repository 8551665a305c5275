"""manage.py plan_campaigns [--date D] [--starter]: plan the campaigns of a day, as the close of the day before does."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand

from backoffice.calendars.selectors import business_date
from backoffice.core.actors import SYSTEM
from backoffice.repayment.services.campaigns import plan_campaigns
from backoffice.repayment.services.starter_campaign import load_starter_campaign


class Command(BaseCommand):
    """Plans what is not planned yet; a second run changes nothing."""

    help = "Plan the messages of running campaigns for a day; the close of each day does it for the next one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--date", type=date.fromisoformat, help="the day the messages leave (the business date)")
        parser.add_argument("--starter", action="store_true", help="first load the campaign a demo shows")

    def handle(self, *args: Any, **options: Any) -> None:
        day = options["date"] or business_date()
        if options["starter"] and load_starter_campaign(first_day=day, actor=SYSTEM):
            self.stdout.write("Loaded the campaign a demo shows.")
        done = plan_campaigns(day=day)
        self.stdout.write(
            f"{day}: {done.campaigns:,} campaigns, {done.messages:,} new messages, {done.held_out:,} newly left alone, "
            f"{done.started:,} started, {done.ended:,} ended, {done.refused:,} could not be planned"
        )
