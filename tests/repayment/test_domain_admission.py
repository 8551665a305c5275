"""What may be booked on a loan: every refusal with its code, and what is just inside the line."""

from datetime import date
from decimal import Decimal

import pytest

from backoffice.repayment.domain import admission
from backoffice.repayment.domain.bills import copy_of, write_off_limit
from backoffice.repayment.domain.operations import Operation
from backoffice.repayment.domain.penalty import charge
from backoffice.repayment.domain.terms import PrepaymentRule, Tolerance
from tests.repayment.cases import D, lived, loan, page_loan, payment, row, terms

TODAY = date(2026, 3, 1)
ACTIVE = admission.LoanFacts(external_id="L-1", currency="CNY", disbursed_on=date(2026, 1, 15), status="active")


def operation(kind="payment", amount="100.00", on=TODAY, **fields):
    return Operation(kind=kind, value_date=on, key=1, amount=Decimal(amount), **fields)


def facts(**changes):
    return admission.LoanFacts(
        **{name: getattr(ACTIVE, name) for name in ("external_id", "currency", "disbursed_on", "status")} | changes
    )


def admit(given, *, loan=ACTIVE, currency="CNY"):
    admission.admit(given, loan=loan, currency=currency, business_date=TODAY)


@pytest.mark.parametrize(
    ("given", "changes", "currency", "refusal"),
    [
        (operation(), {}, "USD", admission.CurrencyDiffers),
        (operation(amount="0.00"), {}, "CNY", admission.AmountNotPositive),
        (operation(amount="-0.01"), {}, "CNY", admission.AmountNotPositive),
        (operation("refund", "0.00"), {}, "CNY", admission.AmountNotPositive),
        (operation("payoff", "-0.01"), {}, "CNY", admission.AmountNotPositive),
        (operation("creditor_change", "-1.00", creditor="fund"), {}, "CNY", admission.AmountNotPositive),
        (operation(amount="10.001"), {}, "CNY", admission.TooManyDecimals),
        (operation(amount="0.001"), {}, "CNY", admission.TooManyDecimals),
        (operation(amount="NaN"), {}, "CNY", admission.TooManyDecimals),
        (operation(amount="Infinity"), {}, "CNY", admission.TooManyDecimals),
        (operation(amount="10.50"), {"currency": "UGX"}, "UGX", admission.TooManyDecimals),
        (operation("waiver", "0.00", components={"penalty": D("1.005")}), {}, "CNY", admission.TooManyDecimals),
        (operation(amount="1E+13"), {}, "CNY", admission.AmountTooLarge),
        (operation(amount="1E+40"), {}, "CNY", admission.AmountTooLarge),
        (operation(on=date(2026, 3, 2)), {}, "CNY", admission.ValueDateInFuture),
        (operation(on=date(2026, 1, 14)), {}, "CNY", admission.ValueDateBeforeDisbursement),
        (operation(), {"status": "closed"}, "CNY", admission.LoanClosed),
        (operation("waiver", "0.00"), {"status": "closed"}, "CNY", admission.LoanClosed),
        (operation("write_off", "0.00"), {"status": "closed"}, "CNY", admission.LoanClosed),
        (operation("charge_off", "0.00"), {"status": "closed"}, "CNY", admission.LoanClosed),
        (operation("payoff"), {"status": "closed"}, "CNY", admission.LoanClosed),
    ],
)
def test_refuses_what_no_state_of_the_loan_could_take(given, changes, currency, refusal):
    with pytest.raises(refusal) as refused:
        admit(given, loan=facts(**changes), currency=currency)
    assert refused.value.code == refusal.code
    assert refused.value.message
    assert refused.value.next_step


@pytest.mark.parametrize(
    ("given", "changes"),
    [
        (operation(amount="0.01"), {}),
        (operation(amount="10.500"), {}),
        (operation(amount="9999999999999.99"), {}),
        (operation(amount="10.00"), {"currency": "UGX"}),
        (operation(on=date(2026, 1, 15)), {}),
        (operation("payoff", "0.00"), {}),
        (operation("refund", "1.00"), {"status": "closed"}),
        (operation("creditor_change", "0.00", creditor="fund"), {"status": "closed"}),
        (operation(), {"status": "charged_off"}),
    ],
)
def test_lets_in_what_lies_just_inside_the_line(given, changes):
    admission.admit(given, loan=facts(**changes), currency=None, business_date=TODAY)


def test_every_refusal_has_a_code_of_its_own():
    refusals = [
        each
        for each in vars(admission).values()
        if isinstance(each, type) and issubclass(each, admission.Refusal) and each is not admission.Refusal
    ]
    codes = [each.code for each in refusals]
    assert len(codes) == len(set(codes)) >= 15
    assert all(code.startswith("repayment.") for code in codes)


# what depends on the state of the loan on the value date


def state_with_suspense():
    state = loan(
        principal="1000.00", disbursed_on=date(2026, 1, 15), rows=[row(1, date(2026, 3, 15), "1000.00", "100.00")]
    )
    lived(state, payment("50.00", date(2026, 2, 1)), through=date(2026, 2, 28))
    return state


def overdue_state():
    """One bill of 1,000.00 and 100.00 interest, ten days late: 6.67 of penalty has grown."""
    state = loan(
        principal="1000.00", disbursed_on=date(2026, 1, 1), rows=[row(1, date(2026, 2, 19), "1000.00", "100.00")]
    )
    lived(state, through=date(2026, 2, 28))
    charge(state, at=TODAY)
    return state


@pytest.mark.parametrize(
    ("component", "amount", "is_refused"),
    [
        ("penalty", "6.67", False),
        ("penalty", "6.68", True),
        ("interest", "100.00", False),
        ("interest", "100.01", True),
        ("principal", "1.00", True),
        ("penalty", "0.00", True),
        ("penalty", "-1.00", True),
    ],
)
def test_a_waiver_takes_at_most_what_is_owed_and_never_principal(component, amount, is_refused):
    given = operation("waiver", "0.00", components={component: D(amount)})
    if not is_refused:
        admission.check_against_state(overdue_state(), given)
        return
    with pytest.raises(admission.WaiverExceedsOwed):
        admission.check_against_state(overdue_state(), given)


def test_a_waiver_names_what_it_waives():
    with pytest.raises(admission.WaiverExceedsOwed):
        admission.check_against_state(overdue_state(), operation("waiver", "0.00"))


def test_a_refund_pays_out_at_most_what_is_held():
    admission.check_against_state(state_with_suspense(), operation("refund", "50.00"))
    with pytest.raises(admission.RefundExceedsSuspense):
        admission.check_against_state(state_with_suspense(), operation("refund", "50.01"))


def test_a_payoff_is_exactly_what_settles_the_loan_that_day():
    state = page_loan(terms=terms(prepayment=PrepaymentRule("percent", D("0.01"))))
    quote = admission.payoff_of(state, at=date(2026, 9, 30))
    assert (quote.principal, quote.interest_accrued, quote.early_fee, quote.total) == (
        D("9197.91"),
        D("55.19"),
        D("91.98"),
        D("9345.08"),
    )
    on = date(2026, 9, 30)
    admission.check_against_state(state, operation("payoff", "9345.08", on=on))
    for wrong in ("9345.07", "9345.09"):
        with pytest.raises(admission.PayoffDiffers) as refused:
            admission.check_against_state(state, operation("payoff", wrong, on=on))
        assert refused.value.fields == {"amount": "9345.08"}


def test_a_payoff_takes_off_what_is_held_and_never_asks_for_less_than_nothing():
    state = state_with_suspense()
    assert admission.payoff_of(state, at=date(2026, 1, 15)).total == D("950.00")
    state.suspense = D("2000.00")
    assert admission.payoff_of(state, at=date(2026, 1, 15)).total == D("0.00")
    admission.check_against_state(state, operation("payoff", "0.00", on=date(2026, 1, 15)))


def test_only_an_active_loan_is_charged_off():
    state = overdue_state()
    admission.check_against_state(state, operation("charge_off", "0.00"))
    state.status = "charged_off"
    with pytest.raises(admission.NotChargeable):
        admission.check_against_state(state, operation("charge_off", "0.00"))


def test_a_write_off_stays_within_the_tolerance():
    rows = [row(1, date(2026, 2, 19), "1000.00")]
    state = loan(terms=terms(tolerance=Tolerance(floor=D("5.00"))), principal="1000.00", rows=rows)
    lived(state, payment("995.00", date(2026, 2, 19)), through=date(2026, 2, 28))
    assert write_off_limit(state) == D("5.00")
    admission.check_against_state(state, operation("write_off", "0.00"))
    state.bills[0].paid["principal"] -= D("0.01")
    with pytest.raises(admission.BeyondTolerance):
        admission.check_against_state(state, operation("write_off", "0.00"))


def test_the_write_off_limit_is_the_larger_of_floor_and_share():
    tolerant = terms(tolerance=Tolerance(floor=D("5.00"), percent=D("0.001")))
    assert write_off_limit(loan(terms=tolerant)) == D("12.00")
    assert write_off_limit(loan(terms=tolerant, principal="1200.00")) == D("5.00")


@pytest.mark.parametrize("creditor", ["", "lender"])
def test_a_creditor_is_named_and_another_one(creditor):
    with pytest.raises(admission.CreditorUnchanged):
        admission.check_against_state(overdue_state(), operation("creditor_change", "0.00", creditor=creditor))
    admission.check_against_state(overdue_state(), operation("creditor_change", "0.00", creditor="fund"))


@pytest.mark.parametrize("kind", ["payment", "waiver", "write_off", "charge_off", "payoff"])
def test_a_loan_that_was_closed_on_the_value_date_takes_nothing_more(kind):
    state = overdue_state()
    lived(state, payment("2000.00", TODAY), through=TODAY)
    with pytest.raises(admission.LoanClosed):
        admission.check_against_state(state, operation(kind, "1.00", components={"penalty": D("1.00")}))


def test_checking_changes_nothing():
    state = overdue_state()
    before = copy_of(state)
    for given in (operation("payoff", "1.00"), operation("refund", "9.00"), operation("waiver", "0.00")):
        with pytest.raises(admission.Refusal):
            admission.check_against_state(state, given)
    assert state == before
