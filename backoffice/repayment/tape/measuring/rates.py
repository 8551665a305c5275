"""A measured rate keeps its numerator and denominator; nothing is averaged. metrics C1, C2."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Rate:
    """One figure: metric code, what was measured in words, the set, unit (count or amount) and the two sums."""

    metric: str
    name: str
    source: str
    unit: str
    numerator: Decimal
    denominator: Decimal

    @property
    def value(self) -> Decimal | None:
        """The rate to four places, half up; None where nothing could have happened."""
        if not self.denominator:
            return None
        return (self.numerator / self.denominator).quantize(PLACES, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class PaidBill:
    """A bill and the day it was paid in full; `paid_on` None: not paid when the set ends (on `seen_until`).

    `first_paid_on` is the first money on it, `parts` how many payments it took.
    """

    due: date
    amount: Decimal
    paid_on: date | None
    seen_until: date
    parts: int = 1

    def is_unpaid_after(self, days: int) -> bool | None:
        """Whether it was still unpaid at the end of the due day plus `days`; None when the set ends before."""
        if (self.seen_until - self.due).days < days and self.paid_on is None:
            return None
        return self.paid_on is None or (self.paid_on - self.due).days > days


def count_rate(metric: str, name: str, source: str, answers: Iterable[bool | None]) -> Rate:
    """The share of the answers that are yes; those not known are left out of both sums."""
    known = [answer for answer in answers if answer is not None]
    return Rate(metric, name, source, "count", Decimal(sum(known)), Decimal(len(known)))


def amount_rate(metric: str, name: str, source: str, answers: Iterable[tuple[bool | None, Decimal]]) -> Rate:
    """The same, weighed by amount."""
    known = [(answer, amount) for answer, amount in answers if answer is not None]
    hit = sum((amount for answer, amount in known if answer), Decimal(0))
    return Rate(metric, name, source, "amount", hit, sum((amount for _answer, amount in known), Decimal(0)))


# Days from due date to payment, as bands: (first, last) day, negative before the due date.
DELAY_BANDS: tuple[tuple[int, int], ...] = (
    (-400, -15), (-14, -8), (-7, -4), (-3, -1), (0, 0), (1, 1), (2, 3), (4, 7), (8, 15), (16, 30), (31, 60),
    (61, 90), (91, 400),
)  # fmt: skip


def delays(source: str, bills: Iterable[PaidBill]) -> list[Rate]:
    """How paid bills spread over the bands of days from the due date."""
    paid = [(bill.paid_on - bill.due).days for bill in bills if bill.paid_on is not None]
    return [
        count_rate("delay", f"{first}..{last}", source, (first <= day <= last for day in paid))
        for first, last in DELAY_BANDS
    ]


def entry_and_exit(source: str, bills: list[PaidBill]) -> list[Rate]:
    """M39 with the cut-offs end of the due day and three days of grace, M40 for the bills that entered.

    A bill enters on the day after its due date; it leaves within N days when it is paid in full by N days after that.
    """
    rates: list[Rate] = []
    for days in (0, 3):
        label = "unpaid at the end of the due date" if not days else f"unpaid {days} days after the due date"
        answers = [(bill.is_unpaid_after(days), bill.amount) for bill in bills]
        rates.append(count_rate("M39", label, source, (answer for answer, _amount in answers)))
        rates.append(amount_rate("M39", label, source, answers))
    entered = [bill for bill in bills if bill.is_unpaid_after(0)]
    for days in (1, 3, 7, 15, 30, 60, 90):
        left = [(_negated(bill.is_unpaid_after(1 + days)), bill.amount) for bill in entered]
        rates.append(count_rate("M40", f"paid in full within {days} days of entry", source, (a for a, _amount in left)))
        if days in (7, 30):
            rates.append(amount_rate("M40", f"paid in full within {days} days of entry", source, left))
    return rates


def habits(source: str, bills: list[PaidBill]) -> list[Rate]:
    """Early, on the day, late: of the bills paid; and the bills that took more than one payment."""
    paid = [bill for bill in bills if bill.paid_on is not None]
    gaps = [(bill.paid_on - bill.due).days for bill in paid if bill.paid_on is not None]
    return [
        count_rate("habit", "paid before the due date", source, (gap < 0 for gap in gaps)),
        count_rate("habit", "paid on the due date", source, (gap == 0 for gap in gaps)),
        count_rate("habit", "paid after the due date", source, (gap > 0 for gap in gaps)),
        count_rate("habit", "paid in more than one payment", source, (bill.parts > 1 for bill in paid)),
    ]


def by_name(rates: Iterable[Rate]) -> Mapping[tuple[str, str, str, str], Rate]:
    """Rates by (metric, name, source, unit)."""
    return {(rate.metric, rate.name, rate.source, rate.unit): rate for rate in rates}


def _negated(answer: bool | None) -> bool | None:
    return None if answer is None else not answer
