"""A small book to call the API on: the loan of mechanics 3.2, its first bill 47 days past due on the business date."""

from datetime import date
from decimal import Decimal
from typing import Any

from rest_framework.test import APIClient

from backoffice.audit.models import ApprovalLimit
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.repayment.models import Loan
from backoffice.repayment.services.opening import Opening, open_and_replay
from backoffice.staff.models import User
from tests.customers.factories import borrower
from tests.repayment.cases import TWELVE_MONTHS
from tests.staff.factories import TeamFactory, person

DISBURSED = date(2026, 1, 15)
TODAY = date(2026, 4, 3)
API = "/api/v1/repayment"


def open_book(*, today: date = TODAY) -> None:
    """The business day, and limits that let a team lead do everything alone and an agent waive 10.00."""
    open_first_day(day=today, actor=SYSTEM)
    ApprovalLimit.objects.all().delete()
    verbs = ("waive", "refund", "charge_off", "write_off", "buy_back", "reverse")
    ApprovalLimit.objects.bulk_create(
        ApprovalLimit(verb=f"repayment.{verb}", role="team_lead", max_amount=None, alone=True) for verb in verbs
    )
    ApprovalLimit.objects.create(
        verb="repayment.waive", role="agent", max_amount=Decimal("10.00"), currency="CNY", alone=True
    )


def open_loan(*, external_id: str = "L-1", portfolio: str = "consumer", today: date = TODAY, **changes: Any) -> Loan:
    """A loan of 12,000.00 CNY over twelve months at 18 %, disbursed on 15 January 2026."""
    owner = borrower(external_id=f"B-{external_id}", portfolio=portfolio)
    opening = Opening(
        **{
            "external_id": external_id,
            "portfolio": portfolio,
            "borrower_id": owner.pk,
            "terms": TWELVE_MONTHS,
            "principal": Decimal("12000.00"),
            "disbursed_on": DISBURSED,
        }
        | changes
    )
    (loan_id,) = open_and_replay(loans=[opening], business_date=today, actor=SYSTEM)
    return Loan.objects.get(pk=loan_id)


def caller(*roles: str, portfolios: tuple[str, ...] = ()) -> APIClient:
    """A program that speaks for a person of a team."""
    return caller_for(person(*roles, team=TeamFactory(portfolios=list(portfolios))))


def caller_for(user: User) -> APIClient:
    """A program that speaks for this person."""
    client = APIClient()
    client.force_authenticate(user)
    return client


def post(client: APIClient, path: str, body: Any, *, key: str = "k-1", fmt: str = "json") -> Any:
    """A call that moves money."""
    return client.post(f"{API}/{path}", body, format=fmt, HTTP_IDEMPOTENCY_KEY=key)
