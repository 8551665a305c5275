"""manage.py verify_contacts: prove that the contact log is what was written."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.outreach.selectors.chains import broken_chains


class Command(BaseCommand):
    """Recomputes every borrower's chain; exit status 1 when a link is broken, each named."""

    help = "Recompute the hash chain of the contact log and name every broken link."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--borrower", type=int, help="only the chain of this borrower (id)")

    def handle(self, *args: Any, **options: Any) -> None:
        read = 0

        def tell(entries: int) -> None:
            nonlocal read
            read = entries

        broken = broken_chains(borrower_id=options["borrower"], on_progress=tell)
        for link in broken:
            self.stdout.write(f"borrower {link.borrower_id}, entry {link.sequence} ({link.entry_id}): {link.reason}")
        if broken:
            msg = f"{len(broken)} chains are broken"
            raise CommandError(msg)
        self.stdout.write(f"The contact log is what was written ({read:,} entries).")
