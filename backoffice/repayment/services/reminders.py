"""Reminders of the loan book: the bills a day's plans write about, planned by the day end, simulated for the page."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from django.db import transaction

from backoffice.calendars import clock
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.customers.domain.places import middle_zone
from backoffice.outreach.services.facts import facts_are_right, wait_for_debits
from backoffice.outreach.services.messages import stop_paid
from backoffice.outreach.services.reminders import (
    ActivePlan,
    BillDue,
    Outcome,
    Simulated,
    due_dates_of,
    plan_day,
    plans_in_force,
    simulate,
)
from backoffice.repayment.selectors.verification import statement
from backoffice.repayment.services.autopay.pay_links import LinksToBe
from backoffice.repayment.services.planned_words import correct_planned, owed_of

FIRST, LAST = 0, 2**62


def loans_to_remind(*, day: date) -> list[int]:
    """Ids of the loans with a bill the plans in force write about on a day, in order; none without a plan."""
    plans = plans_in_force(on=day)
    return sorted({bill.loan_id for bill in _bills(day=day, plans=plans)}) if plans else []


@transaction.atomic
def plan_reminders(*, day: date, first_id: int = FIRST, last_id: int = LAST) -> Outcome:
    """Plan the messages that leave on `day` about bills of an id range of loans; a second time changes nothing."""
    plans = plans_in_force(on=day)
    if not plans:
        return Outcome()
    bills = _bills(day=day, plans=plans, first_id=first_id, last_id=last_id)
    links = LinksToBe()
    outcome = plan_day(day=day, bills=bills, plans=plans, owed_now=owed_now, pay_link=links.url_for, actor=SYSTEM)
    links.keep(at=clock.now(), actor=SYSTEM)
    _correct_what_moved(bills)
    wait_for_debits(loan_ids=debited_now([bill.loan_id for bill in bills]))
    return outcome


def _correct_what_moved(bills: Sequence[BillDue]) -> None:
    """Money may have come between reading the bills and locking their loans; what it left is said instead."""
    owed = owed_of(about=[(bill.loan_id, bill.due_date) for bill in bills])
    moved = [
        bill.loan_id
        for bill in bills
        if (now := owed.get((bill.loan_id, bill.due_date))) and (now.amount, now.overdue) != (bill.amount, bill.overdue)
    ]
    if moved:
        correct_planned(loan_ids=moved)


def owed_now(loan_ids: Sequence[int]) -> list[tuple[int, date | None]]:
    """The oldest due date each loan still owes anything of, and nobody changes it until the transaction ends."""
    return fetch(
        "SELECT id, oldest_unpaid_due_date FROM repayment_loan WHERE id = ANY(%s) ORDER BY id FOR SHARE",
        [sorted(set(loan_ids))],
    )


def debited_now(loan_ids: Collection[int]) -> list[int]:
    """Those of the loans that have an order in flight, whoever set it off."""
    rows = fetch(
        "SELECT loan_id FROM repayment_debitcommand WHERE state IN ('submitted', 'unknown') AND loan_id = ANY(%s)",
        [sorted(set(loan_ids))],
    )
    return [row[0] for row in rows]


@transaction.atomic
def put_right(*, loan_ids: Collection[int]) -> int:
    """Stops or corrects what waits to be said about loans, and lets the rest go on; gives how many messages.

    What a debit stops waits on while an order of its loan is in flight.
    """
    if not loan_ids:
        return 0
    owed = owed_now(sorted(loan_ids))
    stop_paid(loans=owed)
    correct_planned(loan_ids=loan_ids)
    freed = facts_are_right(loan_ids=loan_ids)
    return freed - wait_for_debits(loan_ids=debited_now(loan_ids))


def simulate_reminders(*, day: date, plan: ActivePlan) -> Simulated:
    """What a version would do on a day with the book as it is, other plans aside; nothing is written."""
    return simulate(day=day, bills=_bills(day=day, plans=[plan]), plans=[plan], pay_link=LinksToBe().url_for)


def _bills(*, day: date, plans: list[ActivePlan], first_id: int = FIRST, last_id: int = LAST) -> list[BillDue]:
    days = due_dates_of(plans=plans, day=day)
    params = {"days": days, "day": day, "first_id": first_id, "last_id": last_id}
    return [
        BillDue(
            loan_id=row[0],
            loan_number=row[1],
            borrower_id=row[2],
            portfolio=row[3],
            due_date=row[4],
            amount=row[5],
            overdue=row[6],
            currency=row[7],
            language=row[8],
            time_zone=row[9] or middle_zone(row[10], on=day),
        )
        for row in fetch(statement("bills_to_remind.sql"), params)
    ]


def day_after(day: date) -> date:
    """The day whose messages the close of `day` plans."""
    return day + timedelta(days=1)
