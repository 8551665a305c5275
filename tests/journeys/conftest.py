"""A lender to live with: a desk where people work on a business date, and nights that close it.

Whatever a journey did, at its end the books agree with themselves and a replay of every loan finds nothing to change.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from backoffice.calendars.selectors import business_date
from backoffice.calendars.services import begin_close, finish_close, open_first_day
from backoffice.core.actors import SYSTEM, Actor
from backoffice.dayend.models import SetAside
from backoffice.dayend.services import close_day
from backoffice.repayment.domain.aging import month_end
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.loan_pages import payoff_quote
from backoffice.repayment.selectors.states import LoanId, OperationId
from backoffice.repayment.selectors.verification import verify_book
from backoffice.repayment.services import holds, verbs
from backoffice.repayment.services.closing import due_loans
from backoffice.repayment.services.posting import Booked
from tests.journeys.tables import moves_of, schedule_of
from tests.repayment.cases import D
from tests.repayment.factories import open_loan, replay_changes

AGENT = Actor("staff", 1, "Ada", frozenset({"agent"}))
LEAD = Actor("staff", 2, "Grace", frozenset({"team_lead"}))
ADMIN = Actor("staff", 3, "Edsger", frozenset({"admin"}))


class Desk:
    """What people do, in the order they do it; money is dated on the business date unless told."""

    def open(self, day: date) -> None:
        """The lender's first business day."""
        open_first_day(day=day, actor=SYSTEM)

    @property
    def today(self) -> date:
        """The business date."""
        return business_date()

    def disburse(self, **loan: Any) -> LoanId:
        """A loan paid out today."""
        return open_loan(disbursed_on=self.today, business_date=self.today, **loan)

    def until(self, morning: date) -> None:
        """Every night up to that morning; on days nothing falls due only the date moves on."""
        while (day := self.today) < morning:
            if due_loans(day=day) or day == month_end(day):
                close_day(day=day, actor=SYSTEM, threads=1)
            else:
                begin_close(day=day, actor=SYSTEM)
                finish_close(day=day, seconds=D("0.0"), actor=SYSTEM)

    def pay(self, loan_id: LoanId, amount: str, *, on: date | None = None, **payment: Any) -> OperationId:
        """A payment comes in."""
        return verbs.post_payment(
            loan_id=loan_id,
            amount=D(amount),
            currency="CNY",
            value_date=on or self.today,
            actor=AGENT,
            **payment,
        ).operation_id

    def quote(self, loan_id: LoanId) -> Any:
        """What settles the loan today."""
        return payoff_quote(loan_id=loan_id, on=self.today, business_date=self.today)

    def pay_off(self, loan_id: LoanId, amount: str) -> OperationId:
        """The borrower pays what was quoted."""
        return verbs.pay_off(
            loan_id=loan_id, amount=D(amount), currency="CNY", value_date=self.today, actor=AGENT
        ).operation_id

    def waive(self, loan_id: LoanId, *, actor: Actor = LEAD, **components: str) -> verbs.Answer:
        """Interest or penalty is waived."""
        return verbs.waive(
            loan_id=loan_id,
            components={name: D(amount) for name, amount in components.items()},  # type: ignore[misc]
            value_date=self.today,
            actor=actor,
            reason="hardship",
        )

    def take_back(self, operation_id: OperationId) -> None:
        """An operation is reversed."""
        answer = verbs.reverse(operation_id=operation_id, actor=LEAD, reason="came back from the bank")
        assert isinstance(answer, Booked)

    def hold(self, loan_id: LoanId, scope: str, start: date, end: date | None, *, all_loans: bool = False) -> None:
        """A clock stands still, of this loan or of all the borrower has."""
        holds.place_hold(
            borrower_id=Loan.objects.get(pk=loan_id).borrower_id,
            scopes=[scope],
            start=start,
            end_exclusive=end,
            reason="other",
            note="under review",
            actor=LEAD,
            loan_id=None if all_loans else loan_id,
        )

    def loan(self, loan_id: LoanId) -> Loan:
        """The loan as it stands."""
        return Loan.objects.get(pk=loan_id)

    def schedule(self, loan_id: LoanId) -> str:
        """The whole schedule as a table."""
        return schedule_of(loan_id)

    def moves(self, loan_id: LoanId) -> list[str]:
        """The buckets the loan went through."""
        return moves_of(loan_id)


@pytest.fixture
def desk(db: None) -> Desk:
    """An empty lender."""
    return Desk()


@pytest.fixture(autouse=True)
def _books_agree(db: None) -> Iterator[None]:
    yield
    if not Loan.objects.exists():
        return
    today = business_date()
    assert list(verify_book(business_date=today)) == []
    assert not SetAside.objects.exists()
    for loan_id in Loan.objects.values_list("pk", flat=True):
        assert replay_changes(LoanId(loan_id), business_date=today) == {}
