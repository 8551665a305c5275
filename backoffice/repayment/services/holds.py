"""Holds that stop a loan's clocks: placed and lifted with the books brought in line in the same transaction."""

from collections.abc import Collection, Iterable
from datetime import date

from django.db import transaction

from backoffice.audit.approvals import ApprovedRequest
from backoffice.calendars.selectors import business_date
from backoffice.calendars.services import hold_business_date
from backoffice.core.actors import Actor
from backoffice.customers.models import Hold
from backoffice.customers.services import holding
from backoffice.customers.services.holding import LiftOutcome
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.states import load_histories, load_loans
from backoffice.repayment.services.rebuilding import rebuild
from backoffice.repayment.services.writing import Pages

CLOCKS = frozenset({"aging", "penalty"})
CHUNK = 500


@transaction.atomic
def place_hold(
    *,
    borrower_id: int,
    scopes: Collection[str],
    start: date,
    end_exclusive: date | None,
    reason: str,
    actor: Actor,
    loan_id: int | None = None,
    note: str = "",
    evidence: str = "",
) -> list[int]:
    """Place a hold and, where it stops aging or penalty, replay the loans it bears on. Raises what customers raises."""
    ids = holding.place_hold(
        borrower_id=borrower_id,
        scopes=scopes,
        start=start,
        end_exclusive=end_exclusive,
        reason=reason,
        actor=actor,
        loan_id=loan_id,
        note=note,
        evidence=evidence,
    )
    if CLOCKS & set(scopes):
        replay_loans(loan_ids=_open_loans(borrower_id=borrower_id, loan_id=loan_id))
    return ids


@transaction.atomic
def lift_hold(*, hold_id: int, on: date, reason: str, actor: Actor) -> LiftOutcome:
    """Lift a hold, or ask for it; the loans are replayed when it is lifted at once."""
    outcome = holding.lift_hold(hold_id=hold_id, on=on, reason=reason, actor=actor)
    if outcome.is_lifted:
        _replay_for(hold_id)
    return outcome


def lift_as_approved(request: ApprovedRequest) -> None:
    """The deed behind an approved lift: the hold ends and its loans are replayed, in the deciding transaction."""
    holding.lift_as_approved(request)
    _replay_for(int(request.payload["hold_id"]))


@transaction.atomic
def replay_loans(*, loan_ids: Iterable[int]) -> int:
    """Bring loans to what a replay under today's holds says; the number of loans replayed. Safe to run again."""
    ids = sorted(loan_ids)
    today = hold_business_date(at_least=business_date())
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        loans = load_loans(loan_ids=chunk, business_date=today, lock=True)
        histories = load_histories(loan_ids=chunk)
        pages = Pages(business_date=today)
        for loan in loans.values():
            rebuild(loan=loan, history=histories[loan.id], added={}, removed=set(), pages=pages)
        pages.flush()
    return len(ids)


@transaction.atomic
def replay_loans_of_borrowers(*, borrower_ids: Collection[int]) -> int:
    """Replay the open loans of borrowers whose holds changed: theirs, or by being merged with another record."""
    loans = Loan.objects.filter(borrower_id__in=borrower_ids).exclude(status=Loan.Status.CLOSED)
    return replay_loans(loan_ids=loans.values_list("pk", flat=True))


def _replay_for(hold_id: int) -> None:
    hold = Hold.objects.get(pk=hold_id)
    if hold.scope in CLOCKS:
        replay_loans(loan_ids=_open_loans(borrower_id=hold.borrower_id, loan_id=hold.loan_id))


def _open_loans(*, borrower_id: int, loan_id: int | None) -> list[int]:
    loans = Loan.objects.filter(borrower_id=borrower_id).exclude(status=Loan.Status.CLOSED)
    if loan_id is not None:
        loans = loans.filter(pk=loan_id)
    return list(loans.values_list("pk", flat=True))
