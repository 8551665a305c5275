"""Penalty on what is overdue: the worked figures of mechanics 3.4 and of the drawn loan page."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from backoffice.repayment.domain import penalty
from backoffice.repayment.domain.components import PENALTY
from backoffice.repayment.domain.operations import Operation
from backoffice.repayment.domain.terms import Grace, PenaltyRule, ScheduledRow, Tolerance
from tests.repayment.cases import D, after, bill, hold, lived, loan, page_loan, payment, terms

DUE = date(2026, 2, 15)
UNCAPPED = PenaltyRule(uplift=D("0.50"), rate_cap=None)


def first_bill_only(**changes):
    """One bill of the loan of 3.2: 920.16 principal and 180.00 interest, due on 15 February 2026."""
    row = ScheduledRow(1, DUE, 31, D("920.16"), D("180.00"), D("0.00"), D("0.00"), D("0.00"))
    return loan(terms=terms(**changes), principal="920.16", rows=[row])


def grown(state, days):
    return penalty.uncharged(state, as_of=after(DUE, days)).get(1, D("0.00"))


@pytest.mark.parametrize(("days", "amount"), [(0, "0.00"), (1, "0.69"), (10, "6.90"), (30, "20.70"), (40, "27.60")])
def test_grows_by_the_uplifted_rate_on_overdue_principal(days, amount):
    assert grown(first_bill_only(penalty=UNCAPPED), days) == D(amount)


def test_is_capped_by_the_default_rate():
    state = first_bill_only(penalty=PenaltyRule(uplift=D("0.50"), rate_cap=D("0.24")))
    assert penalty.penalty_rate(state.terms) == D("0.24")
    assert grown(state, 40) == D("24.54")


@pytest.mark.parametrize(
    ("contract", "effective"), [("0.12", "0.18"), ("0.16", "0.24"), ("0.18", "0.24"), ("0.24", "0.24")]
)
def test_the_cap_leaves_less_room_the_higher_the_contract_rate(contract, effective):
    assert penalty.penalty_rate(terms(annual_rate=D(contract))) == D(effective)


def test_bears_on_interest_too_when_the_terms_say_so():
    state = first_bill_only(penalty=replace(UNCAPPED, base="principal_and_interest"))
    assert grown(state, 30) == D("24.75")  # 20.70 on the principal and 4.05 on the interest


def test_counts_years_of_365_days_when_the_terms_say_so():
    assert grown(first_bill_only(penalty=replace(UNCAPPED, day_basis=365)), 30) == D("20.42")


def test_is_what_the_drawn_loan_page_says_on_22_november_2026():
    state = page_loan()
    lived(state, through=date(2026, 11, 21))
    # 8.34 of bill 4 were charged at the end of October; the page shows what has grown in all.
    assert state.bills[3].charged[PENALTY] == D("8.34")
    assert penalty.uncharged(state, as_of=date(2026, 11, 22)) == {4: D("14.11"), 5: D("2.60")}
    penalty.charge(state, at=date(2026, 11, 22))
    assert [each.charged[PENALTY] for each in state.bills[3:5]] == [D("22.45"), D("2.60")]
    due_today = [each.remaining_total() for each in state.bills[3:5]]
    assert due_today == [D("1122.61"), D("1102.76")]
    assert sum(due_today) == D("2225.37")


def test_rounds_once_however_often_it_is_charged():
    state = first_bill_only(penalty=UNCAPPED)
    for days in range(1, 31):
        penalty.charge(state, at=after(DUE, days))
    assert state.bills[0].charged[PENALTY] == D("20.70")


def test_asking_changes_nothing():
    state = first_bill_only(penalty=UNCAPPED)
    before = (state.accrued_through, state.bills[0].overdue_base_days, dict(state.bills[0].charged))
    assert grown(state, 30) == grown(state, 30) == D("20.70")
    assert (state.accrued_through, state.bills[0].overdue_base_days, dict(state.bills[0].charged)) == before


# grace


@pytest.mark.parametrize(("paid_after", "amount"), [(1, "0.00"), (3, "0.00"), (4, "2.76"), (10, "6.90")])
def test_waiving_grace_forgives_what_is_paid_within_it_and_else_counts_from_the_due_date(paid_after, amount):
    state = first_bill_only(penalty=UNCAPPED, grace=Grace(days=3, mode="waive"))
    on = after(DUE, paid_after)
    lived(state, payment("2000.00", on), through=on)
    assert state.bills[0].charged[PENALTY] == D(amount)
    assert state.status == "closed"


@pytest.mark.parametrize(("paid_after", "amount"), [(1, "0.00"), (3, "0.00"), (4, "0.69"), (10, "4.83")])
def test_shifting_grace_counts_from_the_day_after_it(paid_after, amount):
    state = first_bill_only(penalty=UNCAPPED, grace=Grace(days=3, mode="shift"))
    on = after(DUE, paid_after)
    lived(state, payment("2000.00", on), through=on)
    assert state.bills[0].charged[PENALTY] == D(amount)


def test_waiving_grace_says_nothing_yet_while_it_runs():
    state = first_bill_only(penalty=UNCAPPED, grace=Grace(days=3, mode="waive"))
    assert [grown(state, days) for days in (1, 2, 3, 4)] == [D("0.00"), D("0.00"), D("0.00"), D("2.76")]


def test_a_part_paid_within_a_waiving_grace_does_not_forgive_the_rest():
    state = first_bill_only(penalty=UNCAPPED, grace=Grace(days=3, mode="waive"))
    lived(state, payment("640.16", after(DUE, 2)), through=after(DUE, 2))  # 180.00 interest and half the principal
    assert state.bills[0].remaining("principal") == D("460.00")
    # 2 days on 920.16 and 8 on 460.00
    assert grown(state, 10) == D("4.14")


# holds


def test_a_hold_takes_out_only_the_days_it_covers():
    free = first_bill_only(penalty=UNCAPPED)
    assert grown(free, 30) == D("20.70")
    for start, end, counted in [
        (after(DUE, 11), after(DUE, 21), 20),  # ten days in the middle
        (after(DUE, -40), after(DUE, 1), 30),  # over before the first day counts
        (after(DUE, -40), after(DUE, 2), 29),  # reaches into the first day
        (after(DUE, 31), after(DUE, 60), 30),  # begins after the day asked for
        (after(DUE, -5), None, 0),  # covers all of it
        (after(DUE, 30), None, 29),
    ]:
        state = first_bill_only(penalty=UNCAPPED)
        state.holds = (hold("penalty", start, end),)
        exact = D("920.16") * D("0.27") / 360 * counted
        assert grown(state, 30) == exact.quantize(D("0.01"), rounding="ROUND_HALF_UP"), (start, end)


def test_a_hold_on_aging_does_not_stop_penalty():
    state = first_bill_only(penalty=UNCAPPED)
    state.holds = (hold("aging", DUE, None),)
    assert grown(state, 30) == D("20.70")


# tolerance


def test_does_not_grow_on_a_bill_that_counts_as_met():
    state = first_bill_only(penalty=UNCAPPED, tolerance=Tolerance(floor=D("50.00")))
    lived(state, payment("1050.16", DUE), through=after(DUE, 60))
    assert state.bills[0].remaining("principal") == D("50.00")
    assert grown(state, 90) == D("0.00")
    assert state.bills[0].charged[PENALTY] == D("0.00")


def test_what_grew_before_a_bill_was_met_stays_owed():
    state = first_bill_only(penalty=UNCAPPED, tolerance=Tolerance(floor=D("50.00")))
    lived(state, payment("1057.06", after(DUE, 10)), through=after(DUE, 200))  # 6.90 penalty, 1,050.16 of the rest
    assert state.bills[0].charged[PENALTY] == state.bills[0].paid[PENALTY] == D("6.90")
    assert state.bills[0].remaining_total() == D("50.00")


# compounding


def compounding():
    return first_bill_only(penalty=replace(UNCAPPED, compounding="monthly"))


def test_compounds_what_stands_unpaid_at_a_month_end():
    state = compounding()
    lived(state, through=date(2026, 3, 31))
    # 13 days to the end of February: 920.16 x 0.00075 x 13 = 8.97; then 31 days on 929.13
    assert state.bills[0].charged[PENALTY] == D("30.57")
    assert state.bills[0].compound_base == D("30.57")


def test_a_paid_penalty_bears_none_itself():
    state = compounding()
    # 12 days into March: 8.97 + 12 x 929.13 x 0.00075 = 17.33; the payment takes 10.00 of the penalty.
    lived(state, payment("10.00", date(2026, 3, 12)), through=date(2026, 3, 12))
    assert state.bills[0].charged[PENALTY] == D("17.33")
    assert state.bills[0].remaining(PENALTY) == D("7.33")
    assert state.bills[0].compound_base == D("7.33")
    charged_again = compounding()
    lived(charged_again, payment("10.00", date(2026, 3, 12)), through=date(2026, 3, 12))
    penalty.charge(charged_again, at=date(2026, 3, 20))
    lived(state, through=date(2026, 3, 31))
    lived(charged_again, through=date(2026, 3, 31))
    assert state.bills[0].charged[PENALTY] == charged_again.bills[0].charged[PENALTY] == D("30.55")


def test_a_settled_bill_keeps_no_compounded_base():
    state = compounding()
    lived(state, payment("2000.00", date(2026, 3, 12)), through=date(2026, 4, 30))
    assert (state.bills[0].compound_base, state.bills[0].charged[PENALTY]) == (D("0.00"), D("17.33"))


def test_stops_when_a_loan_is_charged_off():
    state = first_bill_only(penalty=UNCAPPED)
    lived(state, Operation(kind="charge_off", value_date=after(DUE, 10), key=1), through=after(DUE, 100))
    assert state.bills[0].charged[PENALTY] == D("6.90")
    assert grown(state, 200) == D("0.00")


def test_a_currency_without_hundredths_has_whole_penalties():
    state = first_bill_only(penalty=UNCAPPED, currency="UGX")
    assert grown(state, 10) == Decimal(7)


def test_nothing_grows_on_a_bill_not_yet_due():
    late = bill(1, date(2027, 1, 1), principal="920.16")
    state = first_bill_only(penalty=UNCAPPED)
    state.bills.append(late)
    assert penalty.uncharged(state, as_of=after(DUE, 10)) == {1: D("6.90")}
