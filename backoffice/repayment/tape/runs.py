"""The verbs of bringing a book in: check a tape that was received, accept it, load it, discard it.

A tape and its stage hold personal data in clear, so they lie in a folder that is never served and are deleted when the
run is over; the report stays.
"""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, cast

from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.calendars import clock
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.bulk import execute
from backoffice.core.errors import Refusal
from backoffice.core.words import written
from backoffice.customers.models import BlindIndex, Borrower, ContactPoint
from backoffice.repayment.domain.import_states import AT_WORK, State, Verb, next_state
from backoffice.repayment.models import (
    BucketMove,
    ImportRun,
    Installment,
    Loan,
    MonthEnd,
    Operation,
    RejectedRow,
    ScheduleVersion,
    Transfer,
)
from backoffice.repayment.tape.book_checks import terms_of_known_products
from backoffice.repayment.tape.checking import check_tape
from backoffice.repayment.tape.findings import Finding, Findings
from backoffice.repayment.tape.loading import Book, load_borrowers_without_loans, load_chunk
from backoffice.repayment.tape.products import register_products
from backoffice.repayment.tape.receiving import folder_of, report_of
from backoffice.repayment.tape.rule_checks import products_of
from backoffice.repayment.tape.staging import Stage
from backoffice.repayment.tape.terms_of_loan import TermsBook

# First half of the key of the advisory lock that keeps two workers off one stage.
LOCK_SPACE = 20_190_115
GROWN = [
    model._meta.db_table
    for model in (
        *(Borrower, ContactPoint, BlindIndex),
        *(Loan, ScheduleVersion, Installment, Operation, Transfer, BucketMove, MonthEnd),
    )
]
LEFT_BEHIND_AFTER = timedelta(minutes=5)
FORGOTTEN_AFTER = timedelta(days=30)

OnStep = Callable[[ImportRun], None]


class ImportNotFound(Refusal):
    """There is no such import."""

    code: ClassVar[str] = "repayment.import_not_found"
    status: ClassVar[int] = 404


class BookAtWork(Refusal):
    """Another import is being checked or loaded for the same book."""

    code: ClassVar[str] = "repayment.book_at_work"
    status: ClassVar[int] = 409


class TapeHasFindings(Refusal):
    """A tape with rejected rows is loaded only in part, and only when that is asked for."""

    code: ClassVar[str] = "repayment.tape_has_findings"


class TapeGone(Refusal):
    """The tape or its stage is no longer there, so the load cannot go on."""

    code: ClassVar[str] = "repayment.tape_gone"
    status: ClassVar[int] = 410


def check(*, run_id: int, on_step: OnStep | None = None) -> ImportRun:
    """Judge the whole tape; ends checked, or refused when nothing of it can be loaded.

    A worker that finds another one on the same tape leaves it to that one.
    """
    with _only_worker(run_id) as is_alone:
        if not is_alone:
            return run_of(run_id=run_id)
        run = _move(run_id, "check")
        with _failing_noted(run_id):
            return _check(run, on_step=on_step)


def _check(run: ImportRun, *, on_step: OnStep | None) -> ImportRun:
    folder = folder_of(run)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def progress(step: str, done: int) -> None:
        run.step, run.step_done, run.touched_at = step[:40], done, clock.now()
        run.save(update_fields=["step", "step_done", "touched_at"])
        if on_step:
            on_step(run)

    stage = Stage(path=folder / "stage.sqlite3")
    with contextlib.closing(stage), report_of(run).open("w", encoding="utf-8-sig", newline="") as report:
        findings = Findings(report=report)
        with translation.override(run.language):
            checked = check_tape(
                paths=[Path(path) for path in run.stored_as],
                portfolio=run.portfolio,
                business_date=run.business_date,
                stage=stage,
                findings=findings,
                progress=progress,
            )
    with transaction.atomic():
        run = ImportRun.objects.select_for_update().get(pk=run.pk)
        run.row_counts = checked.row_counts
        run.loan_count = checked.loan_count
        run.refused_loan_count = checked.refused_loan_count
        run.skipped_loan_count = checked.skipped_loan_count
        run.finding_counts, run.finding_count = dict(findings.counts), findings.total
        run.loaded_through = 0
        run.state = next_state(state=state_of(run), verb="find_bad" if findings.stops_everything else "find_good")
        run.touched_at = clock.now()
        run.save()
        run.rejected_rows.all().delete()
        RejectedRow.objects.bulk_create([_rejected(run, finding) for finding in findings.kept])
    if run.state == ImportRun.State.REFUSED:
        _forget_content(run)
    return run


def accept(*, run_id: int, partial: bool, actor: Actor) -> ImportRun:
    """Decide to load a checked tape; with rejected rows only when `partial` says so. Raises TapeHasFindings."""
    with transaction.atomic():
        run = run_of(run_id=run_id, lock=True)
        if run.state == ImportRun.State.CHECKED and run.finding_count and not partial:
            raise TapeHasFindings(
                _("%(number)s rows were rejected; nothing is loaded in part without being told to.")
                % {"number": run.finding_count},
                next_step=_("Correct the tape and send it again, or load the loans without a rejected row."),
            )
        was_loading = run.state == ImportRun.State.LOADING
        run.state = next_state(state=state_of(run), verb="accept")
        if not was_loading:
            run.accept_partial = partial
            record(
                verb="repayment.import.accepted",
                subject_type="repayment.import",
                subject_id=run.pk,
                actor=actor,
                after={"loans": run.loan_count, "left_out": run.refused_loan_count, "partial": partial},
            )
        try:
            with transaction.atomic():
                run.touched_at = clock.now()
                run.save(update_fields=["state", "accept_partial", "touched_at"])
        except IntegrityError as error:
            raise _book_at_work(run) from error
    return run


def load(*, run_id: int, actor: Actor, seconds: float | None = None, on_step: OnStep | None = None) -> ImportRun:
    """Load an accepted tape to its end, or for about `seconds`; the run as it then stands. Safe to run twice."""
    run = run_of(run_id=run_id)
    if run.state != ImportRun.State.LOADING:
        return run
    with _failing_noted(run_id):
        return _load(run, actor=actor, seconds=seconds, on_step=on_step)


def load_some(*, run_id: int, seconds: float) -> bool:
    """Load an accepted tape for about `seconds` in the name of who sent it; true when nothing is left to do."""
    run = run_of(run_id=run_id)
    return load(run_id=run_id, actor=actor_of_run(run), seconds=seconds).state != ImportRun.State.LOADING


def discard_forgotten() -> int:
    """Discard tapes nobody decided on for weeks: what they hold is personal data in clear. The number of them."""
    waiting = ImportRun.objects.filter(
        state__in=[ImportRun.State.RECEIVED, ImportRun.State.CHECKED, ImportRun.State.FAILED],
        created_at__lt=clock.now() - FORGOTTEN_AFTER,
    )
    ids = list(waiting.values_list("pk", flat=True))
    for run_id in ids:
        discard(run_id=run_id, actor=SYSTEM)
    return len(ids)


def left_behind() -> list[tuple[int, bool]]:
    """Imports that should be at work and that nobody has touched for minutes: (id, whether it is being loaded)."""
    since = clock.now() - LEFT_BEHIND_AFTER
    waiting = ImportRun.objects.filter(
        Q(state__in=AT_WORK, touched_at__lt=since)
        | Q(state=ImportRun.State.RECEIVED, actor_id__isnull=False, created_at__lt=since)
    )
    return [(run.pk, run.state == ImportRun.State.LOADING) for run in waiting.order_by("id")]


def state_of(run: ImportRun) -> State:
    """The state of a run, as the table of its moves knows it."""
    return cast("State", run.state)


def actor_of_run(run: ImportRun) -> Actor:
    """Who sent the tape."""
    return SYSTEM if run.actor_id is None else Actor(kind="staff", id=run.actor_id, name=run.actor_name)


def _load(run: ImportRun, *, actor: Actor, seconds: float | None, on_step: OnStep | None) -> ImportRun:
    stop_at = None if seconds is None else time.monotonic() + seconds
    stage = Stage(path=folder_of(run) / "stage.sqlite3")
    with contextlib.closing(stage):
        if not stage.is_sealed():
            raise TapeGone(
                _("The checked tape is no longer there."), next_step=_("Discard the import and send the tape again.")
            )
        with transaction.atomic():
            versions = register_products(stage=stage, portfolio=run.portfolio, run_id=run.pk, actor=actor)
        known = terms_of_known_products(portfolio=run.portfolio)
        terms = TermsBook(products_of(stage=stage, known_products=known))
        book = Book(portfolio=run.portfolio, terms=terms, versions=versions)
        while run.state == ImportRun.State.LOADING and run.loaded_through < run.loan_count:
            run = load_chunk(run_id=run.pk, stage=stage, book=book, actor=actor)
            if on_step:
                on_step(run)
            if stop_at is not None and time.monotonic() > stop_at and run.loaded_through < run.loan_count:
                return run
        lonely = load_borrowers_without_loans(stage=stage, portfolio=run.portfolio, actor=actor)
    # The planner must know how the tables grew, or the first reader of all of them (verify_books) takes minutes.
    execute(f"ANALYZE {', '.join(GROWN)}")
    return _finish(run.pk, lonely=lonely, actor=actor)


def _finish(run_id: int, *, lonely: int, actor: Actor) -> ImportRun:
    with transaction.atomic():
        run = run_of(run_id=run_id, lock=True)
        if run.state != ImportRun.State.LOADING:
            return run
        run.state = next_state(state=state_of(run), verb="finish")
        run.loaded_counts = run.loaded_counts | {"borrowers": run.loaded_counts.get("borrowers", 0) + lonely}
        run.finished_at = run.touched_at = clock.now()
        run.step = ""
        run.save()
        record(
            verb="repayment.import.loaded",
            subject_type="repayment.import",
            subject_id=run.pk,
            actor=actor,
            after=dict(run.loaded_counts),
        )
    _forget_content(run)
    return run


def discard(*, run_id: int, actor: Actor) -> ImportRun:
    """Give up a tape that is not being worked on; what it held is deleted, its report stays."""
    with transaction.atomic():
        run = _move(run_id, "discard")
        record(verb="repayment.import.discarded", subject_type="repayment.import", subject_id=run.pk, actor=actor)
    _forget_content(run)
    return run


def run_of(*, run_id: int, lock: bool = False) -> ImportRun:
    """A run by id, locked when asked to. Raises ImportNotFound."""
    runs = ImportRun.objects.select_for_update() if lock else ImportRun.objects.all()
    run = runs.filter(pk=run_id).first()
    if run is None:
        raise ImportNotFound(_("There is no such import."), next_step=_("Open it from the list of imports."))
    return run


def _move(run_id: int, verb: Verb, *, failure: str = "") -> ImportRun:
    with transaction.atomic():
        run = run_of(run_id=run_id, lock=True)
        run.state = next_state(state=state_of(run), verb=verb)
        run.failure = failure[:500]
        run.touched_at = clock.now()
        if run.state in ("failed", "discarded"):
            run.finished_at = run.touched_at
        try:
            with transaction.atomic():
                run.save(update_fields=["state", "failure", "touched_at", "finished_at"])
        except IntegrityError as error:
            raise _book_at_work(run) from error
    return run


def _book_at_work(run: ImportRun) -> BookAtWork:
    return BookAtWork(
        _("Another import of the book “%(book)s” is at work.") % {"book": run.portfolio},
        next_step=_("Wait until it has finished."),
    )


@contextlib.contextmanager
def _failing_noted(run_id: int) -> Iterator[None]:
    """An error in the work is written on the run, so that the page says so; it goes on up all the same."""
    try:
        yield
    except Exception as error:
        run = run_of(run_id=run_id)
        if run.state in AT_WORK:
            _move(run_id, "fail", failure=f"{type(error).__name__}: {error}")
        raise


@contextlib.contextmanager
def _only_worker(run_id: int) -> Iterator[bool]:
    """True for the one session that holds the run's lock; it is let go when the session ends, however it ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_SPACE, run_id])
        (is_alone,) = cursor.fetchone()
    try:
        yield is_alone
    finally:
        if is_alone:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_SPACE, run_id])


def _forget_content(run: ImportRun) -> None:
    """Delete the tape's own copy and its stage; a tape that lies elsewhere on this machine is left where it is."""
    folder = folder_of(run)
    shutil.rmtree(folder / "tape", ignore_errors=True)
    (folder / "stage.sqlite3").unlink(missing_ok=True)


def _rejected(run: ImportRun, finding: Finding) -> RejectedRow:
    return RejectedRow(
        run=run,
        file=finding.file[:80],
        line=finding.line,
        field=finding.field[:80],
        subject=finding.subject[:80],
        code=finding.code,
        params={name: written(value) for name, value in finding.params.items()},
    )
