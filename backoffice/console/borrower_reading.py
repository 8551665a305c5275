"""What the search page and the page of a borrower show, gathered in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.calendars import clock
from backoffice.calendars.selectors import business_date
from backoffice.console import states
from backoffice.core.money import ZERO
from backoffice.customers.domain.finding import Match
from backoffice.customers.selectors import (
    BorrowerFacts,
    FoundBorrower,
    HoldGroup,
    borrower_ids_of,
    borrower_page_facts,
    groups_of,
    holds_of_borrower,
    search,
)
from backoffice.outreach.console.contact_reading import ContactPanel, asked_in, contact_panel_or_none
from backoffice.outreach.domain.purposes import Purpose
from backoffice.repayment.domain.aging import bucket_of, state_dpd
from backoffice.repayment.domain.bills import LoanState, oldest_unpaid
from backoffice.repayment.domain.penalty import uncharged
from backoffice.repayment.models import BucketMove, Loan, Operation
from backoffice.repayment.selectors.lateness import days_past_due_of
from backoffice.repayment.selectors.states import load_loans

TIMELINE = 25
MOST_FOUND = MOST_LOANS = 20


@dataclass(frozen=True, slots=True)
class LoanToday:
    """One loan of a borrower as it stands today, penalty grown to today included (major units)."""

    loan: Loan
    dpd: int
    bucket: str
    due: Decimal
    overdue_since: date | None
    next_due_date: date | None
    next_due_amount: Decimal
    outstanding: Decimal


@dataclass(frozen=True, slots=True)
class Sums:
    """What a borrower owes in one currency."""

    currency: str
    due: Decimal
    outstanding: Decimal


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One line of the borrower's timeline."""

    title: str
    on: date
    tone: str
    detail: str = ""
    amount: Decimal | None = None
    currency: str = ""
    undone: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class BorrowerPage:
    """Everything the page of a borrower shows."""

    facts: BorrowerFacts
    today: date
    loans: tuple[LoanToday, ...]
    sums: tuple[Sums, ...]
    worst: LoanToday | None
    holds: tuple[HoldGroup, ...]
    events: tuple[TimelineEvent, ...]
    contact: ContactPanel | None

    @property
    def open_loans(self) -> int:
        """Loans that still owe something."""
        return sum(1 for each in self.loans if each.loan.status != Loan.Status.CLOSED)

    @property
    def holds_in_force(self) -> int:
        """Holds that stop something today."""
        return sum(1 for hold in self.holds if hold.state == "running")


@dataclass(frozen=True, slots=True)
class Hit:
    """A borrower the search found, with what is needed to pick the right one."""

    found: FoundBorrower
    match: Any
    loans: int
    worst_bucket: str
    overdue: tuple[tuple[str, Decimal], ...]
    url: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: borrowers by anything they are known by, loans by their number."""

    query: str
    hits: tuple[Hit, ...]
    loans: tuple[Loan, ...]
    more_hits: bool = False
    more_loans: bool = False

    @property
    def only_url(self) -> str:
        """Where to go at once when exactly one thing was found; empty otherwise."""
        if len(self.hits) == 1 and not self.loans:
            return self.hits[0].url
        if len(self.loans) == 1 and not self.hits:
            return reverse("repayment:loan", args=[self.loans[0].pk])
        return ""


def find(*, query: str, user: Any) -> Found:
    """Borrowers and loans that fit what was typed; a fixed number of queries whatever is found."""
    words = query.strip()
    if not words:
        return Found(query="", hits=(), loans=())
    found = search(query=words, user=user, limit=MOST_FOUND + 1)
    loans_of: dict[int, list[Loan]] = defaultdict(list)
    alive = Loan.objects.filter(borrower_id__in=[each.id for each in found]).exclude(status=Loan.Status.CLOSED)
    for loan in alive:
        loans_of[loan.borrower_id].append(loan)
    days = days_past_due_of(loans=list(alive), as_of=business_date())
    by_number = Loan.objects.visible_to(user).select_related("borrower").filter(external_id__istartswith=words)
    loans = list(by_number.order_by("external_id")[: MOST_LOANS + 1]) if len(words) >= 3 else []
    return Found(
        query=words,
        hits=tuple(_hit(each, loans=loans_of[each.id], days=days) for each in found[:MOST_FOUND]),
        loans=tuple(loans[:MOST_LOANS]),
        more_hits=len(found) > MOST_FOUND,
        more_loans=len(loans) > MOST_LOANS,
    )


def borrower_page(*, borrower_id: int, user: Any, query: QueryDict) -> BorrowerPage:
    """The page of a borrower today; `query` may name the purpose contacts are judged for, else what they owe does.

    Raises BorrowerNotFound, DayNotOpened.
    """
    facts = borrower_page_facts(borrower_id=borrower_id, user=user)
    today = business_date()
    owners = borrower_ids_of(borrower_id=borrower_id)
    loans = list(
        Loan.objects.filter(borrower_id__in=owners).select_related("product_version__product").order_by("-disbursed_on")
    )
    loans.sort(key=lambda loan: loan.status == Loan.Status.CLOSED)
    shown = loans_today(loans=loans, today=today)
    purpose = Purpose.COLLECTION if any(each.dpd for each in shown) else Purpose.REMINDER
    return BorrowerPage(
        facts=facts,
        today=today,
        loans=shown,
        sums=_sums(shown),
        worst=max(
            (each for each in shown if each.loan.status != Loan.Status.CLOSED), key=lambda e: e.dpd, default=None
        ),
        holds=groups_of(holds=holds_of_borrower(borrower_id=borrower_id, as_of=today), as_of=today),
        events=_timeline(loans=loans),
        contact=contact_panel_or_none(facts=facts, at=clock.now(), asked=asked_in(query=query, purpose=purpose)),
    )


def loans_today(*, loans: Sequence[Loan], today: date) -> tuple[LoanToday, ...]:
    """Loans with what is due today, penalty grown to today included; a fixed number of queries for all of them."""
    loaded = load_loans(loan_ids=[loan.pk for loan in loans], business_date=today, lock=False)
    return tuple(_today(loan, loaded[loan.pk].state, today=today) for loan in loans)


def _today(loan: Loan, state: LoanState, *, today: date) -> LoanToday:
    grown = sum(uncharged(state, as_of=today).values(), ZERO)
    dpd = state_dpd(state, as_of=today)
    oldest = oldest_unpaid(state)
    ahead = next((bill for bill in state.bills if bill.due_date > today and bill.remaining_total() > 0), None)
    return LoanToday(
        loan=loan,
        dpd=dpd,
        bucket=bucket_of(dpd=dpd, terms=state.terms),
        due=sum((bill.remaining_total() for bill in state.bills if bill.due_date <= today), ZERO) + grown,
        overdue_since=oldest.due_date if oldest and oldest.due_date < today else None,
        next_due_date=ahead.due_date if ahead else None,
        next_due_amount=ahead.remaining_total() if ahead else ZERO,
        outstanding=state.outstanding_principal(),
    )


def _sums(loans: Iterable[LoanToday]) -> tuple[Sums, ...]:
    due: dict[str, Decimal] = defaultdict(lambda: ZERO)
    outstanding: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for each in loans:
        due[each.loan.currency] += each.due
        outstanding[each.loan.currency] += each.outstanding
    return tuple(Sums(currency=currency, due=due[currency], outstanding=outstanding[currency]) for currency in due)


def _hit(found: FoundBorrower, *, loans: list[Loan], days: Mapping[int, int]) -> Hit:
    """The worst bucket is that of the loan with the most days past due: codes of two products have no order."""
    overdue: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for loan in loans:
        if loan.status == Loan.Status.ACTIVE and loan.overdue_amount:
            overdue[loan.currency] += loan.overdue_amount
    return Hit(
        found=found,
        match=states.MATCH_LABELS[Match(found.match)],
        loans=len(loans),
        worst_bucket=max(loans, key=lambda loan: days[loan.pk]).bucket if loans else "",
        overdue=tuple(overdue.items()),
        url=reverse("console:borrower", args=[found.id]),
    )


def _timeline(*, loans: Sequence[Loan]) -> tuple[TimelineEvent, ...]:
    """What happened to the borrower's loans, newest first: operations and bucket moves that still count."""
    by_id = {loan.pk: loan for loan in loans}
    operations = list(Operation.objects.filter(loan_id__in=by_id).order_by("-value_date", "-id")[: TIMELINE * 2])
    undone = {each.reverses_id for each in operations if each.reverses_id}
    moves = BucketMove.objects.filter(loan_id__in=by_id, retracts=None, retracted_by=None).order_by("-on", "-id")
    dated = [
        (each.value_date, each.pk, _operation_event(each, loan=by_id[each.loan_id], is_undone=each.pk in undone))
        for each in operations
    ]
    dated += [(each.on, each.pk, _move_event(each, loan=by_id[each.loan_id])) for each in moves[:TIMELINE]]
    newest = sorted(dated, key=lambda each: each[:2], reverse=True)[:TIMELINE]
    return tuple(event for _on, _key, event in newest)


def _operation_event(operation: Operation, *, loan: Loan, is_undone: bool) -> TimelineEvent:
    tones = {"payment": "good", "payoff": "good", "charge_off": "danger", "waiver": "warn"}
    about = [loan.external_id, operation.reason]
    return TimelineEvent(
        title=str(operation.get_kind_display()),
        on=operation.value_date,
        tone="" if is_undone else tones.get(operation.kind, ""),
        detail=" · ".join(filter(None, [*about, _("taken back") if is_undone else ""])),
        amount=operation.amount or None,
        currency=loan.currency,
        undone=is_undone,
        url=reverse("repayment:loan", args=[loan.pk]),
    )


def _move_event(move: BucketMove, *, loan: Loan) -> TimelineEvent:
    return TimelineEvent(
        title=f"{move.from_bucket} → {move.to_bucket}",
        on=move.on,
        tone="danger" if move.cause == "aging" else "good",
        detail=loan.external_id,
        url=reverse("repayment:loan", args=[loan.pk]),
    )
