"""分账: who gets what of a debit. Each component has its payees with shares; the parts add up to the cent.

Source: mechanics 3.7. 100.01 at 80/15/5 is 80.01 + 15.00 + 5.00. A refund or return mirrors the lines it takes back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from backoffice.core.money import ZERO, exponent_of, split

HELD = "held"
"""What a debit brought beyond what was owed: kept for the borrower, it has no payee yet."""


@dataclass(frozen=True, slots=True)
class Share:
    """A payee of a component, by code, and its share of it; the shares of a component add up to 1."""

    payee: str
    share: Decimal


@dataclass(frozen=True, slots=True)
class SplitPart:
    """An amount (major units) of one component for one payee; negative where it is taken back."""

    component: str
    payee: str
    amount: Decimal


class NoPayee(ValueError):
    """Money came for a component the rule names no payee of."""

    def __init__(self, component: str) -> None:
        self.component = component
        super().__init__(f"nobody is paid {component}")


def split_among(
    amounts: Mapping[str, Decimal], *, rule: Mapping[str, Sequence[Share]], currency: str, keeper: str
) -> list[SplitPart]:
    """The parts of a debit, by component and payee; they sum to the amounts exactly. Raises NoPayee.

    `amounts` is what was paid of each component (major units), `HELD` among them, which `keeper` keeps.
    """
    unit = Decimal(1).scaleb(-exponent_of(currency))
    parts: list[SplitPart] = []
    for component, amount in amounts.items():
        if not amount:
            continue
        if component == HELD:
            parts.append(SplitPart(component, keeper, amount))
            continue
        shares = rule.get(component, ())
        if not shares:
            raise NoPayee(component)
        cut = split(amount, [each.share for each in shares], unit=unit)
        parts += [
            SplitPart(component, each.payee, part) for each, part in zip(shares, cut, strict=True) if part != ZERO
        ]
    return parts


def mirrored(parts: Sequence[SplitPart]) -> list[SplitPart]:
    """The lines that take these back, one for one."""
    return [SplitPart(part.component, part.payee, -part.amount) for part in parts]
