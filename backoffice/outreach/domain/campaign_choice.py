"""Who gets a message of a campaign on a day: in a stable order that owes nothing to anything else, while there is room.

Those left alone are drawn in the very same order and only as long as there is room, so that whoever a cap or a budget
keeps out is kept out of both groups.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Literal

from backoffice.outreach.domain.assignment import holdout, place
from backoffice.outreach.domain.campaigns import CampaignContent

Full = Literal["", "cap", "budget"]
NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Past:
    """What a borrower has had of the campaign: left alone or not, messages that count, and the day of the last."""

    is_held_out: bool
    messages: int = 0
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """What is left: messages up to the cap, money up to the budget in major units."""

    messages: int
    money: Decimal


@dataclass(frozen=True, slots=True)
class Candidate:
    """A borrower of the audience who can be spoken to, and what a message to them may cost at most."""

    borrower_id: int
    cost: Decimal


@dataclass(slots=True)
class Choice:
    """The borrowers who get a message, those newly left alone, and why the others do not.

    `full` says what stopped it, `beyond` how many were still in line then.
    """

    chosen: list[Candidate] = field(default_factory=list)
    left_alone: list[int] = field(default_factory=list)
    held_out: int = 0
    too_soon: int = 0
    had_all: int = 0
    beyond: int = 0
    full: Full = ""
    reserved: Decimal = NOTHING


def choose(
    *,
    code: str,
    content: CampaignContent,
    day: date,
    candidates: Iterable[Candidate],
    past: dict[int, Past],
    room: Room,
) -> Choice:
    """Goes through the candidates in their order until the cap or the budget is reached, never past either."""
    choice = Choice()
    salt = salt_of(code=code)
    messages, money = room.messages, room.money
    soonest = day - timedelta(days=content.every_days)
    for one in sorted(candidates, key=lambda each: place(salt=f"order|{salt}", unit_id=each.borrower_id)):
        had = past.get(one.borrower_id)
        is_alone = had.is_held_out if had else holdout(salt=salt, unit_id=one.borrower_id, share=content.holdout)
        if had and is_alone:
            choice.held_out += 1
        elif had and had.messages >= content.most_each:
            choice.had_all += 1
        elif had and had.last_day is not None and had.last_day > soonest:
            choice.too_soon += 1
        elif choice.full or messages < 1 or one.cost > money:
            choice.full = choice.full or ("cap" if messages < 1 else "budget")
            choice.beyond += 1
        elif is_alone:
            choice.held_out += 1
            choice.left_alone.append(one.borrower_id)
        else:
            messages, money = messages - 1, money - one.cost
            choice.chosen.append(one)
            choice.reserved += one.cost
    return choice


def salt_of(*, code: str) -> str:
    """What the groups of a campaign are drawn with."""
    return f"campaign:{code}"
