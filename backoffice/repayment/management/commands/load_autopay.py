from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from backoffice.calendars.selectors import business_date
from backoffice.core.actors import SYSTEM
from backoffice.repayment.services.autopay.starting import load_starter_autopay


class Command(BaseCommand):
    help = "Load rails of the sandbox, payees, and a configuration in force for every portfolio that has none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default="http://127.0.0.1:8100/", help="where the sandbox listens")

    def handle(self, *args: Any, **options: Any) -> None:
        loaded = load_starter_autopay(effective_from=business_date(), actor=SYSTEM, url=options["url"])
        self.stdout.write(f"{loaded} autopay configurations are new.")
