"""A loan as the rules see it: its bills, its surplus, and what has been decided about it. No database here."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Literal

from backoffice.core.money import ZERO
from backoffice.repayment.domain.components import (
    COMPONENTS,
    PENALTY,
    PRINCIPAL,
    SCHEDULED,
    Component,
)
from backoffice.repayment.domain.terms import ScheduledRow, Terms

LoanStatus = Literal["active", "closed", "charged_off"]
HoldScope = Literal["aging", "penalty"]


@dataclass(frozen=True, slots=True)
class HoldPeriod:
    """A stretch of days `[start, end)` in which the clock named by `scope` stands still; `end` None is open."""

    scope: HoldScope
    start: date
    end: date | None
    id: int | None = None
    reason: str = ""


def _nothing() -> dict[Component, Decimal]:
    return dict.fromkeys(COMPONENTS, ZERO)


@dataclass(slots=True)
class Bill:
    """One installment: what was charged, paid and waived per component (major units, never negative remainders).

    `overdue_base_days` is the sum of overdue base x days so far, from which the exact penalty follows: keeping the sum
    instead of a rounded penalty makes the penalty the same however often it is charged. `compound_base` is the penalty
    that stood unpaid at the last month end, when the terms compound.
    """

    number: int
    due_date: date
    days: int = 0
    charged: dict[Component, Decimal] = field(default_factory=_nothing)
    paid: dict[Component, Decimal] = field(default_factory=_nothing)
    waived: dict[Component, Decimal] = field(default_factory=_nothing)
    overdue_base_days: Decimal = ZERO
    compound_base: Decimal = ZERO
    settled_on: date | None = None
    from_version: int = 1
    to_version: int | None = None
    id: int | None = None

    def remaining(self, component: Component) -> Decimal:
        """What is still owed of one component."""
        return self.charged[component] - self.paid[component] - self.waived[component]

    def remaining_total(self) -> Decimal:
        """What is still owed on the bill, penalty charged so far included."""
        return sum(self.charged.values(), ZERO) - sum(self.paid.values(), ZERO) - sum(self.waived.values(), ZERO)

    def remaining_scheduled(self) -> Decimal:
        """What is still owed of the schedule itself, penalty left out."""
        return self.remaining_total() - self.remaining(PENALTY)

    def scheduled_total(self) -> Decimal:
        """What the schedule asked for on this bill."""
        return sum((self.charged[c] for c in SCHEDULED), ZERO)

    def paid_total(self) -> Decimal:
        """Money received on the bill, every component."""
        return sum((self.paid[c] for c in COMPONENTS), ZERO)


@dataclass(slots=True)
class LoanState:
    """The state of one loan between two days: everything after the close of `closed_through` is still open.

    `bills` may end with the next bill to fall due when nothing that happens to the loan can reach further ahead;
    `principal_ahead` and `total_ahead` are then what is owed on the bills after it.
    """

    terms: Terms
    principal: Decimal
    disbursed_on: date
    bills: list[Bill]
    closed_through: date
    accrued_through: date
    holds: tuple[HoldPeriod, ...] = ()
    suspense: Decimal = ZERO
    status: LoanStatus = "active"
    creditor: str = "lender"
    bucket: str = "M0"
    version: int = 1
    closed_on: date | None = None
    superseded: list[Bill] = field(default_factory=list)
    principal_ahead: Decimal = ZERO
    total_ahead: Decimal = ZERO

    def open_bills(self) -> list[Bill]:
        """Bills with anything left to pay, in order."""
        return [bill for bill in self.bills if bill.settled_on is None]

    def outstanding_principal(self) -> Decimal:
        """Principal the borrower still owes."""
        return sum([bill.remaining(PRINCIPAL) for bill in self.bills], self.principal_ahead)

    def outstanding_total(self) -> Decimal:
        """Everything the borrower still owes, penalty charged so far included."""
        return sum([bill.remaining_total() for bill in self.bills], self.total_ahead)

    def overdue_amount(self, *, as_of: date) -> Decimal:
        """What is left of the bills due before `as_of`, charged penalty included."""
        return sum(
            (bill.remaining_total() for bill in self.bills if bill.due_date < as_of),
            ZERO,
        )


def is_met(bill: Bill, *, terms: Terms) -> bool:
    """True when too little of the scheduled amounts is left to call the bill unpaid (tolerance of the terms).

    Penalty alone does not keep a bill unpaid for aging: no further penalty grows on it.
    """
    remaining = bill.remaining_scheduled()
    if remaining <= 0:
        return True
    tolerance = terms.tolerance
    if not tolerance.floor and not tolerance.percent:
        return False
    return remaining <= max(tolerance.floor, bill.scheduled_total() * tolerance.percent)


def write_off_limit(state: LoanState) -> Decimal:
    """The most that may be left for a small-balance write-off: max(floor, percent of the principal)."""
    tolerance = state.terms.tolerance
    return max(tolerance.floor, state.principal * tolerance.percent)


def oldest_unpaid(state: LoanState) -> Bill | None:
    """The first bill that is not met, past or future; None when every bill is."""
    for bill in state.bills:
        if bill.settled_on is None and not is_met(bill, terms=state.terms):
            return bill
    return None


def bills_of(rows: Iterable[ScheduledRow]) -> list[Bill]:
    """Fresh bills of a computed schedule."""
    return [
        Bill(
            number=row.number,
            due_date=row.due_date,
            days=row.days,
            charged={
                "principal": row.principal,
                "interest": row.interest,
                "fee": row.fee,
                "guarantee_fee": row.guarantee_fee,
                PENALTY: ZERO,
            },
        )
        for row in rows
    ]


def new_state(
    *,
    terms: Terms,
    principal: Decimal,
    disbursed_on: date,
    rows: Iterable[ScheduledRow],
    holds: tuple[HoldPeriod, ...] = (),
) -> LoanState:
    """The loan on the morning of its disbursement."""
    return state_of(terms=terms, principal=principal, disbursed_on=disbursed_on, bills=bills_of(rows), holds=holds)


def state_of(
    *,
    terms: Terms,
    principal: Decimal,
    disbursed_on: date,
    bills: list[Bill],
    holds: tuple[HoldPeriod, ...],
) -> LoanState:
    """The loan on the morning of its disbursement, from bills on which nothing was paid yet.

    A bill that asks for nothing, as an interest-only one does without a rate, is settled from the start.
    """
    for bill in bills:
        if bill.remaining_total() <= 0:
            bill.settled_on = disbursed_on
    return LoanState(
        terms=terms,
        principal=principal,
        disbursed_on=disbursed_on,
        bills=bills,
        closed_through=date.fromordinal(disbursed_on.toordinal() - 1),
        accrued_through=disbursed_on,
        holds=holds,
        bucket=terms.bands[0].code,
    )


def copy_of(state: LoanState) -> LoanState:
    """A state that can be tried on without touching this one."""
    return replace(
        state,
        bills=[
            replace(bill, charged=dict(bill.charged), paid=dict(bill.paid), waived=dict(bill.waived))
            for bill in state.bills
        ],
        superseded=[],
    )
