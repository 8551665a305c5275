"""The close of a day handed to workers: every range a task, every step begun by whoever ends the one before."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.conf import settings

from backoffice.calendars.selectors import business_date
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.dayend import services, steps, tasks
from backoffice.dayend.models import DayEndRange, DayEndRun
from backoffice.dayend.services import start, step_on, work_range
from backoffice.repayment.models import Loan
from tests.repayment.factories import drifts, open_loan

pytestmark = pytest.mark.django_db

DUE = date(2026, 2, 15)


@pytest.fixture
def loans(monkeypatch):
    """Five loans due on the business date, each in a range of its own; tasks run where they are sent."""
    monkeypatch.setattr(steps, "DUE_PER_RANGE", 1)
    open_first_day(day=DUE, actor=SYSTEM)
    return [open_loan(business_date=DUE) for _ in range(5)]


def buckets():
    return set(Loan.objects.values_list("bucket", flat=True))


def test_the_workers_close_the_day_they_are_asked_to(loans):
    tasks.close_days.delay(through=DUE.isoformat())
    assert business_date() == date(2026, 2, 16)
    assert buckets() == {"M1"}
    assert DayEndRange.objects.filter(step__name="transitions", is_done=True).count() == 5
    assert drifts(date(2026, 2, 16)) == []


def test_the_workers_go_on_day_by_day_to_the_last_one_asked_for(loans):
    tasks.close_days.delay(through=(DUE + timedelta(days=6)).isoformat())
    assert [run.day for run in DayEndRun.objects.order_by("day")] == [DUE + timedelta(days=n) for n in range(7)]
    assert set(DayEndRun.objects.values_list("state", flat=True)) == {"done"}


def test_nothing_is_begun_when_the_days_asked_for_are_closed(loans):
    tasks.close_days.delay(through=(DUE - timedelta(days=1)).isoformat())
    assert not DayEndRun.objects.exists()
    assert business_date() == DUE


def test_a_task_that_comes_twice_does_its_range_once(loans):
    run = start(day=DUE, actor=SYSTEM)
    first, *_ = step_on(run_id=run.pk)
    for _ in range(2):
        tasks.run_range.delay(run_id=run.pk, range_id=first)
    assert Loan.objects.filter(bucket="M1").count() == 1
    assert DayEndRun.objects.get().state == "running"


def test_a_step_in_order_hands_out_one_range_at_a_time_and_leaves_a_range_in_other_hands_alone(loans, monkeypatch):
    (transitions,) = [step for step in steps.STEPS if step.name == "transitions"]
    in_order = replace(transitions, in_order=True)
    monkeypatch.setattr(services, "STEPS", tuple(in_order if step is transitions else step for step in steps.STEPS))
    monkeypatch.setitem(steps.STEP_BY_NAME, "transitions", in_order)
    run = start(day=DUE, actor=SYSTEM)
    (first,) = step_on(run_id=run.pk)
    handed_out = []
    monkeypatch.setattr(tasks.continue_run, "delay", lambda **said: handed_out.append(said))
    monkeypatch.setattr(tasks, "work_range", lambda **_: False)
    tasks.run_range(run_id=run.pk, range_id=first)
    assert handed_out == []
    monkeypatch.setattr(tasks, "work_range", work_range)
    tasks.run_range(run_id=run.pk, range_id=first)
    assert handed_out == [{"run_id": run.pk}]
    (second,) = step_on(run_id=run.pk)
    assert second != first
    assert Loan.objects.filter(bucket="M1").count() == 1


def test_the_sweep_takes_up_what_a_dead_worker_left(loans):
    run = start(day=DUE, actor=SYSTEM)
    for range_id in step_on(run_id=run.pk)[:2]:
        work_range(range_id=range_id)
    tasks.sweep.delay()
    assert DayEndRun.objects.get().state == "done"
    assert buckets() == {"M1"}


def test_the_sweep_leaves_closed_days_alone(loans):
    tasks.close_days.delay(through=DUE.isoformat())
    tasks.sweep.delay()
    assert business_date() == date(2026, 2, 16)


def test_after_midnight_the_days_that_are_over_are_closed(loans):
    night = datetime(2026, 2, 17, 0, 5, tzinfo=ZoneInfo(settings.TIME_ZONE))
    with time_machine.travel(night, tick=False):
        tasks.close_past_days.delay()
    assert business_date() == date(2026, 2, 17)
