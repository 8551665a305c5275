"""How borrowers pay by themselves on some days, apart from the rates of debits (metrics M30)."""

from collections.abc import Collection
from datetime import date

from backoffice.core.bulk import fetch
from backoffice.repayment.domain.autopay.active_rates import ActiveCounts
from backoffice.repayment.selectors.verification import statement


def active_rates(*, from_day: date, through_day: date, portfolios: Collection[str] | None = None) -> ActiveCounts:
    """What borrowers did by themselves about the bills of `[from_day, through_day]`; one query.

    `portfolios`: those to look at; None for all.
    """
    params = {
        "from_day": from_day,
        "through_day": through_day,
        "portfolios": None if portfolios is None else sorted(portfolios),
    }
    return ActiveCounts(*fetch(statement("active_rates.sql"), params)[0])
