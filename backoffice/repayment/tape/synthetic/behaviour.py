"""How the made-up borrowers behave: draws from the measured rates, with a seeded generator.

Probabilities are ratios of two whole numbers and a draw is a whole number below the denominator, so no float decides
anything. Rules are in docs/demo_book.md.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

from backoffice.repayment.tape.measuring.rates import DELAY_BANDS
from backoffice.repayment.tape.measuring.report import CONSTANTS

# Where a payment is drawn from: the outermost bands are open, and drawn from a fortnight and two months.
DRAWN_BANDS = ((-29, -15), *DELAY_BANDS[1:-1], (91, 150))
DEEPEST = 5


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The measured rates a book is driven by."""

    rates: Mapping[str, Any]

    @classmethod
    def measured(cls, path: Path = CONSTANTS) -> "Behaviour":
        """The rates written down by `manage.py measure_rates`."""
        return cls(rates=json.loads(path.read_text(encoding="utf-8")))

    def rate(self, source: str, metric: str, name: str) -> Fraction:
        """One measured rate by count."""
        found = self.rates[source][metric][name]["count"]
        return Fraction(int(found["numerator"]), int(found["denominator"]))

    def delay(self, random: Random, *, source: str, earliest: int) -> int:
        """Days from the due date to the payment of a bill that is paid; never before `earliest` (negative)."""
        weights = [int(self.rates[source]["delay"][f"{a}..{b}"]["count"]["numerator"]) for a, b in DELAY_BANDS]
        return max(earliest, random.randint(*random.choices(DRAWN_BANDS, weights=weights)[0]))

    def days_late(self, random: Random, *, source: str) -> int:
        """Days late of a bill that entered and was paid within thirty days."""
        late = [(a, b) for a, b in DELAY_BANDS if a >= 1 and b <= 30]
        weights = [int(self.rates[source]["delay"][f"{a}..{b}"]["count"]["numerator"]) for a, b in late]
        return random.randint(*random.choices(late, weights=weights)[0])

    @property
    def never_pays(self) -> Fraction:
        """A short loan that is not repaid: flagged bad among the newest loans, beyond those who merely paid late."""
        bad = self.rate("superlender", "flag", "newest loan flagged bad")
        late = self.rate("superlender", "M39", "unpaid at the end of the due date")
        return (bad - late) / (1 - late)

    @property
    def pays_in_parts(self) -> Fraction:
        """A bill paid in more than one payment."""
        return self.rate("xente", "habit", "paid in more than one payment")

    @property
    def enters(self) -> Fraction:
        """An installment unpaid at the end of its due date."""
        return self.rate("home_credit", "M39", "unpaid at the end of the due date")

    @property
    def stays_unpaid_a_month(self) -> Fraction:
        """An installment that entered and is still unpaid thirty days later."""
        return 1 - self.rate("superlender", "M40", "paid in full within 30 days of entry")

    def deepens(self, unpaid: int) -> Fraction:
        """A month later one bill more is unpaid, for a loan with that many unpaid bills."""
        return self.rate("uci_taiwan", "M41", f"M{_band(unpaid)} to deeper")

    def cures(self, unpaid: int) -> Fraction:
        """A month later nothing is unpaid, for a loan with that many unpaid bills."""
        return self.rate("uci_taiwan", "M41", f"M{_band(unpaid)} back to M0")

    def borrows_again(self, window: int) -> Fraction:
        """A new loan within the window of days after settlement."""
        return self.rate("superlender", "M35", f"new loan within {window} days of settlement")


def happens(random: Random, probability: Fraction) -> bool:
    """A draw: true with exactly that probability."""
    return random.randrange(probability.denominator) < probability.numerator


def _band(unpaid: int) -> int:
    """The measured state for a number of unpaid bills; one unpaid bill counts as two, since M1 is hardly in the set."""
    return min(max(unpaid + 1, 2), DEEPEST)
