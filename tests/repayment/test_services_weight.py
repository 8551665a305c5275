"""What waits for a second person weighs what it weighs when they agree, not what it weighed when it was asked for."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from backoffice.audit import approvals
from backoffice.audit.models import Approval, ApprovalLimit, AuditEntry
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM, Actor
from backoffice.repayment.models import Loan, Operation
from backoffice.repayment.selectors.loan_pages import loan_as_of
from backoffice.repayment.services import verbs
from backoffice.repayment.services.opening import PastOperation
from tests.repayment.factories import ADA, close_days, open_loan, post, take_back
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db

TODAY = date(2026, 2, 10)
SMALL = Actor("staff", 11, "Grace", frozenset({"team_lead"}))
LARGE = Actor("staff", 12, "Edsger", frozenset({"admin"}))


@pytest.fixture
def asked():
    """A charge-off asked for while 100.00 were owed; the payment that left so little, and the loan."""
    open_first_day(day=TODAY, actor=SYSTEM)
    ApprovalLimit.objects.filter(verb="repayment.charge_off").delete()
    ApprovalLimit.objects.bulk_create(
        ApprovalLimit(verb="repayment.charge_off", role=role, max_amount=amount, currency="CNY", alone=False)
        for role, amount in (("team_lead", Decimal("100.00")), ("admin", Decimal("50000.00")))
    )
    loan_id = open_loan(business_date=TODAY)
    paid = Loan.objects.get(pk=loan_id).outstanding_total - 100
    payment = post(loan_id, paid, TODAY, surplus="next_installment")
    answer = verbs.charge_off(loan_id=loan_id, value_date=TODAY, actor=ADA, reason="no hope")
    return loan_id, payment, answer.approval_id


def test_a_request_that_grew_is_not_carried_out_under_the_limit_it_was_made_for(asked):
    loan_id, payment, approval_id = asked
    take_back(loan_id, payment, business_date=TODAY)

    with pytest.raises(approvals.BeyondLimit) as refused:
        approvals.approve(approval_id=approval_id, actor=SMALL)

    assert refused.value.message == (
        "By now this is about ¥\u00a013,201.95, no longer about ¥\u00a0100.00: your roles may not decide it."
    )
    assert refused.value.next_step == "Leave it to a colleague whose limit reaches it, or decline it."
    assert Approval.objects.get(pk=approval_id).state == "pending"
    assert Loan.objects.get(pk=loan_id).status == "active"

    approvals.approve(approval_id=approval_id, actor=LARGE)
    assert Loan.objects.get(pk=loan_id).status == "charged_off"


def test_a_request_that_weighs_what_it_weighed_is_carried_out(asked):
    loan_id, _payment, approval_id = asked
    assert approvals.approve(approval_id=approval_id, actor=SMALL).state == "approved"
    assert Loan.objects.get(pk=loan_id).status == "charged_off"


def test_a_request_that_grew_may_still_be_declined(asked):
    loan_id, payment, approval_id = asked
    take_back(loan_id, payment, business_date=TODAY)
    assert approvals.decline(approval_id=approval_id, actor=SMALL, note="see it paid first").state == "declined"


def test_the_penalty_grown_since_it_was_charged_last_weighs_too():
    opened = date(2026, 1, 15)
    loan_id = open_loan(disbursed_on=opened, business_date=opened)
    today = date(2026, 3, 20)
    close_days(opened, today - timedelta(days=1))
    open_first_day(day=today, actor=SYSTEM)
    ApprovalLimit.objects.filter(verb="repayment.charge_off").delete()

    answer = verbs.charge_off(loan_id=loan_id, value_date=today, actor=ADA, reason="no hope")

    loan = Loan.objects.get(pk=loan_id)
    shown = loan_as_of(loan_id=loan_id, as_of=today, business_date=today)
    grown = sum(bill.penalty - bill.bill.remaining("penalty") for bill in shown.bills)
    assert grown > 0
    assert Approval.objects.get(pk=answer.approval_id).amount == loan.outstanding_total + grown


def limit(verb: str, *, team_lead: str) -> None:
    """Nobody decides alone; a team lead decides so much, an admin anything."""
    ApprovalLimit.objects.filter(verb=verb).delete()
    ApprovalLimit.objects.bulk_create(
        ApprovalLimit(verb=verb, role=role, max_amount=Decimal(amount), currency="CNY", alone=False)
        for role, amount in (("team_lead", team_lead), ("admin", "50000.00"))
    )


def test_a_charge_off_set_in_the_past_weighs_what_it_books_and_not_what_is_owed_since():
    open_first_day(day=TODAY, actor=SYSTEM)
    limit("repayment.charge_off", team_lead="2000.00")
    loan_id = open_loan(business_date=TODAY)
    post(loan_id, "12000.00", TODAY, surplus="next_installment")
    owed = Loan.objects.get(pk=loan_id).outstanding_total

    answer = verbs.charge_off(loan_id=loan_id, value_date=TODAY - timedelta(days=1), actor=ADA, reason="no hope")

    assert owed < 2000 < Approval.objects.get(pk=answer.approval_id).amount
    with pytest.raises(approvals.BeyondLimit):
        approvals.approve(approval_id=answer.approval_id, actor=SMALL)
    approvals.approve(approval_id=answer.approval_id, actor=LARGE)
    booked = Operation.objects.get(loan_id=loan_id, kind="charge_off")
    assert booked.amount == Approval.objects.get(pk=answer.approval_id).amount
    assert AuditEntry.objects.get(verb="repayment.charge_off.booked").after["amount"] == str(booked.amount)


def test_taking_back_a_charge_off_that_came_with_the_book_weighs_what_it_gave_up():
    open_first_day(day=TODAY, actor=SYSTEM)
    limit("repayment.reverse", team_lead="2000.00")
    past = PastOperation(kind="charge_off", value_date=date(2026, 2, 1), amount=Decimal(0), external_id="1")
    loan_id = open_loan(business_date=TODAY, history=[past])
    charge_off = Operation.objects.get(loan_id=loan_id, kind="charge_off")
    assert charge_off.amount == Loan.objects.get(pk=loan_id).outstanding_total > 2000

    answer = verbs.reverse(operation_id=charge_off.pk, actor=ADA, reason="it pays again")

    assert Approval.objects.get(pk=answer.approval_id).amount == charge_off.amount
    with pytest.raises(approvals.BeyondLimit):
        approvals.approve(approval_id=answer.approval_id, actor=SMALL)


def test_the_panel_of_a_charge_off_asks_the_limits_about_the_same_amount(client):
    opened = date(2026, 1, 15)
    loan_id = open_loan(disbursed_on=opened, business_date=opened)
    today = date(2026, 3, 20)
    close_days(opened, today - timedelta(days=1))
    open_first_day(day=today, actor=SYSTEM)
    ApprovalLimit.objects.filter(verb="repayment.charge_off").delete()
    cached = Loan.objects.get(pk=loan_id).outstanding_total
    user = person("admin", team=TeamFactory(portfolios=["cash"]))
    ApprovalLimit.objects.create(
        verb="repayment.charge_off", role="admin", max_amount=cached, currency="CNY", alone=True
    )
    panel = logged_in(client, user).post(
        reverse("repayment:charge_off", args=[loan_id]),
        {"value_date": today.isoformat(), "reason": "no hope", "look": "1"},
        headers={"HX-Request": "true"},
    )
    assert "Ask for approval" in panel.content.decode()
