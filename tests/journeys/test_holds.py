"""docs/processes/holds.md, as the people in it live it: two reasons side by side, a review, a flood."""

from datetime import UTC, date, datetime

import pytest

from backoffice.audit import approvals
from backoffice.audit.models import Approval, ApprovalLimit
from backoffice.core.actors import Actor
from backoffice.customers.domain.hold_policy import passage_of
from backoffice.customers.models import BulkHold, Hold
from backoffice.customers.selectors import contact_holds, groups_of, holds_of_borrower
from backoffice.customers.selectors.holds import review_count
from backoffice.customers.services import Choice, ask_to_lift_bulk, ask_to_place_bulk, prepare_bulk, review_hold
from backoffice.customers.services.reviewing import ReviewIsOfAnother
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.bulk_holds import bulk_preview, lifting_text, placing_text
from backoffice.repayment.services import holds
from backoffice.repayment.tasks import follow_bulk_hold
from tests.repayment.cases import D
from tests.repayment.factories import PORTFOLIO
from tests.staff.factories import person

AGENT = Actor("staff", 1, "Ada", frozenset({"agent"}))
LEAD = Actor("staff", 2, "Grace", frozenset({"team_lead"}))
CARE = Actor("staff", 4, "Barbara", frozenset({"senior_agent"}))
COMPLIANCE = Actor("staff", 5, "Edsger", frozenset({"compliance"}))


@pytest.fixture(autouse=True)
def _limits(db):
    for verb in ("customers.hold.lift", "customers.hold.place_bulk", "customers.hold.lift_bulk"):
        for role in ("team_lead", "compliance"):
            ApprovalLimit.objects.get_or_create(verb=verb, role=role, currency="", defaults={"alone": False})


def words(borrower_id, day):
    return [
        group.words
        for group in groups_of(holds=holds_of_borrower(borrower_id=borrower_id, as_of=day), as_of=day)
        if group.state == "running"
    ]


def texts_that_pass(borrower_id, day):
    at = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
    running = contact_holds(borrower_ids=[borrower_id], at=at)
    passage = passage_of(
        effects=[hold.effect for hold in running if hold.scope == "texts"], is_any_contact_held=bool(running)
    )
    return set(passage.purposes)


def penalty_of(loan_id):
    return Loan.objects.get(pk=loan_id).installments.get(number=1).penalty


def test_two_reasons_side_by_side_a_review_and_a_flood(desk):
    desk.open(date(2026, 1, 15))
    loan_id, neighbour = desk.disburse(), desk.disburse()
    desk.until(date(2026, 3, 20))
    owner = desk.loan(loan_id).borrower_id
    place = {"borrower_id": owner, "loan_id": loan_id, "start": desk.today, "actor": AGENT}

    # 1. A dispute and a hardship, both told on the phone.
    (dispute, *_rest) = holds.place_hold(reason="dispute", note="the fee is wrong", **place).hold_ids
    (hardship, *_rest) = holds.place_hold(reason="hardship", note="lost the job", **place).hold_ids
    assert words(owner, desk.today) == [
        "calls pause; texts: status only; debits: ask first; penalty stops",
        "calls stop; texts: facts only; debits: go on unless asked; penalty stops",
    ]
    assert Hold.objects.get(pk=dispute).review_on == date(2026, 4, 19)
    assert Hold.objects.get(pk=hardship).owner_role == "senior_agent"

    # 2. What may still reach them.
    assert texts_that_pass(owner, desk.today) == {"notice", "reply", "service"}

    # 3. The verification is sent: two people lift the dispute, and penalty stands still all the same.
    desk.until(date(2026, 4, 1))
    outcome = holds.lift_hold(hold_id=dispute, on=desk.today, reason="verification sent", actor=AGENT)
    assert outcome.approval_id is not None
    approvals.approve(approval_id=outcome.approval_id, actor=LEAD)
    assert words(owner, desk.today) == ["calls pause; texts: status only; debits: ask first; penalty stops"]

    # 4. The hardship is looked at again by those whose it is.
    desk.until(date(2026, 4, 19))
    assert review_count(user=person("agent"), day=desk.today) == 1
    review = {
        "hold_id": hardship,
        "review_on": date(2026, 5, 10),
        "finding": "still looking for work",
        "as_of": desk.today,
    }
    with pytest.raises(ReviewIsOfAnother):
        review_hold(actor=AGENT, **review)
    review_hold(actor=CARE, take=True, **review)
    assert review_count(user=person("agent"), day=desk.today) == 0
    assert Hold.objects.get(pk=hardship).owner_name == "Barbara"

    # 5. A flood: two people hold the portfolio.
    desk.until(date(2026, 4, 25))
    bulk = BulkHold.objects.get(
        pk=prepare_bulk(
            name="Flood",
            reason="disaster",
            scopes=[],
            start=desk.today,
            end_exclusive=date(2026, 5, 25),
            choice=Choice(portfolio=PORTFOLIO),
            portfolios=[PORTFOLIO],
            actor=LEAD,
        )
    )
    preview = bulk_preview(bulk=bulk)
    assert preview.sentence == "2 borrowers, 2 of them overdue"
    ask_to_place_bulk(
        bulk_id=bulk.pk, reason="declared", consequence=placing_text(bulk=bulk, preview=preview), actor=LEAD
    )
    approvals.approve(approval_id=Approval.objects.get(state="pending").pk, actor=COMPLIANCE)
    _follow(bulk)
    assert words(desk.loan(neighbour).borrower_id, desk.today) == ["calls pause; texts: help only; penalty stops"]
    assert texts_that_pass(desk.loan(neighbour).borrower_id, desk.today) == {"notice", "reply", "service", "help"}
    assert texts_that_pass(owner, desk.today) == {"notice", "reply", "service"}

    # 6. The waters are gone; the hardship runs on, and penalty has grown on no day since 20 March.
    desk.until(date(2026, 5, 2))
    ask_to_lift_bulk(
        bulk_id=bulk.pk,
        on=desk.today,
        reason="waters are gone",
        consequence=lifting_text(bulk=bulk, on=desk.today),
        actor=LEAD,
    )
    approvals.approve(approval_id=Approval.objects.get(state="pending").pk, actor=COMPLIANCE)
    _follow(bulk)
    assert words(desk.loan(neighbour).borrower_id, desk.today) == []
    assert words(owner, desk.today) == ["calls pause; texts: status only; debits: ask first; penalty stops"]
    desk.pay(loan_id, "1.00")
    desk.pay(neighbour, "1.00")
    # 32 days from 16 February to 19 March, against 69 of the neighbour's, who had the seven of the flood.
    assert (penalty_of(loan_id), penalty_of(neighbour)) == (D("19.63"), D("42.33"))


def _follow(bulk):
    """What the worker does with the event."""
    ids = sorted(bulk.borrower_ids)
    follow_bulk_hold(bulk_id=bulk.pk, scopes=["penalty"], first_borrower_id=ids[0], last_borrower_id=ids[-1])
