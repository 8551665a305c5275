"""How much a debit asks for: what is due, what the limits allow, and what is asked for next. mechanics 3.7."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from backoffice.core.money import ZERO, exponent_of
from backoffice.repayment.domain.bills import LoanState
from backoffice.repayment.domain.penalty import uncharged


class AmountRule(StrEnum):
    """What a debit collects: all that is past due and due today; the bill it is for alone; what is past due first."""

    ALL_DUE = "all_due"
    CURRENT_ONLY = "current_only"
    OVERDUE_FIRST = "overdue_first"


@dataclass(frozen=True, slots=True)
class Due:
    """What a loan owes on a day, penalty grown so far included: of bills past due, and of those that fall due then.

    `held` is money of the borrower's that pays first and is not asked for again. `own` is what the one bill owes that
    is being tried, whenever it fell due; None: the bill of the day. Major units.
    """

    overdue: Decimal
    current: Decimal
    held: Decimal = ZERO
    own: Decimal | None = None

    @property
    def total(self) -> Decimal:
        """All that may be asked for."""
        return max(self.overdue + self.current - self.held, ZERO)


@dataclass(frozen=True, slots=True)
class Room:
    """What limits leave for one more debit: of one command, of the rest of the day and the month; None: no limit."""

    single: Decimal | None = None
    day: Decimal | None = None
    month: Decimal | None = None

    def most(self) -> Decimal | None:
        """The most one command may ask for; None where nothing limits it."""
        known = [limit for limit in (self.single, self.day, self.month) if limit is not None]
        return max(min(known), ZERO) if known else None

    def after(self, amount: Decimal) -> "Room":
        """What is left once a debit of an amount has left."""
        return Room(
            self.single,
            None if self.day is None else max(self.day - amount, ZERO),
            None if self.month is None else max(self.month - amount, ZERO),
        )

    def stricter(self, other: "Room") -> "Room":
        """Both limits at once: those of the agreement and those of bank and channel."""
        return Room(_least(self.single, other.single), _least(self.day, other.day), _least(self.month, other.month))


def due_of(state: LoanState, *, as_of: date, number: int | None = None) -> Due:
    """What an engine's state owes on a day, and of it the bill of that number."""
    grown = uncharged(state, as_of=as_of)
    overdue = current = ZERO
    own = None if number is None else ZERO
    for bill in state.bills:
        if bill.due_date > as_of:
            break
        owed = bill.remaining_total() + grown.get(bill.number, ZERO)
        if bill.number == number:
            own = owed
        if bill.due_date < as_of:
            overdue += owed
        else:
            current += owed
    return Due(overdue=overdue, current=current, held=state.suspense, own=own)


def wanted(due: Due, *, rule: AmountRule) -> Decimal:
    """What the rule asks for, before limits; never more than is due."""
    if rule == AmountRule.CURRENT_ONLY:
        asked = due.current if due.own is None else due.own
    elif rule == AmountRule.OVERDUE_FIRST and due.overdue > due.held:
        asked = due.overdue - due.held
    else:
        asked = due.total
    return min(asked, due.total)


def within_limits(amount: Decimal, *, room: Room, may_split: bool) -> Decimal:
    """What one command asks for of an amount: all of it, a first part where the rule splits, or nothing.

    Nothing: the amount is over a limit and is not split, or a limit is used up.
    """
    most = room.most()
    if most is None or amount <= most:
        return amount
    return most if may_split else ZERO


def after_no_funds(amount: Decimal, *, shares: Sequence[Decimal], tries: int, least: Decimal, currency: str) -> Decimal:
    """What is asked for after so many refusals for want of funds on this bill, where partial debits are agreed.

    `shares` are those of the amount due, descending, the first for the first try; the last one stays. What comes to
    less than `least` is asked for as `least`, and never more than is due. Empty `shares`: the whole amount always.
    """
    if not shares:
        return amount
    share = shares[min(tries, len(shares) - 1)]
    part = (amount * share).quantize(Decimal(1).scaleb(-exponent_of(currency)), rounding=ROUND_DOWN)
    return min(max(part, least), amount)


def after_over_limit(amount: Decimal, *, planned: Decimal, tries: int, least: Decimal, currency: str) -> Decimal:
    """What is asked for after so many refusals for a limit nobody told us: each time half of what was planned before.

    What comes to less than `least`, or to nothing, is asked for as `least`, and never more than is due.
    """
    if not tries:
        return amount
    unit = Decimal(1).scaleb(-exponent_of(currency))
    part = (planned / Decimal(2**tries)).quantize(unit, rounding=ROUND_DOWN)
    return min(max(part, least, unit), amount)


def _least(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)
