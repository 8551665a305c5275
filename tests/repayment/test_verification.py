"""Damage one row by hand, and the books say which loan and which check. Clean books say nothing."""

from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.backends.postgresql.psycopg_any import DateRange

from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Hold
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.verification import Drift, id_ranges, verify_book, verify_range
from backoffice.repayment.services.replaying import replay_drifts, sample_of_loans
from tests.repayment.cases import D
from tests.repayment.factories import DISBURSED, close_days, open_loan, post, take_back

pytestmark = pytest.mark.django_db

TODAY = date(2026, 4, 2)


@pytest.fixture
def book():
    """Three loans: one late with a payment, one prepaid with money held, one paid off; and things taken back."""
    late, prepaid, closed = (open_loan(external_id=name) for name in ("late", "prepaid", "closed"))
    close_days(DISBURSED, date(2026, 2, 19))
    on = date(2026, 2, 20)
    for loan_id in (late, prepaid, closed):
        post(loan_id, "1103.23", on)  # the first bill and 3.07 of penalty; the second goes unpaid
    taken = post(late, "55.00", on)
    take_back(late, taken, business_date=on)
    post(prepaid, "5000.00", on, surplus="shorten_term")
    post(prepaid, "70.00", on, surplus="suspense")
    post(closed, "20000.00", on, surplus="shorten_term")
    post(closed, Loan.objects.get(pk=closed).suspense, on, kind="refund")
    close_days(on, TODAY - timedelta(days=1))
    assert found() == []
    return {"late": late, "prepaid": prepaid, "closed": closed}


def found(business_date=TODAY):
    return list(verify_book(business_date=business_date))


def damage(statement, *params):
    """Change rows behind everybody's back: no trigger is asked."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, params)
        assert cursor.rowcount == 1, f"{cursor.rowcount} rows changed"
        cursor.execute("SET LOCAL session_replication_role = origin")


def one_of(table, loan_id, **where):
    """A row of a table of that loan, as a condition."""
    conditions = " AND ".join(f"{name} = '{value}'" for name, value in where.items())
    return f"id = (SELECT min(id) FROM {table} WHERE loan_id = {loan_id}{' AND ' + conditions if where else ''})"


LEDGER = "ledger {} is what the bills have left"
LEFT = "principal left on the bills is the outstanding principal"
TOTAL = "everything left on the bills is the outstanding total"
OVERDUE = "what is left of bills past due is the overdue amount"
SETTLED = "bills with nothing left are marked settled"
CLOSED = "a loan is closed when nothing is left"
OLDEST, BUCKET, NEXT = "oldest unpaid due date", "bucket of the days past due", "next transition"
CHAIN = "bucket moves lead to the present bucket"
DISBURSED_PRINCIPAL = "scheduled principal is the principal disbursed"


APART = "the bills fall due as many days apart as they run"
MATURITY = "the last bill falls due at maturity"
OWNER = "the bills are the borrower's"
HELD = "ledger suspense is the suspense held"
PICTURE = "ledger principal is what the last month end shows"
PENALTY = "penalty of bill is that of its overdue days"
CASH = "cash of payment is its amount"

# Table, change, which row, which loan, and the checks that must speak: each for that loan alone.
DAMAGES = [
    ("loan", "outstanding_principal = outstanding_principal + 0.01", {}, "late", {LEFT}),
    ("loan", "outstanding_total = outstanding_total - 0.01", {}, "late", {TOTAL}),
    ("loan", "overdue_amount = 0", {}, "late", {OVERDUE}),
    ("loan", "suspense = suspense + 1", {}, "prepaid", {HELD}),
    ("loan", "principal = principal + 1", {}, "late", {DISBURSED_PRINCIPAL}),
    ("loan", "bucket = 'M3'", {}, "late", {BUCKET, CHAIN}),
    ("loan", "oldest_unpaid_due_date = '2026-01-01'", {}, "late", {OLDEST}),
    ("loan", "next_transition_date = NULL", {}, "late", {NEXT}),
    ("loan", "status = 'closed', next_transition_date = NULL", {}, "late", {CLOSED}),
    ("loan", "status = 'active'", {}, "closed", {CLOSED}),
    (
        "installment",
        "principal_paid = principal_paid - 1",
        {"number": 1},
        "late",
        {LEDGER.format("principal"), LEFT, TOTAL, OVERDUE, SETTLED},
    ),
    ("installment", "interest = interest + 1", {"number": 12}, "late", {LEDGER.format("interest"), TOTAL}),
    ("installment", "penalty_waived = penalty", {"number": 2}, "late", {LEDGER.format("penalty"), TOTAL, OVERDUE}),
    ("installment", "due_date = '2026-03-10'", {"number": 2}, "late", {OLDEST, NEXT, APART}),
    ("installment", "due_date = due_date - 1", {"number": 7}, "late", {APART}),
    ("installment", "due_date = due_date + 3", {"number": 12}, "late", {APART, MATURITY}),
    ("installment", "days = days + 1", {"number": 7}, "late", {APART}),
    ("installment", "borrower_id = (SELECT max(id) FROM customers_borrower)", {"number": 7}, "late", {OWNER}),
    ("loan", "borrower_id = (SELECT max(id) FROM customers_borrower)", {}, "late", {OWNER}),
    ("loan", "annual_rate = 0.36", {}, "late", {"the annual rate is that of the terms"}),
    ("loan", "currency = 'USD'", {}, "late", {"the currency is that of the terms"}),
    ("loan", "disbursed_on = disbursed_on - 1", {}, "late", {APART, "the loan was disbursed when the ledger says"}),
    ("loan", "maturity_on = maturity_on + 1", {}, "late", {MATURITY}),
    ("installment", "settled_on = NULL", {"number": 1}, "late", {SETTLED}),
    ("installment", "settled_on = due_date", {"number": 2}, "late", {SETTLED, OLDEST, BUCKET, NEXT}),
    ("installment", "overdue_base_days = overdue_base_days + 100", {"number": 2}, "late", {PENALTY}),
    (
        "installment",
        "penalty = penalty + 1",
        {"number": 2},
        "late",
        {PENALTY, LEDGER.format("penalty"), TOTAL, OVERDUE},
    ),
    ("transfer", "amount = amount + 1", {"kind": "disbursement"}, "late", {LEDGER.format("principal"), PICTURE}),
    (
        "transfer",
        "value_date = '2026-04-01'",
        {"kind": "disbursement"},
        "late",
        {PICTURE, "the loan was disbursed when the ledger says"},
    ),
    ("transfer", "amount = amount + 1", {"kind": "schedule"}, "late", {LEDGER.format("interest")}),
    ("transfer", "component = 'fee'", {"kind": "schedule"}, "late", {LEDGER.format("interest")}),
    ("transfer", "debit = 'concession_expense'", {"kind": "payment", "component": "interest"}, "late", {CASH}),
    ("transfer", "amount = amount - 1", {"kind": "surplus"}, "prepaid", {HELD, CASH}),
    ("operation", "amount = amount + 1", {"kind": "payment"}, "late", {CASH}),
    ("operation", "amount = amount + 1", {"kind": "refund"}, "closed", {"cash of refund is its amount"}),
    ("bucketmove", "to_bucket = 'M2'", {}, "late", {CHAIN}),
    ("monthend", "outstanding_principal = 1", {"month_end": "2026-03-31"}, "late", {PICTURE}),
]


@pytest.mark.parametrize(("table", "change", "where", "name", "checks"), DAMAGES)
def test_a_damaged_row_is_found_by_loan_and_check(book, table, change, where, name, checks):
    table = f"repayment_{table}"
    row = f"id = {book[name]}" if table == "repayment_loan" else one_of(table, book[name], **where)
    damage(f"UPDATE {table} SET {change} WHERE {row}")
    drifts = found()
    assert {drift.loan_id for drift in drifts} == {book[name]}
    assert {without_number(drift.check) for drift in drifts} == checks


def without_number(check):
    """ "cash of payment 17 is its amount" without the 17."""
    return " ".join(word for word in check.split() if not word.isdigit())


@pytest.mark.parametrize(
    ("table", "where", "name", "checks"),
    [
        (
            "installment",
            {"number": 12},
            "late",
            {DISBURSED_PRINCIPAL, LEDGER.format("principal"), LEDGER.format("interest"), LEFT, TOTAL, MATURITY},
        ),
        (
            "transfer",
            {"kind": "disbursement"},
            "late",
            {LEDGER.format("principal"), PICTURE, "the loan was disbursed when the ledger says"},
        ),
        ("transfer", {"kind": "surplus"}, "prepaid", {HELD, CASH}),
        ("bucketmove", {}, "late", {CHAIN}),
    ],
)
def test_a_missing_row_is_found_too(book, table, where, name, checks):
    table = f"repayment_{table}"
    damage(f"DELETE FROM {table} WHERE {one_of(table, book[name], **where)}")
    drifts = found()
    assert {drift.loan_id for drift in drifts} == {book[name]}
    assert {without_number(drift.check) for drift in drifts} == checks


def test_a_drift_says_what_the_rows_say_and_what_is_stored(book):
    damage("UPDATE repayment_loan SET outstanding_principal = 0 WHERE id = %s", book["late"])
    assert found() == [Drift(book["late"], LEFT, "11079.84", "0.00")]


def test_loans_under_a_hold_are_recomputed_by_the_engine(book):
    Hold.objects.create(
        borrower_id=Loan.objects.get(pk=book["late"]).borrower_id,
        scope="aging",
        period=DateRange(date(2026, 6, 1), None),
        review_on=date(2026, 6, 1),
        reason="dispute",
        set_by_name="Ada",
    )
    assert found() == []
    damage("UPDATE repayment_loan SET bucket = 'M3' WHERE id = %s", book["late"])
    assert {(drift.loan_id, drift.check) for drift in found()} == {(book["late"], BUCKET), (book["late"], CHAIN)}


def test_only_the_loans_named_are_looked_at(book):
    damage("UPDATE repayment_loan SET bucket = 'M3' WHERE id = %s", book["late"])
    damage("UPDATE repayment_loan SET suspense = 1 WHERE id = %s", book["closed"])
    first, last = min(book.values()), max(book.values())
    drifts = verify_range(first_id=first, last_id=last, business_date=TODAY, only=[book["closed"]])
    assert {drift.loan_id for drift in drifts} == {book["closed"]}
    assert verify_range(first_id=first, last_id=last, business_date=TODAY, only=[book["prepaid"]]) == []
    assert verify_range(first_id=first, last_id=last, business_date=TODAY, only=[]) == []


def test_a_book_nobody_opened_agrees_with_itself():
    assert (id_ranges(), found()) == ([], [])


def test_ranges_cover_every_loan_once(book):
    first, last = min(book.values()), max(book.values())
    assert id_ranges(size=2) == [(first, first + 1), (first + 2, last)]
    assert id_ranges(size=100) == [(first, last)]


def test_the_command_names_the_loan_and_fails(book, capsys):
    open_first_day(day=TODAY, actor=SYSTEM)
    call_command("verify_books", quiet=True)
    assert "The books agree" in capsys.readouterr().out
    damage("UPDATE repayment_loan SET suspense = 1 WHERE id = %s", book["closed"])
    with pytest.raises(CommandError, match="1 things do not agree") as failed:
        call_command("verify_books", quiet=True)
    assert failed.value.returncode == 1
    assert f"loan {book['closed']}: ledger suspense is the suspense held: rows say 0.00, stored is 1.00" in (
        capsys.readouterr().out
    )


# the deepest check


UNSEEN = [
    ("transfer", "value_date = '2026-02-21'", {"kind": "waiver"}, "waived", {"transfers"}),
    ("transfer", "kind = 'recovery'", {"kind": "payment"}, "late", {"transfers"}),
    ("transfer", "debit = 'write_off_expense'", {"kind": "waiver"}, "waived", {"transfers"}),
    ("bucketmove", "\"on\" = '2026-02-17'", {}, "late", {"bucket moves"}),
    ("monthend", "dpd = dpd + 1", {"month_end": "2026-02-28"}, "late", {"month ends"}),
    ("monthend", "creditor = 'fund'", {"month_end": "2026-01-31"}, "late", {"month ends"}),
    ("installment", "compound_base = 1", {"number": 2}, "late", {"bills"}),
    ("installment", "settled_on = '2026-02-19'", {"number": 1}, "late", {"bills"}),
    ("loan", "creditor = 'fund'", {}, "late", {"creditor"}),
    ("loan", "closed_on = '2026-02-19'", {}, "closed", {"closed on"}),
    ("loan", "touched_on = '2026-01-15'", {}, "late", {"touched on"}),
    ("loan", "accrued_through = '2026-02-01'", {}, "late", {"accrued through"}),
    (
        "operation",
        "details = '{}'",
        {"kind": "waiver"},
        "waived",
        {"transfers", "bills", "month ends", "outstanding total", "overdue amount"},
    ),
]


@pytest.mark.parametrize(("table", "change", "where", "name", "checks"), UNSEEN)
def test_a_replay_finds_what_no_sum_shows(book, table, change, where, name, checks):
    waived = open_loan(external_id="waived", business_date=TODAY)
    post(
        waived,
        "0.00",
        date(2026, 2, 20),
        kind="waiver",
        components={"interest": D("7.00")},
        business_date=TODAY,
    )
    loan_id = (book | {"waived": waived})[name]
    everybody = [*book.values(), waived]
    assert list(replay_drifts(loan_ids=everybody, business_date=TODAY)) == []
    table = f"repayment_{table}"
    row = f"id = {loan_id}" if table == "repayment_loan" else one_of(table, loan_id, **where)
    damage(f"UPDATE {table} SET {change} WHERE {row}")
    drifts = list(replay_drifts(loan_ids=everybody, business_date=TODAY))
    assert {drift.loan_id for drift in drifts} == {loan_id}
    words = ("a replay leaves the ", " as they are", "a replay gives the same ")
    found_checks = set()
    for drift in drifts:
        check = drift.check
        for word in words:
            check = check.replace(word, "")
        found_checks.add(check)
    assert found_checks == checks


def test_a_loan_that_cannot_be_replayed_is_named(book):
    fresh = open_loan(disbursed_on=TODAY)
    held = post(fresh, "30.00", TODAY)
    post(fresh, "30.00", TODAY, kind="refund")
    damage("UPDATE repayment_operation SET amount = 1 WHERE id = %s", held)
    (drift,) = replay_drifts(loan_ids=[fresh, *book.values()], business_date=TODAY)
    assert (drift.loan_id, drift.check) == (fresh, "a replay is possible")
    assert drift.computed == "30.00 was refunded on 2026-04-02; only 1.00 would be held."


def test_the_command_replays_as_many_loans_as_it_is_told(book, capsys):
    open_first_day(day=TODAY, actor=SYSTEM)
    assert sample_of_loans(count=0) == []
    assert len(sample_of_loans(count=2)) == 2
    assert sample_of_loans(count=99) == sorted(book.values())
    call_command("verify_books", quiet=True, replay=99)
    damage("UPDATE repayment_loan SET creditor = 'fund' WHERE id = %s", book["late"])
    call_command("verify_books", quiet=True)
    with pytest.raises(CommandError, match="1 things do not agree"):
        call_command("verify_books", quiet=True, replay=99)
    assert f"loan {book['late']}: a replay gives the same creditor: rows say lender, stored is fund" in (
        capsys.readouterr().out
    )
