"""Amounts in whole minor units of their currency, the numbers every schedule is computed in."""

from decimal import Decimal
from typing import ClassVar

from backoffice.core.errors import Refusal
from backoffice.core.money import exponent_of
from backoffice.core.words import phrase
from backoffice.repayment.domain.terms import Terms


class ScheduleRefused(Refusal):
    """The amount cannot be scheduled under these terms."""

    code: ClassVar[str] = "repayment.schedule_refused"


def minor_units(amount: Decimal, *, terms: Terms) -> int:
    """A positive amount (major units) in minor units; raises ScheduleRefused when it is not a whole number of them."""
    minor = amount.scaleb(exponent_of(terms.currency))
    if amount <= 0 or minor != int(minor):
        raise ScheduleRefused(
            phrase("%(amount)s %(currency)s cannot be scheduled.", amount=amount, currency=terms.currency),
            next_step=phrase("Give an amount above zero in whole minor units of the currency."),
            fields={"principal": phrase("must be above zero and a whole number of minor units")},
        )
    return int(minor)


def floor_minor(amount: Decimal, *, currency: str) -> int:
    """An amount that is not negative in minor units, what is finer than one cut off."""
    return int(amount.scaleb(exponent_of(currency)))


def major(minor: int, *, exponent: int) -> Decimal:
    """Minor units as an amount in major units with the currency's decimals."""
    return Decimal(minor).scaleb(-exponent)
