"""What is decided about a command in the moment before it leaves, under the lock of its loan. mechanics 3.7.

Never debited: what is settled, held, under a revoked agreement, or more than what is due now.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.amounts import (
    Due,
    Room,
    after_no_funds,
    after_over_limit,
    wanted,
    within_limits,
)
from backoffice.repayment.domain.autopay.configuration import Configuration


class Drop(StrEnum):
    """Why a command does not leave."""

    SETTLED = "settled"
    HELD = "held"
    LOAN_NOT_ACTIVE = "loan_not_active"
    NO_MANDATE = "no_mandate"
    IN_FLIGHT = "in_flight"
    OVER_LIMIT = "over_limit"
    CARD_TIRED = "card_tired"
    RAIL_CLOSED = "rail_closed"
    OUT_OF_TIME = "out_of_time"
    VERSION_ENDED = "version_ended"
    STOPPED = "stopped"
    LOAN_STOPPED = "loan_stopped"
    SET_ASIDE = "set_aside"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is known of the tries of a bill: `planned` is what was to be asked for at first (major units).

    `tries_without_funds` and `tries_over_limit` were refused for these reasons.
    """

    currency: str
    planned: Decimal = ZERO
    tries_without_funds: int = 0
    tries_over_limit: int = 0
    allows_partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a command's loan, agreement and card at that moment.

    `tries_without_funds` and `tries_over_limit` on this bill, `planned` its amount; `card` is what stands for the
    account, `card_debits` its commands today and `card_may` how many the bank allows. `is_stopped`: a person has to let
    debits of the loan go on; the borrower may still pay by themselves.
    """

    is_active: bool
    is_held: bool
    is_in_flight: bool
    is_mandate_active: bool
    allows_partial: bool
    due: Due
    room: Room
    tries_without_funds: int
    card: str
    card_debits: int
    card_may: int | None
    currency: str
    is_stopped: bool = False
    planned: Decimal = ZERO
    tries_over_limit: int = 0

    @property
    def history(self) -> History:
        """What its bill went through."""
        return History(
            currency=self.currency,
            planned=self.planned,
            tries_without_funds=self.tries_without_funds,
            tries_over_limit=self.tries_over_limit,
            allows_partial=self.allows_partial,
        )


def last_look(facts: Facts, *, configuration: Configuration) -> Decimal | Drop:
    """The amount to ask for (major units), or why the command is dropped."""
    asked = wanted(facts.due, rule=configuration.amount)
    why = _why_not(facts, asked=asked)
    if why is not None:
        return why
    if facts.is_stopped:
        return Drop.LOAN_STOPPED
    amount = part_of(asked, history=facts.history, room=facts.room, configuration=configuration)
    return amount if amount > ZERO else Drop.OVER_LIMIT


def part_of(asked: Decimal, *, history: History, room: Room, configuration: Configuration) -> Decimal:
    """What one command asks for of what its rule asks for: after refusals a part, and never beyond limits."""
    if history.allows_partial:
        asked = after_no_funds(
            asked,
            shares=configuration.partial.shares,
            tries=history.tries_without_funds,
            least=configuration.partial.least,
            currency=history.currency,
        )
    if configuration.split_over_limit:
        asked = after_over_limit(
            asked,
            planned=history.planned,
            tries=history.tries_over_limit,
            least=configuration.partial.least,
            currency=history.currency,
        )
    return within_limits(asked, room=room, may_split=configuration.split_over_limit)


def foreseen(
    left: Decimal, *, overdue: Decimal, held: Decimal, history: History, room: Room, configuration: Configuration
) -> Decimal:
    """What a command is expected to ask for when its slot begins, of what is left of its bill (major units).

    The forecast a batch is measured by: the rule, tries, shares and limits of the last look, on what was planned.
    """
    due = Due(overdue=overdue, current=left + held - overdue, held=held, own=left)
    return part_of(wanted(due, rule=configuration.amount), history=history, room=room, configuration=configuration)


def look_for_payer(facts: Facts) -> Decimal | Drop:
    """What a borrower who pays by themselves pays now: everything due, as far as limits let, or why nothing."""
    asked = facts.due.total
    why = _why_not(facts, asked=asked)
    if why is not None:
        return why
    amount = within_limits(asked, room=facts.room, may_split=True)
    return amount if amount > ZERO else Drop.OVER_LIMIT


def _why_not(facts: Facts, *, asked: Decimal) -> Drop | None:
    """What forbids any payment, whoever sets it off."""
    if not facts.is_active:
        return Drop.LOAN_NOT_ACTIVE
    if facts.is_held:
        return Drop.HELD
    if facts.is_in_flight:
        return Drop.IN_FLIGHT
    if asked <= ZERO:
        return Drop.SETTLED
    if not facts.is_mandate_active:
        return Drop.NO_MANDATE
    if facts.card_may is not None and facts.card_debits >= facts.card_may:
        return Drop.CARD_TIRED
    return None
