"""A small book the console's tests read and act on: one loan like the drawn one, one elsewhere, one closed."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.test import Client

from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Borrower
from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.models import Loan
from backoffice.repayment.services.opening import Opening, PastOperation, open_and_replay
from tests.staff.factories import TeamFactory, logged_in, person

TODAY = date(2026, 11, 22)
TERMS = Terms(currency="CNY", method="equal_installment", annual_rate=Decimal("0.18"), periods=12)


@dataclass(frozen=True, slots=True)
class Book:
    """The loans of the book by what they are."""

    late: Loan
    elsewhere: Loan
    closed: Loan


def open_book() -> Book:
    """12,000 at 18 % over 12 months since 18 June, three bills paid, on 22 November: 35 days past due."""
    BusinessDay.objects.update_or_create(pk=BusinessDay.ONLY, defaults={"today": TODAY})
    payments = tuple(
        PastOperation(
            kind="payment",
            value_date=date(2026, month, 18),
            amount=Decimal("1100.16"),
            external_id=f"paid-{month}",
            channel="bank_transfer",
        )
        for month in (7, 8, 9)
    )
    single = Terms(currency="CNY", method="single_payment", annual_rate=Decimal("0.12"), periods=1)
    repaid = PastOperation(kind="payment", value_date=date(2026, 9, 1), amount=Decimal("1010.00"), external_id="repaid")
    loans = [
        _opening("L-LATE", portfolio="north", borrower="BR-1", disbursed_on=date(2026, 6, 18), history=payments),
        _opening("L-ELSEWHERE", portfolio="south", borrower="BR-2", disbursed_on=date(2026, 8, 1)),
        _opening(
            "L-CLOSED",
            portfolio="north",
            borrower="BR-3",
            disbursed_on=date(2026, 8, 1),
            terms=single,
            principal="1000.00",
            history=(repaid,),
        ),
    ]
    late, elsewhere, closed = open_and_replay(loans=loans, business_date=TODAY, actor=SYSTEM)
    return Book(
        late=Loan.objects.get(pk=late), elsewhere=Loan.objects.get(pk=elsewhere), closed=Loan.objects.get(pk=closed)
    )


def open_more(*, count: int) -> None:
    """Further loans of the late loan's borrower, so that a page has more rows."""
    borrower = Borrower.objects.get(external_id="BR-1")
    open_and_replay(
        loans=[
            Opening(
                external_id=f"L-MORE-{number}",
                portfolio="north",
                borrower_id=borrower.pk,
                terms=TERMS,
                principal=Decimal("6000.00"),
                disbursed_on=date(2026, 5, 1) + timedelta(days=number),
            )
            for number in range(count)
        ],
        business_date=TODAY,
        actor=SYSTEM,
    )


def as_role(role: str, *portfolios: str) -> Client:
    """A browser with a person of the role logged in, of a team that sees the portfolios (all when none is named)."""
    user = person(role, team=TeamFactory(portfolios=list(portfolios)))
    return logged_in(Client(), user)


def _opening(
    external_id: str,
    *,
    portfolio: str,
    borrower: str,
    disbursed_on: date,
    terms: Terms = TERMS,
    principal: str = "12000.00",
    history: tuple[PastOperation, ...] = (),
) -> Opening:
    row = Borrower.objects.create(external_id=borrower, source="testbook", portfolio=portfolio)
    return Opening(
        external_id=external_id,
        portfolio=portfolio,
        borrower_id=row.pk,
        terms=terms,
        principal=Decimal(principal),
        disbursed_on=disbursed_on,
        history=history,
    )
