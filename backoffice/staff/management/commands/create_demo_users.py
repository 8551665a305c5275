"""`manage.py create_demo_users`: one person a role, their logins printed and kept in the run directory."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backoffice.staff.services.demo import FILE, create_demo_users


class Command(BaseCommand):
    """Only for a machine of one's own: where the console is served over TLS there are no demo users."""

    help = "Creates one user a role for a demo and prints how to log in."

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.PLAIN_HTTP:
            msg = "Demo users are for a demo over plain HTTP on one's own machine; make users on the users page."
            raise CommandError(msg)
        logins = create_demo_users(folder=settings.RUN_DIR)
        if not options["verbosity"]:
            return
        for login in logins:
            code = f"   code: make demo-code LOGIN={login.username}" if login.totp_secret else ""
            self.stdout.write(f"  {login.username:<14} {login.password}{code}")
        self.stdout.write(f"Kept in {settings.RUN_DIR / FILE}")
