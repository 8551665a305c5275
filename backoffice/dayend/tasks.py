"""The close of a day on Celery workers: one task a range, and a sweep that takes up whatever was left."""

from datetime import date, timedelta

from celery import shared_task
from django.conf import settings

from backoffice.calendars import clock
from backoffice.calendars.selectors import business_day
from backoffice.core.actors import SYSTEM
from backoffice.dayend.models import DayEndRange, DayEndRun
from backoffice.dayend.services import start, step_on, work_range
from backoffice.dayend.steps import STEP_BY_NAME


@shared_task(name="dayend.continue_run", acks_late=True)
def continue_run(*, run_id: int) -> None:
    """Hand out the ranges that are left; when none are, the day is closed and the next begins if it was asked for."""
    ranges = step_on(run_id=run_id)
    for range_id in ranges:
        run_range.delay(run_id=run_id, range_id=range_id)
    if not ranges:
        _go_on(run_id)


@shared_task(name="dayend.run_range", acks_late=True)
def run_range(*, run_id: int, range_id: int) -> None:
    """Work one range; whoever finds its step over, or one of a step in order done, hands out the next.

    A range in other hands is theirs to go on from.
    """
    work_range(range_id=range_id)
    work = DayEndRange.objects.select_related("step").get(pk=range_id)
    in_order = STEP_BY_NAME[work.step.name].in_order
    if work.is_done and (in_order or not work.step.ranges.filter(is_done=False).exists()):
        continue_run.delay(run_id=run_id)


@shared_task(name="dayend.sweep")
def sweep() -> None:
    """Take up runs that failed or a killed worker left; ranges in other hands are skipped by their locks."""
    for run_id in DayEndRun.objects.exclude(state=DayEndRun.State.DONE).values_list("pk", flat=True):
        continue_run.delay(run_id=run_id)


@shared_task(name="dayend.close_days")
def close_days(*, through: str) -> None:
    """Begin to close every day up to and including `through` (ISO date), the business date first."""
    last = date.fromisoformat(through)
    today = business_day().today
    if today <= last:
        run = start(day=today, actor=SYSTEM, through=last)
        continue_run.delay(run_id=run.pk)


@shared_task(name="dayend.close_past_days")
def close_past_days() -> None:
    """Close the days that are over by the calendar in the lender's zone; scheduled for after midnight."""
    yesterday = clock.today_in(settings.TIME_ZONE) - timedelta(days=1)
    close_days.delay(through=yesterday.isoformat())


def _go_on(run_id: int) -> None:
    run = DayEndRun.objects.get(pk=run_id)
    if run.state == DayEndRun.State.DONE and run.through is not None and run.through > run.day:
        close_days.delay(through=run.through.isoformat())
