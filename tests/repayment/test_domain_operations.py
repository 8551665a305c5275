"""What each operation does to the bills, the suspense and the journal."""

from collections import Counter
from datetime import date

import pytest

from backoffice.repayment.domain.journal import Journal
from backoffice.repayment.domain.operations import ALL_HELD, BillsAheadMissing, Operation, apply, reaches_ahead
from backoffice.repayment.domain.terms import AllocationRule, PrepaymentRule, Tolerance
from tests.repayment.cases import D, lived, loan, owed, page_loan, payment, row, terms

DISBURSED = date(2026, 1, 15)
DUE = date(2026, 2, 15)
PERCENT = PrepaymentRule(fee="percent", value=D("0.01"))


def lines(journal, kind=None):
    return [
        (line.kind, line.debit, line.credit, line.component, line.number, line.amount)
        for line in journal.lines
        if kind in (None, line.kind)
    ]


def operation(kind, on, **fields):
    return Operation(kind=kind, value_date=on, key=fields.pop("key", 99), **fields)


def two_bills(**changes):
    """Two bills of 1,000.00 principal and 100.00 interest, due on 15 February and 15 March."""
    rows = [row(1, DUE, "1000.00", "100.00"), row(2, date(2026, 3, 15), "1000.00", "100.00")]
    return loan(terms=terms(**changes), principal="2000.00", disbursed_on=DISBURSED, rows=rows)


# payments


def test_a_payment_on_time_settles_its_bill_and_moves_nothing():
    state = two_bills()
    journal = lived(state, payment("1100.00", DUE), through=DUE)
    assert lines(journal) == [
        ("payment", "cash", "interest_receivable", "interest", 1, D("100.00")),
        ("payment", "cash", "principal_receivable", "principal", 1, D("1000.00")),
    ]
    assert journal.moves == []
    assert (state.bills[0].settled_on, state.outstanding_principal(), state.status) == (DUE, D("1000.00"), "active")


def test_a_payment_charges_the_penalty_to_its_day_before_it_is_divided():
    state = two_bills()
    journal = lived(state, payment("1106.67", date(2026, 2, 25)), through=date(2026, 2, 25))
    assert lines(journal) == [
        ("penalty_charge", "penalty_receivable", "penalty_income", "penalty", 1, D("6.67")),
        ("payment", "cash", "penalty_receivable", "penalty", 1, D("6.67")),
        ("payment", "cash", "interest_receivable", "interest", 1, D("100.00")),
        ("payment", "cash", "principal_receivable", "principal", 1, D("1000.00")),
    ]
    assert [(move.on, move.from_bucket, move.to_bucket, move.cause) for move in journal.moves] == [
        (date(2026, 2, 16), "M0", "M1", "aging"),
        (date(2026, 2, 25), "M1", "M0", "payment"),
    ]


def test_a_part_payment_leaves_the_loan_in_its_bucket():
    state = two_bills()
    lived(state, payment("300.00", date(2026, 2, 25)), through=date(2026, 2, 25))
    assert state.bucket == "M1"
    assert owed(state.bills, "principal") == [D("806.67"), D("1000.00")]


def test_money_beyond_what_is_due_waits_in_suspense():
    state = two_bills()
    journal = lived(state, payment("1500.00", DUE), through=DUE)
    assert lines(journal, "surplus") == [("surplus", "cash", "suspense", None, None, D("400.00"))]
    assert state.suspense == D("400.00")


def test_suspense_is_used_at_the_close_of_the_next_due_date():
    state = two_bills()
    journal = lived(state, payment("1500.00", DUE), through=date(2026, 3, 15))
    assert lines(journal, "suspense_applied") == [
        ("suspense_applied", "suspense", "interest_receivable", "interest", 2, D("100.00")),
        ("suspense_applied", "suspense", "principal_receivable", "principal", 2, D("300.00")),
    ]
    assert (state.suspense, state.bucket) == (D("0.00"), "M1")


def test_suspense_that_covers_the_bill_keeps_the_loan_out_of_arrears():
    state = two_bills()
    journal = lived(state, payment("2300.00", DUE), through=date(2026, 3, 20))
    assert journal.moves == []
    assert (state.status, state.closed_on, state.suspense) == ("closed", date(2026, 3, 15), D("100.00"))


@pytest.mark.parametrize(
    ("rule", "principal_left", "interest_left"),
    [
        ("next_installment", ["0.00", "700.00", "1000.00"], ["0.00", "0.00", "100.00"]),
        ("last_installment", ["0.00", "1000.00", "700.00"], ["0.00", "100.00", "0.00"]),
    ],
)
def test_surplus_pays_the_next_or_the_last_bill_by_choice(rule, principal_left, interest_left):
    rows = [row(number, date(2026, 1 + number, 15), "1000.00", "100.00") for number in (1, 2, 3)]
    state = loan(principal="3000.00", disbursed_on=DISBURSED, rows=rows)
    lived(state, payment("1500.00", DUE, surplus=rule), through=DUE)
    assert owed(state.bills, "principal") == [D(left) for left in principal_left]
    assert owed(state.bills, "interest") == [D(left) for left in interest_left]


def test_the_choice_of_the_payment_goes_before_the_rule_of_the_terms():
    state = two_bills(allocation=AllocationRule(future="next_installment"))
    lived(state, payment("1500.00", DUE, surplus="suspense"), through=DUE)
    assert state.suspense == D("400.00")
    by_terms = two_bills(allocation=AllocationRule(future="next_installment"))
    lived(by_terms, payment("1500.00", DUE), through=DUE)
    assert by_terms.suspense == D("0.00")


def test_the_last_payment_closes_the_loan():
    state = two_bills()
    lived(state, payment("2200.00", DUE, surplus="next_installment"), through=DUE)
    assert (state.status, state.closed_on, state.bucket) == ("closed", DUE, "M0")


def test_more_than_everything_waits_for_a_refund():
    state = two_bills()
    lived(state, payment("2250.00", DUE, surplus="next_installment"), through=DUE)
    assert (state.status, state.suspense) == ("closed", D("50.00"))


# waiver, refund


def test_a_waiver_takes_off_the_oldest_bills_first_and_counts_as_a_concession():
    state = two_bills()
    journal = lived(state, operation("waiver", DUE, components={"interest": D("150.00")}), through=DUE)
    assert lines(journal, "waiver") == [
        ("waiver", "concession_expense", "interest_receivable", "interest", 1, D("100.00")),
        ("waiver", "concession_expense", "interest_receivable", "interest", 2, D("50.00")),
    ]
    assert owed(state.bills, "interest") == [D("0.00"), D("50.00")]
    assert state.bills[0].paid_total() == D("0.00")


def test_a_waiver_of_penalty_does_not_stop_it_from_growing():
    state = two_bills()
    waived = operation("waiver", date(2026, 2, 25), components={"penalty": D("6.67")})
    lived(state, waived, through=date(2026, 2, 28))
    assert state.bills[0].charged["penalty"] == D("8.67")  # 13 days
    assert owed(state.bills, "penalty") == [D("2.00"), D("0.00")]


def test_waiving_the_last_cent_closes_the_loan():
    state = two_bills()
    lived(
        state,
        payment("2150.00", DUE, surplus="next_installment"),
        operation("waiver", DUE, components={"interest": D("50.00")}),
        through=DUE,
    )
    # Fees, penalty and interest come first, so what is left of the second bill is principal: nothing can be waived.
    assert (state.status, owed(state.bills, "principal")) == ("active", [D("0.00"), D("50.00")])


def test_money_that_is_to_be_paid_back_pays_nothing_that_is_due():
    rule = AllocationRule(future="next_installment")
    state, untouched = two_bills(allocation=rule), two_bills(allocation=rule)
    held = operation("payment", DUE, amount=D("500.00"), surplus=ALL_HELD)
    journal = lived(state, held, operation("refund", DUE, amount=D("500.00"), key=100), through=DUE)
    lived(untouched, through=DUE)
    assert lines(journal) == [
        ("surplus", "cash", "suspense", None, None, D("500.00")),
        ("refund", "suspense", "cash", None, None, D("500.00")),
    ]
    assert (state.bills, state.suspense) == (untouched.bills, D("0.00"))
    assert not reaches_ahead(kind="payment", surplus=ALL_HELD, terms=state.terms)


def test_a_refund_pays_out_what_is_held():
    state = two_bills()
    journal = lived(state, payment("1500.00", DUE), operation("refund", DUE, amount=D("150.00")), through=DUE)
    assert lines(journal, "refund") == [("refund", "suspense", "cash", None, None, D("150.00"))]
    assert state.suspense == D("250.00")


# charge-off, recovery, write-off, creditor


def test_a_charge_off_moves_all_that_is_owed_to_its_own_account_and_leaves_it_owed():
    state = two_bills()
    journal = lived(state, operation("charge_off", date(2026, 2, 25)), through=date(2026, 6, 30))
    assert lines(journal, "charge_off") == [
        ("charge_off", "charged_off_receivable", "principal_receivable", "principal", 1, D("1000.00")),
        ("charge_off", "charged_off_receivable", "interest_receivable", "interest", 1, D("100.00")),
        ("charge_off", "charged_off_receivable", "penalty_receivable", "penalty", 1, D("6.67")),
        ("charge_off", "charged_off_receivable", "principal_receivable", "principal", 2, D("1000.00")),
        ("charge_off", "charged_off_receivable", "interest_receivable", "interest", 2, D("100.00")),
    ]
    assert (state.status, state.outstanding_principal(), state.bucket) == ("charged_off", D("2000.00"), "M5")


def test_what_comes_in_after_a_charge_off_is_recovery():
    state = two_bills()
    journal = lived(
        state,
        operation("charge_off", date(2026, 2, 25), key=1),
        payment("50.00", date(2026, 3, 1), key=2),
        through=date(2026, 3, 1),
    )
    assert lines(journal)[-2:] == [
        ("recovery", "cash", "charged_off_receivable", "penalty", 1, D("6.67")),
        ("recovery", "cash", "charged_off_receivable", "interest", 1, D("43.33")),
    ]
    assert state.status == "charged_off"


def test_a_charged_off_loan_that_is_paid_in_full_is_closed():
    state = two_bills()
    lived(
        state,
        operation("charge_off", date(2026, 3, 20), key=1),
        payment("5000.00", date(2026, 4, 1), key=2),
        through=date(2026, 4, 1),
    )
    assert (state.status, state.closed_on) == ("closed", date(2026, 4, 1))


def test_a_write_off_gives_up_what_is_left_within_the_tolerance_and_closes_the_loan():
    state = two_bills(tolerance=Tolerance(floor=D("5.00")))
    journal = lived(
        state,
        payment("2195.50", DUE, key=1, surplus="next_installment"),
        operation("write_off", DUE, key=2),
        through=DUE,
    )
    assert lines(journal, "write_off") == [
        ("write_off", "write_off_expense", "principal_receivable", "principal", 2, D("4.50")),
    ]
    assert (state.status, state.outstanding_principal()) == ("closed", D("0.00"))


def test_a_write_off_does_nothing_when_a_payment_before_it_is_gone_and_too_much_is_left():
    state = two_bills(tolerance=Tolerance(floor=D("5.00")))
    journal = lived(state, operation("write_off", DUE, key=2), through=DUE)
    assert lines(journal, "write_off") == []
    assert (state.status, state.outstanding_principal()) == ("active", D("2000.00"))


def test_a_change_of_creditor_is_no_payment():
    state = two_bills()
    bought = operation("creditor_change", date(2026, 5, 20), amount=D("2100.00"), creditor="guarantor")
    journal = lived(state, bought, through=date(2026, 5, 20))
    assert lines(journal, "creditor_change") == [
        ("creditor_change", "cash", "creditor_settlement", None, None, D("2100.00")),
    ]
    assert (state.creditor, state.bucket, state.outstanding_principal()) == ("guarantor", "M4", D("2000.00"))
    assert all(bill.paid_total() == D("0.00") for bill in state.bills)
    assert [move.cause for move in journal.moves] == ["aging"] * 4


# payoff


def test_a_payoff_of_9345_08_settles_the_loan_of_the_worked_example():
    state = page_loan(terms=terms(prepayment=PERCENT))
    journal = lived(state, operation("payoff", date(2026, 9, 30), amount=D("9345.08")), through=date(2026, 9, 30))
    assert (state.status, state.closed_on, state.suspense) == ("closed", date(2026, 9, 30), D("0.00"))
    closing = state.bills[3]
    assert (closing.number, closing.due_date, closing.from_version) == (4, date(2026, 9, 30), 2)
    assert (closing.paid["principal"], closing.paid["interest"], closing.paid["fee"]) == (
        D("9197.91"),
        D("55.19"),
        D("91.98"),
    )
    assert [bill.number for bill in state.superseded] == [4, 5, 6, 7, 8, 9, 10, 11, 12]
    assert lines(journal, "reschedule") == [
        ("reschedule", "unearned_interest", "interest_receivable", "interest", None, D("648.37")),
        ("reschedule", "fee_receivable", "unearned_fee", "fee", None, D("91.98")),
    ]


def test_a_payoff_uses_what_is_held_in_suspense():
    state = page_loan(terms=terms(prepayment=PERCENT))
    held = payment("100.00", date(2026, 9, 30), key=10)
    paid = operation("payoff", date(2026, 9, 30), amount=D("9245.08"), key=11)
    journal = lived(state, held, paid, through=date(2026, 9, 30))
    assert (state.status, state.suspense) == ("closed", D("0.00"))
    assert sum(line.amount for line in journal.lines if line.kind == "suspense_applied") == D("100.00")
    assert {line.source for line in journal.lines if line.kind == "suspense_applied"} == {11}


def test_the_early_end_of_a_charged_off_loan_stays_on_its_own_account():
    state = page_loan(terms=terms(prepayment=PERCENT))
    journal = lived(
        state,
        operation("charge_off", date(2026, 9, 30), key=10),
        operation("payoff", date(2026, 9, 30), amount=D("9345.08"), key=11),
        through=date(2026, 9, 30),
    )
    assert state.status == "closed"
    balances = Counter()
    for line in journal.lines:
        balances[line.debit] += line.amount
        balances[line.credit] -= line.amount
    assert balances["charged_off_receivable"] == D("0.00")


# the ledger is what happened


def test_every_transfer_is_positive_and_between_two_accounts():
    state = two_bills()
    journal = lived(
        state,
        payment("1500.00", DUE, key=1, surplus="shorten_term"),
        operation("waiver", date(2026, 3, 20), key=2, components={"penalty": D("0.50")}),
        operation("charge_off", date(2026, 4, 20), key=3),
        payment("100.00", date(2026, 5, 1), key=4),
        through=date(2026, 5, 31),
    )
    assert all(line.amount > 0 and line.debit != line.credit for line in journal.lines)


def test_nothing_held_is_nothing_to_pay_back():
    state = two_bills()
    journal = lived(state, operation("refund", DUE, amount=D("10.00")), through=DUE)
    assert lines(journal, "refund") == []
    assert state.suspense == D("0.00")


@pytest.mark.parametrize(
    ("kind", "surplus", "reaches"),
    [
        ("payment", None, False),
        ("payment", "suspense", False),
        ("payment", "next_installment", True),
        ("payment", "shorten_term", True),
        ("refund", None, False),
        ("creditor_change", None, False),
        ("payoff", None, True),
        ("waiver", None, True),
        ("charge_off", None, True),
        ("write_off", None, True),
    ],
)
def test_what_may_reach_beyond_the_next_bill_needs_the_bills_ahead(kind, surplus, reaches):
    assert reaches_ahead(kind=kind, surplus=surplus, terms=terms()) is reaches
    state = two_bills()
    state.bills, state.principal_ahead, state.total_ahead = state.bills[:1], D("1000.00"), D("1100.00")
    given = operation(kind, DUE, surplus=surplus, amount=D("1.00"), creditor="fund")
    if reaches:
        with pytest.raises(BillsAheadMissing, match=kind):
            apply(state, given, journal=Journal())
    else:
        apply(state, given, journal=Journal())
        assert state.outstanding_principal() == D("2000.00")
        assert state.status == "active"
