"""The waterfall: which bill and which component a sum of money pays. Policy text, mechanics 3.6."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from backoffice.repayment.domain.bills import Bill
from backoffice.repayment.domain.components import PRINCIPAL, Component
from backoffice.repayment.domain.terms import AllocationRule


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a payment: what it pays off on one bill."""

    bill: Bill
    component: Component
    amount: Decimal


def allocate(*, amount: Decimal, bills: Sequence[Bill], rule: AllocationRule, dpd: int) -> list[Share]:
    """Divide `amount` over `bills` (oldest first) by the rule; the shares never sum to more than what is owed.

    Vertical finishes one bill before the next; horizontal finishes one component over all bills before the next.
    Beyond `principal_first_after_dpd` days all overdue principal comes first, then the rest by the same rule.
    """
    shares: list[Share] = []
    left = amount
    for bill, component in _order(bills=bills, rule=rule, dpd=dpd):
        if left <= 0:
            break
        owed = bill.remaining(component)
        if owed > 0:
            part = min(owed, left)
            shares.append(Share(bill=bill, component=component, amount=part))
            left -= part
    return shares


def bills_in_reach(*, bills: Iterable[Bill], as_of: date) -> list[Bill]:
    """Bills a payment on `as_of` must serve first: past due, then due today."""
    return [bill for bill in bills if bill.due_date <= as_of]


def _order(*, bills: Sequence[Bill], rule: AllocationRule, dpd: int) -> Iterator[tuple[Bill, Component]]:
    components: tuple[Component, ...] = rule.order
    if rule.principal_first_after_dpd is not None and dpd > rule.principal_first_after_dpd:
        for bill in bills:
            yield bill, PRINCIPAL
        components = tuple(c for c in components if c != PRINCIPAL)
    if rule.mode == "vertical":
        for bill in bills:
            for component in components:
                yield bill, component
    else:
        for component in components:
            for bill in bills:
                yield bill, component
