"""Choosing the borrowers of a bulk hold: by what is known of them, or by a list of their external ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.customers.domain.bulk_holds import MOST_BORROWERS

SQL = Path(__file__).resolve().parent.parent / "sql"


class NobodyChosen(Refusal):
    """The choice fits nobody, everybody, or too many."""

    code: ClassVar[str] = "customers.bulk_hold_nobody_chosen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Whom a bulk hold is for: each value narrows, empty is any. `external_ids` None is no list."""

    source: str = ""
    portfolio: str = ""
    country: str = ""
    time_zone: str = ""
    external_ids: Sequence[str] | None = None

    def is_empty(self) -> bool:
        """True when it would take the whole book."""
        return not any((self.source, self.portfolio, self.country, self.time_zone)) and self.external_ids is None

    def described(self) -> dict[str, Any]:
        """What is kept with the bulk hold of how its borrowers were chosen."""
        named = {
            name: value for name in ("source", "portfolio", "country", "time_zone") if (value := getattr(self, name))
        }
        return named | ({"list": len(set(self.external_ids))} if self.external_ids is not None else {})


def choose(*, choice: Choice, portfolios: Sequence[str] | None) -> tuple[list[tuple[Any, ...]], list[str]]:
    """The borrowers by id, and the ids of the list that lead to none. Raises NobodyChosen."""
    if choice.is_empty():
        raise NobodyChosen(
            _("Nothing is chosen: that would be everybody."),
            next_step=_("Name a country, a portfolio, a book or a time zone, or give a list of external ids."),
            fields={"country": _("Choose at least one."), "external_ids": _("Or give a list.")},
        )
    wanted = sorted(set(choice.external_ids)) if choice.external_ids is not None else None
    rows = fetch(
        statement("choose_borrowers.sql"),
        {
            "portfolios": None if portfolios is None else sorted(portfolios),
            "source": choice.source,
            "portfolio": choice.portfolio,
            "country": choice.country,
            "time_zone": choice.time_zone,
            "external_ids": wanted,
            "most": MOST_BORROWERS + 1,
        },
    )
    if not rows:
        raise NobodyChosen(
            _("No borrower you may see fits this choice."),
            next_step=_("Look at the spelling of the codes, and name the book when several books use the same ids."),
            fields={"external_ids": _("None of them was found.")} if wanted is not None else {},
        )
    if len(rows) > MOST_BORROWERS:
        raise NobodyChosen(
            _("More than %(most)s borrowers fit.") % {"most": f"{MOST_BORROWERS:,}"},
            next_step=_("Narrow the choice, and place several holds."),
        )
    matched = {external_id for row in rows for external_id in row[2]}
    return rows, [external_id for external_id in wanted or [] if external_id not in matched]


@lru_cache(maxsize=8)
def statement(name: str) -> str:
    """The text of a rule written in SQL."""
    return (SQL / name).read_text()
