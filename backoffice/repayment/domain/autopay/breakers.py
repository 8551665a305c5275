"""Circuit breakers: what stops a running batch between two commands. mechanics 3.7, "how mis-configuration is caught".

An open breaker stops its batch, tells the owner, and is closed by a person who says why.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.codes import Family
from backoffice.repayment.domain.autopay.configuration import BreakerLimits


class BreakerKind(StrEnum):
    """What a breaker watches.

    `total`: the batch asks for more or less than was forecast. `success`: too few debits succeed. `family`: one family
    of refusals dominates. `per_card`: one card is debited too often in a day. `settled`: a settled or held bill was
    about to be debited. `amount`: the second calculation of a command's amount differs. `request`: the rail says that
    our calls are wrong. `unmapped`: a code nobody mapped. `double`: the bank debited an order twice, or too much.
    `merchant`: a rail refuses for our contract with it. `contrary`: a rail takes back what it said of an order.
    `unbooked`: an answer or a movement of money that the books did not take.
    """

    TOTAL = "total"
    SUCCESS = "success"
    FAMILY = "family"
    PER_CARD = "per_card"
    SETTLED = "settled"
    AMOUNT = "amount"
    REQUEST = "request"
    UNMAPPED = "unmapped"
    DOUBLE = "double"
    MERCHANT = "merchant"
    CONTRARY = "contrary"
    UNBOOKED = "unbooked"


OF_RAIL: Final = frozenset({BreakerKind.MERCHANT, BreakerKind.CONTRARY})
"""What is wrong with a rail, not with a batch: people are alarmed, and no batch is stopped."""
OF_COMMAND: Final = frozenset({BreakerKind.PER_CARD, BreakerKind.SETTLED, BreakerKind.AMOUNT})
"""What is wrong with one command: it would open them again, so it is dropped when a person closes them."""


@dataclass(slots=True)
class Running:
    """What a batch has done so far: what was forecast for the commands looked at, and what they really asked for."""

    forecast: Decimal = ZERO
    asked: Decimal = ZERO
    answered: int = 0
    succeeded: int = 0
    families: Counter[Family] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Tripped:
    """A breaker opens: what it watches, what was seen and what was allowed, as texts for people."""

    kind: BreakerKind
    seen: str
    allowed: str
    detail: str = ""


def judge(running: Running, *, limits: BreakerLimits) -> Tripped | None:
    """The first breaker a batch's course opens, or None. Rates count from `limits.after` answers on."""
    drift = _drift(running)
    if drift is not None and drift > limits.total_drift and running.asked > running.forecast:
        return Tripped(BreakerKind.TOTAL, _percent(drift), _percent(limits.total_drift))
    if running.answered < limits.after:
        return None
    if drift is not None and drift > limits.total_drift:
        return Tripped(BreakerKind.TOTAL, _percent(-drift), _percent(limits.total_drift))
    success = Decimal(running.succeeded) / running.answered
    if success < limits.least_success:
        return Tripped(BreakerKind.SUCCESS, _percent(success), _percent(limits.least_success))
    return _dominating(running.families, running.answered, limits)


def _dominating(families: Mapping[Family, int], answered: int, limits: BreakerLimits) -> Tripped | None:
    for family, count in sorted(families.items(), key=lambda pair: (-pair[1], pair[0])):
        # Want of funds is what the success rate watches.
        if family in (Family.DONE, Family.INSUFFICIENT_FUNDS):
            continue
        share = Decimal(count) / answered
        if share > limits.family_share:
            return Tripped(BreakerKind.FAMILY, _percent(share), _percent(limits.family_share), family.value)
    return None


def _drift(running: Running) -> Decimal | None:
    """By how much of the forecast the amounts asked for differ from it; None before anything was forecast."""
    if not running.forecast:
        return Decimal(1) if running.asked else None
    return abs(running.asked - running.forecast) / running.forecast


def _percent(share: Decimal) -> str:
    return f"{share * 100:.1f} %"
