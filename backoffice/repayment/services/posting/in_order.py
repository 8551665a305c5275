"""Booking in order: each draft on its day, then the loan brought to today once; the way of nearly every payment."""

from collections.abc import Sequence
from datetime import date, timedelta

from backoffice.core.errors import Refusal
from backoffice.repayment.domain.aging import month_end
from backoffice.repayment.domain.journal import Journal
from backoffice.repayment.domain.operations import apply
from backoffice.repayment.domain.replay import advance
from backoffice.repayment.selectors.states import LoadedLoan
from backoffice.repayment.services.posting.admitting import check_on_its_day
from backoffice.repayment.services.posting.drafts import Draft, Outcome, Refused, booked_as, operation_of
from backoffice.repayment.services.writing import Pages, touched_by


def is_in_order(*, drafts: Sequence[Draft], loan: LoadedLoan, business_date: date) -> bool:
    """True when nothing booked, charged or moved on the loan comes after the first draft, and none takes one back.

    On a day that is closed already, what its close did comes after whatever is dated on it. A month end closed since
    the first draft's day shows the loan without it and has to be restated.
    """
    first = drafts[0].value_date
    is_last = first > loan.touched_on or first == loan.touched_on == business_date
    first_reopened = min(first, loan.state.closed_through + timedelta(days=1))
    is_in_open_month = month_end(first_reopened) >= business_date
    return is_last and is_in_open_month and all(draft.kind != "reversal" for draft in drafts)


def book_in_order(
    *,
    indexes: Sequence[int],
    drafts: Sequence[Draft],
    keys: Sequence[int],
    loan: LoadedLoan,
    outcomes: list[Outcome | None],
    pages: Pages,
) -> None:
    """Apply the drafts at `indexes`, in the order of their days, and bring the loan to the eve of the business date."""
    state = loan.state
    journal = Journal()
    through = pages.business_date - timedelta(days=1)
    for index in indexes:
        draft = drafts[index]
        eve = draft.value_date - timedelta(days=1)
        if state.closed_through > eve:
            state.closed_through = eve
        advance(state, through=eve, journal=journal)
        operation = operation_of(draft, key=keys[index])
        try:
            check_on_its_day(state=state, operation=operation)
        except Refusal as refusal:
            outcomes[index] = Refused(refusal)
            continue
        apply(state, operation, journal=journal)
        loan.touched_on = max(loan.touched_on, draft.value_date)
        outcomes[index] = booked_as(draft, key=keys[index])
    advance(state, through=through, journal=journal)
    add_state(loan, journal, pages=pages)


def add_state(loan: LoadedLoan, journal: Journal, *, pages: Pages) -> None:
    """Put a loan's new state and what led to it on the pages."""
    state = loan.state
    loan.touched_on = max([loan.touched_on, state.accrued_through, *touched_by(journal)])
    pages.add_journal(loan_id=loan.id, borrower_id=loan.borrower_id, journal=journal)
    pages.add_changed_bills(before=loan.bills_before, bills=[*state.bills, *state.superseded])
    pages.add_new_bills(
        loan_id=loan.id,
        borrower_id=loan.borrower_id,
        bills=[bill for bill in (*state.superseded, *state.bills) if bill.id is None],
    )
    pages.add_loan(loan=loan)
