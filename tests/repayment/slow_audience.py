"""The oracle of `audience.sql`: the same question asked of one borrower after the other, in plain Python."""

from datetime import date

from backoffice.customers.models import Borrower
from backoffice.customers.selectors import holds_of_loans
from backoffice.outreach.domain.audiences import AudienceFilter, Between
from backoffice.repayment.domain.aging import days_past_due
from backoffice.repayment.domain.bills import HoldPeriod
from backoffice.repayment.models import Loan


def slow_audience(*, audience: AudienceFilter, day: date) -> list[tuple[int, int | None]]:
    """Borrower and loan of everybody in the audience, in order of the borrower."""
    found = []
    for borrower in Borrower.objects.filter(merged_into=None).order_by("pk"):
        loans = list(Loan.objects.filter(borrower=borrower).order_by("pk"))
        if not _is_borrower_in(audience, borrower, loans, day):
            continue
        if not audience.is_of_running_loans:
            found.append((borrower.pk, None))
            continue
        fitting = [loan for loan in loans if _is_loan_in(audience, loan, day)]
        if fitting:
            best = min(fitting, key=lambda loan: (-loan.overdue_amount, -loan.outstanding_total, loan.pk))
            found.append((borrower.pk, best.pk))
    return found


def _is_borrower_in(audience: AudienceFilter, borrower: Borrower, loans: list[Loan], day: date) -> bool:
    if audience.portfolios and borrower.portfolio not in audience.portfolios:
        return False
    if audience.countries and borrower.country not in audience.countries:
        return False
    if audience.languages and borrower.language.lower().split("-")[0] not in audience.languages:
        return False
    if not _lies_in(len(loans), audience.loans_taken):
        return False
    if audience.is_of_settled_loans:
        if not loans or any(loan.status != "closed" for loan in loans):
            return False
        ago = (day - max(loan.closed_on for loan in loans if loan.closed_on)).days
        if audience.settled_ago and (ago < 0 or not _lies_in(ago, audience.settled_ago)):
            return False
    return True


def _is_loan_in(audience: AudienceFilter, loan: Loan, day: date) -> bool:
    due = loan.oldest_unpaid_due_date
    if loan.status != "active" or due is None:
        return False
    if audience.buckets and loan.bucket not in audience.buckets:
        return False
    holds = holds_of_loans(loan_ids=[loan.pk], borrower_ids=[loan.borrower_id], scopes=("aging",))[loan.pk]
    periods = [HoldPeriod(scope="aging", start=hold.start, end=hold.end_exclusive) for hold in holds]
    if not _lies_in(days_past_due(oldest_unpaid_due=due, as_of=day, holds=periods), audience.days_past_due):
        return False
    ahead = (due - day).days
    if audience.due_in and (ahead < 0 or not _lies_in(ahead, audience.due_in)):
        return False
    amounts = audience.outstanding
    if amounts is None:
        return True
    if loan.currency != amounts.currency:
        return False
    return (amounts.low is None or loan.outstanding_total >= amounts.low) and (
        amounts.high is None or loan.outstanding_total <= amounts.high
    )


def _lies_in(number: int, between: Between | None) -> bool:
    if between is None:
        return True
    return (between.low is None or number >= between.low) and (between.high is None or number <= between.high)
