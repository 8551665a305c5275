"""Two at once on one loan: agents against agents, and money against the night. Real connections, real commits."""

from concurrent.futures import wait
from datetime import date, timedelta

import pytest
from django.db import connection, transaction

from backoffice.calendars.selectors import business_date
from backoffice.calendars.services import begin_close, finish_close, open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.customers.models import Borrower
from backoffice.outreach.models import Message, ReminderPlanVersion
from backoffice.outreach.services.messages import stop_paid
from backoffice.outreach.services.starting import load_starter, load_starter_plan
from backoffice.repayment.domain.admission import AlreadyPosted, AlreadyReversed, ExternalIdInUse, RefundExceedsSuspense
from backoffice.repayment.models import Loan, MonthEnd, Operation
from backoffice.repayment.services.closing import close_range, snapshot_range
from backoffice.repayment.services.posting import book
from backoffice.repayment.services.reminders import plan_reminders
from tests.audit.side_by_side import Aside, Gate
from tests.repayment.cases import D
from tests.repayment.factories import ADA, books, draft, drifts, open_loan, post, replay_changes, take_back

pytestmark = pytest.mark.django_db(transaction=True)

DUE = date(2026, 2, 15)
EVE = date(2026, 2, 14)


def facts(loan_id):
    return Loan.objects.get(pk=loan_id)


WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
def loan_id():
    """A loan that lived from 15 January to the morning its first bill falls due."""
    return open_loan(business_date=DUE)


def wait_for_a_waiter():
    """Returns once some connection waits for a lock another one holds; fails when none comes to wait."""
    for _ in range(2_000):
        if fetch(WAITING)[0][0]:
            return
        fetch("SELECT pg_sleep(0.005)")
    pytest.fail("nobody waited for a lock")


class HeldOpen:
    """A booking that stops between its last statement and its commit, until it is let through."""

    def __init__(self, aside, call):
        self.gate = Gate()
        self.future = aside.start(lambda: self._run(call))
        self.gate.wait_for_arrival()

    def _run(self, call):
        with transaction.atomic():
            result = call()
            self.gate.wait_here()
        return result

    def commit(self):
        self.gate.open()
        return self.future.result(timeout=20)


def in_order(loan_id, today):
    assert drifts(today) == []
    with transaction.atomic():
        assert replay_changes(loan_id, business_date=today) == {}
        transaction.set_rollback(True)


# agents against agents


def test_payments_of_eight_agents_at_once_all_count(loan_id):
    with Aside() as aside:
        futures = [
            aside.start(lambda number=number: post(loan_id, "150.00", DUE, external_id=f"P{number}"))
            for number in range(8)
        ]
        wait(futures, timeout=30)
    assert len({future.result() for future in futures}) == 8
    assert Operation.objects.filter(loan_id=loan_id, kind="payment").count() == 8
    first = facts(loan_id).installments.get(number=1)
    assert (first.interest_paid, first.principal_paid, facts(loan_id).suspense) == (
        D("180.00"),
        D("920.16"),
        D("99.84"),
    )
    in_order(loan_id, DUE)


def test_two_batches_that_name_the_same_loans_in_opposite_order_do_not_block_each_other():
    loans = [open_loan(business_date=DUE) for _ in range(6)]

    def pay(order, name):
        drafts = [draft(loan_id, "payment", DUE, "10.00", external_id=f"{name}{loan_id}") for loan_id in order]
        book(drafts=drafts, actor=ADA, business_date=DUE)

    with Aside() as aside:
        futures = [
            aside.start(lambda turn=turn: pay(loans if turn % 2 else loans[::-1], f"t{turn}-")) for turn in range(8)
        ]
        wait(futures, timeout=30)
    assert [future.exception() for future in futures] == [None] * 8
    assert {facts(loan_id).suspense for loan_id in loans} == {D("0.00")}
    assert Operation.objects.filter(kind="payment").count() == 48
    assert drifts(DUE) == []


def test_the_same_external_id_at_once_is_booked_once(loan_id):
    with Aside() as aside:
        first = HeldOpen(aside, lambda: post(loan_id, "100.00", DUE, external_id="X"))
        second = aside.start(lambda: post(loan_id, "100.00", DUE, external_id="X"))
        wait_for_a_waiter()
        first.commit()
        with pytest.raises(AlreadyPosted):
            second.result(timeout=20)
    assert Operation.objects.filter(external_id="X").count() == 1
    in_order(loan_id, DUE)


def test_the_same_external_id_on_two_loans_at_once_is_booked_once():
    one, other = open_loan(business_date=DUE), open_loan(business_date=DUE)
    with Aside() as aside:
        first = HeldOpen(aside, lambda: post(one, "100.00", DUE, external_id="X"))
        second = aside.start(lambda: post(other, "100.00", DUE, external_id="X"))
        wait_for_a_waiter()
        first.commit()
        with pytest.raises(ExternalIdInUse):
            second.result(timeout=20)
    assert Operation.objects.get(external_id="X").loan_id == one
    in_order(other, DUE)


def test_a_payment_is_taken_back_once_by_two_who_press_at_once(loan_id):
    key = post(loan_id, "100.00", DUE)
    with Aside() as aside:
        first = HeldOpen(aside, lambda: take_back(loan_id, key, business_date=DUE))
        second = aside.start(lambda: take_back(loan_id, key, business_date=DUE))
        wait_for_a_waiter()
        first.commit()
        with pytest.raises(AlreadyReversed):
            second.result(timeout=20)
    assert Operation.objects.filter(kind="reversal").count() == 1
    in_order(loan_id, DUE)


def test_what_is_held_is_refunded_once_by_two_who_press_at_once(loan_id):
    post(loan_id, "300.00", EVE, business_date=DUE)
    with Aside() as aside:
        first = HeldOpen(aside, lambda: post(loan_id, "300.00", EVE, kind="refund", business_date=DUE))
        second = aside.start(lambda: post(loan_id, "300.00", EVE, kind="refund", business_date=DUE))
        wait_for_a_waiter()
        first.commit()
        with pytest.raises(RefundExceedsSuspense):
            second.result(timeout=20)
    assert facts(loan_id).suspense == D("0.00")
    in_order(loan_id, DUE)


# money against the night


def close(day):
    return close_range(day=day, first_id=0, last_id=2**62, run_id=None)


def test_the_night_waits_for_a_payment_in_flight_and_then_sees_it(loan_id):
    with Aside() as aside:
        paying = HeldOpen(aside, lambda: post(loan_id, "1100.16", DUE))
        night = aside.start(lambda: close(DUE))
        wait_for_a_waiter()
        paying.commit()
        night.result(timeout=20)
    assert (facts(loan_id).bucket, facts(loan_id).next_transition_date) == ("M0", date(2026, 3, 15))
    assert books(loan_id)["moves"] == []
    in_order(loan_id, DUE + timedelta(days=1))


def test_a_payment_waits_for_the_night_and_then_cures_what_it_moved(loan_id):
    with Aside() as aside:
        night = HeldOpen(aside, lambda: close(DUE))
        paying = aside.start(lambda: post(loan_id, "1100.16", DUE, business_date=DUE + timedelta(days=1)))
        wait_for_a_waiter()
        night.commit()
        paying.result(timeout=20)
    assert facts(loan_id).bucket == "M0"
    assert books(loan_id)["moves"] == []
    in_order(loan_id, DUE + timedelta(days=1))


def test_a_payment_that_waited_while_the_day_was_closed_is_booked_on_the_day_after(loan_id):
    open_first_day(day=DUE, actor=SYSTEM)

    def close_the_day():
        begin_close(day=DUE, actor=SYSTEM)
        close(DUE)
        finish_close(day=DUE, seconds=D("1.0"), actor=SYSTEM)

    with Aside() as aside:
        night = HeldOpen(aside, close_the_day)
        paying = aside.start(lambda: post(loan_id, "1100.16", DUE, business_date=DUE, external_id="P"))
        wait_for_a_waiter()
        night.commit()
        paying.result(timeout=20)
    assert Operation.objects.get(external_id="P").business_date == date(2026, 2, 16)
    assert facts(loan_id).bucket == "M0"
    in_order(loan_id, date(2026, 2, 16))


def test_a_day_is_not_begun_to_be_closed_while_money_is_being_booked_on_it(loan_id):
    open_first_day(day=DUE, actor=SYSTEM)
    with Aside() as aside:
        paying = HeldOpen(aside, lambda: post(loan_id, "100.00", DUE, external_id="P"))
        beginning = aside.start(lambda: begin_close(day=DUE, actor=SYSTEM))
        wait_for_a_waiter()
        assert not beginning.done()
        assert business_date() == DUE
        paying.commit()
        beginning.result(timeout=20)
    assert business_date() == date(2026, 2, 16)
    assert Operation.objects.get(external_id="P").business_date == DUE


def test_a_month_end_taken_while_a_payment_before_it_is_booked_is_restated():
    loan_id = open_loan()
    for day in range(15, 32):
        close(date(2026, 1, day))
    with Aside() as aside:
        picture = HeldOpen(aside, lambda: snapshot_range(day=date(2026, 1, 31), first_id=0, last_id=2**62, run_id=None))
        paying = aside.start(
            lambda: post(loan_id, "6000.00", date(2026, 1, 20), business_date=date(2026, 2, 1), surplus="shorten_term")
        )
        wait_for_a_waiter()
        picture.commit()
        paying.result(timeout=20)
    pictures = MonthEnd.objects.filter(loan_id=loan_id).order_by("revision")
    assert [(p.revision, p.outstanding_principal) for p in pictures] == [(0, D("12000.00")), (1, D("6030.00"))]
    in_order(loan_id, date(2026, 2, 1))


def test_a_month_end_waits_for_the_payment_that_writes_it_first():
    loan_id = open_loan()
    for day in range(15, 32):
        close(date(2026, 1, day))
    with Aside() as aside:
        paying = HeldOpen(
            aside,
            lambda: post(loan_id, "6000.00", date(2026, 1, 20), business_date=date(2026, 2, 1), surplus="shorten_term"),
        )
        picture = aside.start(lambda: snapshot_range(day=date(2026, 1, 31), first_id=0, last_id=2**62, run_id=None))
        wait_for_a_waiter()
        paying.commit()
        picture.result(timeout=20)
    assert [(p.revision, p.outstanding_principal) for p in MonthEnd.objects.filter(loan_id=loan_id)] == [
        (0, D("6030.00"))
    ]
    in_order(loan_id, date(2026, 2, 1))


def test_payments_for_the_new_day_leave_the_month_end_as_it_was_in_the_evening():
    loan_id = open_loan()
    for day in range(15, 32):
        close(date(2026, 1, day))
    post(loan_id, "6000.00", date(2026, 2, 1), surplus="shorten_term")
    snapshot_range(day=date(2026, 1, 31), first_id=0, last_id=2**62, run_id=None)
    picture = MonthEnd.objects.get(loan_id=loan_id)
    assert (picture.outstanding_principal, picture.revision) == (D("12000.00"), 0)
    in_order(loan_id, date(2026, 2, 1))


def test_money_pours_in_while_three_days_are_closed():
    loans = [open_loan(business_date=EVE) for _ in range(12)]
    open_first_day(day=EVE, actor=SYSTEM)

    def pay(agent):
        for turn in range(12):
            loan_id = loans[(agent * 5 + turn * 7) % len(loans)]
            post(loan_id, "137.00", EVE, business_date=EVE, external_id=f"{agent}-{turn}")

    def nights():
        for number in range(3):
            day = EVE + timedelta(days=number)
            begin_close(day=day, actor=SYSTEM)
            for first in (loans[0], loans[6]):
                close_range(day=day, first_id=first, last_id=first + 5, run_id=None)
            finish_close(day=day, seconds=D("1.0"), actor=SYSTEM)

    with Aside() as aside:
        futures = [aside.start(lambda agent=agent: pay(agent)) for agent in range(4)] + [aside.start(nights)]
        wait(futures, timeout=60)
    assert [future.exception() for future in futures] == [None] * 5
    assert Operation.objects.filter(kind="payment").count() == 48
    for loan_id in loans:
        in_order(loan_id, date(2026, 2, 17))
    connection.close()


# money against the planning of reminders


def test_money_and_the_planning_of_reminders_lock_in_one_order(loan_id):
    load_starter(is_active=True, actor=SYSTEM)
    load_starter_plan(effective_from=EVE, actor=SYSTEM)
    ReminderPlanVersion.objects.update(content=ReminderPlanVersion.objects.get().content | {"holdout": "0"})
    loan = facts(loan_id)
    Borrower.objects.filter(pk=loan.borrower_id).update(country="CN", time_zone="Asia/Shanghai", language="en")
    plan_reminders(day=DUE)
    weaker = Message.objects.get()  # of a younger plan, it gives way to the same bill's reminder
    Message.objects.update(source="plan:999999", key="plan:999999:d0:loan", state="planned", code="")
    gate = Gate()

    def pay():
        with transaction.atomic():
            Loan.objects.select_for_update(no_key=True).get(pk=loan_id)
            gate.wait_here()
            return stop_paid(loans=[(loan_id, None)])

    with Aside() as aside:
        paying = aside.start(pay)
        gate.wait_for_arrival()
        planning = aside.start(lambda: plan_reminders(day=DUE))
        wait_for_a_waiter()
        gate.open()
        assert paying.result(timeout=20) == 1
        assert planning.result(timeout=20).new == 1
    weaker.refresh_from_db()
    assert (weaker.state, weaker.code) == ("stopped", "paid")
