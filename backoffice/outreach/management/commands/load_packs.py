"""`manage.py load_packs`: the packs of contact rules of this release as versioned rows."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.core.errors import Refusal
from backoffice.outreach.services import packs


class Command(BaseCommand):
    """Run it after each upgrade; it is safe to run again."""

    help = "Loads new packs of contact rules; a file that changed becomes a draft for two people to publish."

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            loaded = packs.load_packs()
        except Refusal as refusal:
            faults = "".join(f"\n  {name}: {reason}" for name, reason in refusal.fields.items())
            msg = f"{refusal.message} {refusal.next_step}{faults}"
            raise CommandError(msg) from refusal
        for label, codes in (
            ("in force", loaded.made),
            ("drafted from a newer file; publish it in the console", loaded.drafted),
            ("a version is in the making; the newer file waits", loaded.waiting),
            ("unchanged", loaded.same),
        ):
            if codes:
                self.stdout.write(f"{label}: {', '.join(codes)}")
