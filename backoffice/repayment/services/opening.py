"""Open loans from disbursed drawdowns, with whatever history they bring: the same fold as posting and the night.

A loan without history is opened on its disbursement day; a loan from another system's book is opened in the past and
its payments are replayed in value-date order through every close since, so its transitions and month ends are real.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from django.db import transaction

from backoffice.audit import outbox
from backoffice.audit.services import record
from backoffice.calendars.services import hold_business_date
from backoffice.core.actors import Actor
from backoffice.core.bulk import copy_rows, next_ids
from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO
from backoffice.core.words import amount_of, phrase
from backoffice.repayment.domain.bills import HoldPeriod, LoanState, new_state
from backoffice.repayment.domain.components import (
    CHARGED_FROM,
    PRINCIPAL,
    RECEIVABLE,
    SCHEDULED,
)
from backoffice.repayment.domain.fees import deducted_by_component
from backoffice.repayment.domain.journal import Journal, Line
from backoffice.repayment.domain.operations import GIVING_UP, Operation
from backoffice.repayment.domain.replay import fold
from backoffice.repayment.domain.schedule import build_schedule
from backoffice.repayment.domain.terms import FutureRule, ScheduledRow, Terms
from backoffice.repayment.domain.terms_form import copy_to_json
from backoffice.repayment.models import LoanTerms
from backoffice.repayment.selectors.declared_days import as_made_now
from backoffice.repayment.selectors.states import LoanId, clocks_held
from backoffice.repayment.services.writing import (
    LOAN_COLUMNS,
    Pages,
    as_json,
    loan_values,
    touched_by,
)


class ScheduleDoesNotSum(Refusal):
    """An explicit schedule whose principal is not the loan's."""

    code = "repayment.schedule_does_not_sum"


@dataclass(frozen=True, slots=True)
class PastOperation:
    """Something that was done to the loan before it came here; the fields of a draft, without the loan."""

    kind: str
    value_date: date
    amount: Decimal = ZERO
    surplus: FutureRule | None = None
    components: dict[str, Decimal] = field(default_factory=dict)
    creditor: str = ""
    source: str = "import"
    external_id: str = ""
    channel: str = ""
    reference: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """A loan to open. `rows` is the explicit schedule, None to compute it from the terms. Amounts in major units.

    Opening it puts the days declared by then into the copy of the terms, whatever days `terms` come with.
    """

    external_id: str
    portfolio: str
    borrower_id: int
    terms: Terms
    principal: Decimal
    disbursed_on: date
    product_version_id: int | None = None
    first_due_date: date | None = None
    rows: tuple[ScheduledRow, ...] | None = None
    source: str = "import"
    history: tuple[PastOperation, ...] = ()


LOAN_COPY_COLUMNS = (
    "id",
    "external_id",
    "portfolio",
    "borrower_id",
    "product_version_id",
    "terms_id",
    "currency",
    "principal",
    "annual_rate",
    "periods",
    "disbursed_on",
    "maturity_on",
    *LOAN_COLUMNS,
)


def copy_of_terms(*, terms: Terms) -> int:
    """The id of the immutable copy of these terms; equal terms share one copy."""
    canonical = copy_to_json(terms)
    digest = sha256(as_json(canonical).encode()).hexdigest()
    copy, _ = LoanTerms.objects.get_or_create(digest=digest, defaults={"terms": canonical})
    return copy.pk


@transaction.atomic
def open_and_replay(
    *,
    loans: Sequence[Opening],
    business_date: date,
    actor: Actor,
    run_id: int | None = None,
) -> list[LoanId]:
    """Open loans and replay their histories through the day before `business_date`, in one transaction.

    Should the close of that day have begun meanwhile, through that day.

    Returns the ids in the order given. Raises ScheduleDoesNotSum for an explicit schedule that does not return the
    principal, IntegrityError for an external id already in the portfolio.
    """
    if not loans:
        return []
    business_date = hold_business_date(at_least=business_date)
    loans = _with_terms_as_made_now(loans)
    loan_ids = next_ids(table="repayment_loan", count=len(loans))
    operation_ids = iter(
        next_ids(
            table="repayment_operation",
            count=sum(1 + len(opening.history) for opening in loans),
        )
    )
    holds = clocks_held(loans=[(loan_id, each.borrower_id) for loan_id, each in zip(loan_ids, loans, strict=True)])
    terms_ids: dict[int, int] = {}
    pages = Pages(business_date=business_date, run_id=run_id)
    loan_rows: list[tuple[Any, ...]] = []
    for loan_id, opening in zip(loan_ids, loans, strict=True):
        terms_id = terms_ids.get(id(opening.terms))
        if terms_id is None:
            terms_id = terms_ids[id(opening.terms)] = copy_of_terms(terms=opening.terms)
        loan_rows.append(
            put_on_pages(
                opening,
                loan_id=loan_id,
                terms_id=terms_id,
                operation_ids=operation_ids,
                pages=pages,
                actor=actor,
                holds=holds.get(loan_id, ()),
            )
        )
    copy_rows(table="repayment_loan", columns=LOAN_COPY_COLUMNS, rows=loan_rows)
    pages.flush()
    record(
        verb="repayment.loans.opened",
        subject_type="repayment.loan",
        subject_id=str(loan_ids[0]),
        actor=actor,
        after={
            "count": len(loans),
            "first": loan_ids[0],
            "last": loan_ids[-1],
            "principal": str(sum((opening.principal for opening in loans), ZERO)),
        },
    )
    outbox.publish(
        event="repayment.loans_opened",
        key=f"loans:{loan_ids[0]}",
        payload={"first": loan_ids[0], "last": loan_ids[-1], "count": len(loans)},
    )
    return [LoanId(loan_id) for loan_id in loan_ids]


def put_on_pages(
    opening: Opening,
    *,
    loan_id: int,
    terms_id: int,
    operation_ids: Iterator[int],
    pages: Pages,
    actor: Actor,
    holds: tuple[HoldPeriod, ...] = (),
) -> tuple[Any, ...]:
    """Fold one loan's history onto the pages; the loan's own row, in the order of `LOAN_COPY_COLUMNS`.

    `holds` are those its borrower is under already.
    """
    rows = opening.rows or build_schedule(
        terms=opening.terms,
        principal=opening.principal,
        disbursed_on=opening.disbursed_on,
        first_due_date=opening.first_due_date,
    )
    _check_rows(opening, rows)
    state = new_state(
        terms=opening.terms,
        principal=opening.principal,
        disbursed_on=opening.disbursed_on,
        rows=rows,
        holds=holds,
    )
    disbursement = next(operation_ids)
    keyed = [(next(operation_ids), past) for past in sorted(opening.history, key=lambda past: past.value_date)]
    journal = fold(
        state,
        operations=[_operation(key, past) for key, past in keyed],
        through=pages.business_date - timedelta(days=1),
        snapshots=True,
    )
    pages.operations.append(_disbursement_row(opening, loan_id, disbursement, pages=pages, actor=actor))
    given_up = _given_up(journal)
    for key, past in keyed:
        amount = given_up[key] if past.kind in GIVING_UP else past.amount
        pages.operations.append(_past_row(past, key, loan_id, opening, amount, pages=pages, actor=actor))
    journal.lines = [
        *_opening_lines(opening, rows, source=disbursement),
        *journal.lines,
    ]
    pages.versions.append((loan_id, 1, "disbursement", opening.disbursed_on, disbursement))
    pages.add_journal(loan_id=loan_id, borrower_id=opening.borrower_id, journal=journal)
    pages.add_new_bills(
        loan_id=loan_id,
        borrower_id=opening.borrower_id,
        bills=[*state.superseded, *state.bills],
    )
    return _loan_row(opening, rows, state, journal, loan_id=loan_id, terms_id=terms_id, pages=pages)


def _with_terms_as_made_now(loans: Sequence[Opening]) -> list[Opening]:
    terms = as_made_now(terms=[opening.terms for opening in loans])
    return [
        opening if made is opening.terms else replace(opening, terms=made)
        for opening, made in zip(loans, terms, strict=True)
    ]


def _check_rows(opening: Opening, rows: Sequence[ScheduledRow]) -> None:
    total = sum((row.principal for row in rows), ZERO)
    if total != opening.principal:
        raise ScheduleDoesNotSum(
            phrase(
                "The schedule of %(loan)s returns %(total)s of %(principal)s.",
                loan=opening.external_id,
                total=amount_of(total, currency=opening.terms.currency),
                principal=amount_of(opening.principal, currency=opening.terms.currency),
            ),
            next_step=phrase("Correct the schedule or the principal."),
            fields={"principal": str(opening.principal)},
        )


def _opening_lines(opening: Opening, rows: Sequence[ScheduledRow], *, source: int) -> list[Line]:
    on = opening.disbursed_on
    lines = [
        Line(
            "disbursement",
            RECEIVABLE[PRINCIPAL],
            CHARGED_FROM[PRINCIPAL],
            opening.principal,
            on,
            PRINCIPAL,
            None,
            source,
        )
    ]
    for component, taken in deducted_by_component(terms=opening.terms, principal=opening.principal).items():
        if taken > 0:
            lines.append(
                Line(
                    "disbursement",
                    "cash",
                    CHARGED_FROM[component],
                    taken,
                    on,
                    component,
                    None,
                    source,
                )
            )
    for component in SCHEDULED[1:]:
        total = sum((getattr(row, component) for row in rows), ZERO)
        if total > 0:
            lines.append(
                Line(
                    "schedule",
                    RECEIVABLE[component],
                    CHARGED_FROM[component],
                    total,
                    on,
                    component,
                    None,
                    source,
                )
            )
    return lines


def _loan_row(
    opening: Opening,
    rows: Sequence[ScheduledRow],
    state: LoanState,
    journal: Journal,
    *,
    loan_id: int,
    terms_id: int,
    pages: Pages,
) -> tuple[Any, ...]:
    touched = max([opening.disbursed_on, state.accrued_through, *touched_by(journal)])
    return (
        loan_id,
        opening.external_id,
        opening.portfolio,
        opening.borrower_id,
        opening.product_version_id,
        terms_id,
        opening.terms.currency,
        opening.principal,
        opening.terms.annual_rate,
        len(rows),
        opening.disbursed_on,
        max(row.due_date for row in rows),
        *loan_values(state, business_date=pages.business_date, touched=touched),
    )


def _disbursement_row(opening: Opening, loan_id: int, key: int, *, pages: Pages, actor: Actor) -> tuple[Any, ...]:
    return (
        key,
        loan_id,
        opening.borrower_id,
        "disbursement",
        opening.principal,
        opening.disbursed_on,
        pages.business_date,
        opening.source,
        f"disbursement:{opening.portfolio}:{opening.external_id}",
        "",
        "",
        "",
        "{}",
        None,
        "",
        None,
        actor.id,
        actor.name,
    )


def _given_up(journal: Journal) -> dict[int, Decimal]:
    """What charge-offs and write-offs gave up, by operation: a tape names that amount or not, it is what was owed."""
    sums: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for line in journal.lines:
        if line.kind in GIVING_UP and line.source is not None:
            sums[line.source] += line.amount
    return sums


def _past_row(
    past: PastOperation,
    key: int,
    loan_id: int,
    opening: Opening,
    amount: Decimal,
    *,
    pages: Pages,
    actor: Actor,
) -> tuple[Any, ...]:
    details: dict[str, Any] = {}
    if past.components:
        details["components"] = {component: str(amount) for component, amount in past.components.items()}
    if past.creditor:
        details["creditor"] = past.creditor
    return (
        key,
        loan_id,
        opening.borrower_id,
        past.kind,
        amount,
        past.value_date,
        pages.business_date,
        past.source,
        past.external_id,
        past.channel,
        past.reference,
        past.surplus or "",
        as_json(details),
        None,
        past.reason,
        None,
        actor.id,
        actor.name,
    )


def _operation(key: int, past: PastOperation) -> Operation:
    return Operation(
        kind=past.kind,  # type: ignore[arg-type]
        value_date=past.value_date,
        key=key,
        amount=past.amount,
        surplus=past.surplus,
        components=dict(past.components),  # type: ignore[arg-type]
        creditor=past.creditor,
    )
