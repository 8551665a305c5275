import hashlib
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand

STEPS = (
    ("Compiling translations", "compile_translations"),
    ("Updating the database", "migrate"),
    ("Loading the packs of contact rules", "load_packs"),
    ("Collecting static files", "collectstatic"),
    ("Making one login per role", "create_demo_users"),
)


class Command(BaseCommand):
    help = "Bring translations, database, static files and demo users up to date; `demo` runs this before it serves."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        for title, name in STEPS:
            began = time.monotonic()
            self.stdout.write(f"{title} ...", ending=" ")
            self.stdout.flush()
            self._run(name)
            self.stdout.write(f"done in {time.monotonic() - began:.1f} s")

    def _run(self, name: str) -> None:
        if name != "collectstatic":
            call_command(name, verbosity=0)
            return
        # Copying, hashing and compressing every file takes seconds; looking whether one changed does not.
        note = Path(settings.STATIC_ROOT) / "collected-from"
        state = _state_of_static_files()
        if not note.exists() or note.read_text(encoding="ascii") != state:
            call_command(name, verbosity=0, interactive=False, clear=True)
            note.write_text(state, encoding="ascii")


def _state_of_static_files() -> str:
    """One name for all static files as they are: their paths, sizes and times."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            found = Path(storage.path(name)).stat()
            digest.update(f"{name} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
