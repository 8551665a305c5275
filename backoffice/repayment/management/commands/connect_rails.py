"""manage.py connect_rails URL: the rails of a sandbox, set up."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from backoffice.core.actors import SYSTEM
from backoffice.repayment.services.autopay.rail_settings import set_sandbox_rails


class Command(BaseCommand):
    """Safe to run again: what is set up is brought up to date."""

    help = "Set up the debit rails of a sandbox."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", help="where the sandbox listens, such as http://127.0.0.1:8100")

    def handle(self, *args: Any, **options: Any) -> None:
        connected = set_sandbox_rails(url=options["url"], actor=SYSTEM)
        self.stdout.write(f"{connected} rails are set up.")
