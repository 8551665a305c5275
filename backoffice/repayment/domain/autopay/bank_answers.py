"""What the sandbox's bank answers on its own pages (docs/rails.md), read: nothing of it is taken on trust.

Amounts are Decimals in major units; shares are fractions of one. A document that lacks something, or has something else
in its place, is unreadable as a whole.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import wraps
from typing import Any, Final, TypeVar

RAILS: Final = ("http", "iso20022")
SECONDS: Final = ("latency", "stuck_seconds", "processing_seconds", "late_seconds")
DAYS: Final = ("return_days", "return_days_most")
SHARES: Final = (
    "drop_before",
    "drop_after",
    "busy",
    "stuck",
    "processing",
    "refuse_risk",
    "unmapped",
    "double_execute",
    "no_notice",
    "late_notice",
    "double_notice",
    "return_share",
    "poor",
    "settle_missing",
    "settle_extra",
    "settle_amount",
    "settle_status",
)
CONDUCT: Final = (*SHARES, *SECONDS, *DAYS)
EACH_RAIL: Final = "*"

Conduct = dict[str, Decimal]
"""How a rail behaves: every name of `CONDUCT` with its share, seconds or days."""


class Unreadable(Exception):
    """What came is not the bank's answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The bank as it stands. `today`: the day a movement belongs to now. `orders`: by rail and state."""

    clock: datetime
    today: date
    last_closed: date | None
    accounts: int
    agreements: int
    orders: Mapping[str, int]
    movements: int
    files_to_execute: int
    notices_waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """How it behaves: of each rail the conduct; where its days begin and end; its cut-off, empty for none."""

    conducts: Mapping[str, Conduct]
    zone: str
    cut_off: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A debit or return in the bank's books."""

    number: int
    rail: str
    kind: str
    order_no: str
    account: str
    amount: Decimal
    currency: str
    at: datetime
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that waits (no rail, no kind) or that the bank wrote. `size` in bytes."""

    name: str
    size: int
    at: datetime
    rail: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something put into a day's file on purpose: `what` is the name of its share."""

    rail: str
    order_no: str
    kind: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A closed day."""

    day: date
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """What closing a day did."""

    closed: tuple[date, ...]
    returns: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of the bank's."""

    token: str
    balance: Decimal
    currency: str
    is_closed: bool


Read = TypeVar("Read")
Document = Mapping[str, Any]


def _whole(reader: Callable[[Document], Read]) -> Callable[[Document], Read]:
    """Whatever is missing or wrong in the document makes it unreadable."""

    @wraps(reader)
    def read(said: Document) -> Read:
        try:
            return reader(said)
        except (LookupError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
            raise Unreadable(type(error).__name__) from error

    return read


@_whole
def overview_of(said: Document) -> Overview:
    """The overview. Raises Unreadable."""
    return Overview(
        clock=_moment(said["clock"]),
        today=date.fromisoformat(said["today"]),
        last_closed=date.fromisoformat(said["last_closed"]) if said["last_closed"] else None,
        accounts=int(said["accounts"]),
        agreements=int(said["agreements"]),
        orders={str(name): int(number) for name, number in said["orders"].items()},
        movements=int(said["movements"]),
        files_to_execute=int(said["files_to_execute"]),
        notices_waiting=int(said["notices_waiting"]),
    )


@_whole
def script_of(said: Document) -> Script:
    """The script. Raises Unreadable."""
    return Script(
        conducts={rail: _conduct(said["own"].get(rail, said[EACH_RAIL])) for rail in RAILS},
        zone=str(said["zone"]),
        cut_off=str(said["cut_off"]),
        seed=int(said["seed"]),
    )


@_whole
def presets_of(said: Document) -> dict[str, Conduct]:
    """The presets by their names. Raises Unreadable."""
    return {str(name): _conduct(conduct) for name, conduct in said.items()}


@_whole
def movements_of(said: Document) -> tuple[Movement, ...]:
    """A page of movements, the newest first. Raises Unreadable."""
    return tuple(_movement(each) for each in reversed(said["movements"]))


@_whole
def files_of(said: Document) -> tuple[tuple[File, ...], tuple[File, ...]]:
    """The files that wait, and those the bank wrote. Raises Unreadable."""
    return tuple(map(_file, said["waiting"])), tuple(map(_file, said["written"]))


@_whole
def days_of(said: Document) -> tuple[Day, ...]:
    """The closed days, the newest first. Raises Unreadable."""
    return tuple(
        Day(day=date.fromisoformat(each["day"]), differences=_differences(each["differences"])) for each in said["days"]
    )


@_whole
def turned_of(said: Document) -> Turned:
    """What closing did. Raises Unreadable."""
    return Turned(
        closed=tuple(date.fromisoformat(day) for day in said["closed"]),
        returns=int(said["returns"]),
        differences=_differences(said["differences"]),
    )


@_whole
def account_of(said: Document) -> Account:
    """An account. Raises Unreadable."""
    return Account(
        token=str(said["account"]),
        balance=_number(said["balance"]),
        currency=str(said["currency"]),
        is_closed=bool(said["is_closed"]),
    )


def changed(*, before: Mapping[str, Decimal], after: Mapping[str, Decimal]) -> dict[str, tuple[Decimal, Decimal]]:
    """What differs, by name in the order of `CONDUCT`, as before and after; a name missing in `after` stays."""
    return {name: (before[name], after[name]) for name in CONDUCT if after.get(name, before[name]) != before[name]}


def _conduct(said: Document) -> Conduct:
    return {name: _number(said[name]) for name in CONDUCT}


def _movement(said: Document) -> Movement:
    return Movement(
        number=int(said["number"]),
        rail=str(said["rail"]),
        kind=str(said["kind"]),
        order_no=str(said["order_no"]),
        account=str(said["account"]),
        amount=_number(said["amount"]),
        currency=str(said["currency"]),
        at=_moment(said["at"]),
        code=str(said["code"]),
    )


def _file(said: Document) -> File:
    return File(
        name=str(said["name"]),
        size=int(said["size"]),
        at=_moment(said["at"]),
        rail=str(said.get("rail", "")),
        kind=str(said.get("kind", "")),
    )


def _differences(said: list[Document]) -> tuple[Difference, ...]:
    return tuple(
        Difference(
            rail=str(each["rail"]), order_no=str(each["order_no"]), kind=str(each["kind"]), what=str(each["what"])
        )
        for each in said
    )


def _number(said: object) -> Decimal:
    number = Decimal(str(said))
    if not number.is_finite():
        msg = f"{said!r} is no number"
        raise ValueError(msg)
    return number


def _moment(said: str) -> datetime:
    moment = datetime.fromisoformat(said)
    if moment.tzinfo is None:
        msg = f"{said!r} has no offset"
        raise ValueError(msg)
    return moment
