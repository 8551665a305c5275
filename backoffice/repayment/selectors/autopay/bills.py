"""The bills autopay tries on a day under some versions, and how many loans there are to plan for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from backoffice.core.bulk import array_text, fetch
from backoffice.repayment.domain.autopay.amounts import AmountRule
from backoffice.repayment.domain.autopay.days import due_dates_for
from backoffice.repayment.selectors.autopay.in_force import Ruling, open_days
from backoffice.repayment.selectors.verification import statement

FIRST, LAST = 0, 2**62


@dataclass(frozen=True, slots=True)
class BillToDebit:
    """A bill to be tried: `amount` (major units) is what its version will ask for as things stand."""

    loan_id: int
    borrower_id: int
    installment_number: int
    from_version: int
    due_date: date
    version_id: int
    currency: str
    amount: Decimal


def bills_to_debit(
    *, day: date, rulings: Sequence[Ruling], first_id: int = FIRST, last_id: int = LAST, since: date | None = None
) -> list[BillToDebit]:
    """The bills of a day under these versions, of loans with ids in `[first_id, last_id]`, in order; one query.

    `since`: the first day that is not closed yet; None: the day itself, as when its debits are planned.
    """
    params = _params(day, rulings)
    if params is None:
        return []
    params |= {"day": day, "since": since or day, "first_id": first_id, "last_id": last_id}
    return [BillToDebit(*row) for row in fetch(statement("bills_to_debit.sql"), params)]


def debits_anything(*, day: date, rulings: Sequence[Ruling]) -> bool:
    """Whether any of the versions tries any bill on the day."""
    return _params(day, rulings) is not None


def _params(day: date, rulings: Sequence[Ruling]) -> dict[str, Any] | None:
    """The rulings as arrays side by side; None when none of them debits on the day."""
    tried = [
        (ruling.version_id, due_date)
        for ruling in rulings
        for due_date in due_dates_for(day, configuration=ruling.configuration, is_open=open_days(ruling))
    ]
    if not tried:
        return None
    return {
        "version": array_text((ruling.version_id for ruling in rulings), kind="bigint"),
        "portfolio": array_text((ruling.portfolio for ruling in rulings), kind="text"),
        "product": array_text((ruling.product_id or 0 for ruling in rulings), kind="bigint"),
        "funder": array_text((ruling.funder for ruling in rulings), kind="text"),
        "canary": array_text((ruling.is_canary for ruling in rulings), kind="boolean"),
        "each": array_text(
            (ruling.configuration.amount == AmountRule.CURRENT_ONLY for ruling in rulings), kind="boolean"
        ),
        "tried_version": array_text((version_id for version_id, _due in tried), kind="bigint"),
        "tried_on": array_text((due for _version, due in tried), kind="date"),
    }
