"""`manage.py rotate_field_keys`: seal all personal data with the first key of FIELD_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.sealing import Unopenable
from backoffice.customers.keys import ring
from backoffice.customers.services import rotating


class Command(BaseCommand):
    """Put the new key first in FIELD_KEYS, restart every process, run this, then take the old key off the list."""

    help = "Seals all personal data with the first key of FIELD_KEYS; may be stopped and started again at any time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=int, default=rotating.BATCH, help="borrowers a transaction")

    def handle(self, *_args: Any, **options: Any) -> None:
        active = ring().active_id
        total = rotating.waiting().count()
        self.stdout.write(f"{total} borrowers are to be sealed with the key {active!r}.")
        try:
            for progress in rotating.rotate(actor=SYSTEM, batch=options["batch"]):
                self.stdout.write(f"  {progress.done} done, {progress.left} left")
        except Unopenable as error:
            msg = f"Stopped: {error}. What was sealed until then stays; put the missing key back and start again."
            raise CommandError(msg) from error
        others = [key_id for key_id in ring().ids if key_id != active]
        if others:
            self.stdout.write(f"Done. These keys may leave FIELD_KEYS now: {', '.join(others)}.")
        else:
            self.stdout.write("Done.")
