"""What fees ask on each bill and take from the payout, each charge rounded once to the minor unit. mechanics 3.3."""

from decimal import Decimal

from backoffice.core.money import exponent_of
from backoffice.repayment.domain.components import GUARANTEE_FEE, Component
from backoffice.repayment.domain.interest import round_ratio
from backoffice.repayment.domain.minor_units import major, minor_units
from backoffice.repayment.domain.terms import FeeRule, FeeWay, Terms

DEDUCTED: frozenset[FeeWay] = frozenset({"upfront_deducted", "upfront_deducted_of_principal"})
ON_FIRST_BILL: frozenset[FeeWay] = frozenset({"upfront_billed", "upfront_billed_of_principal"})
SHARES: frozenset[FeeWay] = frozenset(
    {
        "upfront_deducted_of_principal",
        "upfront_billed_of_principal",
        "per_period_of_principal",
        "per_period_of_balance",
    }
)


def upfront_deducted(*, terms: Terms, principal: Decimal) -> Decimal:
    """Fees taken from the payout, major units: the borrower gets the principal less this and no bill for it."""
    return sum(deducted_by_component(terms=terms, principal=principal).values(), Decimal(0))


def deducted_by_component(*, terms: Terms, principal: Decimal) -> dict[Component, Decimal]:
    """The same by the component it is booked on; components without such a fee are absent."""
    original = minor_units(principal, terms=terms)
    taken: dict[Component, int] = {}
    for rule in terms.fees:
        if rule.way in DEDUCTED:
            charged = _charge(rule, terms=terms, original=original, opening=original)
            taken[rule.component] = taken.get(rule.component, 0) + charged
    exponent = exponent_of(terms.currency)
    return {component: major(amount, exponent=exponent) for component, amount in taken.items()}


def fees_of_bill(*, terms: Terms, original: int, opening: int, is_first: bool) -> tuple[int, int]:
    """The lender's and the guarantor's fees of one bill, minor units; `opening` is the balance before the bill."""
    fee = guarantee_fee = 0
    for rule in terms.fees:
        if rule.way in DEDUCTED or (rule.way in ON_FIRST_BILL and not is_first):
            continue
        charged = _charge(rule, terms=terms, original=original, opening=opening)
        if rule.component == GUARANTEE_FEE:
            guarantee_fee += charged
        else:
            fee += charged
    return fee, guarantee_fee


def _charge(rule: FeeRule, *, terms: Terms, original: int, opening: int) -> int:
    """One charge: a share of the original principal or of the opening balance, or the amount itself."""
    numerator, denominator = rule.amount.as_integer_ratio()
    if rule.way in SHARES:
        numerator *= opening if rule.way == "per_period_of_balance" else original
    else:
        numerator *= 10 ** exponent_of(terms.currency)
    return round_ratio(numerator, denominator, rounding=terms.rounding)
