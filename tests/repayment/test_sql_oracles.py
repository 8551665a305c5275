"""Every rule written in SQL against its slow, obvious twin: the close of a day, the month end, what is verified."""

from datetime import date, timedelta

import pytest
from django.db.backends.postgresql.psycopg_any import DateRange
from hypothesis import event, given
from hypothesis import strategies as st

from backoffice.core.bulk import fetch
from backoffice.customers.models import Hold
from backoffice.repayment.domain.aging import month_end
from backoffice.repayment.domain.journal import Journal
from backoffice.repayment.domain.replay import advance, snapshot
from backoffice.repayment.domain.terms import AllocationRule, Band, PenaltyRule, Tolerance
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.states import load_loans
from backoffice.repayment.selectors.verification import statement
from backoffice.repayment.services.closing import close_range, snapshot_range
from backoffice.repayment.services.writing import loan_values, snapshot_values
from tests.repayment.cases import D, row, terms
from tests.repayment.factories import MONTH_ENDS, close, drifts, open_loan, post
from tests.repayment.lives import LIVES, Life, on_postgresql, undone

pytestmark = pytest.mark.django_db

FACTS = """
SELECT status, creditor, bucket, oldest_unpaid_due_date, next_transition_date, outstanding_principal,
       outstanding_total, overdue_amount, suspense, schedule_version, accrued_through, closed_on
FROM repayment_loan WHERE id = %s
"""
MOVES = 'SELECT "on", from_bucket, to_bucket, cause FROM repayment_bucketmove WHERE loan_id = %s AND "on" = %s'


def state_of(loan_id, business_date):
    return load_loans(loan_ids=[loan_id], business_date=business_date, lock=False)[loan_id].state


def is_closed_by_set(loan_id, day):
    """True when the close of the day is left to the set statement."""
    params = {"day": day, "first_id": loan_id, "last_id": loan_id, "is_month_end": day == month_end(day)}
    return fetch(statement("loans_for_the_engine.sql"), params) == []


def as_the_engine_closes(loan_id, day):
    """The cached facts and the moves the engine would write for the close of a day."""
    state = state_of(loan_id, day + timedelta(days=1))
    journal = Journal()
    advance(state, through=day, journal=journal)
    values = loan_values(state, business_date=day + timedelta(days=1), touched=day)
    return (*values[:11], values[12]), [(m.on, m.from_bucket, m.to_bucket, m.cause) for m in journal.moves]


def close_by_set(loan_id, day):
    """Close the day with the set statement alone, and compare it with what the engine says."""
    facts, moves = as_the_engine_closes(loan_id, day)
    result = close_range(day=day, first_id=loan_id, last_id=loan_id, run_id=None)
    assert fetch(FACTS, [loan_id]) == [facts]
    assert fetch(MOVES, [loan_id, day + timedelta(days=1)]) == moves
    assert (result.loans, result.moves) == (1, len(moves))


# the close of a day


@on_postgresql
@given(**LIVES)
def test_the_close_by_set_is_the_close_of_the_engine(terms, principal, disbursed_on, life):
    with undone():
        loan = Life(terms=terms, principal=principal, disbursed_on=disbursed_on)
        for step in life[:2]:
            if step.action != "hold":
                loan.take(step)
        for _ in range(12):
            due = Loan.objects.values_list("next_transition_date", flat=True).get(pk=loan.loan_id)
            if due is None:
                return
            loan.wait((due - loan.today).days)
            if is_closed_by_set(loan.loan_id, due):
                close_by_set(loan.loan_id, due)
                event("closed by set")
            loan.wait(1)


ROWS = [row(1, date(2026, 2, 15), "1000.00", "100.00"), row(2, date(2026, 3, 15), "1000.00", "100.00")]
NARROW = (Band("C", 0, 0), Band("B1", 1, 5), Band("B2", 6, None))


@pytest.mark.parametrize(
    ("changes", "paid", "nights"),
    [
        ({}, None, [(date(2026, 2, 15), "M0", "M1")]),
        ({"tolerance": Tolerance(days=3)}, None, [(date(2026, 2, 15), "M0", "M0"), (date(2026, 2, 18), "M0", "M1")]),
        ({"tolerance": Tolerance(floor=D("5.00"))}, "1095.00", [(date(2026, 2, 15), "M0", "M0")]),
        ({"tolerance": Tolerance(floor=D("5.00"))}, "1094.99", [(date(2026, 2, 15), "M0", "M1")]),
        ({"tolerance": Tolerance(percent=D("0.01"))}, "1089.00", [(date(2026, 2, 15), "M0", "M0")]),
        ({"tolerance": Tolerance(percent=D("0.01"))}, "1088.99", [(date(2026, 2, 15), "M0", "M1")]),
        ({"bands": NARROW}, None, [(date(2026, 2, 15), "C", "B1"), (date(2026, 2, 20), "B1", "B2")]),
        ({"penalty": PenaltyRule(rate_cap=D("0.00"))}, None, [(date(2026, 2, 15), "M0", "M1")]),
        ({"penalty": PenaltyRule(base="principal_and_interest")}, None, [(date(2026, 2, 15), "M0", "M1")]),
        ({"penalty": PenaltyRule(compounding="monthly")}, None, [(date(2026, 2, 15), "M0", "M1")]),
    ],
)
def test_the_set_statement_reads_every_rule_of_the_terms(changes, paid, nights):
    loan_id = open_loan(terms=terms(**changes), principal="2000.00", rows=ROWS, business_date=date(2026, 2, 10))
    if paid:
        post(loan_id, paid, date(2026, 2, 10), surplus="next_installment")
    for day, from_bucket, to_bucket in nights:
        loan = Loan.objects.get(pk=loan_id)
        assert (loan.next_transition_date, loan.bucket) == (day, from_bucket)
        assert is_closed_by_set(loan_id, day)
        close_by_set(loan_id, day)
        assert Loan.objects.get(pk=loan_id).bucket == to_bucket
    assert drifts(nights[-1][0] + timedelta(days=1)) == []


@pytest.mark.parametrize(
    ("base", "next_transition"), [("principal", date(2026, 3, 15)), ("principal_and_interest", date(2026, 2, 28))]
)
def test_a_bill_with_only_interest_left_bears_penalty_only_when_the_terms_say_so(base, next_transition):
    principal_first = AllocationRule(order=("principal", "interest", "penalty", "fee", "guarantee_fee"))
    rules = terms(penalty=PenaltyRule(base=base), allocation=principal_first)
    loan_id = open_loan(terms=rules, principal="2000.00", rows=ROWS, business_date=date(2026, 2, 10))
    post(loan_id, "1000.00", date(2026, 2, 10), surplus="next_installment")
    close_by_set(loan_id, date(2026, 2, 15))
    assert Loan.objects.get(pk=loan_id).bucket == "M1"
    assert Loan.objects.get(pk=loan_id).next_transition_date == next_transition


@pytest.mark.parametrize(
    ("name", "prepare", "day"),
    [
        ("surplus to use", lambda loan_id: post(loan_id, "10.00", date(2026, 2, 10)), date(2026, 2, 15)),
        (
            "a hold",
            lambda loan_id: Hold.objects.create(
                borrower_id=Loan.objects.get(pk=loan_id).borrower_id,
                scope="aging",
                period=DateRange(date(2026, 3, 1), None),
                review_on=date(2026, 3, 1),
                reason="dispute",
                set_by_name="Ada",
            ),
            date(2026, 2, 15),
        ),
        ("a day left behind", lambda _loan_id: None, date(2026, 2, 17)),
    ],
)
def test_what_needs_arithmetic_is_left_to_the_engine(name, prepare, day):
    loan_id = open_loan(principal="2000.00", rows=ROWS, business_date=date(2026, 2, 10))
    prepare(loan_id)
    assert not is_closed_by_set(loan_id, day), name


def test_penalty_at_a_month_end_is_left_to_the_engine():
    loan_id = open_loan(principal="2000.00", rows=ROWS, business_date=date(2026, 2, 20))
    assert Loan.objects.get(pk=loan_id).next_transition_date == date(2026, 2, 28)
    assert not is_closed_by_set(loan_id, date(2026, 2, 28))


# the month end


def picture_of_the_engine(loan_id, day):
    """What the engine says a month end looked like on its evening; none for a closed loan."""
    state = state_of(loan_id, day + timedelta(days=1))
    state.closed_through = day
    return [] if state.status == "closed" else [(day, *snapshot_values(snapshot(state, month_end_day=day)))]


holds = st.lists(st.tuples(st.dates(date(2025, 12, 20), date(2026, 5, 1)), st.none() | st.integers(1, 60)), max_size=3)


@on_postgresql
@given(holds=holds, **LIVES)
def test_the_month_end_by_set_is_the_picture_of_the_engine(terms, principal, disbursed_on, life, holds):
    with undone():
        loan = Life(terms=terms, principal=principal, disbursed_on=disbursed_on)
        for start, days in holds:
            loan.place_hold("aging", start, start + timedelta(days=days) if days else None)
        for step in life:
            if step.action != "hold":
                loan.take(step)
        for _ in range(3):
            end = month_end(loan.today)
            loan.wait((end - loan.today).days)
            close_range(day=end, first_id=loan.loan_id, last_id=loan.loan_id, run_id=None)
            expected = picture_of_the_engine(loan.loan_id, end)
            snapshot_range(day=end, first_id=loan.loan_id, last_id=loan.loan_id, run_id=None)
            assert [row for row in fetch(MONTH_ENDS, [loan.loan_id]) if row[0] == end] == expected
            loan.today = end + timedelta(days=1)


def test_a_lifted_hold_of_no_days_takes_out_none():
    loan_id = open_loan(principal="2000.00", rows=ROWS, business_date=date(2026, 2, 20))
    Hold.objects.create(
        borrower_id=Loan.objects.get(pk=loan_id).borrower_id,
        scope="aging",
        period=DateRange(empty=True),
        reason="dispute",
        set_by_name="Ada",
    )
    close(date(2026, 2, 28))
    assert fetch("SELECT month_end, dpd, dpd_contract FROM repayment_monthend ORDER BY 1") == [
        (date(2026, 1, 31), 0, 0),
        (date(2026, 2, 28), 13, 13),
    ]


def test_taking_the_picture_twice_changes_nothing():
    open_loan(principal="2000.00", rows=ROWS, business_date=date(2026, 2, 20))
    close(date(2026, 2, 28))
    before = fetch("SELECT * FROM repayment_monthend ORDER BY id")
    assert snapshot_range(day=date(2026, 2, 28), first_id=0, last_id=2**62, run_id=None).rows == 0
    assert fetch("SELECT * FROM repayment_monthend ORDER BY id") == before
