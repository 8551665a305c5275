"""A sample loan under some terms, as the pages of products show it: figures, bills, and their picture."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import altair as alt
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from backoffice.core.charts import INK, legend_of, svg_of
from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO
from backoffice.repayment.domain.quote import Quote
from backoffice.repayment.domain.terms import ScheduledRow, Terms
from backoffice.repayment.selectors.quotes import sample_quote


@dataclass(frozen=True, slots=True)
class Preview:
    """A sample loan under the terms: figures, bills and their picture."""

    quote: Quote
    interest: Decimal
    fees: Decimal
    total: Decimal
    chart: SafeString
    legend: tuple[dict[str, str], ...]

    @property
    def currency(self) -> str:
        """The currency of every amount."""
        return self.quote.request.terms.currency

    @property
    def bills(self) -> tuple[tuple[ScheduledRow, Decimal], ...]:
        """Every bill with its fees of both payees together."""
        return tuple((row, row.fee + row.guarantee_fee) for row in self.quote.rows)

    @property
    def first(self) -> Decimal:
        """The first bill."""
        return self.quote.rows[0].total

    @property
    def last(self) -> Decimal:
        """The last bill."""
        return self.quote.rows[-1].total

    @property
    def charged(self) -> Decimal:
        """Everything beyond the principal, fees taken at payout included."""
        return self.interest + self.fees + self.quote.upfront_fees


def preview_of(*, terms: Terms, principal: Decimal, on: date) -> dict[str, Any]:
    """The sample loan, or the refusal that says why there is none."""
    try:
        quote = sample_quote(terms=terms, principal=principal, disbursed_on=on)
    except Refusal as refusal:
        return {"preview": None, "no_preview": refusal}
    rows = quote.rows
    return {
        "preview": Preview(
            quote=quote,
            interest=sum((row.interest for row in rows), ZERO),
            fees=sum((row.fee + row.guarantee_fee for row in rows), ZERO),
            total=sum((row.total for row in rows), ZERO),
            chart=_chart(quote),
            legend=legend_of(
                ((_("principal"), "accent"), (_("interest"), "warn"), (_("fees"), "danger")),
            ),
        )
    }


def _chart(quote: Quote) -> SafeString:
    """Principal, interest and fees of every bill, stacked; a bar leads to its row."""
    parts = {"principal": INK["accent"], "interest": INK["warn"], "fees": INK["danger"]}
    values = [
        {"bill": row.number, "part": name, "rank": rank, "amount": float(amount), "href": f"#bill-{row.number}"}
        for row in quote.rows
        for rank, (name, amount) in enumerate(
            zip(parts, (row.principal, row.interest, row.fee + row.guarantee_fee), strict=True)
        )
    ]
    # A bar is a picture: the only place where an amount becomes a float.
    every = max(1, -(-len(quote.rows) // 24))
    chart = (
        alt.Chart(alt.Data(values=values), width=520, height=150)
        .mark_bar()
        .encode(
            x=alt.X(
                "bill:O",
                axis=alt.Axis(
                    labelAngle=0,
                    title=None,
                    ticks=False,
                    values=[row.number for row in quote.rows if (row.number - 1) % every == 0],
                ),
            ),
            y=alt.Y("amount:Q", stack="zero", axis=alt.Axis(title=None, domain=False, ticks=False, tickCount=4)),
            color=alt.Color("part:N", scale=alt.Scale(domain=list(parts), range=list(parts.values())), legend=None),
            order=alt.Order("rank:Q"),
            href="href:N",
        )
    )
    return svg_of(chart)
