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


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a command's loan, agreement and card at that moment.

    `tries_without_funds` on this bill; `card` is what stands for the account, `card_debits` its commands today and
    `card_may` how many the bank allows.
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


def last_look(facts: Facts, *, configuration: Configuration) -> Decimal | Drop:
    """The amount to ask for (major units), or why the command is dropped."""
    asked = wanted(facts.due, rule=configuration.amount)
    why = _why_not(facts, asked=asked)
    if why is not None:
        return why
    if facts.allows_partial:
        asked = after_no_funds(
            asked,
            shares=configuration.partial.shares,
            tries=facts.tries_without_funds,
            least=configuration.partial.least,
            currency=facts.currency,
        )
    amount = within_limits(asked, room=facts.room, may_split=configuration.split_over_limit)
    return amount if amount > ZERO else Drop.OVER_LIMIT


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


def second_opinion(amount: Decimal, *, most_due: Decimal) -> bool:
    """Whether a second, simple calculation agrees that the amount is not more than what is due.

    `most_due` is what stands on the bills and a generous reckoning of penalty still growing: just what stands there
    where nothing is past due.
    """
    return ZERO < amount <= most_due
