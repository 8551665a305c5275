"""Booking on PostgreSQL: what is refused leaves nothing behind, what is booked is locked, audited and told."""

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from backoffice.audit.append_only import APPLICATION_ROLE, EMPTYING
from backoffice.audit.models import AuditEntry, OutboxEvent
from backoffice.calendars.services import begin_close, open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.repayment.domain import admission
from backoffice.repayment.domain.minor_units import ScheduleRefused
from backoffice.repayment.domain.terms import PrepaymentRule, Tolerance
from backoffice.repayment.models import Loan, Operation
from backoffice.repayment.selectors.loan_pages import payoff_quote
from backoffice.repayment.services.posting import Booked, Refused, book, book_one
from tests.repayment.cases import D, terms
from tests.repayment.factories import (
    ADA,
    DISBURSED,
    books,
    close_days,
    draft,
    drifts,
    open_loan,
    post,
    replay_changes,
    take_back,
)

pytestmark = pytest.mark.django_db

DUE = date(2026, 2, 15)
TODAY = date(2026, 2, 25)  # ten days after the first due date
TABLES = ("operation", "transfer", "bucketmove", "monthend", "scheduleversion", "installment")
TEN_DAYS_OF_PENALTY = D("6.13")  # 920.16 at 24 % for 10 days of 360


def everything(loan_id):
    """The loan's books with the number of rows of every table, and of the trail and the outbox."""
    counts = {table: fetch(f"SELECT count(*) FROM repayment_{table}")[0][0] for table in TABLES}
    return books(loan_id) | counts | {"trail": AuditEntry.objects.count(), "outbox": OutboxEvent.objects.count()}


@pytest.fixture
def late_loan():
    """The loan of mechanics 3.2, its first bill unpaid, on the morning of 25 February."""
    loan_id = open_loan()
    close_days(DISBURSED, TODAY - timedelta(days=1))
    return loan_id


def facts(loan_id):
    return Loan.objects.get(pk=loan_id)


def bill(loan_id, number):
    return facts(loan_id).installments.get(number=number, to_version=None)


# what is booked


def test_a_payment_is_divided_written_audited_and_told(late_loan):
    trail, told = AuditEntry.objects.count(), OutboxEvent.objects.count()
    key = post(late_loan, "1106.29", TODAY, external_id="P-1", channel="bank", reference="thanks", reason="by transfer")

    operation = Operation.objects.get(pk=key)
    assert (operation.kind, operation.amount, operation.value_date, operation.business_date) == (
        "payment",
        D("1106.29"),
        TODAY,
        TODAY,
    )
    assert (operation.source, operation.external_id, operation.channel, operation.reference) == (
        "console",
        "P-1",
        "bank",
        "thanks",
    )
    assert (operation.actor_id, operation.actor_name, operation.reason) == (7, "Ada", "by transfer")
    assert books(late_loan)["transfers"] == [
        (TODAY, "payment", "interest", 1, "cash", "interest_receivable", D("180.00"), "P-1"),
        (TODAY, "payment", "penalty", 1, "cash", "penalty_receivable", TEN_DAYS_OF_PENALTY, "P-1"),
        (TODAY, "payment", "principal", 1, "cash", "principal_receivable", D("920.16"), "P-1"),
        (TODAY, "penalty_charge", "penalty", 1, "penalty_receivable", "penalty_income", TEN_DAYS_OF_PENALTY, "P-1"),
    ]
    assert books(late_loan)["moves"] == [
        (date(2026, 2, 16), "M0", "M1", "aging", ""),
        (TODAY, "M1", "M0", "payment", "P-1"),
    ]
    loan = facts(late_loan)
    assert (loan.bucket, loan.oldest_unpaid_due_date, loan.next_transition_date) == (
        "M0",
        date(2026, 3, 15),
        date(2026, 3, 15),
    )
    assert (loan.outstanding_principal, loan.overdue_amount, loan.suspense) == (D("11079.84"), D("0.00"), D("0.00"))
    entry = AuditEntry.objects.latest("id")
    assert (entry.verb, entry.subject_id, entry.reason) == ("repayment.payment.booked", str(late_loan), "by transfer")
    assert (entry.actor_name, entry.borrower_id) == ("Ada", loan.borrower_id)
    assert entry.after == {"operation": key, "amount": "1106.29", "value_date": "2026-02-25"}
    event = OutboxEvent.objects.latest("id")
    assert (event.event, event.payload) == ("repayment.operations_booked", {"first": key, "last": key, "count": 1})
    assert (AuditEntry.objects.count() - trail, OutboxEvent.objects.count() - told) == (1, 1)
    assert drifts(TODAY) == []


def test_a_batch_books_what_it_can_and_says_why_not_for_the_rest(late_loan):
    other = open_loan(disbursed_on=TODAY)
    drafts = [
        draft(late_loan, "payment", TODAY, "100.00", external_id="A"),
        draft(late_loan, "payment", TODAY, "-5.00", external_id="B"),
        draft(other, "payment", TODAY, "50.00", external_id="C"),
        draft(999_999, "payment", TODAY, "50.00", external_id="D"),
        draft(late_loan, "payment", TODAY, "25.00", external_id="A"),
    ]
    outcomes = book(drafts=drafts, actor=ADA, business_date=TODAY)
    assert [outcome.refusal.code if isinstance(outcome, Refused) else outcome.loan_id for outcome in outcomes] == [
        late_loan,
        "repayment.amount_not_positive",
        other,
        "repayment.loan_not_found",
        "repayment.external_id_in_use",
    ]
    assert list(
        Operation.objects.exclude(kind="disbursement").values_list("external_id", flat=True).order_by("id")
    ) == [
        "A",
        "C",
    ]
    assert drifts(TODAY) == []


def test_a_large_batch_leaves_one_line_on_the_trail(late_loan):
    before = AuditEntry.objects.count()
    book(
        drafts=[draft(late_loan, "payment", TODAY, "1.00", external_id=f"P{n}") for n in range(51)],
        actor=ADA,
        business_date=TODAY,
    )
    assert AuditEntry.objects.count() - before == 1
    entry = AuditEntry.objects.latest("id")
    assert entry.verb == "repayment.operations.booked"
    assert (entry.after["count"], entry.after["amount"]) == (51, "51.00")


def test_a_batch_takes_the_same_number_of_statements_whatever_its_size(late_loan):
    loans = [open_loan(disbursed_on=TODAY) for _ in range(30)]

    def statements(count, name):
        drafts = [
            draft(loan_id, "payment", TODAY, "1.00", external_id=f"{name}{number}")
            for number, loan_id in enumerate(loans[:count])
        ]
        with CaptureQueriesContext(connection) as captured:
            book(drafts=drafts, actor=ADA, business_date=TODAY)
        return len(captured)

    statements(1, "warm")
    assert statements(2, "few") == statements(30, "many")


def test_the_loans_are_locked_in_id_order_before_anything_is_read_or_written(late_loan):
    other = open_loan(disbursed_on=TODAY)
    with CaptureQueriesContext(connection) as captured:
        book(
            drafts=[draft(loan_id, "payment", TODAY, "1.00") for loan_id in (other, late_loan)],
            actor=ADA,
            business_date=TODAY,
        )
    first = next(query["sql"] for query in captured if "repayment_" in query["sql"])
    assert re.sub(r"::int\d\[\]", "", " ".join(first.split())).endswith(
        f"FROM repayment_loan WHERE id = ANY('{{{late_loan},{other}}}') ORDER BY id FOR NO KEY UPDATE"
    )


# what is refused leaves nothing behind


REFUSALS = {
    "currency": (lambda loan: draft(loan, "payment", TODAY, "1.00", currency="USD"), admission.CurrencyDiffers),
    "zero": (lambda loan: draft(loan, "payment", TODAY, "0.00"), admission.AmountNotPositive),
    "negative": (lambda loan: draft(loan, "payment", TODAY, "-1.00"), admission.AmountNotPositive),
    "negative price": (
        lambda loan: draft(loan, "creditor_change", TODAY, "-1.00", creditor="fund"),
        admission.AmountNotPositive,
    ),
    "decimals": (lambda loan: draft(loan, "payment", TODAY, "1.005"), admission.TooManyDecimals),
    "not a number": (lambda loan: draft(loan, "payment", TODAY, "NaN"), admission.TooManyDecimals),
    "huge": (lambda loan: draft(loan, "payment", TODAY, "1E+17"), admission.AmountTooLarge),
    "tomorrow": (lambda loan: draft(loan, "payment", date(2026, 2, 26), "1.00"), admission.ValueDateInFuture),
    "before": (lambda loan: draft(loan, "payment", date(2026, 1, 14), "1.00"), admission.ValueDateBeforeDisbursement),
    "unknown loan": (lambda _loan: draft(999_999, "payment", TODAY, "1.00"), admission.LoanNotFound),
    "waiver": (
        lambda loan: draft(loan, "waiver", TODAY, components={"penalty": D("6.14")}),
        admission.WaiverExceedsOwed,
    ),
    "waive principal": (
        lambda loan: draft(loan, "waiver", TODAY, components={"principal": D("1.00")}),
        admission.WaiverExceedsOwed,
    ),
    "refund": (lambda loan: draft(loan, "refund", TODAY, "0.01"), admission.RefundExceedsSuspense),
    "payoff": (lambda loan: draft(loan, "payoff", TODAY, "12000.00"), admission.PayoffDiffers),
    "write-off": (lambda loan: draft(loan, "write_off", TODAY), admission.BeyondTolerance),
    "creditor": (lambda loan: draft(loan, "creditor_change", TODAY, creditor="lender"), admission.CreditorUnchanged),
    "reversal of nothing": (lambda loan: draft(loan, "reversal", TODAY, reverses=999_999), admission.NotReversible),
    "reversal unnamed": (lambda loan: draft(loan, "reversal", TODAY), admission.NotReversible),
    "backdated waiver": (
        lambda loan: draft(loan, "waiver", date(2026, 2, 16), components={"penalty": D("0.62")}),
        admission.WaiverExceedsOwed,
    ),
    "backdated refund": (lambda loan: draft(loan, "refund", DUE, "0.01"), admission.RefundExceedsSuspense),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_has_its_code_and_leaves_nothing_behind(late_loan, name):
    make, refusal = REFUSALS[name]
    before = everything(late_loan)
    with pytest.raises(refusal) as refused:
        book_one(draft=make(late_loan), actor=ADA, business_date=TODAY)
    assert refused.value.code == refusal.code
    assert everything(late_loan) == before


def test_the_disbursement_is_never_taken_back(late_loan):
    disbursement = Operation.objects.get(loan_id=late_loan, kind="disbursement")
    with pytest.raises(admission.NotReversible):
        take_back(late_loan, disbursement.pk, business_date=TODAY)


def test_an_operation_is_taken_back_on_its_own_loan_only(late_loan):
    other = open_loan(disbursed_on=TODAY)
    key = post(other, "1.00", TODAY)
    with pytest.raises(admission.NotReversible):
        take_back(late_loan, key, business_date=TODAY)


def test_a_reversal_stands_and_is_not_taken_back_itself(late_loan):
    key = post(late_loan, "100.00", TODAY)
    reversal = take_back(late_loan, key, business_date=TODAY)
    before = everything(late_loan)
    with pytest.raises(admission.AlreadyReversed) as refused:
        take_back(late_loan, key, business_date=TODAY)
    assert refused.value.status == 409
    with pytest.raises(admission.NotReversible):
        take_back(late_loan, reversal, business_date=TODAY)
    assert everything(late_loan) == before


def test_the_same_operation_twice_in_a_batch_is_taken_back_once(late_loan):
    key = post(late_loan, "100.00", TODAY)
    outcomes = book(
        drafts=[draft(late_loan, "reversal", TODAY, reverses=key) for _ in range(2)], actor=ADA, business_date=TODAY
    )
    assert isinstance(outcomes[0], Booked)
    assert outcomes[1].refusal.code == "repayment.already_reversed"
    assert drifts(TODAY) == []


def test_a_closed_loan_takes_no_payment_but_gives_back_what_it_holds():
    loan_id = open_loan()
    post(loan_id, "13000.00", DISBURSED, surplus="shorten_term")
    assert (facts(loan_id).status, facts(loan_id).suspense) == ("closed", D("1000.00"))
    before = everything(loan_id)
    for kind in ("payment", "payoff", "waiver", "charge_off", "write_off"):
        with pytest.raises(admission.LoanClosed):
            post(loan_id, "1.00", DISBURSED, kind=kind)
    assert everything(loan_id) == before
    post(loan_id, "1000.00", DISBURSED, kind="refund")
    assert facts(loan_id).suspense == D("0.00")


def test_a_loan_closed_earlier_in_the_batch_takes_no_more():
    loan_id = open_loan()
    outcomes = book(
        drafts=[draft(loan_id, "payment", DISBURSED, "13000.00", surplus="shorten_term") for _ in range(2)],
        actor=ADA,
        business_date=DISBURSED,
    )
    assert isinstance(outcomes[0], Booked)
    assert outcomes[1].refusal.code == "repayment.loan_closed"
    assert facts(loan_id).suspense == D("1000.00")


# idempotency


def test_an_external_id_is_booked_once_in_its_source(late_loan):
    post(late_loan, "100.00", TODAY, source="bank", external_id="X-1")
    before = everything(late_loan)
    with pytest.raises(admission.AlreadyPosted) as refused:
        post(late_loan, "100.00", TODAY, source="bank", external_id="X-1")
    assert (refused.value.status, refused.value.fields) == (409, {"external_id": "X-1"})
    assert everything(late_loan) == before
    post(late_loan, "100.00", TODAY, source="other bank", external_id="X-1")
    assert Operation.objects.filter(external_id="X-1").count() == 2


def test_an_external_id_belongs_to_its_first_loan_even_when_it_names_another(late_loan):
    other = open_loan(disbursed_on=TODAY)
    post(late_loan, "100.00", TODAY, external_id="X-1")
    with pytest.raises(admission.ExternalIdInUse, match="posted on another loan"):
        post(other, "100.00", TODAY, external_id="X-1")


@pytest.mark.parametrize(
    "change",
    [{"amount": "100.01"}, {"value_date": TODAY - timedelta(days=1)}, {"currency": "USD"}, {"kind": "payoff"}],
)
def test_another_payment_under_an_id_in_use_is_not_taken_for_the_earlier_one(late_loan, change):
    post(late_loan, "100.00", TODAY, external_id="X-1")
    wanted = {"amount": "100.00", "value_date": TODAY, "currency": "CNY"} | change
    with pytest.raises(admission.ExternalIdInUse, match=r"100\.00 CNY on"):
        post(
            late_loan, wanted.pop("amount"), wanted.pop("value_date"), external_id="X-1", business_date=TODAY, **wanted
        )
    assert Operation.objects.filter(external_id="X-1").count() == 1


def test_another_payoff_under_an_id_in_use_is_not_taken_for_the_earlier_one(late_loan):
    total = payoff_quote(loan_id=late_loan, on=TODAY, business_date=TODAY).total
    post(late_loan, total, TODAY, kind="payoff", external_id="X-1")
    with pytest.raises(admission.AlreadyPosted):
        post(late_loan, total, TODAY, kind="payoff", external_id="X-1")
    with pytest.raises(admission.ExternalIdInUse):
        post(late_loan, total + 1, TODAY, kind="payoff", external_id="X-1")


def test_operations_without_an_external_id_are_all_booked(late_loan):
    for _ in range(3):
        post(late_loan, "100.00", TODAY)
    assert Operation.objects.filter(loan_id=late_loan, kind="payment").count() == 3


# one verb after the other


def test_overpayment_waits_in_suspense_and_is_used_when_the_next_bill_falls_due(late_loan):
    post(late_loan, "1606.29", TODAY, external_id="P-1")
    assert facts(late_loan).suspense == D("500.00")
    close_days(TODAY, date(2026, 3, 15))
    assert facts(late_loan).suspense == D("0.00")
    second = bill(late_loan, 2)
    assert (second.interest_paid, second.principal_paid) == (D("166.20"), D("333.80"))
    assert (facts(late_loan).bucket, facts(late_loan).overdue_amount) == ("M1", D("600.16"))
    assert drifts(date(2026, 3, 16)) == []


def test_charge_off_then_recovery(late_loan):
    post(late_loan, "0.00", TODAY, kind="charge_off", external_id="C-1")
    assert (facts(late_loan).status, facts(late_loan).outstanding_principal) == ("charged_off", D("12000.00"))
    post(late_loan, "200.00", TODAY, external_id="R-1")
    assert [row[1:8] for row in books(late_loan)["transfers"] if row[1] == "recovery"] == [
        ("recovery", "interest", 1, "cash", "charged_off_receivable", D("180.00"), "R-1"),
        ("recovery", "penalty", 1, "cash", "charged_off_receivable", TEN_DAYS_OF_PENALTY, "R-1"),
        ("recovery", "principal", 1, "cash", "charged_off_receivable", D("13.87"), "R-1"),
    ]
    close_days(TODAY, date(2026, 4, 30))
    assert facts(late_loan).bucket == "M3"
    assert bill(late_loan, 1).penalty == TEN_DAYS_OF_PENALTY
    assert drifts(date(2026, 5, 1)) == []
    assert replay_changes(late_loan, business_date=date(2026, 5, 1)) == {}


def test_a_small_balance_is_written_off_within_the_tolerance():
    loan_id = open_loan(terms=terms(tolerance=Tolerance(floor=D("5.00"))), principal="1000.00")
    post(loan_id, "995.50", DISBURSED, surplus="shorten_term")
    post(loan_id, "0.00", DISBURSED, kind="write_off", external_id="W-1")
    assert (facts(loan_id).status, facts(loan_id).closed_on) == ("closed", DISBURSED)
    assert sum(row[6] for row in books(loan_id)["transfers"] if row[1] == "write_off") >= D("4.50")
    assert drifts(DISBURSED) == []


def test_a_change_of_creditor_never_counts_as_the_borrowers_payment(late_loan):
    before = books(late_loan)
    post(late_loan, "12180.00", TODAY, kind="creditor_change", creditor="guarantor", external_id="G-1")
    after = books(late_loan)
    loan = facts(late_loan)
    assert (loan.creditor, loan.bucket, loan.oldest_unpaid_due_date) == ("guarantor", "M1", DUE)
    assert loan.outstanding_principal == D("12000.00")
    assert after["moves"] == before["moves"]
    assert fetch("SELECT sum(principal_paid + interest_paid + penalty_paid) FROM repayment_installment") == [
        (D("0.00"),)
    ]
    # The borrower's later money counts as ever.
    post(late_loan, "1106.29", TODAY)
    assert (facts(late_loan).bucket, facts(late_loan).creditor) == ("M0", "guarantor")
    assert drifts(TODAY) == []


def test_a_payoff_settles_the_loan_to_the_cent(late_loan):
    # 920.16 + 180.00 due, 6.13 penalty, ten days of interest on 11,079.84 = 55.40, principal ahead 11,079.84
    total = D("920.16") + D("180.00") + TEN_DAYS_OF_PENALTY + D("55.40") + D("11079.84")
    with pytest.raises(admission.PayoffDiffers) as refused:
        post(late_loan, total - D("0.01"), TODAY, kind="payoff")
    assert refused.value.fields == {"amount": str(total)}
    post(late_loan, total, TODAY, kind="payoff")
    loan = facts(late_loan)
    assert (loan.status, loan.closed_on, loan.outstanding_total, loan.schedule_version) == (
        "closed",
        TODAY,
        D("0.00"),
        2,
    )
    assert list(loan.schedule_versions.values_list("number", "cause").order_by("number")) == [
        (1, "disbursement"),
        (2, "payoff"),
    ]
    assert loan.next_transition_date is None
    assert drifts(TODAY) == []


def test_a_prepayment_makes_a_new_version_and_keeps_the_old_bills():
    loan_id = open_loan(terms=terms(prepayment=PrepaymentRule()))
    post(loan_id, "5000.00", DISBURSED, surplus="shorten_term")
    loan = facts(loan_id)
    assert loan.schedule_version == 2
    assert loan.installments.filter(to_version=2).count() == 12
    live = loan.installments.filter(to_version=None).order_by("due_date")
    assert sum(each.principal for each in live) == D("12000.00")
    assert (live[0].due_date, live[0].principal, live[0].principal_paid) == (DISBURSED, D("5000.00"), D("5000.00"))
    assert drifts(DISBURSED) == []


def test_two_prepayments_in_one_batch_keep_the_bills_of_the_version_between():
    loan_id = open_loan()
    book(
        drafts=[draft(loan_id, "payment", DISBURSED, "3000.00", surplus="reduce_installment") for _ in range(2)],
        actor=ADA,
        business_date=DISBURSED,
    )
    loan = facts(loan_id)
    assert loan.schedule_version == 3
    for version in (1, 2, 3):
        alive = [
            each
            for each in loan.installments.all()
            if each.from_version <= version and (each.to_version is None or each.to_version > version)
        ]
        assert sum(each.principal for each in alive) == D("12000.00"), version
    assert drifts(DISBURSED) == []


# while the day is being closed


def test_what_comes_in_while_a_day_is_being_closed_is_booked_on_the_next(late_loan):
    open_first_day(day=TODAY, actor=SYSTEM)
    begin_close(day=TODAY, actor=SYSTEM)
    key = post(late_loan, "1106.29", TODAY)
    operation = Operation.objects.get(pk=key)
    assert (operation.value_date, operation.business_date) == (TODAY, date(2026, 2, 26))
    assert drifts(date(2026, 2, 26)) == []


# append-only


APPEND_ONLY = (
    "repayment_operation",
    "repayment_transfer",
    "repayment_bucketmove",
    "repayment_monthend",
    "repayment_loanterms",
)
COLUMN = {"repayment_loanterms": "digest", "repayment_monthend": "bucket", "repayment_bucketmove": "cause"}


@pytest.fixture
def old_loan():
    """A loan with a row in every table that only grows."""
    loan_id = open_loan()
    close_days(DISBURSED, date(2026, 2, 28))
    post(loan_id, "10.00", date(2026, 3, 1))
    return loan_id


def run(statement, *, as_application):
    """One statement in a transaction of its own, as the owner or under the application's role."""
    with transaction.atomic(), connection.cursor() as cursor:
        if as_application:
            cursor.execute(f"SET LOCAL ROLE {APPLICATION_ROLE}")
        cursor.execute(statement)


@pytest.mark.parametrize("as_application", [False, True])
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_no_role_changes_or_deletes_what_was_written(old_loan, table, as_application):
    column = COLUMN.get(table, "kind")
    before = fetch(f"SELECT count(*), min({column}) FROM {table}")
    assert before[0][0] > 0
    for statement in (f"UPDATE {table} SET {column} = 'x'", f"DELETE FROM {table}"):
        with pytest.raises(DatabaseError) as refused:
            run(statement, as_application=as_application)
        assert ("permission denied" if as_application else "never changed or deleted") in str(refused.value)
    assert fetch(f"SELECT count(*), min({column}) FROM {table}") == before


def empty(table):
    """What an owner would type in a session of a database in use, where no checks of this transaction are pending."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"SET LOCAL {EMPTYING} = ''")
        cursor.execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_not_even_the_owner_empties_what_was_written(old_loan, table):
    before = fetch(f"SELECT count(*) FROM {table}")
    with pytest.raises(IntegrityError, match="is never emptied"):
        empty(table)
    assert fetch(f"SELECT count(*) FROM {table}") == before


def test_the_owner_does_not_empty_the_ledger_by_way_of_its_loans(old_loan):
    before = fetch("SELECT count(*) FROM repayment_transfer")
    with pytest.raises(IntegrityError, match="is never emptied"):
        empty("repayment_loan")
    assert fetch("SELECT count(*) FROM repayment_transfer") == before


def test_the_application_may_not_empty_the_ledger(old_loan):
    with pytest.raises(DatabaseError, match="permission denied"):
        run("TRUNCATE repayment_transfer CASCADE", as_application=True)


def test_the_applications_own_role_can_do_all_the_engine_does(old_loan):
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {APPLICATION_ROLE}")
        key = post(old_loan, "500.00", date(2026, 3, 1))
        take_back(old_loan, key, business_date=date(2026, 3, 1))
        close_days(date(2026, 3, 1), date(2026, 3, 31))
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
    assert drifts(date(2026, 4, 1)) == []


# what the database itself refuses


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE repayment_loan SET suspense = -1", "loan_suspense_is_not_negative"),
        ("UPDATE repayment_loan SET outstanding_principal = -1", "loan_outstanding_principal_is_not_negative"),
        ("UPDATE repayment_loan SET status = 'closed'", "closed_loan_awaits_no_transition"),
        (
            "UPDATE repayment_installment SET principal_paid = principal + 0.01",
            "bill_principal_is_not_settled_beyond_what_is_charged",
        ),
        (
            "INSERT INTO repayment_transfer (loan_id, borrower_id, kind, component, debit, credit, amount, value_date, "
            "business_date) "
            "SELECT id, borrower_id, 'payment', '', 'cash', 'suspense', 0, now(), now() FROM repayment_loan",
            "transfer_amount_is_positive",
        ),
        (
            "INSERT INTO repayment_transfer (loan_id, borrower_id, kind, component, debit, credit, amount, value_date, "
            "business_date) SELECT id, borrower_id, 'payment', '', 'cash', 'cash', 1, now(), now() FROM repayment_loan",
            "transfer_moves_between_two_accounts",
        ),
    ],
)
def test_the_database_keeps_its_invariants_by_name(late_loan, statement, name):
    with pytest.raises(DatabaseError, match=name), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_amounts_are_decimals_all_the_way(late_loan):
    post(late_loan, "0.10", TODAY)
    post(late_loan, "0.20", TODAY)
    assert sum(row[6] for row in books(late_loan)["transfers"] if row[1] == "payment") == Decimal("0.30")


# a prepayment no schedule can be made of


@pytest.fixture
def coarse_loan():
    """Installments in whole hundreds: what little a prepayment may leave cannot be spread over eleven bills."""
    return open_loan(terms=terms(multiple_of=D("100")), principal="3000.00")


def test_a_prepayment_that_leaves_no_schedule_is_refused_alone(coarse_loan):
    other = open_loan()
    before = everything(coarse_loan)
    with pytest.raises(ScheduleRefused):
        post(coarse_loan, "2950.00", DISBURSED, surplus="reduce_installment")
    assert everything(coarse_loan) == before
    outcomes = book(
        drafts=[
            draft(coarse_loan, "payment", DISBURSED, "10.00"),
            draft(coarse_loan, "payment", DISBURSED, "2940.00", surplus="reduce_installment"),
            draft(coarse_loan, "payment", DISBURSED, "20.00"),
            draft(other, "payment", DISBURSED, "30.00"),
        ],
        actor=ADA,
        business_date=DISBURSED,
    )
    assert [type(outcome) for outcome in outcomes] == [Booked, Refused, Booked, Booked]
    assert outcomes[1].refusal.code == "repayment.schedule_refused"
    assert facts(coarse_loan).suspense == D("30.00")
    assert drifts(DISBURSED) == []


def test_a_backdated_prepayment_that_leaves_no_schedule_is_refused_alone(coarse_loan):
    close_days(DISBURSED, date(2026, 2, 4))
    outcomes = book(
        drafts=[
            draft(coarse_loan, "payment", DISBURSED, "10.00"),
            draft(coarse_loan, "payment", DISBURSED, "2940.00", surplus="reduce_installment"),
        ],
        actor=ADA,
        business_date=date(2026, 2, 5),
    )
    assert [type(outcome) for outcome in outcomes] == [Booked, Refused]
    assert facts(coarse_loan).suspense == D("10.00")
    assert drifts(date(2026, 2, 5)) == []
