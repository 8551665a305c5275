"""Money a person has to place: held for borrowers who owe nothing any more, and what the books refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.models import DebitCommand, Loan, Operation
from backoffice.staff.models import User

MOST: Final = 200
"""How many of each a page shows, the oldest first."""


@dataclass(frozen=True, slots=True)
class MoneyToPlace:
    """Loans that are paid off and hold money, with the days since, and debits that are not in the books as they stand.

    `held` and `unbooked` are at most `MOST` long; the counts are of all.
    """

    held: Sequence[tuple[Loan, int]]
    held_count: int
    unbooked: Sequence[DebitCommand]
    unbooked_count: int


def money_to_place(*, user: User, today: date) -> MoneyToPlace:
    """What waits in the portfolios the person works on; four queries."""
    held = Loan.objects.visible_to(user).filter(status=Loan.Status.CLOSED, suspense__gt=0)
    unbooked = unbooked_debits(user=user)
    oldest = held.select_related("borrower").order_by(F("closed_on").asc(nulls_first=True), "pk")[:MOST]
    return MoneyToPlace(
        held=[(loan, (today - loan.closed_on).days if loan.closed_on else 0) for loan in oldest],
        held_count=held.count(),
        unbooked=list(unbooked.select_related("loan", "rail").order_by("succeeded_at", "pk")[:MOST]),
        unbooked_count=unbooked.count(),
    )


def unbooked_debits(*, user: User) -> QuerySet[DebitCommand]:
    """Debits that brought money the books refused, or whose return they refused and nobody has booked since."""
    is_booked_since = Exists(Operation.objects.filter(reverses_id=OuterRef("operation_id")))
    came = Q(state=CommandState.SUCCEEDED.value)
    went = Q(state=CommandState.RETURNED.value, operation_id__isnull=False) & ~is_booked_since
    return DebitCommand.objects.visible_to(user).filter(came | went, is_unplaced=True)
