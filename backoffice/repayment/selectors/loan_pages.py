"""One loan on any day: replayed from its live operations, so that a page can travel in time as a whole."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from backoffice.core.money import ZERO
from backoffice.core.words import phrase
from backoffice.repayment.domain.admission import LoanNotFound, check_existed, payoff_of
from backoffice.repayment.domain.aging import days_past_due
from backoffice.repayment.domain.bills import Bill, LoanState, is_met
from backoffice.repayment.domain.components import COMPONENTS, Component
from backoffice.repayment.domain.early import Payoff
from backoffice.repayment.domain.explain import Explanation, explain
from backoffice.repayment.domain.journal import Journal, Line, Move
from backoffice.repayment.domain.operations import apply
from backoffice.repayment.domain.penalty import uncharged
from backoffice.repayment.domain.replay import advance
from backoffice.repayment.models import Installment, Loan, Operation, ScheduleVersion, Transfer
from backoffice.repayment.selectors.states import LoadedLoan, fresh_state, load_histories, load_loans


@dataclass(frozen=True, slots=True)
class BillAsOf:
    """A bill as it stands on a day; `penalty` includes what has grown but is not yet charged.

    `dpd` leaves held days out, and is 0 for a bill whose schedule is paid: such a bill does not age (ADR 9).
    """

    bill: Bill
    penalty: Decimal
    left: Decimal
    dpd: int
    balance_after: Decimal
    tone: str

    @property
    def state(self) -> str:
        """paid, overdue, penalty_only, tolerated (past due, not aging), due (today), partly (paid ahead) or planned."""
        return self.tone


@dataclass(frozen=True, slots=True)
class LoanAsOf:
    """Everything a loan page shows of one day. Amounts in major units of the loan's currency."""

    loan: Loan
    as_of: date
    business_date: date
    state: LoanState
    bills: tuple[BillAsOf, ...]
    due: dict[Component, Decimal]
    due_total: Decimal
    outstanding_principal: Decimal
    explanation: Explanation
    lines: tuple[Line, ...]
    moves: tuple[Move, ...]

    @property
    def rules(self) -> dict[str, Any]:
        """The terms behind the numbers: product and version where the loan has one, and the digest of the copy."""
        version = self.loan.product_version
        return {
            "product": version.product.code if version else None,
            "version": version.number if version else None,
            "terms": self.loan.terms.digest,
        }

    @property
    def is_today(self) -> bool:
        """True when the page shows the present."""
        return self.as_of == self.business_date


def loan_as_of(*, loan_id: int, as_of: date, business_date: date) -> LoanAsOf:
    """The loan as it stood on `as_of` by what is booked now; a fixed number of queries.

    Raises LoanNotFound, and DayBeforeDisbursement for a day on which there was no loan yet.

    Days after the business date are foretold: nothing more is paid, the days pass.
    """
    loan = Loan.objects.select_related("borrower", "terms", "product_version__product").filter(pk=loan_id).first()
    if loan is None:
        raise LoanNotFound(phrase("There is no such loan."), next_step=phrase("Search by loan number or borrower."))
    check_existed(external_id=loan.external_id, disbursed_on=loan.disbursed_on, on=as_of)
    loaded = load_loans(loan_ids=[loan_id], business_date=business_date, lock=False)[loan_id]
    state, journal = state_as_of(loaded, as_of=as_of)
    grown = uncharged(state, as_of=as_of)
    due = _due(state, grown, as_of=as_of)
    return LoanAsOf(
        loan=loan,
        as_of=as_of,
        business_date=business_date,
        state=state,
        bills=_bills(state, grown, as_of=as_of),
        due=due,
        due_total=sum(due.values(), ZERO),
        outstanding_principal=state.outstanding_principal(),
        explanation=explain(state, lines=journal.lines, as_of=as_of),
        lines=tuple(journal.lines),
        moves=tuple(journal.moves),
    )


def state_as_of(loaded: LoadedLoan, *, as_of: date) -> tuple[LoanState, Journal]:
    """A loan on the day `as_of`, every operation up to it applied and every day before it closed."""
    history = load_histories(loan_ids=[loaded.id])[loaded.id]
    state = fresh_state(loaded, history)
    journal = Journal()
    for operation in history.operations:
        if operation.value_date <= as_of:
            advance(state, through=operation.value_date - timedelta(days=1), journal=journal)
            apply(state, operation, journal=journal)
    advance(state, through=as_of - timedelta(days=1), journal=journal)
    return state, journal


def payoff_quote(*, loan_id: int, on: date, business_date: date) -> Payoff:
    """What settles the loan on a day; valid for that day only. mechanics 3.5.

    Raises LoanNotFound, and DayBeforeDisbursement for a day on which there was no loan yet.
    """
    loaded = load_loans(loan_ids=[loan_id], business_date=business_date, lock=False)
    if loan_id not in loaded:
        raise LoanNotFound(phrase("There is no such loan."), next_step=phrase("Search by loan number or borrower."))
    found = loaded[loan_id]
    check_existed(external_id=found.external_id, disbursed_on=found.state.disbursed_on, on=on)
    state, _ = state_as_of(found, as_of=on)
    return payoff_of(state, at=on, uncharged_penalty=sum(uncharged(state, as_of=on).values(), ZERO))


def schedule_versions(*, loan_id: int) -> list[tuple[ScheduleVersion, list[Installment]]]:
    """Every version of the schedule with the bills it asks for, oldest first; two queries."""
    versions = list(ScheduleVersion.objects.filter(loan_id=loan_id).order_by("number"))
    rows = list(Installment.objects.filter(loan_id=loan_id).order_by("due_date", "number"))
    return [
        (
            version,
            [
                row
                for row in rows
                if row.from_version <= version.number and (row.to_version is None or row.to_version > version.number)
            ],
        )
        for version in versions
    ]


def operations_of(*, loan_id: int, through: date | None = None) -> list[Operation]:
    """What was done to the loan, newest first, with its transfers and the reversal that took it back, if any."""
    rows = Operation.objects.filter(loan_id=loan_id).prefetch_related("transfers", "reversed_by")
    if through is not None:
        rows = rows.filter(value_date__lte=through)
    return list(rows.order_by("-value_date", "-id"))


def transfers_of(*, loan_id: int, through: date | None = None, limit: int = 500) -> list[Transfer]:
    """The loan's ledger, newest first."""
    rows = Transfer.objects.filter(loan_id=loan_id)
    if through is not None:
        rows = rows.filter(value_date__lte=through)
    return list(rows.order_by("-value_date", "-id")[:limit])


def _due(state: LoanState, grown: dict[int, Decimal], *, as_of: date) -> dict[Component, Decimal]:
    reached = [bill for bill in state.bills if bill.due_date <= as_of]
    due: dict[Component, Decimal] = {
        component: sum((bill.remaining(component) for bill in reached), ZERO) for component in COMPONENTS
    }
    due["penalty"] += sum(grown.values(), ZERO)
    return due


def _bills(state: LoanState, grown: dict[int, Decimal], *, as_of: date) -> tuple[BillAsOf, ...]:
    balance = state.principal
    shown = []
    for bill in state.bills:
        balance -= bill.charged["principal"]
        penalty = bill.charged["penalty"] + grown.get(bill.number, ZERO)
        left = bill.remaining_total() + grown.get(bill.number, ZERO)
        ages = left > 0 and not is_met(bill, terms=state.terms)
        shown.append(
            BillAsOf(
                bill=bill,
                penalty=penalty,
                left=left,
                dpd=days_past_due(oldest_unpaid_due=bill.due_date if ages else None, as_of=as_of, holds=state.holds),
                balance_after=balance,
                tone=_bill_state(bill, left=left, ages=ages, as_of=as_of),
            )
        )
    return tuple(shown)


def _bill_state(bill: Bill, *, left: Decimal, ages: bool, as_of: date) -> str:
    if left <= 0:
        return "paid"
    if bill.due_date < as_of:
        return "overdue" if ages else "penalty_only" if bill.remaining_scheduled() <= 0 else "tolerated"
    if bill.due_date == as_of:
        return "due"
    return "partly" if bill.paid_total() else "planned"
