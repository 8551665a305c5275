"""What "overdue" means: something past due is unpaid, on every page and over the API, whatever a bucket is called."""

from dataclasses import replace
from datetime import date

import pytest
from django.urls import reverse

from backoffice.calendars.services import open_first_day
from backoffice.console.borrower_reading import find
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Borrower, BulkHold
from backoffice.customers.services import Choice, ask_to_place_bulk, prepare_bulk
from backoffice.repayment.domain.terms import Band, Tolerance
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.bulk_holds import bulk_preview, still_held
from tests.console.book import as_role
from tests.repayment.api_book import API, caller
from tests.repayment.cases import TWELVE_MONTHS
from tests.repayment.factories import ADA, open_loan, post
from tests.staff.factories import person

pytestmark = pytest.mark.django_db

TODAY = date(2026, 2, 20)  # five days after the first due date
OTHER_NAMES = replace(TWELVE_MONTHS, bands=(Band("Z", 0, 0), Band("A1", 1, 30), Band("A2", 31, None)))
TOLERANT = replace(OTHER_NAMES, tolerance=Tolerance(days=7))


@pytest.fixture
def loans():
    """One borrower: a loan that is paid, one five days late, one late within its days of tolerance, one charged off."""
    open_first_day(day=TODAY, actor=SYSTEM)
    current = open_loan(terms=OTHER_NAMES, business_date=TODAY, external_id="CURRENT")
    owner = Loan.objects.get(pk=current).borrower_id
    post(current, "1100.16", date(2026, 2, 15), business_date=TODAY)
    for name, terms in (("LATE", OTHER_NAMES), ("TOLERATED", TOLERANT), ("LOST", OTHER_NAMES)):
        loan_id = open_loan(terms=terms, business_date=TODAY, external_id=name, borrower_id=owner)
    post(loan_id, "0.00", TODAY, kind="charge_off")
    return {loan.external_id: loan for loan in Loan.objects.all()}


def test_buckets_of_any_name_do_not_make_a_loan_overdue(loans):
    assert {name: loan.bucket for name, loan in loans.items()} == {
        "CURRENT": "Z",
        "LATE": "A1",
        "TOLERATED": "Z",
        "LOST": "A1",
    }
    assert sorted(loan.external_id for loan in Loan.objects.overdue()) == ["LATE", "TOLERATED"]
    assert sorted(loan.external_id for loan in Loan.objects.not_overdue()) == ["CURRENT", "LOST"]


def test_the_page_the_api_and_the_home_page_count_the_same_loans(loans):
    client = as_role("admin")
    shown = client.get(reverse("repayment:loans"), {"overdue": "1"}).content.decode()
    assert [name for name in loans if name in shown] == ["LATE", "TOLERATED"]
    answered = caller("team_lead").get(f"{API}/loans/", {"overdue": "true"}).json()["results"]
    assert sorted(row["external_id"] for row in answered) == ["LATE", "TOLERATED"]
    buckets = client.get(reverse("console:home")).context["today"].buckets
    assert sorted((each.bucket, each.loans) for each in buckets) == [("A1", 1), ("Z", 1)]


def test_a_hold_on_many_counts_the_same_loans(loans):
    post(loans["LATE"].pk, "2000.00", TODAY)
    bulk_id = prepare_bulk(
        name="Flood",
        reason="disaster",
        scopes=["calls"],
        start=TODAY,
        end_exclusive=date(2026, 3, 20),
        choice=Choice(source="testbook", external_ids=list(Borrower.objects.values_list("external_id", flat=True))),
        portfolios=None,
        actor=ADA,
    )
    placed = ask_to_place_bulk(bulk_id=bulk_id, reason="declared", consequence="", actor=SYSTEM)
    assert placed.is_lifted
    bulk = BulkHold.objects.get(pk=bulk_id)
    preview = bulk_preview(bulk=bulk)
    assert (preview.open_loans, preview.overdue_loans, preview.overdue) == (4, 1, 1)
    assert still_held(bulk=bulk, on=TODAY) == (1, 1)
    post(loans["TOLERATED"].pk, "2000.00", TODAY)
    assert (bulk_preview(bulk=bulk).overdue_loans, still_held(bulk=bulk, on=TODAY)) == (0, (1, 0))


def test_the_worst_bucket_is_that_of_the_most_days_and_not_the_last_in_the_alphabet(loans):
    user = person("team_lead")
    owner = Borrower.objects.get()
    (hit,) = find(query=owner.external_id, user=user).hits
    assert (hit.loans, hit.worst_bucket) == (4, "A1")
