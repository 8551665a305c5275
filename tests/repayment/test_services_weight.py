"""What waits for a second person weighs what it weighs when they agree, not what it weighed when it was asked for."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from backoffice.audit import approvals
from backoffice.audit.models import Approval, ApprovalLimit
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM, Actor
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.loan_pages import loan_as_of
from backoffice.repayment.services import verbs
from tests.repayment.factories import ADA, close_days, open_loan, post, take_back

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
