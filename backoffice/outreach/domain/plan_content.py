"""What the contents of reminder plans, audiences and campaigns share: faults by field, and how values are read."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from backoffice.outreach.domain.channels import MESSAGES, Channel

MINUTES_OF_A_DAY: Final = 1440
MOST_HELD_OUT: Final = Decimal("0.50")


@dataclass(frozen=True, slots=True)
class PlanFault:
    """What is wrong: the step ("" for the whole), the field, and a word for it that the edges put into a sentence."""

    step: str
    field: str
    problem: str


class PlanFaulty(ValueError):
    """The content cannot be run; `faults` lists everything wrong with it."""

    def __init__(self, faults: Collection[PlanFault]) -> None:
        self.faults = tuple(faults)
        super().__init__(", ".join(f"{fault.step}.{fault.field}: {fault.problem}" for fault in self.faults))


def clock_of(minute: int) -> str:
    """Minutes since midnight as people write a time."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def minute_in(value: Any) -> int | None:
    """Minutes since midnight of a time such as "10:00"; None for anything else."""
    hours, colon, minutes = str(value or "").partition(":")
    if not colon or not (hours.isdecimal() and minutes.isdecimal()) or len(minutes) != 2:
        return None
    minute = int(hours) * 60 + int(minutes)
    return minute if int(minutes) < 60 and 0 <= minute < MINUTES_OF_A_DAY else None


def amount_in(value: Any) -> Decimal | None:
    """An amount that is not negative, in major units; None for anything else."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def whole_in(value: Any, *, least: int, most: int) -> int | None:
    """A whole number within bounds; None for anything else."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and least <= value <= most else None


def day_in(value: Any) -> date | None:
    """A date written as ISO 8601; None for anything else."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def channels_in(value: Any) -> tuple[Channel, ...] | None:
    """Channels in their order, each once; None for anything else, the human call among them."""
    if not isinstance(value, list) or not value or not all(channel in set(MESSAGES) for channel in value):
        return None
    return tuple(Channel(channel) for channel in value) if len(set(value)) == len(value) else None


def share_in(value: Any, *, most: Decimal = MOST_HELD_OUT) -> Decimal | None:
    """The share left alone, with at most four decimals; None for anything else."""
    share = amount_in(value)
    return share if share is not None and share <= most and share == round(share, 4) else None
