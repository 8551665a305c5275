"""代偿: which bills and loans a guarantor has to pay for on a day, how much, and what a payment of that day changes.

Source: mechanics 3.8. The trigger is days past due of the contract, counted from the due date: what stops a borrower's
own clock does not stop the funder's claim. Nothing here touches what the borrower owes; days past due and bucket go on.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from backoffice.core.money import ZERO, exponent_of
from backoffice.repayment.domain import early, penalty
from backoffice.repayment.domain.bills import Bill, LoanState, is_met, oldest_unpaid
from backoffice.repayment.domain.components import INTEREST, PENALTY, PRINCIPAL


class ClaimKind(StrEnum):
    """单期代偿 pays one bill, the loan stays the funder's; 整笔代偿 pays the loan, which is the guarantor's then."""

    PER_INSTALMENT = "per_instalment"
    WHOLE_LOAN = "whole_loan"


@dataclass(frozen=True, slots=True)
class ClaimTerms:
    """What a guarantor agreed to: claims fall on days in `[effective_from, effective_to)`.

    `trigger_dpd` is the days past due at which a claim arises, 0 on the due day. `cap_share` is the part of the pool
    (1 = 100 %) that all claims together may come to. `cut_off` is local time: what is paid until then counts.
    """

    kind: ClaimKind
    trigger_dpd: int
    with_penalty: bool
    cap_share: Decimal
    cut_off: time
    effective_from: date
    effective_to: date | None = None

    def day_of(self, due_date: date) -> date:
        """The day on which a bill due then is claimed."""
        return due_date + timedelta(days=self.trigger_dpd)

    def claims_on(self, due_date: date, *, day: date) -> bool:
        """True when a bill due then is to be claimed on `day`, or was on a day before that was missed."""
        trigger = self.day_of(due_date)
        is_covered = self.effective_from <= trigger and (self.effective_to is None or trigger < self.effective_to)
        return is_covered and trigger <= day


@dataclass(frozen=True, slots=True)
class Amounts:
    """What is claimed, by component (major units, never negative)."""

    principal: Decimal = ZERO
    interest: Decimal = ZERO
    penalty: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.principal + self.interest + self.penalty

    def __add__(self, other: "Amounts") -> "Amounts":
        """Component by component."""
        return Amounts(*(mine + its for mine, its in self._beside(other)))

    def __sub__(self, other: "Amounts") -> "Amounts":
        """Component by component, never below zero."""
        return Amounts(*(max(ZERO, mine - its) for mine, its in self._beside(other)))

    def at_most(self, other: "Amounts") -> "Amounts":
        """The smaller of the two, component by component."""
        return Amounts(*(min(mine, its) for mine, its in self._beside(other)))

    def _beside(self, other: "Amounts") -> list[tuple[Decimal, Decimal]]:
        return [(getattr(self, each.name), getattr(other, each.name)) for each in fields(self)]


@dataclass(frozen=True, slots=True)
class Found:
    """Something to claim: `bill` is None for the whole loan; `day` the day it is claimed on."""

    bill: Bill | None
    due_date: date
    day: date
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class AfterPayment:
    """What is left of a claim at its transfer: `stands` is what the guarantor pays, `overpaid` what it gets back."""

    stands: Amounts
    overpaid: Amounts


def candidates(state: LoanState, *, day: date, terms: ClaimTerms, claimed: Collection[int] = ()) -> list[Found]:
    """What is to be claimed of a loan on `day`, the earliest first; `claimed` numbers bills a guarantor has paid."""
    if state.status == "closed":
        return []
    if terms.kind is ClaimKind.WHOLE_LOAN:
        oldest = oldest_unpaid(state)
        if oldest is None or not terms.claims_on(oldest.due_date, day=day):
            return []
        owed = owed_on_loan(state, at=day, with_penalty=terms.with_penalty, claimed=claimed)
        return [Found(None, oldest.due_date, terms.day_of(oldest.due_date), owed)] if owed.total else []
    found = []
    for bill in state.open_bills():
        if bill.number in claimed or not terms.claims_on(bill.due_date, day=day) or is_met(bill, terms=state.terms):
            continue
        owed = owed_on_bill(state, bill, at=day, with_penalty=terms.with_penalty)
        if owed.total:
            found.append(Found(bill, bill.due_date, terms.day_of(bill.due_date), owed))
    return found


def owed_on_bill(state: LoanState, bill: Bill, *, at: date, with_penalty: bool) -> Amounts:
    """A bill's unpaid principal and interest, and with `with_penalty` its penalty as of a day, charged yet or not."""
    late = bill.remaining(PENALTY) + penalty.uncharged(state, as_of=at).get(bill.number, ZERO) if with_penalty else ZERO
    return Amounts(bill.remaining(PRINCIPAL), bill.remaining(INTEREST), late)


def owed_on_loan(state: LoanState, *, at: date, with_penalty: bool, claimed: Collection[int] = ()) -> Amounts:
    """A loan's remaining principal, its interest due and earned since the last due date, and its penalty if claimed.

    Bills a guarantor has paid already are not in it.
    """
    bills = [bill for bill in state.bills if bill.number not in claimed]
    due = [bill for bill in bills if bill.due_date <= at]
    principal = sum((bill.remaining(PRINCIPAL) for bill in bills), state.principal_ahead)
    interest = sum((bill.remaining(INTEREST) for bill in due), early.accrued_ahead(state, at=at))
    if not with_penalty:
        return Amounts(principal, interest)
    grown = penalty.uncharged(state, as_of=at)
    late = sum((bill.remaining(PENALTY) + grown.get(bill.number, ZERO) for bill in bills), ZERO)
    return Amounts(principal, interest, late)


def after_payments(claimed: Amounts, *, owed_now: Amounts, paid_late: Amounts) -> AfterPayment:
    """What payments since the listing leave of a claim; `paid_late` is what came after its cut-off.

    What was paid before the cut-off shrinks the claim. For what came after it the funder has both: the claim stands
    and that part is given back. `stands` less `overpaid` is never more than what is owed now.
    """
    stands = claimed.at_most(owed_now + paid_late)
    return AfterPayment(stands=stands, overpaid=stands - owed_now)


def is_late(*, received_on: date, moment: datetime, day: date, cut_off: time) -> bool:
    """True for money of a day, received at the local `moment`, that comes after the cut-off of `day`."""
    return received_on > day or (received_on == day and moment.time() > cut_off)


def cap_of(*, pool: Decimal, cap_share: Decimal, currency: str) -> Decimal:
    """What all claims of a rule together may come to: the share of what its pool was lent, rounded down."""
    return (pool * cap_share).quantize(Decimal(1).scaleb(-exponent_of(currency)), rounding=ROUND_DOWN)


def within_cap(amounts: Sequence[Decimal], *, room: Decimal) -> list[bool]:
    """Which amounts, taken in order, the room of a cap is enough for; a smaller one behind may still fit."""
    taken = []
    for amount in amounts:
        taken.append(amount <= room)
        room -= amount if taken[-1] else ZERO
    return taken


def rate_of(part: Decimal, *, whole: Decimal) -> Decimal | None:
    """A share such as the cumulative 代偿率 or the 追回率 (1 = 100 %); None of nothing."""
    return part / whole if whole else None


def summed(parts: Iterable[Amounts]) -> Amounts:
    """All of them together."""
    return sum(parts, Amounts())
