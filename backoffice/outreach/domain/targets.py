"""Whom a campaign may write to, as the loan book above tells of them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLoan:
    """The loan a borrower is written to about: its oldest unpaid bill, what is left of it and of all past due."""

    loan_id: int
    number: str
    due_date: date
    amount: Decimal
    overdue: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A borrower of the audience as the book tells of them; `loan` where the audience asks for a running one."""

    borrower_id: int
    language: str
    time_zone: str
    loan: TargetLoan | None = None
