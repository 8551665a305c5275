"""What a version does with one bill on one day, and what another would do otherwise: the rows of a simulation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from backoffice.core.money import ZERO
from backoffice.repayment.domain.allocation import allocate
from backoffice.repayment.domain.autopay.amounts import Due, Room, wanted, within_limits
from backoffice.repayment.domain.autopay.configuration import Configuration
from backoffice.repayment.domain.autopay.splitting import split_among
from backoffice.repayment.domain.bills import Bill
from backoffice.repayment.domain.terms import AllocationRule


class Change(StrEnum):
    """How two versions differ over a bill.

    `begins`: it was not debited; `ends`: it is not any more. `rule`: another amount is asked for; `limit`: the same is
    asked for, and limits are treated otherwise. `day`, `rail`, `payees`: another one.
    """

    BEGINS = "begins"
    ENDS = "ends"
    RULE = "rule"
    LIMIT = "limit"
    DAY = "day"
    RAIL = "rail"
    PAYEES = "payees"


@dataclass(frozen=True, slots=True)
class Owed:
    """What a debit would find: the bills it may pay, oldest first, and how the terms share a sum among them."""

    bills: Sequence[Bill]
    due: Due
    rule: AllocationRule
    dpd: int
    currency: str


@dataclass(frozen=True, slots=True)
class Treated:
    """What a version does with a bill: `asked` before limits, `amount` of its first debit, the payees' parts of that.

    Major units. No day: it does nothing.
    """

    day: date | None = None
    rail: str = ""
    asked: Decimal = ZERO
    amount: Decimal = ZERO
    payees: Mapping[str, Decimal] = field(default_factory=dict)


NOTHING = Treated()


def treat(owed: Owed, *, configuration: Configuration, day: date, rail: str, room: Room) -> Treated:
    """What the first debit of a bill on a day asks for over a rail, and who would get it."""
    asked = wanted(owed.due, rule=configuration.amount)
    amount = within_limits(asked, room=room, may_split=configuration.split_over_limit)
    if amount <= 0:
        return NOTHING
    parts = split_among(
        paid_by(amount, owed=owed), rule=configuration.payees, currency=owed.currency, keeper=configuration.keeper
    )
    payees: dict[str, Decimal] = {}
    for part in parts:
        payees[part.payee] = payees.get(part.payee, ZERO) + part.amount
    return Treated(day=day, rail=rail, asked=asked, amount=amount, payees=payees)


def paid_by(amount: Decimal, *, owed: Owed) -> dict[str, Decimal]:
    """What an amount pays of each component; money held for the borrower has paid before it."""
    held = owed.due.held
    both = _by_component(held + amount, owed)
    first = _by_component(held, owed) if held else {}
    return {name: part - first.get(name, ZERO) for name, part in both.items() if part != first.get(name, ZERO)}


def changes_between(before: Treated, after: Treated) -> tuple[Change, ...]:
    """How two versions differ over a bill; nothing when they treat it alike."""
    if before.day is None or after.day is None:
        if before.day == after.day:
            return ()
        return (Change.BEGINS,) if before.day is None else (Change.ENDS,)
    found = []
    if before.asked != after.asked:
        found.append(Change.RULE)
    elif before.amount != after.amount:
        found.append(Change.LIMIT)
    if before.day != after.day:
        found.append(Change.DAY)
    if before.rail != after.rail:
        found.append(Change.RAIL)
    if before.amount == after.amount:
        are_others = before.payees != after.payees
    else:
        are_others = before.payees.keys() != after.payees.keys()
    if are_others:
        found.append(Change.PAYEES)
    return tuple(found)


def _by_component(amount: Decimal, owed: Owed) -> dict[str, Decimal]:
    paid: dict[str, Decimal] = {}
    for share in allocate(amount=amount, bills=owed.bills, rule=owed.rule, dpd=owed.dpd):
        paid[share.component] = paid.get(share.component, ZERO) + share.amount
    return paid
