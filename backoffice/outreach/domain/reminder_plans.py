"""A reminder plan: when around a due date a borrower hears from the lender, by which channels, with which words.

The content is data: `{"steps": [{"id", "offset", "at", "until", "channels", "template"}], "holdout": "0.10"}`.
`offset` counts days from the due date (-3: three days before), `at` and `until` are times of the borrower's day,
`channels` are tried in their order, `template` is the code of a template. What a step may say besides: whom it is for
(`least` and `most` bound the amount of the bill, `currency` and `language` name one) and what stops it (`stops`, more
than what always does). What a plan may say besides: `debits`, the times of the due date at which debits are tried.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import combinations
from typing import Any, Final

from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.elements import CHINESE, ENGLISH, LANGUAGES
from backoffice.outreach.domain.plan_content import (
    PlanFault,
    PlanFaulty,
    amount_in,
    channels_in,
    minute_in,
    share_in,
)
from backoffice.outreach.domain.purposes import Purpose

EARLIEST: Final = -30
LATEST: Final = 60
MOST_STEPS: Final = 20
APART_FROM_A_DEBIT: Final = 60
"""Minutes a message keeps from a debit of the same day: nobody should be asked to pay what is being collected."""


class StopCondition(StrEnum):
    """What ends the steps about a bill that are still to come, or keeps one from leaving."""

    PAID = "paid"
    HOLD = "hold"
    DEBIT = "debit"
    EXTENSION = "extension"
    PROMISE = "promise"


ALWAYS: Final = frozenset({StopCondition.PAID, StopCondition.HOLD})
"""What stops every step, whatever it says: nobody is asked for what they paid, or while they are left in peace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Whose bills a step writes about: of an amount in major units, a currency, a language of the borrower.

    `most` is None and `currency` and `language` are empty where the step does not care.
    """

    least: Decimal = Decimal(0)
    most: Decimal | None = None
    currency: str = ""
    language: str = ""

    def takes(self, *, amount: Decimal, currency: str, language: str) -> bool:
        """True for a bill the step writes about; a borrower whose language is not Chinese is written to in English."""
        spoken = CHINESE if language.lower().startswith("zh") else ENGLISH
        return (
            self.least <= amount
            and (self.most is None or amount <= self.most)
            and self.currency in {"", currency}
            and self.language in {"", spoken}
        )

    def meets(self, other: "Audience") -> bool:
        """True when some bill may be one of both."""
        return (
            (self.most is None or other.least <= self.most)
            and (other.most is None or self.least <= other.most)
            and (not (self.currency and other.currency) or self.currency == other.currency)
            and (not (self.language and other.language) or self.language == other.language)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message of the timeline; minutes since midnight at the borrower's place."""

    id: str
    offset: int
    at: int
    until: int
    channels: tuple[Channel, ...]
    template: str
    audience: Audience
    stops: frozenset[StopCondition]

    @property
    def purpose(self) -> Purpose:
        """Up to the due date a reminder; from the day after, it is collection by law, whatever it is called."""
        return Purpose.REMINDER if self.offset <= 0 else Purpose.COLLECTION


@dataclass(frozen=True, slots=True)
class ReminderContent:
    """The steps in the order they happen, the share of borrowers left alone to compare with, and the debits between.

    `debits` are minutes since midnight of the due date.
    """

    steps: tuple[Step, ...]
    holdout: Decimal
    debits: tuple[int, ...] = ()


def parse(content: Mapping[str, Any]) -> ReminderContent:
    """The plan as it will run. Raises PlanFaulty with every fault, contradictions of its steps and debits included."""
    faults: list[PlanFault] = []
    given = content.get("steps")
    raw = given if isinstance(given, list) else []
    if not raw or len(raw) > MOST_STEPS:
        faults.append(PlanFault("", "steps", "none" if not raw else "too_many"))
    steps = [step for number, each in enumerate(raw) if (step := _step(each, number, faults))]
    holdout = _share(content.get("holdout", "0"), faults)
    debits = _debits(content.get("debits", []), faults)
    if not faults:
        faults += _contradictions(steps, debits)
    if faults:
        raise PlanFaulty(faults)
    return ReminderContent(_in_order(steps), holdout, debits)


def readable(content: Mapping[str, Any]) -> ReminderContent:
    """What can be read of a plan in the making, whatever else is wrong with it: to be drawn, never to be run."""
    given = content.get("steps")
    faults: list[PlanFault] = []
    raw = given[:MOST_STEPS] if isinstance(given, list) else []
    steps = [step for number, each in enumerate(raw) if (step := _step(each, number, faults))]
    return ReminderContent(
        _in_order(steps), _share(content.get("holdout", "0"), faults), _debits(content.get("debits", []), faults)
    )


def _in_order(steps: list[Step]) -> tuple[Step, ...]:
    return tuple(sorted(steps, key=lambda step: (step.offset, step.at)))


def _step(raw: Any, number: int, faults: list[PlanFault]) -> Step | None:
    if not isinstance(raw, Mapping):
        faults.append(PlanFault(str(number + 1), "step", "not_a_step"))
        return None
    name = str(raw.get("id") or number + 1)
    before = len(faults)
    offset = raw.get("offset")
    if not isinstance(offset, int) or isinstance(offset, bool) or not EARLIEST <= offset <= LATEST:
        faults.append(PlanFault(name, "offset", "not_a_day"))
    at, until = minute_in(raw.get("at")), minute_in(raw.get("until"))
    for field, value in (("at", at), ("until", until)):
        if value is None:
            faults.append(PlanFault(name, field, "not_a_time"))
    if at is not None and until is not None and until <= at:
        faults.append(PlanFault(name, "until", "not_after_at"))
    channels = channels_in(raw.get("channels"))
    if channels is None:
        faults.append(PlanFault(name, "channels", "not_channels"))
    template = raw.get("template")
    if not isinstance(template, str) or not template:
        faults.append(PlanFault(name, "template", "missing"))
    audience, stops = _audience(raw, name, faults), _stops(raw, name, faults)
    if len(faults) > before or at is None or until is None or channels is None:
        return None
    return Step(
        id=name,
        offset=int(offset),  # type: ignore[arg-type]
        at=at,
        until=until,
        channels=channels,
        template=str(template),
        audience=audience,
        stops=stops,
    )


def _audience(raw: Mapping[str, Any], name: str, faults: list[PlanFault]) -> Audience:
    least = amount_in(raw.get("least", "0"))
    most = amount_in(raw["most"]) if raw.get("most") else None
    for field, value in (("least", least), ("most", most if raw.get("most") else Decimal(0))):
        if value is None:
            faults.append(PlanFault(name, field, "not_an_amount"))
    if least is not None and most is not None and most < least:
        faults.append(PlanFault(name, "most", "below_least"))
    currency, language = raw.get("currency") or "", raw.get("language") or ""
    if not isinstance(currency, str) or (currency and not (len(currency) == 3 and currency.isupper())):
        faults.append(PlanFault(name, "currency", "not_a_currency"))
    if language not in {"", *LANGUAGES}:
        faults.append(PlanFault(name, "language", "not_a_language"))
    return Audience(least=least or Decimal(0), most=most, currency=str(currency), language=str(language))


def _stops(raw: Mapping[str, Any], name: str, faults: list[PlanFault]) -> frozenset[StopCondition]:
    """What stops the step; a step that does not say is stopped by everything."""
    given = raw.get("stops", list(StopCondition))
    if not isinstance(given, list) or any(each not in set(StopCondition) for each in given):
        faults.append(PlanFault(name, "stops", "not_stops"))
        return ALWAYS
    return ALWAYS | {StopCondition(each) for each in given}


def _debits(raw: Any, faults: list[PlanFault]) -> tuple[int, ...]:
    minutes = [minute_in(each) for each in raw] if isinstance(raw, list) else [None]
    if None in minutes:
        faults.append(PlanFault("", "debits", "not_times"))
    return tuple(sorted({minute for minute in minutes if minute is not None}))


def _contradictions(steps: list[Step], debits: Collection[int]) -> Iterator[PlanFault]:
    """Steps that cannot stand side by side: of one name, on one day for the same people, or amid a debit of the day.

    A borrower gets one message a day, so the second step of a day would never reach those the first one writes to.
    """
    seen: set[str] = set()
    for step in steps:
        if step.id in seen:
            yield PlanFault(step.id, "id", "twice")
        seen.add(step.id)
    for earlier, later in combinations(_in_order(steps), 2):
        if earlier.offset == later.offset and earlier.audience.meets(later.audience):
            yield (
                PlanFault(later.id, "at", "overlaps")
                if later.at < earlier.until
                else PlanFault(later.id, "offset", "same_day")
            )
    for step in steps:
        if step.offset == 0 and is_amid_a_debit(step, debits=debits):
            yield PlanFault(step.id, "at", "amid_a_debit")


def is_amid_a_debit(step: Step, *, debits: Collection[int]) -> bool:
    """True when a debit of the day (minutes since midnight) begins while the step runs or within the hour after it."""
    return any(step.at - APART_FROM_A_DEBIT < minute < step.until for minute in debits)


def _share(value: Any, faults: list[PlanFault]) -> Decimal:
    share = share_in(value)
    if share is None:
        faults.append(PlanFault("", "holdout", "not_a_share"))
        return Decimal(0)
    return share
