"""From the stage into the book, chunk by chunk: each chunk is one transaction with the mark of how far the tape is.

A killed load goes on after its last committed chunk; a loan is in the book with its whole history or not at all. The
history goes through the engine that posts and closes days, in value-date order.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from backoffice.calendars import clock
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.bulk import copy_rows
from backoffice.customers.models import Borrower
from backoffice.customers.services.registering import register_borrowers
from backoffice.repayment.domain.terms import ScheduledRow
from backoffice.repayment.models import ImportedLoan, ImportRun, Loan, ReportedStatus
from backoffice.repayment.selectors.states import LoanId
from backoffice.repayment.services.opening import Opening, PastOperation, open_and_replay
from backoffice.repayment.tape.bundles import Bundle, read_bundles
from backoffice.repayment.tape.rule_checks import BORROWERS_WITH_CONTACTS, borrowers_of
from backoffice.repayment.tape.staging import Stage
from backoffice.repayment.tape.terms_of_loan import OVERLAID, TermsBook, money_of, scheduled_rows

CHUNK = 500
# A chunk ends earlier where its loans bring many payments.
CHUNK_WEIGHT = 20_000
BORROWER_CHUNK = 2_000

OF_CHUNK = """
    AND b.borrower_id IN (
        SELECT l.borrower_id FROM ready p JOIN loans l ON l.rowid = p.loan_row WHERE p.ordinal BETWEEN ? AND ?
    ) ORDER BY b.rowid, c.rowid
"""
# Borrowers without any loan on the tape; those of refused loans stay out with their loans.
WITHOUT_LOANS = """
    AND b.rowid > ? AND b.rowid <= ?
    AND NOT EXISTS (SELECT 1 FROM loans l WHERE l.borrower_id = b.borrower_id)
    AND NOT EXISTS (SELECT 1 FROM refused f WHERE f.kind = 'borrower' AND f.subject = b.borrower_id)
    ORDER BY b.rowid, c.rowid
"""


@dataclass(frozen=True, slots=True)
class Book:
    """What every chunk of a tape shares: where it goes, the terms of its products and their versions in the list."""

    portfolio: str
    terms: TermsBook
    versions: dict[str, int]


@transaction.atomic
def load_chunk(*, run_id: int, stage: Stage, book: Book, actor: Actor) -> ImportRun:
    """Open the next loans of the tape; the run as it stands after them. One chunk is loaded once, whoever asks."""
    run = ImportRun.objects.select_for_update().get(pk=run_id)
    if run.state != ImportRun.State.LOADING or run.loaded_through >= run.loan_count:
        return run
    first = run.loaded_through + 1
    last = _end_of_chunk(stage, first)
    bundles = list(read_bundles(stage=stage, picked="ready", first=first, last=last))
    borrower_ids, new_borrowers = _register(stage, bundles, (first, last), book=book, actor=actor)
    today = business_date()
    openings = [_opening(bundle, borrower_ids[bundle.loan["borrower_id"]], book=book) for bundle in bundles]
    loan_ids = open_and_replay(loans=openings, business_date=today, actor=actor, run_id=run.pk)
    _note_origin(run, bundles, loan_ids)
    run.loaded_through = last
    run.loaded_counts = dict(Counter(run.loaded_counts) + _counts(bundles, loan_ids, new_borrowers))
    run.step, run.step_done, run.touched_at = "loans", last, clock.now()
    run.save(update_fields=["loaded_through", "loaded_counts", "step", "step_done", "touched_at"])
    return run


def load_borrowers_without_loans(*, stage: Stage, portfolio: str, actor: Actor) -> int:
    """Bring in the people of the tape who never borrowed; safe to repeat. The number of new ones."""
    most = stage.one("SELECT max(rowid) FROM borrowers") or 0
    created = 0
    for after in range(0, most, BORROWER_CHUNK):
        rows = stage.rows(BORROWERS_WITH_CONTACTS + WITHOUT_LOANS, (after, after + BORROWER_CHUNK))
        people = [borrower for _line, borrower, _points in borrowers_of(rows, portfolio=portfolio)]
        if people:
            created += len(register_borrowers(source=portfolio, rows=people, actor=actor).created)
    return created


def _end_of_chunk(stage: Stage, first: int) -> int:
    """The ordinal of the chunk's last loan: some hundred loans, fewer when their histories are long."""
    last, weight = first, 0
    for ordinal, more in stage.rows(
        "SELECT ordinal, weight FROM ready WHERE ordinal >= ? ORDER BY ordinal LIMIT ?", (first, CHUNK)
    ):
        weight += more
        if ordinal > first and weight > CHUNK_WEIGHT:
            break
        last = ordinal
    return last


def _register(
    stage: Stage, bundles: Sequence[Bundle], span: tuple[int, int], *, book: Book, actor: Actor
) -> tuple[dict[str, int], int]:
    """Ids of the chunk's borrowers, those of the tape registered and the book's own looked up; how many are new."""
    rows = stage.rows(BORROWERS_WITH_CONTACTS + OF_CHUNK, span)
    people = [borrower for _line, borrower, _points in borrowers_of(rows, portfolio=book.portfolio)]
    registered = register_borrowers(source=book.portfolio, rows=people, actor=actor)
    ids = dict(registered.ids)
    missing = {bundle.loan["borrower_id"] for bundle in bundles} - ids.keys()
    if missing:
        found = Borrower.objects.filter(source=book.portfolio, external_id__in=missing)
        ids |= dict(found.values_list("external_id", "pk"))
    return ids, len(registered.created)


def _opening(bundle: Bundle, borrower_id: int, *, book: Book) -> Opening:
    loan = bundle.loan
    terms = book.terms.terms_of(
        product_code=loan["product_code"],
        currency=loan["currency"],
        overlay={name: loan[name] for name in OVERLAID},
    )
    principal = money_of(loan["principal"])
    disbursed_on = date.fromisoformat(loan["disbursed_on"])
    first_due = loan["first_due_date"]
    return Opening(
        external_id=bundle.loan_id,
        portfolio=book.portfolio,
        borrower_id=borrower_id,
        terms=terms,
        principal=principal,
        disbursed_on=disbursed_on,
        product_version_id=book.versions.get(loan["product_code"]),
        first_due_date=date.fromisoformat(first_due) if first_due else None,
        rows=_rows(bundle, principal=principal, disbursed_on=disbursed_on),
        source=book.portfolio,
        history=tuple(_history(bundle, portfolio=book.portfolio)),
    )


def _rows(bundle: Bundle, *, principal: Decimal, disbursed_on: date) -> tuple[ScheduledRow, ...] | None:
    """The schedule the tape brings for the loan; None when it is to be made from the terms."""
    if not bundle.installments:
        return None
    return scheduled_rows(bundle.installments, principal=principal, disbursed_on=disbursed_on)


def _history(bundle: Bundle, *, portfolio: str) -> Iterable[PastOperation]:
    """What was done to the loan: payments first, then decisions, so that on one day money counts before a decision."""
    for payment_id, value_date, amount, kind, surplus, channel, reference in bundle.payments:
        yield PastOperation(
            kind=kind or "payment",
            value_date=date.fromisoformat(value_date),
            amount=money_of(amount),
            surplus=surplus,
            source=portfolio,
            external_id=payment_id,
            channel=channel or "",
            reference=reference or "",
        )
    for on, status, effect, amount, component, creditor, note in bundle.statuses:
        if effect:
            yield PastOperation(
                kind=effect,
                value_date=date.fromisoformat(on),
                amount=money_of(amount),
                components={component: money_of(amount)} if component else {},
                creditor=creditor or "",
                source=portfolio,
                external_id=f"{effect}:{component or ''}:{bundle.loan_id}:{on}",
                reason=note or status,
            )


def _note_origin(run: ImportRun, bundles: Sequence[Bundle], loan_ids: Sequence[int]) -> None:
    pairs = list(zip(bundles, loan_ids, strict=True))
    copy_rows(
        table=ImportedLoan._meta.db_table,
        columns=("loan_id", "run_id", "digest"),
        rows=[(loan_id, run.pk, bundle.digest()) for bundle, loan_id in pairs],
    )
    copy_rows(
        table=ReportedStatus._meta.db_table,
        columns=("loan_id", "run_id", "on", "status", "note"),
        rows=[
            (loan_id, run.pk, on, status, note or "")
            for bundle, loan_id in pairs
            for on, status, _effect, _amount, _component, _creditor, note in bundle.statuses
        ],
    )


def _counts(bundles: Sequence[Bundle], loan_ids: Sequence[LoanId], borrowers: int) -> Counter[str]:
    bills = Loan.objects.filter(pk__in=loan_ids).aggregate(opened_with=Sum("periods"))
    counts: Counter[str] = Counter(
        borrowers=borrowers,
        loans=len(bundles),
        installments=bills["opened_with"] or 0,
        payments=sum(len(bundle.payments) for bundle in bundles),
        statuses=sum(len(bundle.statuses) for bundle in bundles),
    )
    return counts
