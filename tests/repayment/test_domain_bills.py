"""What an early payoff earns on due days at a month's end."""

from datetime import date
from decimal import Decimal

from backoffice.repayment.domain.bills import new_state
from backoffice.repayment.domain.early import accrued_ahead
from backoffice.repayment.domain.journal import Journal
from backoffice.repayment.domain.replay import advance
from backoffice.repayment.domain.schedule import build_schedule
from backoffice.repayment.domain.terms import Terms

D = Decimal


def test_a_whole_month_between_clamped_due_days_earns_a_whole_month() -> None:
    terms = Terms(currency="CNY", method="equal_installment", annual_rate=D("0.18"), periods=12)
    start = date(2026, 1, 31)
    rows = build_schedule(terms=terms, principal=D("12000.00"), disbursed_on=start)
    state = new_state(terms=terms, principal=D("12000.00"), disbursed_on=start, rows=rows)
    advance(state, through=date(2026, 3, 29), journal=Journal())
    ahead = sum((row.principal for row in rows if row.due_date > date(2026, 3, 30)), D(0))
    # From 28 February (the clamped 31st) to 30 March: the anchor is the 31st, so 30 odd days at 1/360 of the year.
    assert accrued_ahead(state, at=date(2026, 3, 30)) == (ahead * D("0.18") * 30 / 360).quantize(D("0.01"))
