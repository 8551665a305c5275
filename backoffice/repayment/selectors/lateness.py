"""What the list of loans shows beside the loans: days past due of many at once, and the currencies of the book."""

from collections.abc import Sequence
from datetime import date

from backoffice.core.bulk import fetch
from backoffice.customers.selectors import holds_of_loans
from backoffice.repayment.domain.aging import days_past_due
from backoffice.repayment.domain.bills import HoldPeriod
from backoffice.repayment.models import Loan


def days_past_due_of(*, loans: Sequence[Loan], as_of: date) -> dict[int, int]:
    """Days past due by loan on the business date, held days left out; 0 for a closed loan."""
    found = holds_of_loans(
        loan_ids=[loan.pk for loan in loans], borrower_ids=[loan.borrower_id for loan in loans], scopes=("aging",)
    )
    return {
        loan.pk: days_past_due(
            oldest_unpaid_due=None if loan.status == Loan.Status.CLOSED else loan.oldest_unpaid_due_date,
            as_of=as_of,
            holds=[HoldPeriod(scope="aging", start=hold.start, end=hold.end_exclusive) for hold in found[loan.pk]],
        )
        for loan in loans
    }


def currencies_of_book() -> list[str]:
    """The currencies loans were paid out in, in order; read from the few copies of terms, not from the loans."""
    return [row[0] for row in fetch("SELECT DISTINCT terms ->> 'currency' FROM repayment_loanterms ORDER BY 1")]
