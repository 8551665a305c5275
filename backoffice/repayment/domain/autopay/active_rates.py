"""主动还款: whether payments borrowers set off succeed, and how many bills they settle by themselves. metrics M30.

Two questions: the first is about the product, the second about habit. Neither is about debits (`rates`).
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ActiveCounts:
    """Payments by link that were set off, and those that `succeeded`; bills `due`, and those `settled` by the user."""

    orders: int = 0
    succeeded: int = 0
    due: int = 0
    settled: int = 0

    @property
    def success_rate(self) -> Decimal | None:
        """`active_repay_success_rate`: successful orders / all orders; None without any."""
        return Decimal(self.succeeded) / Decimal(self.orders) if self.orders else None

    @property
    def share(self) -> Decimal | None:
        """`active_repay_share`: bills settled by the user / bills due; None where none was due."""
        return Decimal(self.settled) / Decimal(self.due) if self.due else None
