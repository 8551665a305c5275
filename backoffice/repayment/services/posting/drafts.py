"""What is to be booked, and what came of it."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO
from backoffice.repayment.domain.components import Component
from backoffice.repayment.domain.operations import Operation, OperationKind, Surplus
from backoffice.repayment.selectors.states import LoanId, OperationId

MOVED_ALREADY: Final = frozenset({"autopay", "settlement"})
"""Sources whose money a bank has moved: it is booked whatever is owed, on a loan that is paid off it is held."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Something to be booked on a loan. Amounts in major units of the loan's currency.

    `external_id` makes the draft idempotent within its `source`; `reverses` names the operation a reversal takes back.
    """

    loan_id: LoanId
    kind: OperationKind | str
    value_date: date
    amount: Decimal = ZERO
    currency: str | None = None
    surplus: Surplus | None = None
    components: dict[Component, Decimal] = field(default_factory=dict)
    creditor: str = ""
    reverses: OperationId | None = None
    source: str = "console"
    external_id: str = ""
    channel: str = ""
    reference: str = ""
    reason: str = ""
    payment_file_id: int | None = None


@dataclass(frozen=True, slots=True)
class Booked:
    """A draft that is in the books now."""

    operation_id: OperationId
    loan_id: LoanId


@dataclass(frozen=True, slots=True)
class Refused:
    """A draft that is not, and why."""

    refusal: Refusal


Outcome = Booked | Refused


def operation_of(draft: Draft, *, key: int) -> Operation:
    """The draft as the engine applies it."""
    return Operation(
        kind=draft.kind,  # type: ignore[arg-type]
        value_date=draft.value_date,
        key=key,
        amount=draft.amount,
        surplus=draft.surplus,
        components=draft.components,
        creditor=draft.creditor,
        is_here=draft.source in MOVED_ALREADY,
    )


def booked_as(draft: Draft, *, key: int) -> Booked:
    """The outcome of a draft that stands in the books under that operation."""
    return Booked(operation_id=OperationId(key), loan_id=draft.loan_id)
