"""Two who close the same day at once: one waits for what the other has in hand, and does not ask over and over."""

from datetime import date

import pytest

from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.dayend import services, steps
from backoffice.dayend.models import DayEndRun, SetAside
from backoffice.dayend.services import close_day, retry_set_aside, start, step_on, work_range
from backoffice.repayment.models import Loan
from backoffice.repayment.services import closing
from tests.audit.side_by_side import Aside, Gate
from tests.repayment.factories import ADA, open_loan
from tests.repayment.test_services_side_by_side import wait_for_a_waiter

pytestmark = pytest.mark.django_db(transaction=True)

DUE = date(2026, 2, 15)


def test_a_close_waits_for_a_range_in_other_hands(monkeypatch):
    open_first_day(day=DUE, actor=SYSTEM)
    loan_id = open_loan(business_date=DUE)
    run = start(day=DUE, actor=SYSTEM)
    (range_id,) = step_on(run_id=run.pk)
    gate, looked = Gate(), []
    real_work, real_step = steps.close_range, services.step_on

    def stopped(**arguments):
        gate.wait_here()
        return real_work(**arguments)

    def counted(*, run_id):
        looked.append(run_id)
        return real_step(run_id=run_id)

    monkeypatch.setattr(steps, "close_range", stopped)
    monkeypatch.setattr(services, "step_on", counted)
    with Aside() as aside:
        first = aside.start(lambda: work_range(range_id=range_id))
        gate.wait_for_arrival()
        second = aside.start(lambda: close_day(day=DUE, actor=ADA, threads=1))
        wait_for_a_waiter()
        assert len(looked) == 2  # as it began, and before it waits
        gate.open()
        assert first.result(timeout=20) is True
        second.result(timeout=20)
    assert DayEndRun.objects.get().state == "done"
    assert Loan.objects.get(pk=loan_id).bucket == "M1"


def test_who_tries_a_loan_again_and_a_close_that_reaches_it_wait_for_each_other(monkeypatch):
    day = date(2026, 2, 28)
    open_first_day(day=day, actor=SYSTEM)
    loan_id = open_loan(business_date=day)
    run = start(day=day, actor=SYSTEM)
    (range_id,) = step_on(run_id=run.pk)
    aside_row = SetAside.objects.create(loan_id=loan_id, run=run, day=day, code="ValueError", reason="before")
    gate, real = Gate(), services._replay

    def stopped(loan_id):
        gate.wait_here()
        return real(loan_id)

    def cannot_be(_state, **_arguments):
        raise ValueError("cannot be")

    monkeypatch.setattr(services, "_replay", stopped)
    monkeypatch.setattr(closing, "advance", cannot_be)
    with Aside() as aside:
        again = aside.start(lambda: retry_set_aside(set_aside_id=aside_row.pk, actor=ADA))
        gate.wait_for_arrival()
        close = aside.start(lambda: work_range(range_id=range_id))
        wait_for_a_waiter()
        gate.open()
        again.result(timeout=20)
        assert close.result(timeout=20) is True
    assert DayEndRun.objects.get().state == "running"
