"""What an operation would do before it is booked: the same engine, nothing written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from backoffice.core import formats
from backoffice.core.money import ZERO
from backoffice.core.words import phrase
from backoffice.repayment.domain import admission
from backoffice.repayment.domain.aging import bucket_of, state_dpd
from backoffice.repayment.domain.bills import HoldPeriod, LoanState, copy_of, oldest_unpaid
from backoffice.repayment.domain.journal import Journal, Line
from backoffice.repayment.domain.operations import GIVING_UP, Operation, apply
from backoffice.repayment.domain.penalty import charge, uncharged
from backoffice.repayment.domain.replay import advance
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.states import LoadedLoan, LoanHistory, fresh_state, load_histories, load_loans

NEWEST = 2**62


@dataclass(frozen=True, slots=True)
class Standing:
    """A loan on the business date in the figures a person decides by (major units)."""

    status: str
    bucket: str
    dpd: int
    due_total: Decimal
    outstanding_principal: Decimal
    outstanding_total: Decimal
    suspense: Decimal
    next_due_date: date | None
    next_due_amount: Decimal
    creditor: str


@dataclass(frozen=True, slots=True)
class Preview:
    """Before, after, the transfers the operation would book, and how many later transfers a replay would redo."""

    before: Standing
    after: Standing
    lines: tuple[Line, ...]
    redone: int

    def by_component(self) -> dict[str, Decimal]:
        """What the operation books per component; money not placed on a bill under ''."""
        sums: dict[str, Decimal] = {}
        for line in self.lines:
            if line.kind not in ("penalty_charge", "reschedule"):
                key = line.component or ""
                sums[key] = sums.get(key, ZERO) + line.amount
        return sums

    def weight(self, *, amount: Decimal) -> Decimal:
        """What the limits are asked about: the amount named, or what whole loans are given up for where that is more.

        A charge-off and a write-off name no amount, and neither does taking one back: they weigh what they book.
        """
        return max(amount, sum((line.amount for line in self.lines if line.kind in GIVING_UP), ZERO))


def in_words(*, preview: Preview, loan: Loan) -> str:
    """What an operation would do in one text, for those who read it without the panel; in the language of the moment.

    What it books by component, then what a person decides by: each figure before and after.
    """
    before, after = preview.before, preview.after

    def amount(value: Decimal) -> str:
        return formats.amount_text(value, currency=loan.currency)

    changes = [
        (_("days past due"), str(before.dpd), str(after.dpd)),
        (_("bucket"), before.bucket, after.bucket),
        (_("status"), before.status, after.status),
        (_("creditor"), before.creditor, after.creditor),
        (_("held for the borrower"), amount(before.suspense), amount(after.suspense)),
        (_("principal left"), amount(before.outstanding_principal), amount(after.outstanding_principal)),
        (_("due today"), amount(before.due_total), amount(after.due_total)),
    ]
    parts = [
        f"{_(name.replace('_', ' '))} {amount(value)}"
        for name, value in preview.by_component().items()
        if name and value
    ]
    parts += [f"{label} {was} → {now}" for label, was, now in changes if was != now]
    return _("Loan %(loan)s: %(changes)s.") % {
        "loan": loan.external_id,
        "changes": "; ".join(parts) or _("nothing changes"),
    }


def preview_operation(*, loan_id: int, operation: Operation, business_date: date) -> Preview:
    """Try an operation on a loan. Raises the refusal that booking it would raise."""
    loan, history = _load(loan_id, business_date=business_date)
    admission.admit(operation, loan=_facts(loan), currency=None, business_date=business_date)
    added = Operation(
        kind=operation.kind,
        value_date=operation.value_date,
        key=NEWEST,
        amount=operation.amount,
        surplus=operation.surplus,
        components=operation.components,
        creditor=operation.creditor,
    )
    return _compare(loan, history, [*history.operations, added], key=NEWEST, business_date=business_date)


def preview_reversal(*, loan_id: int, operation_id: int, business_date: date) -> Preview:
    """Try taking an operation back. Raises NotReversible when it does not count (any more)."""
    loan, history = _load(loan_id, business_date=business_date)
    kept = [operation for operation in history.operations if operation.key != operation_id]
    if len(kept) == len(history.operations):
        raise admission.NotReversible(
            phrase("This cannot be taken back."),
            next_step=phrase("It was taken back before, or it is not an operation of this loan."),
        )
    return _compare(loan, history, kept, key=operation_id, business_date=business_date)


def preview_holds(
    *, loan_ids: Sequence[int], change: Callable[[tuple[HoldPeriod, ...]], tuple[HoldPeriod, ...]], business_date: date
) -> dict[int, Preview]:
    """Try other holds on loans: `change` gives the holds they would have; a fixed number of queries for all of them."""
    loans = load_loans(loan_ids=loan_ids, business_date=business_date, lock=False)
    histories = load_histories(loan_ids=loan_ids)
    tried = {}
    for loan_id, loan in loans.items():
        held = replace(loan, state=replace(loan.state, holds=change(loan.state.holds)))
        history = histories[loan_id]
        before, journal_before = _run(loan, history, history.operations, business_date=business_date)
        after, journal_after = _run(held, history, history.operations, business_date=business_date)
        tried[loan_id] = Preview(
            before=_standing(before, as_of=business_date),
            after=_standing(after, as_of=business_date),
            lines=(),
            redone=sum(1 for line in journal_before.lines if line not in journal_after.lines),
        )
    return tried


def _load(loan_id: int, *, business_date: date) -> tuple[LoadedLoan, LoanHistory]:
    loans = load_loans(loan_ids=[loan_id], business_date=business_date, lock=False)
    if loan_id not in loans:
        raise admission.LoanNotFound(
            phrase("There is no such loan."), next_step=phrase("Search by loan number or borrower.")
        )
    return loans[loan_id], load_histories(loan_ids=[loan_id])[loan_id]


def _facts(loan: LoadedLoan) -> admission.LoanFacts:
    return admission.LoanFacts(
        external_id=loan.external_id,
        currency=loan.currency,
        disbursed_on=loan.state.disbursed_on,
        status=loan.state.status,
    )


def _compare(
    loan: LoadedLoan, history: LoanHistory, operations: list[Operation], *, key: int, business_date: date
) -> Preview:
    before, journal_before = _run(loan, history, history.operations, business_date=business_date)
    after, journal_after = _run(loan, history, operations, business_date=business_date)
    own = [line for line in (*journal_after.lines, *journal_before.lines) if line.source == key]
    others_before = [line for line in journal_before.lines if line.source != key]
    others_after = [line for line in journal_after.lines if line.source != key]
    redone = sum(1 for line in others_before if line not in others_after)
    return Preview(
        before=_standing(before, as_of=business_date),
        after=_standing(after, as_of=business_date),
        lines=tuple(own),
        redone=redone,
    )


def _run(
    loan: LoadedLoan, history: LoanHistory, operations: list[Operation], *, business_date: date
) -> tuple[LoanState, Journal]:
    state = fresh_state(loan, history)
    journal = Journal()
    for operation in sorted(operations, key=lambda each: (each.value_date, each.key)):
        advance(state, through=date.fromordinal(operation.value_date.toordinal() - 1), journal=journal)
        if operation.key == NEWEST:
            trial = copy_of(state)
            charge(trial, at=operation.value_date)
            admission.check_against_state(trial, operation)
        apply(state, operation, journal=journal)
    advance(state, through=date.fromordinal(business_date.toordinal() - 1), journal=journal)
    return state, journal


def _standing(state: LoanState, *, as_of: date) -> Standing:
    grown = sum(uncharged(state, as_of=as_of).values(), ZERO)
    following = oldest_unpaid(state)
    dpd = state_dpd(state, as_of=as_of)
    return Standing(
        status=state.status,
        bucket=bucket_of(dpd=dpd, terms=state.terms),
        dpd=dpd,
        due_total=sum((b.remaining_total() for b in state.bills if b.due_date <= as_of), ZERO) + grown,
        outstanding_principal=state.outstanding_principal(),
        outstanding_total=sum((b.remaining_total() for b in state.bills), ZERO) + grown,
        suspense=state.suspense,
        next_due_date=following.due_date if following else None,
        next_due_amount=following.remaining_total() if following else ZERO,
        creditor=state.creditor,
    )
