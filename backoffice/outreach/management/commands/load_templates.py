from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from backoffice.core.actors import SYSTEM
from backoffice.outreach.services.starting import load_starter


class Command(BaseCommand):
    help = "Load the templates and pieces a new lender starts with; what is there already is left alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--active", action="store_true", help="they speak at once; otherwise they are drafts")

    def handle(self, *args: Any, **options: Any) -> None:
        loaded = load_starter(is_active=options["active"], actor=SYSTEM)
        self.stdout.write(
            f"{loaded.templates} templates, {loaded.versions} versions and {loaded.pieces} pieces are new."
        )
