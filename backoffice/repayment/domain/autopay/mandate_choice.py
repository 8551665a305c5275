"""Which of a borrower's agreements a debit goes over: in the configuration's mandate order, then that of its rails.

`sql/commands_to_build.sql` says the same for the commands of a slot.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from backoffice.repayment.domain.autopay.amounts import Room
from backoffice.repayment.domain.autopay.configuration import Configuration, MandateOrder


@dataclass(frozen=True, slots=True)
class Agreement:
    """An active agreement as a choice looks at it; `room` is what agreement, bank and channel allow together."""

    id: int
    rail: str
    currency: str
    priority: int = 1
    last_success_on: date | None = None
    room: Room = field(default_factory=Room)


def in_order(agreements: Iterable[Agreement], *, configuration: Configuration, currency: str) -> list[Agreement]:
    """The agreements a debit of a currency may go over, the first to use first."""
    usable = [each for each in agreements if each.currency == currency and each.rail in configuration.rails]
    return sorted(
        usable,
        key=lambda each: (_place(each, configuration), configuration.rails.index(each.rail), each.priority, each.id),
    )


def _place(agreement: Agreement, configuration: Configuration) -> int:
    match configuration.mandate_order:
        case MandateOrder.NEWEST:
            return -agreement.id
        case MandateOrder.LAST_SUCCESS:
            return -agreement.last_success_on.toordinal() if agreement.last_success_on else 0
        case _:
            return agreement.priority
