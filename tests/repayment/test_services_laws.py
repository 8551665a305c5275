"""The laws of the engine on PostgreSQL: whatever is done in whatever order, the books are what a replay says."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from backoffice.repayment.domain.aging import month_end
from backoffice.repayment.services.closing import snapshot_range
from tests.repayment.factories import books, close, drifts, open_loan, replay_changes
from tests.repayment.lives import LIVES, Life, history_of, on_postgresql, undone

pytestmark = pytest.mark.django_db


@on_postgresql
@given(**LIVES)
def test_replay_equals_incremental_in_any_order_of_backdating(terms, principal, disbursed_on, life):
    with undone():
        loan = Life(terms=terms, principal=principal, disbursed_on=disbursed_on)
        for step in life:
            loan.take(step)
            assert replay_changes(loan.loan_id, business_date=loan.today) == {}
            assert drifts(loan.today) == []
        loan.wait(33)
        assert replay_changes(loan.loan_id, business_date=loan.today) == {}
        assert drifts(loan.today) == []


@on_postgresql
@given(**LIVES)
def test_posting_and_taking_back_is_as_if_nothing_had_been(terms, principal, disbursed_on, life):
    with undone():
        loan = Life(terms=terms, principal=principal, disbursed_on=disbursed_on)
        for step in life[:-1]:
            loan.take(step)
        loan.wait(life[-1].wait)
        before, known = books(loan.loan_id), len(loan.operations)
        loan.take(replace(life[-1], wait=0))
        if len(loan.operations) == known or loan.operations[-1] is None:
            return
        loan.take_back(loan.operations[-1])
        assert books(loan.loan_id) == before
        assert drifts(loan.today) == []


@on_postgresql
@given(**LIVES)
def test_opening_with_a_history_equals_having_lived_it(terms, principal, disbursed_on, life):
    with undone():
        loan = Life(terms=terms, principal=principal, disbursed_on=disbursed_on)
        for step in life:
            if step.action != "hold":
                loan.take(step)
        opened = open_loan(
            terms=terms,
            principal=principal,
            disbursed_on=disbursed_on,
            business_date=loan.today,
            history=history_of(loan.loan_id),
        )
        assert books(opened) == books(loan.loan_id)
        assert replay_changes(opened, business_date=loan.today) == {}
        assert drifts(loan.today) == []


@on_postgresql
@given(**LIVES)
def test_a_loan_left_behind_catches_up_to_what_nightly_closes_make_of_it(terms, principal, disbursed_on, life):
    with undone():
        nightly = Life(terms=terms, principal=principal, disbursed_on=disbursed_on)
        for step in life:
            if step.action != "hold":
                nightly.take(step)
        late = open_loan(
            terms=terms,
            principal=principal,
            disbursed_on=disbursed_on,
            business_date=nightly.today,
            history=history_of(nightly.loan_id),
        )
        for days in (7, 40):
            start = nightly.today
            nightly.wait(days)
            for day in (start + timedelta(days=n) for n in range(days - 1)):
                if day == month_end(day):
                    snapshot_range(day=day, first_id=late, last_id=late, run_id=None)
            close(nightly.today - timedelta(days=1), loan_ids=[late])
            assert books(late) == books(nightly.loan_id)
            assert replay_changes(late, business_date=nightly.today) == {}
        assert drifts(nightly.today) == []
