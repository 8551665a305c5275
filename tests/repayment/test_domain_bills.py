"""Bills of a schedule: what is a bill, and what an early payoff earns on due days at a month's end."""

from datetime import date
from decimal import Decimal

from backoffice.repayment.domain.bills import new_state
from backoffice.repayment.domain.early import accrued_ahead
from backoffice.repayment.domain.journal import Journal
from backoffice.repayment.domain.replay import advance
from backoffice.repayment.domain.schedule import build_schedule
from backoffice.repayment.domain.terms import Terms

D = Decimal


def test_a_row_that_asks_for_nothing_is_no_bill() -> None:
    terms = Terms(
        currency="CNY", method="equal_installment", annual_rate=D(0), periods=12, multiple_of=D("100"), rounding="up"
    )
    rows = build_schedule(terms=terms, principal=D("1000.00"), disbursed_on=date(2026, 1, 15))
    assert [row.total for row in rows][-2:] == [D("0.00"), D("0.00")]
    state = new_state(terms=terms, principal=D("1000.00"), disbursed_on=date(2026, 1, 15), rows=rows)
    assert [bill.scheduled_total() for bill in state.bills] == [D("100.00")] * 10


def test_a_whole_month_between_clamped_due_days_earns_a_whole_month() -> None:
    terms = Terms(currency="CNY", method="equal_installment", annual_rate=D("0.18"), periods=12)
    start = date(2026, 1, 31)
    rows = build_schedule(terms=terms, principal=D("12000.00"), disbursed_on=start)
    state = new_state(terms=terms, principal=D("12000.00"), disbursed_on=start, rows=rows)
    advance(state, through=date(2026, 3, 29), journal=Journal())
    ahead = sum((row.principal for row in rows if row.due_date > date(2026, 3, 30)), D(0))
    # From 28 February (the clamped 31st) to 30 March: the anchor is the 31st, so 30 odd days at 1/360 of the year.
    assert accrued_ahead(state, at=date(2026, 3, 30)) == (ahead * D("0.18") * 30 / 360).quantize(D("0.01"))
