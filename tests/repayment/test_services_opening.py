"""Opening loans: on their disbursement day, or from another system's book with the history they bring."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from backoffice.audit.models import AuditEntry, OutboxEvent
from backoffice.calendars.services import declare_day, withdraw_day
from backoffice.core.actors import SYSTEM
from backoffice.repayment.domain.bills import oldest_unpaid
from backoffice.repayment.models import Loan, LoanTerms, MonthEnd, Operation, Transfer
from backoffice.repayment.selectors.states import load_loans
from backoffice.repayment.services.opening import Opening, PastOperation, ScheduleDoesNotSum, open_and_replay
from tests.repayment.cases import D, row, terms
from tests.repayment.factories import (
    DISBURSED,
    PORTFOLIO,
    books,
    borrower,
    close_days,
    drifts,
    open_loan,
    post,
    replay_changes,
)

pytestmark = pytest.mark.django_db

DUE = date(2026, 2, 15)


def test_a_loan_is_opened_with_its_schedule_its_transfers_and_its_next_day():
    loan_id = open_loan(external_id="L-1")
    loan = Loan.objects.get(pk=loan_id)
    assert (loan.external_id, loan.status, loan.bucket, loan.currency, loan.periods) == (
        "L-1",
        "active",
        "M0",
        "CNY",
        12,
    )
    assert (loan.disbursed_on, loan.maturity_on) == (DISBURSED, date(2027, 1, 15))
    assert (loan.oldest_unpaid_due_date, loan.next_transition_date) == (DUE, DUE)
    assert (loan.outstanding_principal, loan.outstanding_total, loan.overdue_amount) == (
        D("12000.00"),
        D("13201.95"),
        D("0.00"),
    )
    assert (loan.touched_on, loan.accrued_through, loan.schedule_version) == (DISBURSED, DISBURSED, 1)
    bills = list(
        loan.installments.order_by("number").values_list("number", "due_date", "principal", "interest", "to_version")
    )
    assert bills[0] == (1, DUE, D("920.16"), D("180.00"), None)
    assert bills[11] == (12, date(2027, 1, 15), D("1083.93"), D("16.26"), None)
    transfers = Transfer.objects.filter(loan_id=loan_id).order_by("id")
    assert list(transfers.values_list("kind", "debit", "credit", "component", "amount", "value_date")) == [
        ("disbursement", "principal_receivable", "cash", "principal", D("12000.00"), DISBURSED),
        ("schedule", "interest_receivable", "unearned_interest", "interest", D("1201.95"), DISBURSED),
    ]
    operation = Operation.objects.get(loan_id=loan_id)
    assert (operation.kind, operation.amount, operation.external_id) == (
        "disbursement",
        D("12000.00"),
        f"disbursement:{PORTFOLIO}:L-1",
    )
    version = loan.schedule_versions.get()
    assert (version.number, version.cause, version.effective_on) == (1, "disbursement", DISBURSED)
    assert drifts(DISBURSED) == []


def test_opening_is_written_on_the_trail_and_told_once_for_a_batch():
    trail, told = AuditEntry.objects.count(), OutboxEvent.objects.count()
    opening = {"portfolio": PORTFOLIO, "borrower_id": borrower().pk, "terms": terms(), "disbursed_on": DISBURSED}
    ids = open_and_replay(
        loans=[Opening(external_id=f"L-{n}", principal=D("100.00") * n, **opening) for n in (1, 2, 3)],
        business_date=DISBURSED,
        actor=SYSTEM,
    )
    assert [Loan.objects.get(pk=loan_id).external_id for loan_id in ids] == ["L-1", "L-2", "L-3"]
    entry = AuditEntry.objects.latest("id")
    assert (entry.verb, entry.after) == (
        "repayment.loans.opened",
        {"count": 3, "first": ids[0], "last": ids[-1], "principal": "600.00"},
    )
    assert OutboxEvent.objects.latest("id").payload == {"first": ids[0], "last": ids[-1], "count": 3}
    assert (AuditEntry.objects.count() - trail, OutboxEvent.objects.count() - told) == (1, 1)


def test_loans_with_the_same_terms_share_one_copy():
    ids = [open_loan(), open_loan(), open_loan(terms=terms(annual_rate=D("0.12")))]
    copies = [Loan.objects.get(pk=loan_id).terms_id for loan_id in ids]
    assert copies[0] == copies[1] != copies[2]
    assert LoanTerms.objects.count() == 2


def test_the_copied_terms_are_the_terms():
    wanted = terms(annual_rate=D("0.123456"), periods=7)
    loan_id = open_loan(terms=wanted)
    assert load_loans(loan_ids=[loan_id], business_date=DISBURSED, lock=False)[loan_id].state.terms == wanted


def test_an_explicit_schedule_is_taken_as_it_stands():
    rows = [row(1, DUE, "400.00", "12.34"), row(2, date(2026, 3, 1), "600.00", "5.66")]
    loan_id = open_loan(principal="1000.00", rows=rows)
    loan = Loan.objects.get(pk=loan_id)
    assert (loan.periods, loan.maturity_on, loan.outstanding_total) == (2, date(2026, 3, 1), D("1018.00"))
    assert drifts(DISBURSED) == []


def test_a_schedule_that_does_not_return_the_principal_is_refused_and_nothing_is_opened():
    with pytest.raises(ScheduleDoesNotSum) as refused:
        open_loan(principal="1000.00", rows=[row(1, DUE, "999.99")], external_id="L-1")
    assert refused.value.code == "repayment.schedule_does_not_sum"
    assert "L-1" in refused.value.message
    assert not Loan.objects.exists()
    assert not Operation.objects.exists()
    assert not Transfer.objects.exists()


def test_an_external_id_is_taken_once_in_a_portfolio():
    open_loan(external_id="L-1")
    with pytest.raises(IntegrityError, match="external_id"), transaction.atomic():
        open_loan(external_id="L-1")
    assert Loan.objects.count() == 1


def test_no_loans_is_no_work():
    assert open_and_replay(loans=[], business_date=DISBURSED, actor=SYSTEM) == []
    assert not AuditEntry.objects.exists()


# with a history


def payments(*dated):
    return [
        PastOperation(kind="payment", value_date=on, amount=D(amount), external_id=f"{on}", reference="old book")
        for on, amount in dated
    ]


def test_a_history_becomes_transfers_moves_and_month_ends():
    loan_id = open_loan(
        business_date=date(2026, 4, 1),
        history=payments((date(2026, 3, 20), "1700.00"), (date(2026, 2, 20), "500.00")),
    )
    assert [entry[:3] for entry in books(loan_id)["moves"]] == [
        (date(2026, 2, 16), "M0", "M1"),
        (date(2026, 3, 18), "M1", "M2"),
        (date(2026, 3, 20), "M2", "M1"),
    ]
    assert [(p.month_end, p.bucket, p.dpd, p.cycles) for p in MonthEnd.objects.order_by("month_end")] == [
        (date(2026, 1, 31), "M0", 0, 0),
        (date(2026, 2, 28), "M1", 13, 1),
        (date(2026, 3, 31), "M1", 16, 1),
    ]
    operations = Operation.objects.filter(loan_id=loan_id).order_by("id")
    assert [(o.kind, o.value_date, o.business_date, o.source) for o in operations] == [
        ("disbursement", DISBURSED, date(2026, 4, 1), "import"),
        ("payment", date(2026, 2, 20), date(2026, 4, 1), "import"),
        ("payment", date(2026, 3, 20), date(2026, 4, 1), "import"),
    ]
    assert drifts(date(2026, 4, 1)) == []
    assert replay_changes(loan_id, business_date=date(2026, 4, 1)) == {}


def test_a_history_is_what_living_it_would_have_been():
    history = [
        PastOperation(kind="payment", value_date=DUE, amount=D("1100.16"), external_id="1"),
        PastOperation(
            kind="waiver",
            value_date=date(2026, 3, 20),
            components={"penalty": D("1.00"), "interest": D("20.00")},
            external_id="2",
        ),
        PastOperation(
            kind="payment", value_date=date(2026, 4, 2), amount=D("6000.00"), surplus="shorten_term", external_id="3"
        ),
        PastOperation(kind="creditor_change", value_date=date(2026, 5, 1), creditor="fund", external_id="4"),
        PastOperation(kind="charge_off", value_date=date(2026, 6, 1), external_id="5"),
    ]
    today = date(2026, 7, 1)
    imported = open_loan(business_date=today, history=history)
    lived = open_loan()
    day = DISBURSED
    for past in history:
        close_days(day, date.fromordinal(past.value_date.toordinal() - 1))
        day = past.value_date
        post(
            lived,
            past.amount,
            day,
            kind=past.kind,
            surplus=past.surplus,
            components=past.components,
            creditor=past.creditor,
            external_id=past.external_id,
        )
    close_days(day, date(2026, 6, 30))
    assert books(imported) == books(lived)
    assert drifts(today) == []


def test_a_history_that_paid_everything_opens_a_closed_loan():
    loan_id = open_loan(
        business_date=date(2026, 4, 1),
        history=[PastOperation(kind="payment", value_date=DISBURSED, amount=D("12000.00"), surplus="shorten_term")],
    )
    loan = Loan.objects.get(pk=loan_id)
    assert (loan.status, loan.closed_on, loan.next_transition_date) == ("closed", DISBURSED, None)
    assert not MonthEnd.objects.exists()
    assert drifts(date(2026, 4, 1)) == []


def test_a_loan_opened_late_is_as_old_as_it_is():
    loan_id = open_loan(business_date=date(2026, 8, 20))
    state = load_loans(loan_ids=[loan_id], business_date=date(2026, 8, 20), lock=False)[loan_id].state
    assert (state.bucket, oldest_unpaid(state).due_date) == ("M6+", DUE)
    assert Loan.objects.get(pk=loan_id).bucket == "M6+"


def test_a_history_can_be_added_to_afterwards():
    loan_id = open_loan(business_date=date(2026, 4, 1), history=payments((date(2026, 3, 20), "500.00")))
    post(loan_id, "1100.16", DUE, business_date=date(2026, 4, 1))
    assert Loan.objects.get(pk=loan_id).oldest_unpaid_due_date == date(2026, 3, 15)
    assert drifts(date(2026, 4, 1)) == []
    assert replay_changes(loan_id, business_date=date(2026, 4, 1)) == {}


# days declared over the published calendar

SHIFTED = terms(holiday_shift="next", calendar="CN")
TYPHOON = date(2026, 9, 15)


def declare_typhoon():
    declare_day(calendar="CN", day=TYPHOON, is_working=False, reason="typhoon", actor=SYSTEM)


def eighth_due(loan_id):
    return Loan.objects.get(pk=loan_id).installments.get(number=8, to_version=None).due_date


def test_a_declared_day_moves_a_bill_of_a_loan_opened_after_it_and_of_no_other():
    before = open_loan(terms=SHIFTED)
    declare_typhoon()
    after = open_loan(terms=SHIFTED)
    withdraw_day(calendar="CN", day=TYPHOON, reason="it passed by", actor=SYSTEM)
    last = open_loan(terms=SHIFTED)
    assert [eighth_due(loan_id) for loan_id in (before, after, last)] == [
        date(2026, 9, 15),
        date(2026, 9, 16),
        date(2026, 9, 15),
    ]
    copies = [Loan.objects.get(pk=loan_id).terms_id for loan_id in (before, after, last)]
    assert copies[0] == copies[2] != copies[1]
    assert LoanTerms.objects.get(pk=copies[1]).terms["declared_days"] == {"2026-09-15": False}


def test_terms_that_follow_no_calendar_share_their_copy_whatever_is_declared():
    before = open_loan()
    declare_typhoon()
    assert Loan.objects.get(pk=open_loan()).terms_id == Loan.objects.get(pk=before).terms_id


def test_the_declared_days_are_read_once_for_a_batch():
    declare_typhoon()
    owner = borrower().pk
    products = [terms(holiday_shift="next", calendar="CN", annual_rate=D(rate)) for rate in ("0.12", "0.15", "0.18")]
    loans = [
        Opening(
            external_id=f"L-{n}",
            portfolio=PORTFOLIO,
            borrower_id=owner,
            terms=products[n % 3],
            principal=D("1200.00"),
            disbursed_on=DISBURSED,
        )
        for n in range(9)
    ]
    with CaptureQueriesContext(connection) as queries:
        ids = open_and_replay(loans=loans, business_date=DISBURSED, actor=SYSTEM)
    assert len([query for query in queries if "calendars_holidayoverride" in query["sql"]]) == 1
    assert {eighth_due(loan_id) for loan_id in ids} == {date(2026, 9, 16)}


def test_a_prepayment_and_its_replay_read_the_days_the_loan_was_made_with():
    """15 March 2026 is a Sunday; with Monday closed too, the bill of the loan made then falls due on Tuesday."""
    declare_day(calendar="CN", day=date(2026, 3, 16), is_working=False, reason="flood", actor=SYSTEM)
    moved = open_loan(terms=SHIFTED)
    withdraw_day(calendar="CN", day=date(2026, 3, 16), reason="no flood", actor=SYSTEM)
    plain = open_loan(terms=SHIFTED)
    today = date(2026, 2, 1)
    close_days(DISBURSED, today - timedelta(days=1))
    for loan_id in (moved, plain):
        post(loan_id, "3000.00", today, surplus="reduce_installment")
    rebuilt = [
        list(Loan.objects.get(pk=loan_id).installments.filter(to_version=None).order_by("number"))
        for loan_id in (moved, plain)
    ]
    assert [bills[2].due_date for bills in rebuilt] == [date(2026, 3, 17), date(2026, 3, 16)]
    # A whole month costs a whole month, whichever days were closed.
    assert [bill.interest for bill in rebuilt[0]] == [bill.interest for bill in rebuilt[1]]
    assert replay_changes(moved, business_date=today) == {}
    assert drifts(today) == []
