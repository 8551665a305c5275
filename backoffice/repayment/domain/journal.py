"""What applying the rules to a loan produces: transfers, bucket moves and month-end rows, in order."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from backoffice.repayment.domain.components import Account, Component


@dataclass(frozen=True, slots=True)
class Line:
    """One transfer to be: `amount` > 0 from the credit account to the debit account.

    `source` is the key of the operation that caused it; None when the passing of a day did.
    """

    kind: str
    debit: Account
    credit: Account
    amount: Decimal
    value_date: date
    component: Component | None = None
    number: int | None = None
    source: int | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A bucket change that holds from the opening of `on`; `source` as for lines."""

    on: date
    from_bucket: str
    to_bucket: str
    cause: str
    source: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The loan at the close of a month end."""

    month_end: date
    status: str
    creditor: str
    bucket: str
    dpd: int
    dpd_contract: int
    cycles: int
    outstanding_principal: Decimal
    overdue_amount: Decimal


@dataclass(frozen=True, slots=True)
class VersionChange:
    """A new schedule version that holds from `on`; `number` counts within the loan."""

    number: int
    on: date
    cause: str
    source: int | None = None


@dataclass(slots=True)
class Journal:
    """Collects what the rules produce, in the order they produce it."""

    lines: list[Line] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    versions: list[VersionChange] = field(default_factory=list)
