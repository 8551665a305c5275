"""One borrower, one message a day: the more pressing purpose wins, whoever planned first.

Two of one purpose are told apart by what they are, never by when they were planned: a reminder plan goes before a
campaign, an older source before a younger, then the lower loan, then the key.
"""

from dataclasses import dataclass
from typing import Final

from backoffice.outreach.domain.purposes import RANK, Purpose

PLAN: Final = "plan"
CAMPAIGN: Final = "campaign"
SOURCES: Final = (PLAN, CAMPAIGN)
"""What the ranking is between; what the law demands, answers, and news of what was done stand outside it."""
OUTRANKED: Final = "outranked"
"""The code of a planned message that a more pressing one took the place of."""

Standing = tuple[int, int, int, int, str]


@dataclass(frozen=True, slots=True)
class Ranked:
    """What of a message its place is taken from; `key` without the channels it went on to."""

    purpose: Purpose
    source: str
    loan_id: int | None
    key: str

    @property
    def standing(self) -> Standing:
        """Its place: the lower goes first."""
        kind, _colon, number = self.source.partition(":")
        return (
            RANK[self.purpose],
            SOURCES.index(kind) if kind in SOURCES else len(SOURCES),
            int(number) if number.isdecimal() else 0,
            self.loan_id or 0,
            self.key,
        )


def source_of(*, kind: str, id: int) -> str:
    """How messages name the plan or campaign they come from."""
    return f"{kind}:{id}"
