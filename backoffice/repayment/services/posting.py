"""Book operations on loans, one being a batch of one: lock in id order, read, apply the rules, write the set back."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from backoffice.audit import outbox
from backoffice.audit.services import Entry, record_many
from backoffice.calendars.services import hold_business_date
from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch, next_ids
from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO
from backoffice.core.words import phrase
from backoffice.repayment.domain import admission
from backoffice.repayment.domain.aging import month_end
from backoffice.repayment.domain.bills import LoanState, copy_of
from backoffice.repayment.domain.components import Component
from backoffice.repayment.domain.journal import Journal
from backoffice.repayment.domain.operations import Operation, OperationKind, apply, reaches_ahead
from backoffice.repayment.domain.penalty import charge
from backoffice.repayment.domain.replay import advance
from backoffice.repayment.domain.terms import FutureRule
from backoffice.repayment.selectors.states import (
    LoadedLoan,
    LoanHistory,
    LoanId,
    OperationId,
    load_histories,
    load_loans,
)
from backoffice.repayment.services.rebuilding import rebuild
from backoffice.repayment.services.writing import Pages, as_json, touched_by

RESCHEDULING = ("reduce_installment", "shorten_term")


@dataclass(frozen=True, slots=True)
class Draft:
    """Something to be booked on a loan. Amounts in major units of the loan's currency.

    `external_id` makes the draft idempotent within its `source`; `reverses` names the operation a reversal takes back.
    """

    loan_id: LoanId
    kind: OperationKind | str
    value_date: date
    amount: Decimal = ZERO
    currency: str | None = None
    surplus: FutureRule | None = None
    components: dict[Component, Decimal] = field(default_factory=dict)
    creditor: str = ""
    reverses: OperationId | None = None
    source: str = "console"
    external_id: str = ""
    channel: str = ""
    reference: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Booked:
    """A draft that is in the books now."""

    operation_id: OperationId
    loan_id: LoanId


@dataclass(frozen=True, slots=True)
class Refused:
    """A draft that is not, and why."""

    refusal: Refusal


Outcome = Booked | Refused


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


@transaction.atomic
def _book(*, drafts: Sequence[Draft], actor: Actor, business_date: date, run_id: int | None) -> list[Outcome]:
    business_date = hold_business_date(at_least=business_date)
    loan_ids = {draft.loan_id for draft in drafts}
    loans = load_loans(loan_ids=loan_ids, business_date=business_date, lock=True, near=True)
    _load_bills_ahead(drafts, loans, business_date=business_date)
    outcomes: list[Outcome | None] = [None] * len(drafts)
    _refuse_what_cannot_be(drafts, loans, outcomes, business_date=business_date)
    keys = next_ids(table="repayment_operation", count=len(drafts))
    by_loan: dict[int, list[int]] = defaultdict(list)
    for index, draft in enumerate(drafts):
        if outcomes[index] is None:
            by_loan[draft.loan_id].append(index)
    pages = Pages(business_date=business_date, run_id=run_id)
    replayed: dict[int, list[int]] = {}
    for loan_id in sorted(by_loan):
        indexes = sorted(by_loan[loan_id], key=lambda i: drafts[i].value_date)
        if _is_in_order([drafts[i] for i in indexes], loans[loan_id], business_date=business_date):
            _book_in_order(indexes, drafts, keys, loans[loan_id], outcomes, pages=pages)
        else:
            replayed[loan_id] = indexes
    if replayed:
        histories = load_histories(loan_ids=replayed)
        for loan_id, indexes in replayed.items():
            refusals = _rebuild(
                loans[loan_id],
                histories[loan_id],
                [(drafts[i], keys[i]) for i in indexes],
                pages=pages,
            )
            for index in indexes:
                refusal = refusals.get(keys[index])
                outcomes[index] = Refused(refusal) if refusal else _booked(drafts[index], keys[index])
    _write(
        drafts,
        keys,
        outcomes,
        loans,
        pages=pages,
        actor=actor,
        business_date=business_date,
    )
    return [outcome for outcome in outcomes if outcome is not None]


def book_one(*, draft: Draft, actor: Actor, business_date: date) -> Booked:
    """Book a single draft; its refusal is raised."""
    outcome = book(drafts=[draft], actor=actor, business_date=business_date)[0]
    if isinstance(outcome, Refused):
        raise outcome.refusal
    return outcome


def _rebuild(
    loan: LoadedLoan,
    history: LoanHistory,
    changes: Sequence[tuple[Draft, int]],
    *,
    pages: Pages,
) -> dict[int, Refusal]:
    """Replay one loan with the changes; refusals by key, all of them when the replay itself cannot stand."""
    try:
        return rebuild(
            loan=loan,
            history=history,
            added={key: operation_of(draft, key=key) for draft, key in changes if draft.kind != "reversal"},
            removed={draft.reverses for draft, _ in changes if draft.reverses is not None},
            pages=pages,
        )
    except Refusal as refusal:
        return dict.fromkeys((key for _, key in changes), refusal)


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


def _refuse_what_cannot_be(
    drafts: Sequence[Draft],
    loans: dict[int, LoadedLoan],
    outcomes: list[Outcome | None],
    *,
    business_date: date,
) -> None:
    posted = _already_posted(drafts)
    reversible = _reversible(drafts)
    seen: set[tuple[str, str]] = set()
    taken_back: set[int] = set()
    for index, draft in enumerate(drafts):
        try:
            _admit(
                draft,
                loans.get(draft.loan_id),
                posted=posted,
                reversible=reversible,
                business_date=business_date,
            )
            identity = (draft.source, draft.external_id)
            if draft.external_id and identity in seen:
                raise admission.AlreadyPosted(
                    phrase("%(id)s stands twice in this batch.", id=draft.external_id),
                    next_step=phrase("Nothing to do: it is posted once."),
                )
            if draft.reverses in taken_back:
                raise _already_reversed()
            seen.add(identity)
            if draft.reverses is not None:
                taken_back.add(draft.reverses)
        except Refusal as refusal:
            outcomes[index] = Refused(refusal)


def _admit(
    draft: Draft,
    loan: LoadedLoan | None,
    *,
    posted: dict[tuple[str, str], int],
    reversible: dict[int, tuple[int, str, bool]],
    business_date: date,
) -> None:
    if loan is None:
        raise admission.LoanNotFound(
            phrase("There is no such loan."), next_step=phrase("Search by loan number or borrower.")
        )
    if draft.external_id and (draft.source, draft.external_id) in posted:
        raise admission.AlreadyPosted(
            phrase("%(id)s from %(source)s is already posted.", id=draft.external_id, source=draft.source),
            next_step=phrase("Nothing to do: the earlier posting stands."),
            fields={"external_id": draft.external_id},
        )
    if draft.kind == "reversal":
        _admit_reversal(draft, reversible)
        return
    admission.admit(
        operation_of(draft, key=0),
        loan=admission.LoanFacts(
            external_id=loan.external_id,
            currency=loan.currency,
            disbursed_on=loan.state.disbursed_on,
            status=loan.state.status,
        ),
        currency=draft.currency,
        business_date=business_date,
    )


def _admit_reversal(draft: Draft, reversible: dict[int, tuple[int, str, bool]]) -> None:
    found = reversible.get(draft.reverses or 0)
    if found is None or found[0] != draft.loan_id or found[1] in ("reversal", "disbursement"):
        raise admission.NotReversible(
            phrase("This cannot be taken back."),
            next_step=phrase("Post the correction you need as an operation of its own."),
        )
    if found[2]:
        raise _already_reversed()


def _already_reversed() -> admission.AlreadyReversed:
    return admission.AlreadyReversed(
        phrase("This was already taken back."),
        next_step=phrase("Nothing to do: the reversal stands."),
    )


def _already_posted(drafts: Iterable[Draft]) -> dict[tuple[str, str], int]:
    wanted = [(draft.source, draft.external_id) for draft in drafts if draft.external_id]
    if not wanted:
        return {}
    rows = fetch(
        "SELECT source, external_id, id FROM repayment_operation "
        "WHERE external_id <> '' AND source = ANY(%s) AND external_id = ANY(%s)",
        [
            sorted({source for source, _ in wanted}),
            [external_id for _, external_id in wanted],
        ],
    )
    return {(row[0], row[1]): row[2] for row in rows}


def _reversible(drafts: Iterable[Draft]) -> dict[int, tuple[int, str, bool]]:
    wanted = [draft.reverses for draft in drafts if draft.reverses is not None]
    if not wanted:
        return {}
    rows = fetch(
        "SELECT o.id, o.loan_id, o.kind, r.id IS NOT NULL FROM repayment_operation o "
        "LEFT JOIN repayment_operation r ON r.reverses_id = o.id WHERE o.id = ANY(%s)",
        [wanted],
    )
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def _is_in_order(drafts: Sequence[Draft], loan: LoadedLoan, *, business_date: date) -> bool:
    """True when nothing booked, charged or moved on the loan comes after the first draft, and none takes one back.

    On a day that is closed already, what its close did comes after whatever is dated on it. A month end closed since
    the first draft's day shows the loan without it and has to be restated.
    """
    first = drafts[0].value_date
    is_last = first > loan.touched_on or first == loan.touched_on == business_date
    first_reopened = min(first, loan.state.closed_through + timedelta(days=1))
    is_in_open_month = month_end(first_reopened) >= business_date
    return is_last and is_in_open_month and all(draft.kind != "reversal" for draft in drafts)


def _book_in_order(
    indexes: Sequence[int],
    drafts: Sequence[Draft],
    keys: Sequence[int],
    loan: LoadedLoan,
    outcomes: list[Outcome | None],
    *,
    pages: Pages,
) -> None:
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
            _check(state, operation)
        except Refusal as refusal:
            outcomes[index] = Refused(refusal)
            continue
        apply(state, operation, journal=journal)
        loan.touched_on = max(loan.touched_on, draft.value_date)
        outcomes[index] = _booked(draft, keys[index])
    advance(state, through=through, journal=journal)
    add_state(loan, journal, pages=pages)


def _check(state: LoanState, operation: Operation) -> None:
    """What only the state on the value date can refuse, charging the penalty first as booking does.

    A schedule that is to be rewritten is tried on: what is left may be too little to make bills of.
    """
    if operation.kind == "payment":
        admission.check_against_state(state, operation)
        if (operation.surplus or state.terms.allocation.future) in RESCHEDULING:
            apply(copy_of(state), operation, journal=Journal())
        return
    trial = copy_of(state)
    charge(trial, at=operation.value_date)
    admission.check_against_state(trial, operation)


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


def _write(
    drafts: Sequence[Draft],
    keys: Sequence[int],
    outcomes: Sequence[Outcome | None],
    loans: dict[int, LoadedLoan],
    *,
    pages: Pages,
    actor: Actor,
    business_date: date,
) -> None:
    booked = [i for i, outcome in enumerate(outcomes) if isinstance(outcome, Booked)]
    for i in booked:
        pages.operations.append(_operation_row(drafts[i], keys[i], loans[drafts[i].loan_id], actor, business_date))
    pages.flush()
    if not booked:
        return
    record_many(_entries([(drafts[i], keys[i]) for i in booked], loans, actor=actor))
    outbox.publish(
        event="repayment.operations_booked",
        key=f"operations:{keys[booked[0]]}",
        payload={
            "first": keys[booked[0]],
            "last": keys[booked[-1]],
            "count": len(booked),
        },
    )


def _entries(booked: list[tuple[Draft, int]], loans: dict[int, LoadedLoan], *, actor: Actor) -> list[Entry]:
    """One trail entry a verb for a person's few, one for the whole of a large batch, naming its operations."""
    if len(booked) > 50:
        total = sum((draft.amount for draft, _ in booked), ZERO)
        return [
            Entry(
                verb="repayment.operations.booked",
                subject_type="repayment.operation",
                subject_id=str(booked[0][1]),
                actor=actor,
                reason=booked[0][0].reason,
                after={
                    "first": booked[0][1],
                    "last": booked[-1][1],
                    "count": len(booked),
                    "amount": str(total),
                },
            )
        ]
    return [
        Entry(
            verb=f"repayment.{draft.kind}.booked",
            subject_type="repayment.loan",
            subject_id=str(draft.loan_id),
            actor=actor,
            reason=draft.reason,
            after={
                "operation": key,
                "amount": str(draft.amount),
                "value_date": str(draft.value_date),
                **({"reverses": draft.reverses} if draft.reverses else {}),
                **({"components": {c: str(a) for c, a in draft.components.items()}} if draft.components else {}),
                **({"creditor": draft.creditor} if draft.creditor else {}),
            },
            borrower_id=loans[draft.loan_id].borrower_id,
        )
        for draft, key in booked
    ]


def _operation_row(draft: Draft, key: int, loan: LoadedLoan, actor: Actor, business_date: date) -> tuple[Any, ...]:
    details: dict[str, Any] = {}
    if draft.components:
        details["components"] = {component: str(amount) for component, amount in draft.components.items()}
    if draft.creditor:
        details["creditor"] = draft.creditor
    return (
        key,
        draft.loan_id,
        loan.borrower_id,
        draft.kind,
        draft.amount,
        draft.value_date,
        business_date,
        draft.source,
        draft.external_id,
        draft.channel,
        draft.reference,
        draft.surplus or "",
        as_json(details) if details else "{}",
        draft.reverses,
        draft.reason,
        actor.id,
        actor.name,
    )


def operation_of(draft: Draft, *, key: int) -> Operation:
    """The draft as the engine applies it."""
    return Operation(
        kind=draft.kind,  # type: ignore[arg-type]
        value_date=draft.value_date,
        key=key,
        amount=draft.amount,
        surplus=draft.surplus,
        components=draft.components,
        creditor=draft.creditor,
    )


def _booked(draft: Draft, key: int) -> Booked:
    return Booked(operation_id=OperationId(key), loan_id=draft.loan_id)
