"""The close of a day on Celery workers: one task a range, and a sweep that takes up whatever was left."""

from celery import shared_task

from backoffice.calendars.selectors import business_day
from backoffice.core.actors import SYSTEM
from backoffice.dayend.models import DayEndRun
from backoffice.dayend.services import start, step_on, work_range


@shared_task(name="dayend.continue_run", acks_late=True)
def continue_run(*, run_id: int) -> None:
    """Hand out the ranges that are left; the run ends itself when none are."""
    for range_id in step_on(run_id=run_id):
        run_range.delay(run_id=run_id, range_id=range_id)


@shared_task(name="dayend.run_range", acks_late=True)
def run_range(*, run_id: int, range_id: int) -> None:
    """Work one range; whoever finishes the last one of a step hands out the next."""
    work_range(range_id=range_id)
    ranges = step_on(run_id=run_id)
    if ranges and not DayEndRun.objects.filter(pk=run_id, steps__ranges__pk=range_id, steps__state="running").exists():
        for next_id in ranges:
            run_range.delay(run_id=run_id, range_id=next_id)


@shared_task(name="dayend.sweep")
def sweep() -> None:
    """Take up runs a killed worker left; ranges in other hands are skipped by their locks."""
    for run_id in DayEndRun.objects.filter(state=DayEndRun.State.RUNNING).values_list("pk", flat=True):
        continue_run.delay(run_id=run_id)


@shared_task(name="dayend.close_business_day")
def close_business_day() -> None:
    """Begin the close of the current business date; scheduled for the evening, and pressed as a button."""
    run = start(day=business_day().today, actor=SYSTEM)
    continue_run.delay(run_id=run.pk)
