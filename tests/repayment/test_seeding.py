"""The seeded book: what it holds, that it agrees with itself and the engine, and that it leaves the tables whole."""

from collections import Counter
from datetime import date, timedelta
from io import StringIO
from random import Random

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F

from backoffice.audit.append_only import EMPTYING
from backoffice.audit.models import AuditEntry
from backoffice.calendars.models import BusinessDay
from backoffice.calendars.selectors import business_date
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import execute, fetch
from backoffice.customers.models import Borrower
from backoffice.repayment.models import Installment, Loan, Operation
from backoffice.repayment.seeding.book import (
    BookNotEmpty,
    BookWanted,
    NotTheBusinessDate,
    seed_book,
)
from backoffice.repayment.seeding.borrowing import draw, terms_of_versions
from backoffice.repayment.selectors.states import bill_values, load_histories, load_loans
from backoffice.repayment.selectors.verification import verify_book
from backoffice.repayment.services.rebuilding import replayed_state

MORNING = date(2026, 3, 10)
YESTERDAY = MORNING - timedelta(days=1)


def seed(**wanted):
    return seed_book(
        wanted=BookWanted(**({"loans": 300, "business_date": MORNING} | wanted)),
        actor=SYSTEM,
        on_progress=lambda *_: None,
    )


@pytest.mark.django_db
def test_writes_a_book_that_agrees_with_itself():
    written = seed()
    assert list(verify_book(business_date=MORNING)) == []
    assert written.rows["repayment_loan"] == Loan.objects.count() == 300
    assert written.rows["repayment_installment"] == Installment.objects.count() == 3600
    assert written.rows["customers_borrower"] == Borrower.objects.count() == 240


@pytest.mark.django_db
def test_needs_no_leave_to_empty_tables():
    execute(f"SET LOCAL {EMPTYING} = ''")
    assert seed().rows["repayment_loan"] == 300


@pytest.mark.django_db
def test_is_overdue_by_the_share_asked_for_and_over_every_bucket():
    seed(loans=1000, overdue_share=0.2)
    buckets = Counter(Loan.objects.values_list("bucket", flat=True))
    assert buckets.pop("M0") == 800
    assert set(buckets) == {"M1", "M2", "M3", "M4", "M5", "M6", "M6+"}
    assert set(Loan.objects.values_list("status", flat=True)) == {"active", "charged_off"}
    assert Loan.objects.filter(suspense__gt=0).exists()


@pytest.mark.django_db
def test_is_what_the_engine_makes_of_the_operations():
    seed()
    ids = list(Loan.objects.order_by("id").values_list("pk", flat=True))
    loans = load_loans(loan_ids=ids, business_date=MORNING, lock=False)
    histories = load_histories(loan_ids=ids)
    for loan in loans.values():
        history = histories[loan.id]
        state = replayed_state(loan, history, as_of=YESTERDAY)
        assert [bill_values(bill) for bill in state.bills] == [bill_values(bill) for bill in history.live_bills]
        assert (state.bucket, state.status, state.suspense) == (
            loan.state.bucket,
            loan.state.status,
            loan.state.suspense,
        )


@pytest.mark.django_db
def test_books_every_payment_on_its_day_before_the_business_date():
    seed()
    assert not Operation.objects.filter(value_date__gte=MORNING).exists()
    assert not Operation.objects.exclude(business_date=F("value_date")).exists()


@pytest.mark.django_db
def test_opens_the_business_day_and_leaves_a_trail():
    seed()
    assert business_date() == MORNING
    entry = AuditEntry.objects.get(verb="repayment.book.seeded")
    assert (entry.after["loans"], entry.after["seed"]) == (300, 1)


@pytest.mark.django_db
def test_refuses_a_database_that_has_loans_unless_it_may_append():
    seed(loans=20)
    with pytest.raises(BookNotEmpty):
        seed(loans=20)
    assert Loan.objects.count() == 20
    seed(loans=30, is_append=True)
    assert Loan.objects.count() == 50
    assert list(verify_book(business_date=MORNING)) == []


@pytest.mark.django_db
def test_refuses_another_day_than_the_open_one():
    open_first_day(day=YESTERDAY, actor=SYSTEM)
    with pytest.raises(NotTheBusinessDate):
        seed()
    assert Loan.objects.count() == 0


@pytest.mark.django_db
def test_leaves_out_loans_the_quiet_days_would_change():
    quiet = frozenset(MORNING + timedelta(days=number) for number in range(3))
    seed(quiet_on=quiet)
    assert Loan.objects.filter(next_transition_date__in=quiet).count() == 0


@pytest.mark.django_db
def test_gives_the_tables_back_their_indexes_and_constraints():
    before = _indexes_and_constraints()
    seed(loans=20)
    assert _indexes_and_constraints() == before


@pytest.mark.django_db
def test_writes_beside_a_large_book_without_touching_its_indexes():
    seed(loans=60)
    seed(loans=5, is_append=True)
    assert Loan.objects.count() == 65
    assert list(verify_book(business_date=MORNING)) == []


def test_draws_the_same_book_from_the_same_seed():
    terms = terms_of_versions()

    def drawn(seed: int):
        rng = Random(seed)
        return [draw(rng=rng, terms=terms, business_date=MORNING, is_overdue=number % 2 == 0) for number in range(20)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


@pytest.mark.django_db
def test_the_command_says_what_it_wrote():
    out = StringIO()
    call_command("seed_book", "--loans", "20", "--date", "2026-03-10", stdout=out, stderr=StringIO())
    assert "repayment_loan: 20\n" in out.getvalue()
    assert "20 loans as of the morning of 2026-03-10" in out.getvalue()
    with pytest.raises(CommandError, match="--append"):
        call_command("seed_book", "--loans", "20", stdout=StringIO(), stderr=StringIO())


@pytest.mark.django_db
@pytest.mark.parametrize("arguments", [["--loans", "0"], ["--loans", "5", "--overdue-share", "1.5"], []])
def test_the_command_refuses_what_it_cannot_write(arguments):
    with pytest.raises(CommandError):
        call_command("seed_book", *arguments)
    assert not BusinessDay.objects.exists()


def _indexes_and_constraints():
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    # PostgreSQL writes the condition of a partial index a little differently when it reads its own writing.
    return {
        *fetch(
            "SELECT split_part(indexdef, ' WHERE ', 1), position(' WHERE ' IN indexdef) > 0 FROM pg_indexes "
            "WHERE schemaname = 'public'"
        ),
        *fetch("SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"),
    }
