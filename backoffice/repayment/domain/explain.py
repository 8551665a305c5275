"""Why a loan is so many days past due on a day: the bill, the payments on it, the holds, and the rule that named it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from backoffice.core.money import ZERO
from backoffice.repayment.domain.aging import (
    FiveTier,
    band_of,
    bucket_of,
    cycles_past_due,
    days_past_due,
    five_tier,
    held_days,
)
from backoffice.repayment.domain.bills import Bill, HoldPeriod, LoanState, oldest_unpaid
from backoffice.repayment.domain.journal import Line
from backoffice.repayment.domain.penalty import base_days_through, overdue_base, penalty_rate, uncharged
from backoffice.repayment.domain.terms import Band


@dataclass(frozen=True, slots=True)
class HeldDays:
    """A hold and how many overdue days it took out."""

    hold: HoldPeriod
    days: int


@dataclass(frozen=True, slots=True)
class BillPenalty:
    """How the penalty of one bill came about, so that it can be worked out again.

    `base_days` x `rate` / `day_basis`, rounded once, is `charged` and `uncharged` together: `base_days` is the overdue
    base times the days it stood, summed through the day asked for; `base` is what penalty grows on now.
    """

    number: int
    base: Decimal
    base_days: Decimal
    rate: Decimal
    day_basis: int
    charged: Decimal
    uncharged: Decimal

    @property
    def total(self) -> Decimal:
        """Charged and grown since."""
        return self.charged + self.uncharged


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that made the number, as of a day.

    `dpd` counts held days out, `dpd_contract` does not. `bill` is the oldest unpaid one, None when nothing is unpaid;
    `settled_by` the transfers that paid or waived part of it.
    """

    as_of: date
    dpd: int
    dpd_contract: int
    bucket: str
    cycles: int
    five_tier: FiveTier
    bill: Bill | None
    elapsed_days: int
    held: tuple[HeldDays, ...]
    band: Band
    tolerance_days: int
    settled_by: tuple[Line, ...]
    penalties: tuple[BillPenalty, ...]


def explain(state: LoanState, *, lines: Sequence[Line], as_of: date) -> Explanation:
    """Explain a state that has been brought to `as_of`, given the transfers that led to it."""
    bill = oldest_unpaid(state)
    overdue = bill if bill is not None and bill.due_date < as_of else None
    dpd = days_past_due(oldest_unpaid_due=overdue.due_date if overdue else None, as_of=as_of, holds=state.holds)
    contract = (as_of - overdue.due_date).days if overdue else 0
    grown = uncharged(state, as_of=as_of)
    return Explanation(
        as_of=as_of,
        dpd=dpd,
        dpd_contract=contract,
        bucket=bucket_of(dpd=dpd, terms=state.terms),
        cycles=cycles_past_due(state, as_of=as_of),
        five_tier=five_tier(dpd=contract),
        bill=bill,
        elapsed_days=contract,
        held=_held(state, overdue=overdue, as_of=as_of),
        band=band_of(dpd=dpd, bands=state.terms.bands),
        tolerance_days=state.terms.tolerance.days,
        settled_by=tuple(line for line in lines if bill is not None and _settles(line, bill)),
        penalties=tuple(
            BillPenalty(
                number=each.number,
                base=overdue_base(each, terms=state.terms) if each.due_date < as_of else ZERO,
                base_days=base_days_through(each, state=state, as_of=as_of),
                rate=penalty_rate(state.terms),
                day_basis=state.terms.penalty.day_basis,
                charged=each.charged["penalty"],
                uncharged=grown.get(each.number, ZERO),
            )
            for each in state.bills
            if each.charged["penalty"] or each.number in grown
        ),
    )


def _held(state: LoanState, *, overdue: Bill | None, as_of: date) -> tuple[HeldDays, ...]:
    if overdue is None:
        return ()
    return tuple(
        HeldDays(hold=hold, days=days)
        for hold in state.holds
        if hold.scope == "aging"
        and (days := held_days(after=overdue.due_date, until=as_of, holds=[hold], scope="aging"))
    )


def _settles(line: Line, bill: Bill) -> bool:
    return line.number == bill.number and line.kind in ("payment", "recovery", "suspense_applied", "waiver")
