"""Orthogonal plans: many factors tried at once in few cells, every level of one with every level of each other equally.

L8 holds up to seven factors of two levels, L18 one of two levels and up to seven of three. Source: features.md F36.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


class FactorsDoNotFit(ValueError):
    """More factors, or other numbers of levels, than the plan has columns for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan by its rows: each digit is the level of one column, from 1. `levels` are those of each column."""

    code: str
    rows: tuple[str, ...]
    levels: tuple[int, ...]

    def columns_for(self, *, levels: Sequence[int]) -> tuple[int, ...]:
        """The column each factor takes, by its number of levels, in order. Raises FactorsDoNotFit."""
        free = list(range(len(self.levels)))
        taken = []
        for number in levels:
            column = next((column for column in free if self.levels[column] == number), None)
            if column is None:
                msg = f"{self.code} has no column left for a factor of {number} levels"
                raise FactorsDoNotFit(msg)
            free.remove(column)
            taken.append(column)
        return tuple(taken)

    def level(self, *, row: int, column: int) -> int:
        """The level, from 1, that the row, from 0, gives the column, from 0."""
        return int(self.rows[row][column])


L8: Final = Plan(
    code="L8",
    rows=("1111111", "1112222", "1221122", "1222211", "2121212", "2122121", "2211221", "2212112"),
    levels=(2,) * 7,
)

L18: Final = Plan(
    code="L18",
    rows=(
        "11111111",
        "11222222",
        "11333333",
        "12112233",
        "12223311",
        "12331122",
        "13121323",
        "13232131",
        "13313212",
        "21133221",
        "21211332",
        "21322113",
        "22123132",
        "22231213",
        "22312321",
        "23132312",
        "23213123",
        "23321231",
    ),
    levels=(2, *(3,) * 7),
)

PLANS: Final[dict[str, Plan]] = {plan.code: plan for plan in (L8, L18)}

ELEMENTS: Final = ("salutation", "greeting", "benefit", "time_limit", "social_proof", "call_to_action")
"""The six elements of a text (features.md F36)."""
