"""A batch of drafts in one transaction: lock in id order, read, refuse, apply, write. One is a batch of one."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from django.db import IntegrityError, transaction

from backoffice.calendars.services import hold_business_date
from backoffice.core.actors import Actor
from backoffice.core.bulk import next_ids
from backoffice.repayment.domain.operations import reaches_ahead
from backoffice.repayment.selectors.states import LoadedLoan, load_loans
from backoffice.repayment.services.posting.admitting import RESCHEDULING, refuse_what_cannot_be
from backoffice.repayment.services.posting.by_replay import book_by_replay
from backoffice.repayment.services.posting.drafts import Booked, Draft, Outcome, Refused
from backoffice.repayment.services.posting.in_order import book_in_order, is_in_order
from backoffice.repayment.services.posting.recording import write
from backoffice.repayment.services.writing import Pages


def book(
    *,
    drafts: Sequence[Draft],
    actor: Actor,
    business_date: date,
    run_id: int | None = None,
) -> list[Outcome]:
    """Book drafts, in order, in one transaction; one outcome per draft, refusals do not stop the others.

    Loans are locked in id order. A draft dated before anything already booked or moved on its loan replays the loan.
    """
    try:
        return _book(drafts=drafts, actor=actor, business_date=business_date, run_id=run_id)
    except IntegrityError:
        # Between our look and our write somebody posted the same external id on another loan, or a month end was
        # pictured that we were about to restate. Both are there to be seen now.
        return _book(drafts=drafts, actor=actor, business_date=business_date, run_id=run_id)


def book_one(*, draft: Draft, actor: Actor, business_date: date) -> Booked:
    """Book a single draft; its refusal is raised."""
    outcome = book(drafts=[draft], actor=actor, business_date=business_date)[0]
    if isinstance(outcome, Refused):
        raise outcome.refusal
    return outcome


@transaction.atomic
def _book(*, drafts: Sequence[Draft], actor: Actor, business_date: date, run_id: int | None) -> list[Outcome]:
    business_date = hold_business_date(at_least=business_date)
    loan_ids = {draft.loan_id for draft in drafts}
    loans = load_loans(loan_ids=loan_ids, business_date=business_date, lock=True, near=True)
    _load_bills_ahead(drafts, loans, business_date=business_date)
    outcomes: list[Outcome | None] = [None] * len(drafts)
    refuse_what_cannot_be(drafts=drafts, loans=loans, outcomes=outcomes, business_date=business_date)
    keys = next_ids(table="repayment_operation", count=len(drafts))
    by_loan: dict[int, list[int]] = defaultdict(list)
    for index, draft in enumerate(drafts):
        if outcomes[index] is None:
            by_loan[draft.loan_id].append(index)
    pages = Pages(business_date=business_date, run_id=run_id)
    replayed: dict[int, list[int]] = {}
    for loan_id in sorted(by_loan):
        indexes = sorted(by_loan[loan_id], key=lambda i: drafts[i].value_date)
        loan = loans[loan_id]
        if is_in_order(drafts=[drafts[i] for i in indexes], loan=loan, business_date=business_date):
            book_in_order(indexes=indexes, drafts=drafts, keys=keys, loan=loan, outcomes=outcomes, pages=pages)
        else:
            replayed[loan_id] = indexes
    if replayed:
        book_by_replay(indexes_of=replayed, drafts=drafts, keys=keys, loans=loans, outcomes=outcomes, pages=pages)
    write(
        drafts=drafts,
        keys=keys,
        outcomes=outcomes,
        loans=loans,
        pages=pages,
        actor=actor,
        business_date=business_date,
    )
    return [outcome for outcome in outcomes if outcome is not None]


def _load_bills_ahead(drafts: Sequence[Draft], loans: dict[int, LoadedLoan], *, business_date: date) -> None:
    """Give loans more bills where something may reach beyond the next one: all of them if the schedule is rewritten."""
    whole: set[int] = set()
    still_open: set[int] = set()
    for draft in drafts:
        loan = loans.get(draft.loan_id)
        if loan is None or draft.kind == "reversal":
            continue
        terms = loan.state.terms
        if draft.kind == "payoff" or (
            draft.kind == "payment" and (draft.surplus or terms.allocation.future) in RESCHEDULING
        ):
            whole.add(draft.loan_id)
        elif reaches_ahead(kind=draft.kind, surplus=draft.surplus, terms=terms):
            still_open.add(draft.loan_id)
    if whole:
        loans.update(load_loans(loan_ids=whole, business_date=business_date, lock=False, whole_schedule=True))
    if still_open - whole:
        loans.update(load_loans(loan_ids=still_open - whole, business_date=business_date, lock=False))
