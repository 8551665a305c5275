"""Holds that stop a loan's clocks: placed and lifted with the books brought in line in the same transaction."""

from collections.abc import Collection, Iterable
from datetime import date

from django.db import transaction
from django.db.models import Min

from backoffice.audit import services as audit
from backoffice.audit.approvals import ApprovedRequest
from backoffice.calendars.selectors import business_date
from backoffice.calendars.services import hold_business_date
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.errors import Refusal
from backoffice.core.words import phrase
from backoffice.customers.domain.holds import CLOCKS
from backoffice.customers.models import BulkHold, Hold
from backoffice.customers.services import holding, lifting
from backoffice.customers.services.holding import Placed
from backoffice.customers.services.lifting import LiftOutcome
from backoffice.repayment.models import Loan
from backoffice.repayment.models.loans import LoanQuerySet
from backoffice.repayment.selectors.states import LoadedLoan, LoanHistory, load_histories, load_loans
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
    """Place a hold and, where it stops aging or penalty, replay the loans it bears on, closed since its start or not.

    Raises what customers raises, and RefundNoLongerCovered.
    """
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
    _replay_for(placed.hold_ids, since=start)
    return placed


@transaction.atomic
def lift_hold(
    *, hold_id: int, on: date, reason: str, actor: Actor, scopes: Collection[str] | None = None
) -> LiftOutcome:
    """Lift a hold, or ask for it; the loans are replayed when it is lifted at once. Raises as `place_hold` does."""
    outcome = lifting.lift_hold(hold_id=hold_id, on=on, reason=reason, actor=actor, scopes=scopes)
    if outcome.is_lifted:
        group_id = Hold.objects.values_list("group_id", flat=True).get(pk=hold_id)
        _replay_for(Hold.objects.filter(group_id=group_id).values_list("pk", flat=True), since=on)
    return outcome


def lift_as_approved(request: ApprovedRequest) -> None:
    """The deed behind an approved lift: the hold ends and its loans are replayed, in the deciding transaction."""
    _replay_for(lifting.lift_as_approved(request), since=date.fromisoformat(request.payload["on"]))


@transaction.atomic
def replay_loans(*, loan_ids: Iterable[int], refused: dict[int, Refusal] | None = None) -> int:
    """Bring loans to what a replay under today's holds says; the number of loans asked for. Safe to run again.

    A loan that refuses stops all of them; where `refused` is given it stays as it is and is put there by its id.
    """
    ids = sorted(loan_ids)
    today = hold_business_date(at_least=business_date())
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        loans = load_loans(loan_ids=chunk, business_date=today, lock=True)
        histories = load_histories(loan_ids=chunk)
        pages = Pages(business_date=today)
        for loan in loans.values():
            try:
                _replay(loan, histories[loan.id], pages=pages)
            except Refusal as refusal:
                if refused is None:
                    raise
                refused[loan.id] = refusal
        pages.flush()
    return len(ids)


@transaction.atomic
def replay_loans_of_borrowers(*, borrower_ids: Collection[int]) -> int:
    """Replay the loans of borrowers who became one or two again: those that were open under any of their holds."""
    held = Hold.objects.filter(borrower_id__in=borrower_ids, scope__in=list(CLOCKS), period__isempty=False)
    first = held.aggregate(first=Min("period__startswith"))["first"]
    return _follow(first, borrower_ids=borrower_ids)


@transaction.atomic
def replay_loans_of_bulk(*, bulk_id: int, first_borrower_id: int, last_borrower_id: int) -> int:
    """Replay what a bulk hold bears on in a range of its borrowers, closed since its start or not; how many loans.

    Safe to run again.
    """
    held = Hold.objects.filter(bulk_id=bulk_id, borrower_id__gte=first_borrower_id)
    owners = held.filter(borrower_id__lte=last_borrower_id).values_list("borrower_id", flat=True)
    start = BulkHold.objects.values_list("start", flat=True).get(pk=bulk_id)
    return _follow(start, borrower_ids=set(owners))


def _follow(since: date | None, *, borrower_ids: Collection[int]) -> int:
    """Replay loans after the fact: one that refuses is left as it is and noted on the trail, the others go on."""
    loans = _open_since(since, borrower_ids=borrower_ids)
    refused: dict[int, Refusal] = {}
    count = replay_loans(loan_ids=loans.values_list("pk", flat=True), refused=refused)
    audit.record_many(
        audit.Entry(
            verb="repayment.loan.not_replayed",
            subject_type="repayment.loan",
            subject_id=loan.pk,
            actor=SYSTEM,
            reason=refused[loan.pk].whole,
            borrower_id=loan.borrower_id,
        )
        for loan in Loan.objects.filter(pk__in=refused).order_by("pk")
    )
    return count - len(refused)


def _replay_for(hold_ids: Iterable[int], *, since: date) -> None:
    """The loans that holds of one borrower bear on from a day, where they stop a clock."""
    hold = Hold.objects.filter(pk__in=list(hold_ids), scope__in=list(CLOCKS)).first()
    if hold is not None:
        loans = _open_since(since, borrower_ids=[hold.borrower_id])
        if hold.loan_id is not None:
            loans = loans.filter(pk=hold.loan_id)
        replay_loans(loan_ids=loans.values_list("pk", flat=True))


def _open_since(day: date | None, *, borrower_ids: Collection[int]) -> LoanQuerySet:
    return Loan.objects.filter(borrower_id__in=borrower_ids).open_since(day)


def _replay(loan: LoadedLoan, history: LoanHistory, *, pages: Pages) -> None:
    """Replay one loan; a refusal says which loan it is about, since a hold may bear on several."""
    try:
        rebuild(loan=loan, history=history, added={}, removed=set(), pages=pages)
    except Refusal as refusal:
        raise type(refusal)(
            phrase("Loan %(loan)s: %(why)s", loan=loan.external_id, why=refusal.message), next_step=refusal.next_step
        ) from refusal
