"""What a version does with one bill on one day, and what another would do otherwise: the rows of a simulation.

How much is asked for is decided by `last_look`, what it pays by the engine, who gets it by `split_among`: by what
decides it when the day has come.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from backoffice.core.money import ZERO
from backoffice.repayment.domain.allocation import allocate
from backoffice.repayment.domain.autopay.amounts import Room
from backoffice.repayment.domain.autopay.configuration import Configuration
from backoffice.repayment.domain.autopay.last_look import Drop, Facts, last_look
from backoffice.repayment.domain.autopay.splitting import HELD, split_among
from backoffice.repayment.domain.bills import Bill, LoanState
from backoffice.repayment.domain.journal import Journal
from backoffice.repayment.domain.operations import Operation, apply
from backoffice.repayment.domain.terms import AllocationRule

Claimed = Mapping[tuple[int, str], str]
"""By bill number and component the guarantor who has paid it: what the borrower pays of it is the guarantor's."""


class Change(StrEnum):
    """How two versions differ over a bill.

    `begins`: it was not debited; `ends`: it is not any more. `rule`: another amount is asked for; `limit`: the same is
    asked for, and limits are treated otherwise. `day`, `rail`, `payees`: another one; `agreement`: another one over the
    same rail.
    """

    BEGINS = "begins"
    ENDS = "ends"
    RULE = "rule"
    LIMIT = "limit"
    DAY = "day"
    RAIL = "rail"
    AGREEMENT = "agreement"
    PAYEES = "payees"


@dataclass(frozen=True, slots=True)
class Treated:
    """What a version does with a bill: `asked` before limits, `amount` of its first debit, the payees' parts of that.

    Major units; `mandate_id` and `rail` are what it goes over. No day: it does nothing.
    """

    day: date | None = None
    rail: str = ""
    mandate_id: int | None = None
    asked: Decimal = ZERO
    amount: Decimal = ZERO
    payees: Mapping[str, Decimal] = field(default_factory=dict)


NOTHING = Treated()


@dataclass(frozen=True, slots=True)
class Paid:
    """A part of a debit (major units): the bill and component it pays; neither where it is held."""

    number: int | None
    component: str
    amount: Decimal


def treat(
    facts: Facts,
    *,
    configuration: Configuration,
    day: date,
    rail: str,
    mandate_id: int,
    among: Callable[[Decimal], Mapping[str, Decimal]],
) -> Treated:
    """What the first debit of a bill on a day asks for over an agreement; `among` says who gets an amount."""
    amount = last_look(facts, configuration=configuration)
    if isinstance(amount, Drop):
        return NOTHING
    asked: Decimal | Drop = amount
    if facts.room.most() is not None:
        asked = last_look(replace(facts, room=Room()), configuration=configuration)
    return Treated(
        day=day,
        rail=rail,
        mandate_id=mandate_id,
        asked=amount if isinstance(asked, Drop) else asked,
        amount=amount,
        payees=among(amount),
    )


def pay(state: LoanState, *, amount: Decimal, on: date) -> list[Paid]:
    """What a debit of an amount pays on a day; the state goes on as if it had been booked.

    A debit never asks for more than is due: where a surplus would go does not matter.
    """
    journal = Journal()
    apply(state, Operation(kind="payment", value_date=on, key=0, amount=amount, surplus="suspense"), journal=journal)
    return [Paid(line.number, line.component or HELD, line.amount) for line in journal.lines if line.debit == "cash"]


def pay_as_due(bill: Bill, *, amount: Decimal, rule: AllocationRule, dpd: int) -> list[Paid]:
    """What a debit pays of one bill as it was due, by the same waterfall."""
    shares = allocate(amount=amount, bills=[bill], rule=rule, dpd=dpd)
    return [Paid(bill.number, share.component, share.amount) for share in shares]


def copied(state: LoanState) -> LoanState:
    """The state with bills of its own, to be paid without the other knowing."""
    bills = [
        replace(bill, charged=dict(bill.charged), paid=dict(bill.paid), waived=dict(bill.waived))
        for bill in state.bills
    ]
    return replace(state, bills=bills, superseded=[])


def among_payees(
    paid: Sequence[Paid], *, configuration: Configuration, currency: str, claimed: Claimed
) -> dict[str, Decimal]:
    """Who gets what of a debit, by payee code; the parts add up to it. Raises NoPayee."""
    by_rule: dict[str, Decimal] = {}
    payees: dict[str, Decimal] = {}
    for part in paid:
        guarantor = claimed.get((part.number, part.component)) if claimed and part.number is not None else None
        found, name = (by_rule, part.component) if guarantor is None else (payees, guarantor)
        found[name] = found.get(name, ZERO) + part.amount
    split = split_among(by_rule, rule=configuration.payees, currency=currency, keeper=configuration.keeper)
    for line in split:
        payees[line.payee] = payees.get(line.payee, ZERO) + line.amount
    return payees


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
    elif before.mandate_id != after.mandate_id:
        found.append(Change.AGREEMENT)
    if before.amount == after.amount:
        are_others = before.payees != after.payees
    else:
        are_others = before.payees.keys() != after.payees.keys()
    if are_others:
        found.append(Change.PAYEES)
    return tuple(found)
