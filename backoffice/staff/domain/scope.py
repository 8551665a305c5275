"""Which part of the book a person sees."""

from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scope:
    """All portfolios, or the named ones; neither means nothing at all."""

    all: bool = False
    portfolios: frozenset[str] = field(default_factory=frozenset)

    def covers(self, *, portfolio: str) -> bool:
        """True when rows of that portfolio may be seen."""
        return self.all or portfolio in self.portfolios

    @property
    def within(self) -> frozenset[str] | None:
        """The portfolios, None for all of them: what services take as `within`."""
        return None if self.all else self.portfolios


EVERYTHING = Scope(all=True)
NOTHING = Scope()


def scope_of(*, sees_all: bool, team_portfolios: Collection[str] | None) -> Scope:
    """The scope of a person: roles that span the book see all; others see what their team works on.

    `team_portfolios` is None without a team (nothing is seen); an empty list is a team that works on every portfolio.
    """
    if sees_all:
        return EVERYTHING
    if team_portfolios is None:
        return NOTHING
    if not team_portfolios:
        return EVERYTHING
    return Scope(portfolios=frozenset(team_portfolios))
