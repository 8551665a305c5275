from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from backoffice.core.actors import SYSTEM
from backoffice.outreach.services.gateways import set_sandbox_gateways


class Command(BaseCommand):
    help = "Connect every channel to the gateways of a sandbox, and to the house's own inbox and print files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", help="where the sandbox listens, such as http://127.0.0.1:8100")

    def handle(self, *args: Any, **options: Any) -> None:
        connected = set_sandbox_gateways(url=options["url"], actor=SYSTEM)
        self.stdout.write(f"{connected} gateways are set up.")
