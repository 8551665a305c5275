"""Loans to try rules on, without a database: the loan of mechanics 3.2 (12,000 over 12 months at 18 %) unless told."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from backoffice.repayment.domain.bills import Bill, HoldPeriod, LoanState, new_state
from backoffice.repayment.domain.components import Component
from backoffice.repayment.domain.journal import Journal
from backoffice.repayment.domain.operations import Operation
from backoffice.repayment.domain.replay import fold
from backoffice.repayment.domain.schedule import build_schedule
from backoffice.repayment.domain.terms import ScheduledRow, Terms

TWELVE_MONTHS = Terms(currency="CNY", method="equal_installment", annual_rate=Decimal("0.18"), periods=12)
# The loan of the drawn loan page: disbursed on 18 June 2026, three bills paid on the day.
PAGE_LOAN_DISBURSED = date(2026, 6, 18)


def D(text: str) -> Decimal:
    """An exact amount."""
    return Decimal(text)


def terms(**changes: Any) -> Terms:
    """The terms of mechanics 3.2 with something changed."""
    return replace(TWELVE_MONTHS, **changes)


def loan(
    *,
    terms: Terms = TWELVE_MONTHS,
    principal: str = "12000.00",
    disbursed_on: date = date(2026, 1, 15),
    rows: Sequence[ScheduledRow] | None = None,
    holds: tuple[HoldPeriod, ...] = (),
) -> LoanState:
    """A loan on the morning of its disbursement."""
    amount = Decimal(principal)
    return new_state(
        terms=terms,
        principal=amount,
        disbursed_on=disbursed_on,
        rows=rows or build_schedule(terms=terms, principal=amount, disbursed_on=disbursed_on),
        holds=holds,
    )


def row(number: int, due_date: date, principal: str, interest: str = "0.00", *, balance: str = "0.00") -> ScheduledRow:
    """A bill of an explicit schedule."""
    return ScheduledRow(
        number=number,
        due_date=due_date,
        days=30,
        principal=Decimal(principal),
        interest=Decimal(interest),
        fee=D("0.00"),
        guarantee_fee=D("0.00"),
        balance=Decimal(balance),
    )


def bill(number: int, due_date: date, **charged: str) -> Bill:
    """A bill with these amounts charged and nothing paid."""
    fresh = Bill(number=number, due_date=due_date)
    for component, amount in charged.items():
        fresh.charged[component] = Decimal(amount)  # type: ignore[index]
    return fresh


def payment(amount: str, on: date, *, key: int = 1, **changes: Any) -> Operation:
    """A payment of cash."""
    return Operation(kind="payment", value_date=on, key=key, amount=Decimal(amount), **changes)


def hold(scope: str, start: date, end: date | None) -> HoldPeriod:
    """A hold over `[start, end)`."""
    return HoldPeriod(scope=scope, start=start, end=end)  # type: ignore[arg-type]


def lived(state: LoanState, *operations: Operation, through: date) -> Journal:
    """The loan after these operations and every close through that day; what came of it."""
    return fold(state, operations=operations, through=through)


def page_loan(**changes: Any) -> LoanState:
    """The loan of the drawn loan page on the evening of 18 September: bills 1 to 3 paid."""
    state = loan(disbursed_on=PAGE_LOAN_DISBURSED, **changes)
    paid = [payment("1100.16", date(2026, month, 18), key=month) for month in (7, 8, 9)]
    fold(state, operations=paid, through=date(2026, 9, 18))
    return state


def after(day: date, days: int) -> date:
    """The day so many days later."""
    return day + timedelta(days=days)


def owed(bills: Sequence[Bill], component: Component) -> list[Decimal]:
    """What is left of one component, bill by bill."""
    return [each.remaining(component) for each in bills]
