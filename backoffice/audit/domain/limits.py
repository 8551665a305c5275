"""How much a person may do alone and how much they may decide for others."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

NONE_AT_ALL: Final = Decimal(-1)
WITHOUT_LIMIT: Final = Decimal("Infinity")


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One row of the policy: a role may go up to `max_amount` (None: without limit), alone or only for others."""

    role: str
    currency: str
    max_amount: Decimal | None
    alone: bool


@dataclass(frozen=True, slots=True)
class Authority:
    """What the roles of one person allow for one verb, as amounts; -1 is nothing at all, Infinity is no limit.

    A verb without an amount counts as zero.
    """

    alone: Decimal = NONE_AT_ALL
    decides: Decimal = NONE_AT_ALL

    def may_do_alone(self, *, amount: Decimal | None) -> bool:
        """True when no second person is needed."""
        return self.alone >= (amount or Decimal(0))

    def may_decide(self, *, amount: Decimal | None) -> bool:
        """True when the person may approve or decline what somebody else asked for."""
        return self.decides >= (amount or Decimal(0))


UNBOUND: Final = Authority(alone=WITHOUT_LIMIT, decides=WITHOUT_LIMIT)


def authority_of(*, rows: Iterable[LimitRow], roles: Collection[str], currency: str) -> Authority:
    """The best of the person's roles. Per role, a row for the currency goes before the row for any currency ("")."""
    by_role: dict[str, LimitRow] = {}
    for row in rows:
        if row.role not in roles or row.currency not in {currency, ""}:
            continue
        if row.role not in by_role or row.currency == currency:
            by_role[row.role] = row
    alone = decides = NONE_AT_ALL
    for row in by_role.values():
        ceiling = WITHOUT_LIMIT if row.max_amount is None else row.max_amount
        decides = max(decides, ceiling)
        if row.alone:
            alone = max(alone, ceiling)
    return Authority(alone=alone, decides=decides)
