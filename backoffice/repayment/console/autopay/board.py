"""What the pages of autopay have in common: how batches are called, how the four rates and their cuts are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext_lazy

from backoffice.core.confirm import Consequence, Text
from backoffice.repayment.domain.autopay.rates import DebitCounts
from backoffice.repayment.selectors.autopay.code_words import FAMILY_LABELS
from backoffice.repayment.selectors.autopay.rates import Cut, Part

CUTS: Final[dict[Cut, Text]] = {
    Cut.BANK: gettext_lazy("Bank"),
    Cut.RAIL: gettext_lazy("Rail"),
    Cut.SLOT: gettext_lazy("Slot"),
    Cut.FUNDER: gettext_lazy("Funder"),
    Cut.FAMILY: gettext_lazy("Kind of answer"),
}
"""What the rates of a day can be cut by on the page, in this order."""


class OfTheMoment(Consequence):
    """Numbers that move while they are read. Stopping something that runs must not wait until they stand still."""

    @property
    def fingerprint(self) -> str:
        """Always the same: what was seen is enough to stop it."""
        return "of-the-moment"


@dataclass(frozen=True, slots=True)
class PartRow:
    """One part of a cut as the page shows it; `url` leads to its debits, `paid_url` to those that succeeded."""

    label: Text
    currency: str
    counts: DebitCounts
    url: str
    paid_url: str
    share: Decimal


@dataclass(frozen=True, slots=True)
class Tab:
    """A cut one can choose."""

    label: Text
    url: str
    current: bool
    count: None = None


def part_rows(parts: Sequence[Part], *, cut: Cut, day: date) -> list[PartRow]:
    """The parts of a cut, those with most commands first, with the way to their debits."""
    most = max((part.counts.commands for part in parts), default=0)
    address = reverse("repayment:debits")
    rows = []
    for part in sorted(parts, key=lambda part: (-part.counts.commands, part.key)):
        query = {"day": day.isoformat(), cut.value: part.key}
        rows.append(
            PartRow(
                label=FAMILY_LABELS.get(part.key, part.key) if cut is Cut.FAMILY else part.key,
                currency=part.currency,
                counts=part.counts,
                url=f"{address}?{urlencode(query)}",
                paid_url=f"{address}?{urlencode(query | {'state': 'succeeded'})}",
                share=Decimal(part.counts.commands) / most if most else Decimal(0),
            )
        )
    return rows


def cut_tabs(*, chosen: Cut, day: date) -> list[Tab]:
    """The cuts one can choose on the page of a day."""
    address = reverse("repayment:autopay")
    return [
        Tab(label, f"{address}?{urlencode({'day': day.isoformat(), 'cut': cut.value})}#cuts", cut is chosen)
        for cut, label in CUTS.items()
    ]
