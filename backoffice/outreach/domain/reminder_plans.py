"""A reminder plan: when around a due date a borrower hears from the lender, by which channels, with which words.

The content is data: `{"steps": [{"id", "offset", "at", "until", "channels", "template", "least"}], "holdout": "0.10"}`.
`offset` counts days from the due date (-3: three days before), `at` and `until` are times of the borrower's day,
`channels` are tried in their order, `template` is the code of a template, `least` the least amount worth a message.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any, Final

from backoffice.outreach.domain.channels import MESSAGES, Channel
from backoffice.outreach.domain.purposes import Purpose

EARLIEST: Final = -30
LATEST: Final = 60
MOST_STEPS: Final = 20
MINUTES_OF_A_DAY: Final = 1440
APART_FROM_A_DEBIT: Final = 60
"""Minutes a message keeps from a debit of the same day: nobody should be asked to pay what is being collected."""
MOST_HELD_OUT: Final = Decimal("0.50")


@dataclass(frozen=True, slots=True)
class PlanFault:
    """What is wrong: the step ("" for the plan), the field, and a word for it that the edges put into a sentence."""

    step: str
    field: str
    problem: str


class PlanFaulty(ValueError):
    """The content is no plan; `faults` lists everything wrong with it."""

    def __init__(self, faults: Collection[PlanFault]) -> None:
        self.faults = tuple(faults)
        super().__init__(", ".join(f"{fault.step}.{fault.field}: {fault.problem}" for fault in self.faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message of the timeline; minutes since midnight at the borrower's place."""

    id: str
    offset: int
    at: int
    until: int
    channels: tuple[Channel, ...]
    template: str
    least: Decimal

    @property
    def purpose(self) -> Purpose:
        """Up to the due date a reminder; from the day after, it is collection by law, whatever it is called."""
        return Purpose.REMINDER if self.offset <= 0 else Purpose.COLLECTION


@dataclass(frozen=True, slots=True)
class ReminderContent:
    """The steps in the order they happen, and the share of borrowers left alone to compare with."""

    steps: tuple[Step, ...]
    holdout: Decimal


def parse(content: Mapping[str, Any], *, debit_minutes: Collection[int] = ()) -> ReminderContent:
    """The plan as it will run. Raises PlanFaulty with every fault, contradictions between steps included.

    `debit_minutes`: when debits are tried on the due date, in minutes since midnight.
    """
    faults: list[PlanFault] = []
    given = content.get("steps")
    raw = given if isinstance(given, list) else []
    if not raw or len(raw) > MOST_STEPS:
        faults.append(PlanFault("", "steps", "none" if not raw else "too_many"))
    steps = [step for number, each in enumerate(raw) if (step := _step(each, number, faults))]
    holdout = _share(content.get("holdout", "0"), faults)
    if not faults:
        faults += _contradictions(steps, debit_minutes)
    if faults:
        raise PlanFaulty(faults)
    return ReminderContent(tuple(sorted(steps, key=lambda step: (step.offset, step.at))), holdout)


def clock_of(minute: int) -> str:
    """Minutes since midnight as people write a time."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _step(raw: Any, number: int, faults: list[PlanFault]) -> Step | None:
    if not isinstance(raw, Mapping):
        faults.append(PlanFault(str(number + 1), "step", "not_a_step"))
        return None
    name = str(raw.get("id") or number + 1)
    before = len(faults)
    offset = raw.get("offset")
    if not isinstance(offset, int) or isinstance(offset, bool) or not EARLIEST <= offset <= LATEST:
        faults.append(PlanFault(name, "offset", "not_a_day"))
    at, until = _minute(raw.get("at")), _minute(raw.get("until"))
    for field, value in (("at", at), ("until", until)):
        if value is None:
            faults.append(PlanFault(name, field, "not_a_time"))
    if at is not None and until is not None and until <= at:
        faults.append(PlanFault(name, "until", "not_after_at"))
    channels = raw.get("channels")
    known = isinstance(channels, list) and all(channel in set(MESSAGES) for channel in channels)
    if not channels or not known or len(set(channels)) != len(channels):
        faults.append(PlanFault(name, "channels", "not_channels"))
    template = raw.get("template")
    if not isinstance(template, str) or not template:
        faults.append(PlanFault(name, "template", "missing"))
    least = _amount(raw.get("least", "0"))
    if least is None:
        faults.append(PlanFault(name, "least", "not_an_amount"))
    if len(faults) > before or at is None or until is None or least is None:
        return None
    return Step(
        id=name,
        offset=int(offset),  # type: ignore[arg-type]
        at=at,
        until=until,
        channels=tuple(Channel(channel) for channel in channels),  # type: ignore[union-attr]
        template=str(template),
        least=least,
    )


def _contradictions(steps: list[Step], debit_minutes: Collection[int]) -> Iterator[PlanFault]:
    """Steps that cannot stand side by side: of one name, on one day at one time, or amid a debit of the day."""
    seen: set[str] = set()
    for step in steps:
        if step.id in seen:
            yield PlanFault(step.id, "id", "twice")
        seen.add(step.id)
    ordered = sorted(steps, key=lambda step: (step.offset, step.at))
    for earlier, later in pairwise(ordered):
        if earlier.offset == later.offset and later.at < earlier.until:
            yield PlanFault(later.id, "at", "overlaps")
    for step in steps:
        near = [minute for minute in debit_minutes if step.at - APART_FROM_A_DEBIT < minute < step.until]
        if step.offset == 0 and near:
            yield PlanFault(step.id, "at", "amid_a_debit")


def _minute(value: Any) -> int | None:
    hours, colon, minutes = str(value or "").partition(":")
    if not colon or not (hours.isdecimal() and minutes.isdecimal()) or len(minutes) != 2:
        return None
    minute = int(hours) * 60 + int(minutes)
    return minute if int(minutes) < 60 and 0 <= minute < MINUTES_OF_A_DAY else None


def _amount(value: Any) -> Decimal | None:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def _share(value: Any, faults: list[PlanFault]) -> Decimal:
    share = _amount(value)
    if share is None or share > MOST_HELD_OUT or share != round(share, 4):
        faults.append(PlanFault("", "holdout", "not_a_share"))
        return Decimal(0)
    return share
