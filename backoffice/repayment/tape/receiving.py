"""Taking a tape in: from a path of this machine or as an upload, recorded before anything in it is believed."""

import hashlib
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar

from django.conf import settings
from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.calendars import clock
from backoffice.calendars.selectors import DayNotOpened, business_date
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.repayment.models import ImportRun
from backoffice.repayment.tape.format import LIMITS

BLOCK_BYTES = 1 << 20
UNFINISHED = ("received", "checking", "checked", "loading", "failed")


class TapeTooBig(Refusal):
    """The upload is larger than what is read."""

    code: ClassVar[str] = "repayment.tape_too_big"
    status: ClassVar[int] = 413


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of an upload."""

    name: str
    content: IO[bytes]


def folder_of(run: ImportRun) -> Path:
    """Where a run keeps its tape, stage and report; below the media folder, which no address serves."""
    return _imports() / str(run.pk)


def report_of(run: ImportRun) -> Path:
    """The CSV with every finding of the run's check."""
    return folder_of(run) / "report.csv"


def receive_paths(*, paths: Sequence[Path], source: str, portfolio: str, name: str, actor: Actor) -> ImportRun:
    """Take in a tape that lies on this machine. The same tape not yet loaded is taken up again, not received twice."""
    digest, size = digest_of(paths=paths)
    unfinished = ImportRun.objects.filter(portfolio=portfolio, digest=digest, state__in=UNFINISHED).first()
    if unfinished is not None:
        return unfinished
    run = _create(source=source, portfolio=portfolio, name=name, actor=actor, digest=digest, size=size)
    run.stored_as = [str(path.resolve()) for path in paths]
    run.save(update_fields=["stored_as"])
    return run


def receive_upload(*, uploads: Sequence[Upload], portfolio: str, actor: Actor) -> ImportRun:
    """Keep an uploaded tape. Raises TapeTooBig; nothing is kept then."""
    incoming = _imports() / f"incoming-{uuid.uuid4().hex}"
    incoming.mkdir(parents=True, mode=0o700)
    try:
        digest, size = _keep(uploads, incoming)
        names = ", ".join(upload.name for upload in uploads)
        run = _create(source="tape", portfolio=portfolio, name=names, actor=actor, digest=digest, size=size)
        folder = folder_of(run)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = incoming.rename(folder / "tape")
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    run.stored_as = sorted(str(path) for path in kept.iterdir())
    run.save(update_fields=["stored_as"])
    return run


def _keep(uploads: Sequence[Upload], folder: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for upload in uploads:
        # Only the last part of the name is believed, and only as a name.
        with (folder / Path(upload.name).name).open("wb") as kept:
            while block := upload.content.read(BLOCK_BYTES):
                size += len(block)
                if size > LIMITS.upload_bytes:
                    raise TapeTooBig(
                        _("The upload is larger than %(most)s MB.") % {"most": LIMITS.upload_bytes >> 20},
                        next_step=_("Send it compressed, or bring it in on the server with manage.py ingest."),
                        fields={"tape": _("too large")},
                    )
                digest.update(block)
                kept.write(block)
    return digest.hexdigest(), size


def digest_of(*, paths: Sequence[Path]) -> tuple[str, int]:
    """SHA-256 over the names and bytes of the files (of a folder: of the files in it), and their size."""
    digest, size = hashlib.sha256(), 0
    for path in paths:
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            if not file.is_file():
                continue
            digest.update(file.name.encode() + b"\0")
            with file.open("rb") as stream:
                while block := stream.read(BLOCK_BYTES):
                    digest.update(block)
                    size += len(block)
    return digest.hexdigest(), size


def open_the_day(*, actor: Actor) -> None:
    """A lender who has no business day yet gets one: the calendar's day in the lender's own zone."""
    try:
        business_date()
    except DayNotOpened:
        open_first_day(day=clock.today_in(settings.LENDER_TIME_ZONE), actor=actor)


@transaction.atomic
def _create(*, source: str, portfolio: str, name: str, actor: Actor, digest: str, size: int) -> ImportRun:
    open_the_day(actor=actor)
    run = ImportRun.objects.create(
        source=source,
        language=get_language() or settings.LANGUAGE_CODE,
        portfolio=portfolio,
        name=name[:200],
        digest=digest,
        size=size,
        business_date=business_date(),
        actor_id=actor.id,
        actor_name=actor.name,
    )
    record(
        verb="repayment.import.received",
        subject_type="repayment.import",
        subject_id=run.pk,
        actor=actor,
        after={"source": source, "book": portfolio, "name": run.name},
    )
    return run


def _imports() -> Path:
    return Path(settings.MEDIA_ROOT) / "imports"
