"""What the bank writes on a file rail: listed page by page, fetched, read whole or refused whole, and kept.

Nothing holds a rail up for ever, nor in silence: what is in the way is written on the rail, and after a while files
behind it are taken. A rail in trouble does not keep the others waiting.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction

from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.bulk import fetch
from backoffice.core.words import Phrase, phrase, written
from backoffice.repayment.domain.iso20022.reading import digest_of
from backoffice.repayment.domain.iso20022.refusals import MessageRefused
from backoffice.repayment.models import BankFile, Rail
from backoffice.repayment.services.autopay.filing import put_files
from backoffice.repayment.services.autopay.following_files import FileRefused, follow, trouble_of
from backoffice.repayment.services.autopay.rails.addresses import address_of
from backoffice.repayment.services.autopay.rails.files import Listed, fetch_file, list_files
from backoffice.repayment.services.autopay.settling_shared import TRANSIENT

logger = logging.getLogger(__name__)

LOCK_SPACE: Final = 0x66696C65
"""First half of the key of the advisory lock that keeps two workers off one rail's files."""
IN_ORDER: Final = timedelta(minutes=10)
"""How long files wait for one before them: what comes later may say more about the same orders."""
FETCHED_AGAIN: Final = timedelta(minutes=5)
"""When a file is fetched again that was not what the list said."""
OTHER_CONTENT: Final = phrase("The file is not what the bank's list says it is.")


@dataclass(slots=True)
class _Walk:
    """How far the list was gone through: the last file up to which all are here, how many came, what is in the way."""

    through: str
    taken: int = 0
    is_unbroken: bool = True
    trouble: Phrase | None = None


def exchange(*, clock: Callable[[], datetime]) -> None:
    """Put the files that wait, then take what banks have written."""
    put_files(clock=clock)
    take_files(clock=clock)


def take_files(*, clock: Callable[[], datetime]) -> int:
    """Take every new file of every file rail; gives how many. What cannot be had now comes the next time."""
    taken = 0
    for rail in Rail.objects.filter(kind=Rail.Kind.ISO20022).order_by("pk"):
        if settings.RAIL_SECRETS.get(rail.code):
            try:
                taken += take_files_of(rail=rail, at=clock())
            except Exception:
                logger.exception("files of rail %s cannot be taken", rail.code)
    return taken


def take_files_of(*, rail: Rail, at: datetime) -> int:
    """Take the new files of a rail, the oldest first; none while another worker does."""
    with _only_worker(rail) as is_alone:
        if not is_alone:
            return 0
        rail.refresh_from_db()
        walk = _Walk(through=rail.files_after)
        _go_through(rail, walk, at=at)
        _note(rail, walk, at=at)
        return walk.taken


def take_file(
    *, rail: Rail, name: str, kind: str, content: bytes, at: datetime, actor: Actor, promised: str = ""
) -> BankFile:
    """Read one file, do what it says and keep it; a file that is wrong anywhere changes nothing.

    The second time the same name comes it is what it was the first time, unless it was not what the list promised.
    """
    before = BankFile.objects.filter(rail=rail, name=name).first()
    if before is not None and not _is_another(before):
        return before
    file = before or BankFile(rail=rail, name=name)
    file.kind, file.digest, file.size, file.received_at = kind, digest_of(content), len(content), at
    file.state, file.line, file.reason = BankFile.State.TAKEN, None, ""
    try:
        if promised and promised != file.digest:
            raise FileRefused(OTHER_CONTENT)
        followed = follow(rail=rail, name=name, kind=kind, content=content, at=at, actor=actor)
        file.message_id, file.counts, file.troubles = followed.message_id, followed.counts, followed.troubles
    except MessageRefused as error:
        file.state, file.line, file.reason = BankFile.State.REFUSED, error.line, str(error.reason)[:300]
        file.troubles = [trouble_of(error.reason)]
    except FileRefused as error:
        file.state, file.reason = BankFile.State.REFUSED, error.said[:300]
        file.troubles = [trouble_of(error.said)]
    try:
        with transaction.atomic():
            file.save()
    except IntegrityError:
        # Somebody else took it at the same moment: the same facts twice are one.
        return BankFile.objects.get(rail=rail, name=name)
    if file.state == BankFile.State.REFUSED:
        logger.warning("file %s of rail %s is refused: line %s, %s", name, rail.code, file.line, file.reason)
    elif file.troubles:
        logger.warning("of file %s of rail %s entries were refused: %s", name, rail.code, file.counts)
    return file


def _is_another(file: BankFile) -> bool:
    """Whether a file was refused only because it was not what the list said: it may come right."""
    return file.state == BankFile.State.REFUSED and file.reason == OTHER_CONTENT


def _go_through(rail: Rail, walk: _Walk, *, at: datetime) -> None:
    """Every page of the list, from the last file up to which all are here."""
    after, seen, has_more = walk.through, set[str](), True
    while has_more:
        page = list_files(address=address_of(rail), after=after)
        if page is None:
            walk.trouble = phrase("The bank's list of files cannot be read.")
            return
        new = [file for file in page.files if file.name not in seen]
        if not _take_page(rail, new, walk, at=at):
            return
        seen |= {file.name for file in new}
        # A bank that gives the same page again has no more.
        has_more = page.has_more and bool(new)
        after = page.files[-1].name if page.files else after


def _take_page(rail: Rail, files: list[Listed], walk: _Walk, *, at: datetime) -> bool:
    """Take what is new of a page; False when the rest waits for one that cannot be had."""
    here = {file.name: file for file in BankFile.objects.filter(rail=rail, name__in=[file.name for file in files])}
    for file in files:
        known = here.get(file.name)
        if known is None or (_is_another(known) and known.received_at <= at - FETCHED_AGAIN):
            known = _take_one(rail, file, at=at)
            walk.taken += known is not None
        if known is None:
            walk.trouble = phrase("The file %(name)s cannot be had; those after it wait.", name=file.name)
            if rail.files_trouble_since is None or at - rail.files_trouble_since < IN_ORDER:
                return False
            walk.trouble = phrase("The file %(name)s cannot be had; those after it were taken.", name=file.name)
        walk.is_unbroken = walk.is_unbroken and known is not None and not _is_another(known)
        if walk.is_unbroken:
            walk.through = file.name
    return True


def _take_one(rail: Rail, file: Listed, *, at: datetime) -> BankFile | None:
    """A file fetched and kept; None when it cannot be fetched, or a defect of ours is in its way, which is logged."""
    content = fetch_file(name=file.name, address=address_of(rail))
    if content is None:
        return None
    try:
        return take_file(
            rail=rail, name=file.name, kind=file.kind, content=content, promised=file.digest, at=at, actor=SYSTEM
        )
    except TRANSIENT:
        raise
    except Exception:
        logger.exception("file %s of rail %s cannot be taken", file.name, rail.code)
        return None


def _note(rail: Rail, walk: _Walk, *, at: datetime) -> None:
    """Write on the rail how far its list was gone through, and what is in the way since when."""
    trouble = written(walk.trouble) if walk.trouble else None
    if (rail.files_after, rail.files_trouble) == (walk.through, trouble):
        return
    if walk.trouble:
        logger.warning("rail %s: %s", rail.code, walk.trouble)
    since = (rail.files_trouble_since or at) if walk.trouble else None
    Rail.objects.filter(pk=rail.pk).update(files_after=walk.through, files_trouble=trouble, files_trouble_since=since)


@contextlib.contextmanager
def _only_worker(rail: Rail) -> Iterator[bool]:
    """True for the one session that takes a rail's files; it is let go when the session ends, however it ends."""
    ((is_alone,),) = fetch("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_SPACE, rail.pk])
    try:
        yield is_alone
    finally:
        if is_alone:
            fetch("SELECT pg_advisory_unlock(%s, %s)", [LOCK_SPACE, rail.pk])
