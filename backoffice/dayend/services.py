"""Close business days: start or resume a run, work its ranges, and step on when a step's ranges are done.

The state of a close is in its rows alone, so that it may be killed anywhere and taken up by whoever comes next: a range
is done in the transaction that did its work, a step ends when its ranges are done, the day ends with its last step.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.audit import outbox
from backoffice.audit.services import record
from backoffice.calendars import clock
from backoffice.calendars.selectors import business_date, business_day
from backoffice.calendars.services import begin_close, finish_close, hold_business_date
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.errors import Refusal, first_line
from backoffice.core.formats import date_text
from backoffice.core.money import ZERO
from backoffice.core.words import written
from backoffice.dayend.models import DayEndRange, DayEndRun, DayEndStep, SetAside
from backoffice.dayend.steps import DRIFT, STEP_BY_NAME, STEPS, Range, Step, Worked
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.verification import verify_range
from backoffice.repayment.services.closing import CANNOT_BE_DONE, loans_without_month_end, why
from backoffice.repayment.services.holds import replay_loans

THREADS = 2
LONGEST_ERROR = 1_000


class NotTheDayToClose(Refusal):
    """Days are closed one by one, and only days before today."""

    code = "dayend.not_the_day_to_close"
    status = 409


class NotPlanned(RuntimeError):
    """A step could not be cut into ranges; `error` is what went wrong."""

    def __init__(self, step: Step, error: Exception) -> None:
        super().__init__(f"{step.name}: {error}")
        self.step = step
        self.error = error


class NotSetAside(Refusal):
    """The loan is not waiting for a retry."""

    code = "dayend.not_set_aside"
    status = 409


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a close is: the step under way, its ranges done of all."""

    day: date
    step: str
    done: int
    total: int


def start(*, day: date, actor: Actor, through: date | None = None, not_after: date | None = None) -> DayEndRun:
    """Begin the close of `day`, or take up the one under way. Raises NotTheDayToClose for any other day.

    `through` asks the workers to go on, day by day, up to and including that day. `not_after` is the calendar's day
    where a person asks: a day that has not come yet is never closed by hand.
    """
    if not_after is not None:
        check_has_come(day=max(day, through or day), not_after=not_after)
    today = business_day().today
    if day != today:
        raise NotTheDayToClose(
            _("The business date is %(today)s; %(day)s cannot be closed now.")
            % {"today": date_text(today), "day": date_text(day)},
            next_step=_("Close days one by one, the business date first."),
        )
    with transaction.atomic():
        begin_close(day=day, actor=actor)
        run, is_new = DayEndRun.objects.get_or_create(day=day, defaults={"actor_name": actor.name})
        if through is not None and (run.through is None or run.through < through):
            run.through = through
            run.save(update_fields=["through"])
        if is_new:
            record(verb="dayend.run.started", subject_type="dayend.run", subject_id=run.pk, actor=actor)
            outbox.publish(event="dayend.started", key=f"run:{run.pk}", payload={"run_id": run.pk})
    step_on(run_id=run.pk)
    return run


def check_has_come(*, day: date, not_after: date | None = None) -> None:
    """Raises NotTheDayToClose for a day that has not come, by the calendar in the lender's zone or as given."""
    last = not_after or clock.today_in(settings.TIME_ZONE)
    if day > last:
        raise NotTheDayToClose(
            _("%(day)s has not come yet; it cannot be closed.") % {"day": date_text(day)},
            next_step=_("Wait for the day: what is closed is never opened again."),
            fields={"through": str(last)},
        )


def work_range(*, range_id: int) -> bool:
    """Do one range and mark it done in the same transaction; False when it is done or in other hands.

    What goes wrong is written on the step and raised again. The range is as it was before, and is taken up once more.
    """
    try:
        return _work_range(range_id)
    except Exception as error:
        _fail(DayEndStep.objects.get(ranges__pk=range_id), error)
        raise


@transaction.atomic
def _work_range(range_id: int) -> bool:
    work = (
        DayEndRange.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("step__run")
        .filter(pk=range_id, is_done=False)
        .first()
    )
    if work is None:
        return False
    run = work.step.run
    worked = STEP_BY_NAME[work.step.name].work(run.day, work.first_id, work.last_id, run.pk)
    _set_aside(run, worked)
    work.counts = worked.counts
    work.is_done = True
    work.save(update_fields=["counts", "is_done"])
    return True


def step_on(*, run_id: int) -> list[int]:
    """Bring a run to where work is left: end the steps that are done, plan the next, end the day after the last.

    Returns the ids of the ranges to work now, one of a step in order; none when the day is closed. A step that cannot
    be planned is marked as failed and planned anew by the next call.
    """
    try:
        return _step_on(run_id)
    except NotPlanned as failed:
        _fail_unplanned(run_id, failed)
        raise


@transaction.atomic
def _step_on(run_id: int) -> list[int]:
    run = DayEndRun.objects.select_for_update().get(pk=run_id)
    if run.state == DayEndRun.State.DONE:
        return []
    for position, step in enumerate(STEPS):
        row, is_new = DayEndStep.objects.get_or_create(run=run, name=step.name, defaults={"position": position})
        if row.state == DayEndStep.State.DONE:
            continue
        if is_new or (row.state == DayEndStep.State.FAILED and not row.ranges.exists()):
            DayEndRange.objects.bulk_create(
                DayEndRange(step=row, first_id=first, last_id=last) for first, last in _plan(step, run)
            )
        left = list(row.ranges.filter(is_done=False).order_by("pk").values_list("pk", flat=True))
        if left:
            return left[:1] if step.in_order else left
        row.state = DayEndStep.State.DONE
        row.finished_at = clock.now()
        row.counts = _sum_counts(row)
        row.error = ""
        row.save(update_fields=["state", "finished_at", "counts", "error"])
        if run.state == DayEndRun.State.FAILED:
            run.state = DayEndRun.State.RUNNING
            run.save(update_fields=["state"])
    _finish(run)
    return []


def close_day(
    *, day: date, actor: Actor, on_progress: Callable[[Progress], None] | None = None, threads: int = THREADS
) -> DayEndRun:
    """Close `day` here and now, ranges side by side on `threads` connections. Raises NotTheDayToClose."""
    run = start(day=day, actor=actor)
    while ranges := step_on(run_id=run.pk):
        if threads > 1 and len(ranges) > 1:
            with ThreadPoolExecutor(max_workers=threads) as pool:
                worked = list(pool.map(_work_in_thread, ranges))
        else:
            worked = [work_range(range_id=range_id) for range_id in ranges]
        if not any(worked):
            _wait_for(ranges[0])
        if on_progress:
            on_progress(progress(run_id=run.pk))
    run.refresh_from_db()
    return run


def close_through(
    *, through: date, actor: Actor, on_progress: Callable[[Progress], None] | None = None, threads: int = THREADS
) -> list[DayEndRun]:
    """Close every day from the business date up to `through`, one by one."""
    runs = []
    while (today := business_day().today) <= through:
        runs.append(close_day(day=today, actor=actor, on_progress=on_progress, threads=threads))
    return runs


def progress(*, run_id: int) -> Progress:
    """How far a run is."""
    run = DayEndRun.objects.get(pk=run_id)
    step = run.steps.order_by("-position").first()
    if step is None:
        return Progress(day=run.day, step="", done=0, total=0)
    counted = step.ranges.aggregate(done=Count("pk", filter=Q(is_done=True)), total=Count("pk"))
    return Progress(day=run.day, step=step.name, done=counted["done"], total=counted["total"])


@transaction.atomic
def retry_set_aside(*, set_aside_id: int, actor: Actor) -> bool:
    """Bring a loan that was left behind to what a replay says, open days closed; True when its books agree now.

    Raises NotSetAside.
    """
    row = _locked_with_its_loan(set_aside_id)
    failure = _replay(row.loan_id)
    row.tries += 1
    row.last_tried_at = Now()
    if failure:
        row.code, reason = failure
        row.reason, row.reason_words = reason[:500], written(reason)
    else:
        row.resolved_at = clock.now()
        row.resolved_by = actor.name
    row.save()
    record(
        verb="dayend.loan.retried",
        subject_type="repayment.loan",
        subject_id=row.loan_id,
        actor=actor,
        after={"is_closed": failure is None, "reason": row.reason if failure else ""},
    )
    return failure is None


def _locked_with_its_loan(set_aside_id: int) -> SetAside:
    """The row that waits, locked after the business date and its loan, as a close locks them. Raises NotSetAside."""
    waiting = SetAside.objects.filter(pk=set_aside_id, resolved_at__isnull=True)
    hold_business_date(at_least=business_date())
    Loan.objects.select_for_update(no_key=True).filter(pk__in=waiting.values("loan_id")).first()
    row = waiting.select_for_update().first()
    if row is None:
        raise NotSetAside(_("This loan is not waiting for a retry."), next_step=_("Reload the list."))
    return row


def _replay(loan_id: int) -> tuple[str, str] | None:
    """Replay a loan through its open days and verify it; what still stands in the way, None when nothing does."""
    try:
        with transaction.atomic():
            replay_loans(loan_ids=[loan_id])
    except CANNOT_BE_DONE as error:
        return why(error)
    drifts = verify_range(first_id=loan_id, last_id=loan_id, business_date=business_day().books_on, only=[loan_id])
    return (DRIFT, f"{drifts[0].check}: {drifts[0].computed} / {drifts[0].stored}") if drifts else None


def _work_in_thread(range_id: int) -> bool:
    try:
        return work_range(range_id=range_id)
    finally:
        connection.close()


@transaction.atomic
def _wait_for(range_id: int) -> None:
    """Returns once whoever works the range has committed it, or let go of it unfinished."""
    DayEndRange.objects.select_for_update().get(pk=range_id)


def _plan(step: Step, run: DayEndRun) -> list[Range]:
    try:
        return step.plan(run.day)
    except Exception as error:
        raise NotPlanned(step, error) from error


@transaction.atomic
def _fail_unplanned(run_id: int, failed: NotPlanned) -> None:
    """Marks a step that could not be cut into ranges, in one transaction: one without ranges that runs has no work."""
    DayEndRun.objects.select_for_update().get(pk=run_id)
    row, _is_new = DayEndStep.objects.get_or_create(
        run_id=run_id, name=failed.step.name, defaults={"position": STEPS.index(failed.step)}
    )
    _fail(row, failed.error)


@transaction.atomic
def _fail(row: DayEndStep, error: Exception) -> None:
    """Say on a step and its run what went wrong, unless they were finished meanwhile; the run is locked first."""
    DayEndRun.objects.filter(pk=row.run_id).exclude(state=DayEndRun.State.DONE).update(state=DayEndRun.State.FAILED)
    words = error.whole if isinstance(error, Refusal) else first_line(error)
    DayEndStep.objects.filter(pk=row.pk).exclude(state=DayEndStep.State.DONE).update(
        state=DayEndStep.State.FAILED, error=f"{type(error).__name__}: {words}"[:LONGEST_ERROR]
    )


def _set_aside(run: DayEndRun, worked: Worked) -> None:
    for loan_id, (code, reason) in worked.left_behind.items():
        row, is_new = SetAside.objects.get_or_create(
            loan_id=loan_id,
            resolved_at=None,
            defaults={"run": run, "day": run.day, "code": code, **_kept(reason)},
        )
        if not is_new:
            SetAside.objects.filter(pk=row.pk).update(
                code=code, **_kept(reason), tries=F("tries") + 1, last_tried_at=Now()
            )


def _kept(reason: str) -> dict[str, Any]:
    """A reason as its row keeps it: in English, and as words to be told in another language."""
    return {"reason": reason[:500], "reason_words": written(reason)}


def _sum_counts(step: DayEndStep) -> dict[str, int]:
    total: dict[str, int] = {}
    for counts in step.ranges.values_list("counts", flat=True):
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
    return total


def _finish(run: DayEndRun) -> None:
    now = clock.now()
    # The start is the database's time and the end is ours: two clocks that need not agree to the second.
    seconds = max(ZERO, Decimal(str((now - run.started_at).total_seconds()))).quantize(Decimal("0.001"))
    run.state = DayEndRun.State.DONE
    run.finished_at = now
    run.seconds = seconds
    run.save(update_fields=["state", "finished_at", "seconds"])
    _resolve_closed(run)
    finish_close(day=run.day, seconds=seconds, actor=SYSTEM)
    record(
        verb="dayend.run.finished",
        subject_type="dayend.run",
        subject_id=run.pk,
        actor=SYSTEM,
        after={"day": str(run.day), "seconds": str(seconds)},
    )
    outbox.publish(event="dayend.finished", key=f"run:{run.pk}", payload={"run_id": run.pk, "day": str(run.day)})


def _resolve_closed(run: DayEndRun) -> None:
    """Loans set aside by an earlier close and closed by this one need nobody any more.

    One whose month end could not be pictured was not tried again by this close; it waits until the picture is there.
    """
    left = SetAside.objects.filter(resolved_at__isnull=True, last_tried_at__lt=run.started_at).exclude(code=DRIFT)
    unpictured = loans_without_month_end(loans={row.loan_id: row.day for row in left})
    left.exclude(loan_id__in=unpictured).update(resolved_at=clock.now(), resolved_by=SYSTEM.name)
