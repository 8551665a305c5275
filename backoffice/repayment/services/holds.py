"""Holds that stop a loan's clocks: placed and lifted with the books brought in line in the same transaction."""

from collections.abc import Collection, Iterable
from datetime import date

from django.db import transaction

from backoffice.audit.approvals import ApprovedRequest
from backoffice.calendars.selectors import business_date
from backoffice.calendars.services import hold_business_date
from backoffice.core.actors import Actor
from backoffice.customers.domain.holds import CLOCKS
from backoffice.customers.models import Hold
from backoffice.customers.services import holding, lifting
from backoffice.customers.services.holding import Placed
from backoffice.customers.services.lifting import LiftOutcome
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.states import load_histories, load_loans
from backoffice.repayment.services.rebuilding import rebuild
from backoffice.repayment.services.writing import Pages

CHUNK = 500


@transaction.atomic
def place_hold(
    *,
    borrower_id: int,
    start: date,
    reason: str,
    actor: Actor,
    scopes: Collection[str] = (),
    leave_out: Collection[str] = (),
    end_exclusive: date | None = None,
    review_on: date | None = None,
    loan_id: int | None = None,
    note: str = "",
    evidence: str = "",
) -> Placed:
    """Place a hold and, where it stops aging or penalty, replay the loans it bears on. Raises what customers raises."""
    placed = holding.place_hold(
        borrower_id=borrower_id,
        start=start,
        reason=reason,
        actor=actor,
        scopes=scopes,
        leave_out=leave_out,
        end_exclusive=end_exclusive,
        review_on=review_on,
        loan_id=loan_id,
        note=note,
        evidence=evidence,
    )
    _replay_for(placed.hold_ids)
    return placed


@transaction.atomic
def lift_hold(
    *, hold_id: int, on: date, reason: str, actor: Actor, scopes: Collection[str] | None = None
) -> LiftOutcome:
    """Lift a hold, or ask for it; the loans are replayed when it is lifted at once."""
    outcome = lifting.lift_hold(hold_id=hold_id, on=on, reason=reason, actor=actor, scopes=scopes)
    if outcome.is_lifted:
        group_id = Hold.objects.values_list("group_id", flat=True).get(pk=hold_id)
        _replay_for(Hold.objects.filter(group_id=group_id).values_list("pk", flat=True))
    return outcome


def lift_as_approved(request: ApprovedRequest) -> None:
    """The deed behind an approved lift: the hold ends and its loans are replayed, in the deciding transaction."""
    _replay_for(lifting.lift_as_approved(request))


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


@transaction.atomic
def replay_loans_of_bulk(*, bulk_id: int, first_borrower_id: int, last_borrower_id: int) -> int:
    """Replay the open loans of a range of the borrowers a bulk hold is on; their number. Safe to run again."""
    held = Hold.objects.filter(bulk_id=bulk_id, borrower_id__gte=first_borrower_id)
    owners = held.filter(borrower_id__lte=last_borrower_id).values_list("borrower_id", flat=True)
    return replay_loans_of_borrowers(borrower_ids=set(owners))


def _replay_for(hold_ids: Iterable[int]) -> None:
    """The loans that holds of one borrower bear on, where they stop a clock."""
    hold = Hold.objects.filter(pk__in=list(hold_ids), scope__in=list(CLOCKS)).first()
    if hold is not None:
        replay_loans(loan_ids=_open_loans(borrower_id=hold.borrower_id, loan_id=hold.loan_id))


def _open_loans(*, borrower_id: int, loan_id: int | None) -> list[int]:
    loans = Loan.objects.filter(borrower_id=borrower_id).exclude(status=Loan.Status.CLOSED)
    if loan_id is not None:
        loans = loans.filter(pk=loan_id)
    return list(loans.values_list("pk", flat=True))
