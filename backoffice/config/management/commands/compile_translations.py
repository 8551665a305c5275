from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backoffice.config import translations


class Command(BaseCommand):
    help = "Compile the message catalogues without GNU gettext; --check reports flaws instead and fails on any."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="report flaws, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        folders = [Path(folder) for folder in settings.LOCALE_PATHS]
        if options["check"]:
            found = translations.flaws(folders=folders)
            for flaw in found:
                self.stderr.write(str(flaw))
            if found:
                msg = f"{len(found)} flaws in the message catalogues"
                raise CommandError(msg)
            self.stdout.write(f"{len(translations.catalogues(folders=folders))} message catalogues are sound")
            return
        for source in translations.compile_all(folders=folders):
            self.stdout.write(f"compiled {source}")
