"""代扣成功率: the four success rates of debits. metrics M31 and 1.8-B; they answer four questions and differ."""

from dataclasses import dataclass
from decimal import Decimal

from backoffice.core.money import ZERO


@dataclass(frozen=True, slots=True)
class DebitCounts:
    """What a day of debits came to, of the bills due on it.

    `bills` submitted and those `settled` by debit; `commands` and those that `succeeded`; bills whose first
    command was one of these (`first_tried`: all of them, unless the day is cut) and those of which it succeeded
    (`first`); `due` the amount submitted and `debited` of it, partial debits included. Major units.
    """

    bills: int = 0
    settled: int = 0
    commands: int = 0
    succeeded: int = 0
    first: int = 0
    first_tried: int = 0
    due: Decimal = ZERO
    debited: Decimal = ZERO

    @property
    def by_bill(self) -> Decimal | None:
        """Bills settled by debit / bills submitted."""
        return _rate(self.settled, self.bills)

    @property
    def by_amount(self) -> Decimal | None:
        """Amount debited / amount submitted."""
        return _rate(self.debited, self.due)

    @property
    def by_attempt(self) -> Decimal | None:
        """Successful commands / all commands."""
        return _rate(self.succeeded, self.commands)

    @property
    def by_first_attempt(self) -> Decimal | None:
        """Bills whose first command succeeded / bills submitted; of a part, of those first tried in it."""
        return _rate(self.first, self.first_tried)


def _rate(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    return Decimal(part) / Decimal(whole) if whole else None
