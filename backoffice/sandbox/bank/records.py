"""What the bank writes down. A line of its journal is one `Line`: all of it happened, or none of it did."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

PROCESSING, SUCCEEDED, DECLINED, RETURNED = "processing", "succeeded", "declined", "returned"
DEBIT, RETURN = "debit", "return"
ACTIVE, REVOKED = "active", "revoked"
_MONEY = {"amount", "balance", "single_limit", "day_limit", "month_limit"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A borrower's account under its token: what was on it when it was opened or set, before later movements."""

    account: str
    currency: str
    balance: Decimal
    is_closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Leave to debit an account, with limits per debit, day and month; None is no limit."""

    agreement_no: str
    account: str
    currency: str
    bank: str = ""
    holder: str = ""
    single_limit: Decimal | None = None
    day_limit: Decimal | None = None
    month_limit: Decimal | None = None
    state: str = ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One command of the lender and what became of it so far. Times are seconds since 1970 by the bank's clock.

    `at`: when it got into its state. `debited_at`: when the money left the account. `decides_at`: when a processing one
    is decided. `returns_at`: when the borrower's bank will take it back. `source`: the file it came in. `payment`: the
    PmtInfId there.
    """

    rail: str
    order_no: str
    agreement_no: str
    account: str
    amount: Decimal
    currency: str
    state: str
    code: str
    reference: str
    at: float
    debited_at: float | None = None
    decides_at: float | None = None
    returns_at: float | None = None
    source: str = ""
    payment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Money that moved: numbered from 1, never changed. `day`: the day of the settlement file it belongs to."""

    number: int
    rail: str
    order_no: str
    kind: str
    agreement_no: str
    account: str
    amount: Decimal
    currency: str
    at: float
    day: str
    code: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A file the lender put on a rail, byte by byte."""

    name: str
    message_id: str
    digest: str
    text: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A file the bank wrote: `kind` is the ISO message, or `settlement`. `day`: of a settlement file or a statement."""

    rail: str
    name: str
    kind: str
    text: str
    at: float
    day: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """A closed day: the differences put into its files on purpose, and what each collection account stands at."""

    day: str
    differences: tuple[dict[str, str], ...] = ()
    balances: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the journal. `executed`: a file all of whose entries were executed. `told`: advices that arrived."""

    account: Account | None = None
    agreement: Agreement | None = None
    order: Order | None = None
    movement: Movement | None = None
    incoming: Incoming | None = None
    executed: str = ""
    outgoing: tuple[Outgoing, ...] = ()
    told: tuple[str, ...] = ()
    closing: Closing | None = None
    script: Mapping[str, object] | None = None


def encoded(line: Line) -> str:
    """A line as JSON, without its end."""
    said: dict[str, object] = {}
    for part in _PARTS:
        value = getattr(line, part)
        if value is not None:
            said[part] = shown(value)
    for name in ("executed", "told", "script"):
        value = getattr(line, name)
        if value:
            said[name] = value
    if line.outgoing:
        said["outgoing"] = [shown(one) for one in line.outgoing]
    return json.dumps(said, ensure_ascii=False)


def decoded(text: str) -> Line:
    """A line of the journal as it was written."""
    said = json.loads(text)
    parts: dict[str, Any] = {name: _read(kind, said[name]) for name, kind in _PARTS.items() if name in said}
    return Line(
        **parts,
        executed=said.get("executed", ""),
        told=tuple(said.get("told", ())),
        script=said.get("script"),
        outgoing=tuple(_read(Outgoing, one) for one in said.get("outgoing", ())),
    )


def shown(record: Any) -> dict[str, object]:
    """A record as JSON takes it; money as text."""
    found = {name: getattr(record, name) for name in _NAMES[type(record)]}
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in found.items()}


def _read(kind: type[Any], said: dict[str, Any]) -> Any:
    money = {name: Decimal(value) for name, value in said.items() if name in _MONEY and value is not None}
    return kind(**{**said, **money})


_PARTS: dict[str, type[Any]] = {
    "account": Account,
    "agreement": Agreement,
    "order": Order,
    "movement": Movement,
    "incoming": Incoming,
    "closing": Closing,
}
_NAMES = {kind: tuple(one.name for one in fields(kind)) for kind in (*_PARTS.values(), Outgoing)}
