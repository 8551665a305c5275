"""The terms of a loan, as frozen values: what a product version says and each loan copies.

Amounts are major units of the product's currency, rates are per year as fractions (0.18 is 18 %).
Parsing and validation from JSON live in `terms_form`.
"""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from backoffice.repayment.domain.components import (
    FEE,
    GUARANTEE_FEE,
    INTEREST,
    PENALTY,
    PRINCIPAL,
    Component,
)

Method = Literal["equal_installment", "equal_principal", "interest_only", "flat", "single_payment"]
DayCount = Literal["monthly", "30/360", "act/365", "act/360", "act/act"]
Unit = Literal["month", "week", "day"]
HolidayShift = Literal["none", "next", "previous", "modified_following"]
Rounding = Literal["half_up", "half_even", "up", "down"]
InstallmentBasis = Literal["solved", "nominal"]
FeeWay = Literal[
    "upfront_deducted",  # taken from the payout: the borrower receives less, owes no bill for it
    "upfront_deducted_of_principal",  # the same, as a share of the principal
    "upfront_billed",  # added to the first bill
    "upfront_billed_of_principal",  # the same, as a share of the principal
    "per_period_fixed",  # the same amount on every bill
    "per_period_of_principal",  # share of the original principal on every bill
    "per_period_of_balance",  # share of the opening balance on every bill
]
FutureRule = Literal["suspense", "next_installment", "last_installment", "reduce_installment", "shorten_term"]


@dataclass(frozen=True, slots=True)
class FeeRule:
    """One fee: which component carries it, who is paid, and how it is charged (`amount` or fraction)."""

    code: str
    component: Literal["fee", "guarantee_fee"]
    payee: str
    way: FeeWay
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Grace:
    """Penalty grace: `waive` forgives what is paid within the days, `shift` starts the penalty later. mechanics 3.4."""

    days: int = 0
    mode: Literal["waive", "shift"] = "waive"


@dataclass(frozen=True, slots=True)
class PenaltyRule:
    """Penalty rate = min(contract rate x (1 + uplift), rate_cap) on the overdue base, actual days / day_basis.

    `compounding` monthly adds the penalty unpaid at each month end to the base. mechanics 3.4.
    """

    base: Literal["principal", "principal_and_interest"] = "principal"
    uplift: Decimal = Decimal("0.50")
    rate_cap: Decimal | None = Decimal("0.24")
    compounding: Literal["none", "monthly"] = "none"
    day_basis: Literal[360, 365] = 360


@dataclass(frozen=True, slots=True)
class AllocationRule:
    """The waterfall: component order, bill by bill (vertical) or component by component (horizontal). mechanics 3.6."""

    order: tuple[Component, ...] = (FEE, GUARANTEE_FEE, PENALTY, INTEREST, PRINCIPAL)
    mode: Literal["vertical", "horizontal"] = "vertical"
    principal_first_after_dpd: int | None = 90
    future: FutureRule = "suspense"


@dataclass(frozen=True, slots=True)
class PrepaymentRule:
    """What early settlement costs on top of accrued interest. mechanics 3.5.

    fee: none | percent of remaining principal | interest of n days | fixed amount; never above `fee_cap` when set.
    """

    fee: Literal["none", "percent", "days_interest", "fixed"] = "none"
    value: Decimal = Decimal(0)
    fee_cap: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What is too little to count: bucket entry waits `days`; a bill short by max(floor, percent) at most is met."""

    days: int = 0
    floor: Decimal = Decimal(0)
    percent: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class CostCap:
    """The line the yearly cost must not cross, and the formula it is read by. mechanics 3.3."""

    regime: str = "cn_24"
    rate: Decimal | None = Decimal("0.24")
    formula: Literal["apr_irr", "ear", "xirr"] = "apr_irr"


@dataclass(frozen=True, slots=True)
class Band:
    """One bucket: days past due from `first` to `last` inclusive, `last` None for the open end."""

    code: str
    first: int
    last: int | None


M_BANDS: tuple[Band, ...] = (
    Band("M0", 0, 0),
    Band("M1", 1, 30),
    Band("M2", 31, 60),
    Band("M3", 61, 90),
    Band("M4", 91, 120),
    Band("M5", 121, 150),
    Band("M6", 151, 180),
    Band("M6+", 181, None),
)


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything a loan copies from its product version at disbursement.

    `declared_days` are no part of a product: they are the days the lender had declared over the published calendar when
    the loan was made, day and whether it is worked, in order. The copy keeps them, so that a day declared or withdrawn
    later moves no bill of a schedule already made, and a replay reads the grid as the posting did.
    """

    currency: str
    method: Method
    annual_rate: Decimal
    periods: int
    day_count: DayCount = "monthly"
    every: int = 1
    unit: Unit = "month"
    due_day: int | None = None
    first_period_min_days: int = 15
    holiday_shift: HolidayShift = "none"
    calendar: str = "none"
    rounding: Rounding = "half_up"
    multiple_of: Decimal = Decimal("0.01")
    installment_basis: InstallmentBasis = "solved"
    fees: tuple[FeeRule, ...] = ()
    grace: Grace = field(default_factory=Grace)
    penalty: PenaltyRule = field(default_factory=PenaltyRule)
    allocation: AllocationRule = field(default_factory=AllocationRule)
    prepayment: PrepaymentRule = field(default_factory=PrepaymentRule)
    tolerance: Tolerance = field(default_factory=Tolerance)
    cost_cap: CostCap = field(default_factory=CostCap)
    bands: tuple[Band, ...] = M_BANDS
    declared_days: tuple[tuple[date, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduledRow:
    """One bill of a schedule: amounts in major units, `balance` the principal left after it, `days` actual days."""

    number: int
    due_date: date
    days: int
    principal: Decimal
    interest: Decimal
    fee: Decimal
    guarantee_fee: Decimal
    balance: Decimal

    @property
    def total(self) -> Decimal:
        """What the bill asks for in all."""
        return self.principal + self.interest + self.fee + self.guarantee_fee
