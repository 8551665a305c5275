"""A book brought in from end to end on this machine: convert if it is a known set, check, accept, load.

Run again after a kill it goes on where it stopped; run again after it ended it finds every loan in the book.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.utils.translation import gettext as _

from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.repayment.models import ImportRun
from backoffice.repayment.tape import runs
from backoffice.repayment.tape.adapters.registry import ADAPTERS, Adapter
from backoffice.repayment.tape.adapters.writing import Conversion, TapeWriter
from backoffice.repayment.tape.receiving import open_the_day, receive_paths

TAPE = "tape"


class UnknownSource(Refusal):
    """No adapter goes by that name."""

    code: ClassVar[str] = "repayment.unknown_source"


@dataclass(frozen=True, slots=True)
class BroughtIn:
    """The run, and what the adapter did when there was one."""

    run: ImportRun
    conversion: Conversion | None = None


def bring_in(
    *,
    source: str,
    paths: Sequence[Path],
    actor: Actor,
    portfolio: str = "",
    partial: bool = False,
    on_step: runs.OnStep | None = None,
) -> BroughtIn:
    """Bring a tape, or a data set by its adapter's name, into the book `portfolio` (default: the source's name).

    Ends with the run loaded, refused, or checked with findings when `partial` does not allow to go on. Raises
    UnknownSource, SourceMissing, BookAtWork.
    """
    open_the_day(actor=actor)
    if source == TAPE:
        run = receive_paths(
            paths=paths, source=TAPE, portfolio=portfolio or TAPE, name=", ".join(p.name for p in paths), actor=actor
        )
        return BroughtIn(_finish(run, partial=partial, actor=actor, on_step=on_step))
    adapter = ADAPTERS.get(source)
    if adapter is None:
        raise UnknownSource(
            _("There is no source “%(source)s”.") % {"source": source},
            next_step=_("Use one of: %(known)s.") % {"known": ", ".join((TAPE, *ADAPTERS))},
        )
    folder = Path(settings.MEDIA_ROOT) / "imports" / f"converted-{adapter.name}"
    conversion = _convert(adapter, folder=_folder_of(adapter, paths[0]), target=folder)
    run = receive_paths(
        paths=[folder], source=adapter.name, portfolio=portfolio or adapter.name, name=adapter.title, actor=actor
    )
    run = _finish(run, partial=partial, actor=actor, on_step=on_step)
    if run.state == ImportRun.State.LOADED:
        shutil.rmtree(folder, ignore_errors=True)
    return BroughtIn(run, conversion)


def _finish(run: ImportRun, *, partial: bool, actor: Actor, on_step: runs.OnStep | None) -> ImportRun:
    if run.state in (ImportRun.State.RECEIVED, ImportRun.State.CHECKING, ImportRun.State.FAILED):
        run = runs.check(run_id=run.pk, on_step=on_step)
    if run.state == ImportRun.State.CHECKED and (partial or not run.finding_count):
        run = runs.accept(run_id=run.pk, partial=partial, actor=actor)
    return runs.load(run_id=run.pk, actor=actor, on_step=on_step)


def _convert(adapter: Adapter, *, folder: Path, target: Path) -> Conversion:
    """The set as a tape. A set that was loaded before keeps the dates it had then, so that it is known again."""
    first = (
        ImportRun.objects.filter(source=adapter.name, state__in=[ImportRun.State.LOADED, ImportRun.State.LOADING])
        .order_by("id")
        .first()
    )
    day = first.business_date if first else business_date()
    with TapeWriter(folder=target) as tape:
        return adapter.convert(folder=folder, tape=tape, book_end=day - timedelta(days=1))


def _folder_of(adapter: Adapter, path: Path) -> Path:
    """The set's own folder, or the folder of all sets with it inside."""
    inside = path / adapter.folder
    return inside if inside.is_dir() else path
