"""A quote: the schedule of a loan that does not exist yet, its totals, what it costs a year, and the cap's verdict."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from backoffice.core.money import exponent_of
from backoffice.repayment.domain.fees import upfront_deducted
from backoffice.repayment.domain.json_form import plain
from backoffice.repayment.domain.schedule import build_schedule
from backoffice.repayment.domain.terms import ScheduledRow
from backoffice.repayment.domain.terms_form import QuoteRequest
from backoffice.repayment.domain.yearly_cost import CapVerdict, YearlyCost, judge, yearly_cost


@dataclass(frozen=True, slots=True)
class Quote:
    """What a borrower would receive and pay. Amounts in major units; nothing of it is stored."""

    request: QuoteRequest
    rows: tuple[ScheduledRow, ...]
    upfront_fees: Decimal
    cost: YearlyCost
    cap: CapVerdict

    @property
    def net_disbursed(self) -> Decimal:
        """The money the borrower receives."""
        return self.request.principal - self.upfront_fees


def make_quote(request: QuoteRequest) -> Quote:
    """The quote for a request. Raises ScheduleRefused, DueDatesRefused or NothingPaidOut, naming what is at fault."""
    terms = request.terms
    rows = build_schedule(
        terms=terms,
        principal=request.principal,
        disbursed_on=request.disbursed_on,
        first_due_date=request.first_due_date,
        due_dates=request.due_dates,
    )
    upfront_fees = upfront_deducted(terms=terms, principal=request.principal)
    cost = yearly_cost(
        terms=terms, net_disbursed=request.principal - upfront_fees, disbursed_on=request.disbursed_on, rows=rows
    )
    return Quote(
        request=request, rows=rows, upfront_fees=upfront_fees, cost=cost, cap=judge(cost=cost, cap=terms.cost_cap)
    )


def quote_to_json(quote: Quote) -> dict[str, Any]:
    """The answer of DESIGN 8. Amounts are decimal strings with the currency's decimals, rates fractions with 8.

    A row's `fees` are all that is charged beside principal and interest; `balance` is the principal left after the row.
    `totals` sums the columns; fees taken at payout are not on any bill and stand in `upfront_fees`.
    """
    places = exponent_of(quote.request.terms.currency)

    def money(amount: Decimal) -> str:
        return f"{amount:.{places}f}"

    rows = quote.rows
    principal = sum((row.principal for row in rows), Decimal(0))
    interest = sum((row.interest for row in rows), Decimal(0))
    fees = sum((row.fee + row.guarantee_fee for row in rows), Decimal(0))
    cap = quote.cap
    return {
        "currency": quote.request.terms.currency,
        "rows": [
            {
                "number": row.number,
                "due_date": row.due_date.isoformat(),
                "days": row.days,
                "principal": money(row.principal),
                "interest": money(row.interest),
                "fees": money(row.fee + row.guarantee_fee),
                "total": money(row.total),
                "balance": money(row.balance),
            }
            for row in rows
        ],
        "totals": {
            "principal": money(principal),
            "interest": money(interest),
            "fees": money(fees),
            "total": money(principal + interest + fees),
            "upfront_fees": money(quote.upfront_fees),
            "net_disbursed": money(quote.net_disbursed),
        },
        "apr_irr": f"{quote.cost.apr_irr:f}",
        "ear": f"{quote.cost.ear:f}",
        "xirr": f"{quote.cost.xirr:f}",
        "cost_cap": {
            "regime": cap.cap.regime,
            "rate": None if cap.cap.rate is None else plain(cap.cap.rate),
            "formula": cap.cap.formula,
            "value": f"{cap.value:f}",
            "verdict": cap.verdict,
        },
    }
