import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import get_commands
from django.core.management.base import BaseCommand, CommandError

from backoffice.config.services import demo
from backoffice.config.services.processes import LastingOutput


class Command(BaseCommand):
    help = "Start the whole product on this machine until Ctrl-C, or delete its data with --reset."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", type=Path, help="folder with the real data sets; without it a synthetic book")
        parser.add_argument("--empty", action="store_true", help="load no books")
        parser.add_argument("--reset", action="store_true", help="delete the demo's data and keys")

    def handle(self, *args: Any, **options: Any) -> None:
        sys.stdout = LastingOutput(sys.stdout)
        data: Path | None = options["data"]
        if data and not data.is_dir():
            msg = f"There is no folder {data}; leave DATA out for a synthetic book."
            raise CommandError(msg)
        described = demo.Demo(
            source=settings.BASE_DIR,
            folder=settings.RUN_DIR,
            data=data.resolve() if data else None,
            secret_key=settings.SECRET_KEY,
            field_keys=settings.FIELD_KEYS,
            with_books=not options["empty"] and "load_demo" in get_commands(),
        )
        try:
            if options["reset"]:
                demo.reset(demo=described)
                return
            status = demo.run(demo=described)
        except demo.DemoRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        sys.stdout.flush()
        sys.exit(status)
