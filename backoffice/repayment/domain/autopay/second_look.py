"""What a command may ask for, computed a second time: between which amounts, by its rule and its bill. mechanics 3.7.

It shares the facts with the last look and none of its arithmetic, so that one mistake is not made twice: fractions of
the currency's smallest unit, from what stands on the bills. Penalty that still grows lies between nothing and a
generous reckoning, so an amount is judged by both bounds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Final

from backoffice.core.money import exponent_of
from backoffice.repayment.domain.autopay.amounts import AmountRule, Room
from backoffice.repayment.domain.autopay.configuration import Configuration
from backoffice.repayment.domain.autopay.last_look import History

NOTHING: Final = Fraction(0)


@dataclass(frozen=True, slots=True)
class SecondBill:
    """A bill by the second calculation: what stands on it and with penalty reckoned generously (major units)."""

    is_past: bool
    least: Decimal
    most: Decimal


@dataclass(frozen=True, slots=True)
class SecondDue:
    """What a second calculation says of a loan; amounts in major units, `held` is money that pays first."""

    is_active: bool
    is_held: bool
    held: Decimal
    bills: Mapping[int, SecondBill] = field(default_factory=dict)

    @property
    def most_due(self) -> Decimal:
        """What no debit may ask beyond."""
        return sum((bill.most for bill in self.bills.values()), Decimal(0)) - self.held


@dataclass(frozen=True, slots=True)
class Span:
    """The amounts that are right, both ends included (major units)."""

    least: Decimal
    most: Decimal

    def holds(self, amount: Decimal) -> bool:
        """Whether an amount is one of them, and is something."""
        return amount > 0 and self.least <= amount <= self.most

    def __str__(self) -> str:
        return f"{self.most:f}" if self.least == self.most else f"{self.least:f}-{self.most:f}"


def within_all_due(due: SecondDue) -> Span:
    """What a borrower who pays by themselves may pay."""
    return Span(Decimal(0), due.most_due)


def span_of(due: SecondDue, *, number: int | None, history: History, room: Room, configuration: Configuration) -> Span:
    """What a command for the bill of that number may ask for, within limits, after the refusals there were."""
    ends = [Fraction(end) for end in _by_rule(due, number=number, rule=configuration.amount)]
    unit = Fraction(1, 10 ** exponent_of(history.currency))
    floors = Fraction(configuration.partial.least)
    if history.allows_partial and configuration.partial.shares:
        shares = configuration.partial.shares
        share = Fraction(
            shares[-1] if history.tries_without_funds >= len(shares) else shares[history.tries_without_funds]
        )
        ends = [min(end, max(_down(end * share, unit), floors)) for end in ends]
    if configuration.split_over_limit and history.tries_over_limit:
        part = max(_down(Fraction(history.planned) / 2**history.tries_over_limit, unit), floors, unit)
        ends = [min(end, part) for end in ends]
    least, most = ends
    for limit in (room.single, room.day, room.month):
        if limit is not None:
            most = min(most, Fraction(limit))
            least = min(least, Fraction(limit)) if configuration.split_over_limit else least
    return Span(_major(least, unit), _major(most, unit))


def _by_rule(due: SecondDue, *, number: int | None, rule: AmountRule) -> tuple[Decimal, Decimal]:
    """Before limits and refusals: at least, at most."""
    bills, held = due.bills.values(), due.held
    least = max(sum((bill.least for bill in bills), Decimal(0)) - held, Decimal(0))
    most = max(sum((bill.most for bill in bills), Decimal(0)) - held, Decimal(0))
    if rule == AmountRule.CURRENT_ONLY:
        own = due.bills.get(number or 0)
        return (min(own.least, least), min(own.most, most)) if own else (Decimal(0), Decimal(0))
    if rule == AmountRule.OVERDUE_FIRST:
        past_least = sum((bill.least for bill in bills if bill.is_past), Decimal(0)) - held
        past_most = sum((bill.most for bill in bills if bill.is_past), Decimal(0)) - held
        if past_least > 0:
            return past_least, past_most
        if past_most > 0:  # penalty that grows decides whether anything past due is left: either may be right
            return Decimal(0), most
    return least, most


def _down(amount: Fraction, unit: Fraction) -> Fraction:
    """To the whole smallest unit below."""
    return floor(amount / unit) * unit


def _major(amount: Fraction, unit: Fraction) -> Decimal:
    """As it is written; what is less than the smallest unit does not count."""
    return Decimal(floor(amount / unit)) * Decimal(unit.numerator) / Decimal(unit.denominator)
