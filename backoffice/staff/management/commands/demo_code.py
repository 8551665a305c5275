"""`manage.py demo_code admin`: the one-time code of a demo user, as their phone would show it."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from backoffice.staff.services.demo import NoSuchDemoUser, current_code


class Command(BaseCommand):
    """Reads the logins file of the run directory; needs no database."""

    help = "Prints the one-time code of a demo user and how long it is valid."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", nargs="?", default="admin")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            code, seconds = current_code(username=options["username"], folder=settings.RUN_DIR)
        except NoSuchDemoUser as refusal:
            msg = refusal.whole
            raise CommandError(msg) from refusal
        self.stdout.write(f"{code}   (valid for {seconds} s)")
