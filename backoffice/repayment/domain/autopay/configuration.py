"""A configuration of autopay: when, how often, how much and from whom is debited, and who gets it.

The content is data, in the form `tests/repayment/autopay/contents.py` shows whole: `rails` in the order they are used;
`slots` with `at` and `until`; `attempts_per_day`, `min_gap_minutes`, `days` to go on (1: the due date alone); `amount`
one of `AmountRule`; `split_over_limit`; `partial` shares and the least amount; `mandate_order`; `actions` by family;
`notify` template codes by outcome; `blackout` days, `holidays` and their `calendar` (`CN+US`: the closed days of both);
`payees` by component; `canary` and `breakers`. What only the database knows (payees, rails, other versions) is checked
by `services.autopay.checking`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final, TypeVar

from backoffice.repayment.domain.autopay.actions import ALLOWED, Action
from backoffice.repayment.domain.autopay.amounts import AmountRule
from backoffice.repayment.domain.autopay.codes import Family
from backoffice.repayment.domain.autopay.splitting import Share
from backoffice.repayment.domain.components import COMPONENTS
from backoffice.repayment.domain.json_form import plain

MOST_SLOTS: Final = 6
MOST_ATTEMPTS: Final = 6
MOST_DAYS: Final = 60
MOST_PAYEES: Final = 10
MINUTES_OF_A_DAY: Final = 1440
E = TypeVar("E", bound=StrEnum)

OUTCOMES: Final = ("succeeded", "declined", "stopped", "returned")


class MandateOrder(StrEnum):
    """Which of several agreements of a borrower is used first."""

    PRIORITY = "priority"
    NEWEST = "newest"
    LAST_SUCCESS = "last_success"


class OnHoliday(StrEnum):
    """What happens to debits on a day the calendar names closed."""

    DEBIT = "debit"
    NEXT_WORKING_DAY = "next_working_day"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: the field with its place (`slots.2.at`), and a word for it that the edges put into a sentence."""

    field: str
    problem: str
    value: str = ""


class ConfigurationFaulty(ValueError):
    """The content cannot be run; `faults` lists everything wrong with it."""

    def __init__(self, faults: Collection[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(", ".join(f"{fault.field}: {fault.problem}" for fault in self.faults))


@dataclass(frozen=True, slots=True)
class Slot:
    """A time of the lender's day at which debits begin, and when no further one leaves; minutes since midnight."""

    id: str
    at: int
    until: int


@dataclass(frozen=True, slots=True)
class Canary:
    """A version proves itself on few loans first: a share of them or a number, whichever is less, for some days.

    It becomes the version for all when at least `least_success` of its bills were settled and no breaker opened, and is
    rolled back otherwise. `share` 0: the number of `loans` alone counts; neither: no trial, it holds for all at once.
    """

    share: Decimal = Decimal(0)
    loans: int = 0
    days: int = 1
    least_success: Decimal = Decimal(0)

    @property
    def is_trial(self) -> bool:
        """False when the version holds for all its loans at once."""
        return bool(self.share or self.loans)


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """What opens a breaker: see `breakers`. Shares of 1; `after` commands before rates are looked at."""

    total_drift: Decimal = Decimal("0.10")
    least_success: Decimal = Decimal("0.30")
    family_share: Decimal = Decimal("0.50")
    after: int = 50
    debits_per_card: int = 3


@dataclass(frozen=True, slots=True)
class Partial:
    """Shares of the amount asked for after each refusal for want of funds, and the least amount worth asking for."""

    shares: tuple[Decimal, ...] = ()
    least: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Configuration:
    """A content as it runs."""

    rails: tuple[str, ...]
    slots: tuple[Slot, ...]
    attempts_per_day: int
    min_gap: timedelta
    days: int
    amount: AmountRule
    split_over_limit: bool
    partial: Partial
    mandate_order: MandateOrder
    actions: Mapping[Family, Action]
    payees: Mapping[str, tuple[Share, ...]]
    keeper: str
    notify: Mapping[str, str] = field(default_factory=dict)
    blackout: frozenset[date] = frozenset()
    holidays: OnHoliday = OnHoliday.DEBIT
    calendar: str = ""
    canary: Canary = Canary()
    breakers: BreakerLimits = BreakerLimits()

    @property
    def calendars(self) -> tuple[str, ...]:
        """The calendars whose closed days are kept: `calendar` names one, or several as in `CN+US`."""
        return tuple(code for code in self.calendar.split("+") if code)

    def slot(self, slot_id: str) -> Slot | None:
        """The slot of that id."""
        return next((slot for slot in self.slots if slot.id == slot_id), None)


class _Reader:
    """Reads values out of a content and keeps what is wrong with them."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content
        self.faults: list[Fault] = []

    def fault(self, name: str, problem: str, value: object = "") -> None:
        self.faults.append(Fault(name, problem, str(value)[:80]))

    def whole(self, name: str, *, least: int, most: int, given: Any = None) -> int:
        value = self.content.get(name) if given is None else given
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.fault(name, "not_a_whole_number", f"{least}-{most}")
            return least
        return value

    def share(self, name: str, value: Any) -> Decimal:
        share = _decimal(value)
        if share is None or not 0 <= share <= 1:
            self.fault(name, "not_a_share", value)
            return Decimal(0)
        return share

    def one_of(self, name: str, kind: type[E]) -> E | None:
        value = self.content.get(name)
        if isinstance(value, list) and len(value) > 1:
            self.fault(name, "more_than_one", ", ".join(map(str, value)))
            return None
        try:
            return kind(str(value))
        except ValueError:
            self.fault(name, "unknown_value", value)
            return None

    def mapping(self, name: str) -> Mapping[str, Any]:
        value = self.content.get(name, {})
        if not isinstance(value, Mapping):
            self.fault(name, "not_readable")
            return {}
        return value


def parse(content: Mapping[str, Any]) -> Configuration:
    """The configuration as it will run. Raises ConfigurationFaulty with every fault."""
    read = _Reader(content)
    unknown = set(content) - _FIELDS
    for name in sorted(unknown):
        read.fault(name, "unknown_field")
    slots = _slots(read)
    amount = read.one_of("amount", AmountRule)
    order = read.one_of("mandate_order", MandateOrder)
    holidays = read.one_of("holidays", OnHoliday)
    attempts = read.whole("attempts_per_day", least=1, most=MOST_ATTEMPTS)
    parsed = Configuration(
        rails=_rails(read),
        slots=slots,
        attempts_per_day=attempts,
        min_gap=timedelta(minutes=read.whole("min_gap_minutes", least=0, most=MINUTES_OF_A_DAY)),
        days=read.whole("days", least=1, most=MOST_DAYS),
        amount=amount or AmountRule.ALL_DUE,
        split_over_limit=bool(content.get("split_over_limit")),
        partial=_partial(read),
        mandate_order=order or MandateOrder.PRIORITY,
        actions=_actions(read),
        payees=_payees(read),
        keeper=_word(read, "keeper"),
        notify={name: str(code) for name, code in read.mapping("notify").items() if code},
        blackout=_blackout(read),
        holidays=holidays or OnHoliday.DEBIT,
        calendar=str(content.get("calendar", "")),
        canary=_canary(read),
        breakers=_breakers(read),
    )
    for name in sorted(set(parsed.notify) - set(OUTCOMES)):
        read.fault(f"notify.{name}", "unknown_field")
    if parsed.holidays != OnHoliday.DEBIT and not parsed.calendar:
        read.fault("calendar", "missing")
    if read.faults:
        raise ConfigurationFaulty(read.faults)
    return parsed


def _rails(read: _Reader) -> tuple[str, ...]:
    value = read.content.get("rails")
    if not isinstance(value, list) or not value or not all(isinstance(each, str) and each for each in value):
        read.fault("rails", "missing")
        return ()
    if len(set(value)) != len(value):
        read.fault("rails", "twice")
    return tuple(value)


def _word(read: _Reader, name: str) -> str:
    value = read.content.get(name)
    if not isinstance(value, str) or not value:
        read.fault(name, "missing")
        return ""
    return value


def _slots(read: _Reader) -> tuple[Slot, ...]:
    value = read.content.get("slots")
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_SLOTS:
        read.fault("slots", "missing" if not value else "too_many")
        return ()
    slots: list[Slot] = []
    for number, each in enumerate(value, start=1):
        given = each if isinstance(each, Mapping) else {}
        at, until = minute_of(given.get("at")), minute_of(given.get("until"))
        if at is None or until is None:
            read.fault(f"slots.{number}.{'at' if at is None else 'until'}", "not_a_time", given.get("at"))
            continue
        if until <= at:
            read.fault(f"slots.{number}.until", "not_after_its_begin")
        slots.append(Slot(str(given.get("id") or f"s{number}"), at, until))
    if len({slot.id for slot in slots}) != len(slots):
        read.fault("slots", "twice")
    ordered = sorted(slots, key=lambda slot: slot.at)
    for before, after in pairwise(ordered):
        if after.at < before.until:
            read.fault("slots", "overlap", f"{clock_of(before.at)} / {clock_of(after.at)}")
    return tuple(ordered)


def _actions(read: _Reader) -> dict[Family, Action]:
    given = read.mapping("actions")
    actions: dict[Family, Action] = {}
    for name in sorted(set(given) - {family.value for family in ALLOWED}):
        read.fault(f"actions.{name}", "unknown_field")
    for family, allowed in ALLOWED.items():
        value = given.get(family.value)
        if value is None:
            read.fault(f"actions.{family.value}", "not_mapped")
        elif value not in {action.value for action in allowed}:
            read.fault(f"actions.{family.value}", "not_allowed", value)
        else:
            actions[family] = Action(value)
    return actions


def _payees(read: _Reader) -> dict[str, tuple[Share, ...]]:
    given = read.mapping("payees")
    payees: dict[str, tuple[Share, ...]] = {}
    for name in sorted(set(given) - set(COMPONENTS)):
        read.fault(f"payees.{name}", "unknown_field")
    for component in COMPONENTS:
        lines = given.get(component)
        if not isinstance(lines, list) or not 1 <= len(lines) <= MOST_PAYEES:
            read.fault(f"payees.{component}", "missing" if not lines else "too_many")
            continue
        shares = [
            Share(str(line.get("payee", "")), read.share(f"payees.{component}", line.get("share")))
            for line in lines
            if isinstance(line, Mapping)
        ]
        total = sum((each.share for each in shares), Decimal(0))
        if total != 1:
            read.fault(f"payees.{component}", "shares_not_whole", f"{plain(total * 100)} %")
        if len({each.payee for each in shares}) != len(lines):
            read.fault(f"payees.{component}", "twice")
        payees[component] = tuple(shares)
    return payees


def _partial(read: _Reader) -> Partial:
    given = read.mapping("partial")
    if not given:
        return Partial()
    value = given.get("shares")
    shares = tuple(read.share("partial.shares", each) for each in (value if isinstance(value, list) else ()))
    if not shares or list(shares) != sorted(shares, reverse=True) or min(shares) <= 0:
        read.fault("partial.shares", "not_descending")
    least = _decimal(given.get("least"))
    if least is None or least < 0:
        read.fault("partial.least", "not_an_amount", given.get("least"))
    return Partial(shares, least or Decimal(0))


def _blackout(read: _Reader) -> frozenset[date]:
    value = read.content.get("blackout", [])
    days: set[date] = set()
    for each in value if isinstance(value, list) else ():
        try:
            days.add(date.fromisoformat(str(each)))
        except ValueError:
            read.fault("blackout", "not_a_day", each)
    return frozenset(days)


def _canary(read: _Reader) -> Canary:
    given = read.mapping("canary")
    if not given:
        return Canary()
    return Canary(
        share=read.share("canary.share", given.get("share", "0")),
        loans=read.whole("canary.loans", least=0, most=100_000, given=given.get("loans", 0)),
        days=read.whole("canary.days", least=1, most=30, given=given.get("days", 1)),
        least_success=read.share("canary.least_success", given.get("least_success", "0")),
    )


def _breakers(read: _Reader) -> BreakerLimits:
    given, usual = read.mapping("breakers"), BreakerLimits()
    return BreakerLimits(
        total_drift=read.share("breakers.total_drift", given.get("total_drift", usual.total_drift)),
        least_success=read.share("breakers.least_success", given.get("least_success", usual.least_success)),
        family_share=read.share("breakers.family_share", given.get("family_share", usual.family_share)),
        after=read.whole("breakers.after", least=1, most=100_000, given=given.get("after", usual.after)),
        debits_per_card=read.whole(
            "breakers.debits_per_card", least=1, most=20, given=given.get("debits_per_card", usual.debits_per_card)
        ),
    )


_FIELDS: Final = frozenset(
    {
        "rails", "slots", "attempts_per_day", "min_gap_minutes", "days", "amount", "split_over_limit", "partial",
        "mandate_order", "actions", "notify", "blackout", "holidays", "calendar", "payees", "keeper", "canary",
        "breakers",
    }
)  # fmt: skip


def minute_of(value: Any) -> int | None:
    """Minutes since midnight of a time such as "07:00"; None for anything else."""
    hours, colon, minutes = str(value or "").partition(":")
    if not colon or not (hours.isdecimal() and minutes.isdecimal()) or len(minutes) != 2:
        return None
    minute = int(hours) * 60 + int(minutes)
    return minute if int(minutes) < 60 and minute < MINUTES_OF_A_DAY else None


def clock_of(minute: int) -> str:
    """Minutes since midnight as people write a time."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def share_of(value: Any) -> Decimal | None:
    """A share of 1 as it is kept in JSON; None for anything else."""
    share = _decimal(value) if isinstance(value, str | int | Decimal) else None
    return share if share is not None and 0 <= share <= 1 else None


def _decimal(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
