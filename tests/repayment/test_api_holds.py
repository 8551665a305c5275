"""Holds over the API that stop a clock: placed and lifted with the loans replayed, or not at all."""

from datetime import date

import pytest

from backoffice.audit.models import ApprovalLimit
from backoffice.customers.domain.holds import LIFT
from backoffice.customers.models import Hold
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.loan_pages import payoff_quote
from tests.repayment.api_book import TODAY, caller, open_book, open_loan
from tests.repayment.factories import books, drifts, post, replay_changes

pytestmark = pytest.mark.django_db

API = "/api/v1/customers"
PENALTY = {"scopes": ["penalty"], "start": "2026-02-20", "end": "2026-03-02", "reason": "other", "note": "a fault"}
SETTLED = date(2026, 3, 18)


@pytest.fixture
def lead():
    open_book()
    ApprovalLimit.objects.filter(verb=LIFT).delete()
    ApprovalLimit.objects.create(verb=LIFT, role="team_lead", max_amount=None, alone=True)
    return caller("team_lead")


@pytest.fixture
def loan(lead):
    return open_loan()


def send(client, path, body, key):
    return client.post(f"{API}/{path}", body, format="json", HTTP_IDEMPOTENCY_KEY=key)


def place(client, loan, key="k1"):
    return send(client, f"borrowers/{loan.borrower_id}/holds/", PENALTY | {"loan_id": loan.pk}, key)


def test_a_hold_placed_over_the_api_is_in_the_books_when_it_answers(lead, loan):
    before = books(loan.pk)
    assert place(lead, loan).status_code == 201
    assert books(loan.pk) != before
    assert replay_changes(loan.pk, business_date=TODAY) == {}
    assert drifts(TODAY) == []


def test_a_hold_lifted_over_the_api_is_out_of_the_books_when_it_answers(lead, loan):
    before = books(loan.pk)
    (hold_id,) = place(lead, loan).json()["hold_ids"]
    answer = send(lead, f"holds/{hold_id}/lift/", {"on": "2026-02-20", "reason": "mistake"}, "k2")
    assert answer.json() == {"is_lifted": True, "approval_id": None}
    assert books(loan.pk) == before


def test_a_lift_the_books_refuse_leaves_the_hold_as_it_was(lead, loan):
    total = payoff_quote(loan_id=loan.pk, on=SETTLED, business_date=TODAY).total
    post(loan.pk, total, SETTLED, kind="payoff", business_date=TODAY)
    (hold_id,) = place(lead, loan).json()["hold_ids"]
    post(loan.pk, Loan.objects.get(pk=loan.pk).suspense, TODAY, kind="refund")
    before = books(loan.pk)

    answer = send(lead, f"holds/{hold_id}/lift/", {"on": "2026-02-20", "reason": "mistake"}, "k2")

    assert (answer.status_code, answer.json()["code"]) == (422, "repayment.refund_no_longer_covered")
    assert (Hold.objects.get().lifted_at, Hold.objects.get().period.upper) == (None, date(2026, 3, 2))
    assert books(loan.pk) == before
    assert replay_changes(loan.pk, business_date=TODAY) == {}
