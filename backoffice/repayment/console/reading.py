"""What the pages of a loan show, gathered in a fixed number of queries and put into rows for the templates."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.audit.approvals import deed_of
from backoffice.audit.domain.approval_states import ApprovalState
from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core import formats
from backoffice.core.money import ZERO
from backoffice.core.tones import Tone
from backoffice.customers.selectors import HoldGroup, groups_of, holds_of_borrower
from backoffice.repayment.console import states
from backoffice.repayment.domain.components import Component
from backoffice.repayment.domain.fees import upfront_deducted
from backoffice.repayment.domain.penalty import penalty_rate
from backoffice.repayment.domain.terms import ScheduledRow
from backoffice.repayment.domain.yearly_cost import CapVerdict, NothingPaidOut, YearlyCost, judge, yearly_cost
from backoffice.repayment.models import Installment, Loan, Operation, ScheduleVersion
from backoffice.repayment.selectors.loan_pages import BillAsOf, LoanAsOf, loan_as_of

if TYPE_CHECKING:
    from backoffice.repayment.domain.bills import Bill
    from backoffice.repayment.domain.journal import Line

REVERSIBLE = frozenset(Operation.Kind) - {Operation.Kind.REVERSAL, Operation.Kind.DISBURSEMENT}
RECENT = 9
USUAL_COLUMNS = frozenset({"principal", "interest", "penalty"})


@dataclass(frozen=True, slots=True)
class BillRow:
    """One line of the schedule as the page shows it."""

    shown: BillAsOf
    amounts: tuple[Decimal, ...]
    css: str
    tone: Tone
    text: str

    @property
    def total(self) -> Decimal:
        """What the installment comes to, penalty included."""
        return sum(self.amounts, ZERO)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The schedule on the page's day: only the components that the loan has are columns."""

    columns: tuple[tuple[Component, Any], ...]
    rows: tuple[BillRow, ...]
    totals: tuple[Decimal, ...]
    paid: Decimal
    version: int
    versions: int

    @property
    def is_wide(self) -> bool:
        """Whether fees have columns too, for which a small window has no room beside other panels."""
        return len(self.columns) > len(USUAL_COLUMNS)

    @property
    def total(self) -> Decimal:
        """What all installments come to, penalty included."""
        return sum(self.totals, ZERO)


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One thing done to the loan, with what it paid by component; `undone_by` is the reversal that took it back."""

    operation: Operation
    parts: dict[str, Decimal]
    held: Decimal
    is_undone: bool
    may_reverse: bool
    channel: Any

    @property
    def fees(self) -> Decimal:
        """Fees of both payees together."""
        return self.parts.get("fee", ZERO) + self.parts.get("guarantee_fee", ZERO)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a timeline."""

    title: str
    on: date
    detail: str = ""
    tone: str = ""
    amount: Decimal | None = None
    currency: str = ""
    undone: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """A verb that was asked for on this loan and waits for a second person."""

    id: int
    what: Any
    who: str


@dataclass(frozen=True, slots=True)
class LoanPage:
    """Everything the page of a loan shows."""

    loan: Loan
    shown: LoanAsOf
    today: date
    schedule: Schedule
    operations: tuple[OperationRow, ...]
    events: tuple[Event, ...]
    holds: tuple[HoldGroup, ...]
    waiting: tuple[WaitingRequest, ...]
    cost: YearlyCost | None
    cap: CapVerdict | None
    jumps: tuple[tuple[Any, date], ...]

    @property
    def is_foretold(self) -> bool:
        """True when the page shows a day that has not come yet."""
        return self.shown.as_of > self.today

    @property
    def due_text(self) -> str:
        """What is due, component by component."""
        return parts_text(self.shown.due, currency=self.loan.currency).replace(", ", " · ")

    @property
    def next_bill(self) -> BillAsOf | None:
        """The next bill with anything left to pay that is not due yet."""
        return next(
            (bill for bill in self.shown.bills if bill.bill.due_date > self.shown.as_of and bill.left > 0), None
        )

    @property
    def repaid(self) -> Decimal:
        """Principal paid back."""
        return self.loan.principal - self.shown.outstanding_principal

    @property
    def repaid_text(self) -> str:
        """How much of the principal is paid back, for those who do not see the bar."""
        return _("%(share)s repaid") % {"share": formats.percent_text(self.repaid / self.loan.principal, places=0)}

    @property
    def principal_text(self) -> str:
        """The principal, without its currency sign."""
        return formats.amount_text(self.loan.principal, currency=self.loan.currency, bare=True)

    @property
    def penalty_rate(self) -> Decimal:
        """The yearly rate of the penalty."""
        return penalty_rate(self.shown.state.terms)


def visible_loan(*, user: Any, loan_id: int) -> Loan:
    """The loan, if its portfolio is one of the person's; a loan elsewhere does not exist for them. Raises Http404."""
    loan = (
        Loan.objects.visible_to(user)
        .select_related("borrower", "terms", "product_version__product")
        .filter(pk=loan_id)
        .first()
    )
    if loan is None:
        raise Http404
    return loan


def loan_page(*, user: Any, loan_id: int, as_of: date | None) -> LoanPage:
    """The page of a loan on a day (None: today). Raises Http404, DayNotOpened, DayBeforeDisbursement."""
    loan = visible_loan(user=user, loan_id=loan_id)
    today = business_date()
    day = as_of or today
    shown = loan_as_of(loan_id=loan_id, as_of=day, business_date=today)
    operations = _operations(shown=shown, may_reverse=day == today)
    cost, cap = _cost(loan=loan, shown=shown)
    return LoanPage(
        loan=loan,
        shown=shown,
        today=today,
        schedule=_schedule(loan=loan, shown=shown),
        operations=operations,
        events=tuple(events_of(shown=shown, operations=operations)[:RECENT]),
        holds=groups_of(holds=holds_of_borrower(borrower_id=loan.borrower_id, as_of=day, loan_id=loan.pk), as_of=day),
        waiting=_waiting(loan=loan),
        cost=cost,
        cap=cap,
        jumps=_jumps(shown=shown, today=today),
    )


def events_of(*, shown: LoanAsOf, operations: tuple[OperationRow, ...]) -> list[Event]:
    """What happened to the loan through the page's day, newest first: operations, bucket moves, surplus used."""
    currency = shown.loan.currency
    # On one day: first what the night brought, then each operation with the moves it caused.
    dated: list[tuple[tuple[date, int, int], Event]] = [
        ((row.operation.value_date, row.operation.pk, 0), _event_of(row, currency=currency)) for row in operations
    ]
    for order, move in enumerate(shown.moves, start=1):
        event = Event(
            title=f"{move.from_bucket} → {move.to_bucket}",
            on=move.on,
            tone="danger" if move.cause == "aging" else "good",
            detail=str(states.CAUSE_LABELS.get(move.cause, move.cause)),
        )
        dated.append(((move.on, move.source or 0, order), event))
    used: dict[date, Decimal] = defaultdict(lambda: ZERO)
    for line in shown.lines:
        if line.kind == "suspense_applied":
            used[line.value_date] += line.amount
    for on, amount in used.items():
        dated.append(((on, 0, 0), Event(title=_("Surplus used"), on=on, amount=amount, currency=currency, tone="info")))
    return [event for _key, event in sorted(dated, key=lambda each: each[0], reverse=True)]


def parts_text(parts: Mapping[Any, Decimal], *, currency: str, held: Decimal = ZERO) -> str:
    """`interest 152.19, principal 947.97` in the order the loan page has its columns."""
    words = [
        f"{states.COMPONENT_LABELS[component]} {formats.amount_text(parts[component], currency=currency, bare=True)}"
        for component in states.ORDER_SHOWN
        if parts.get(component)
    ]
    if held:
        words.append(_("held %(amount)s") % {"amount": formats.amount_text(held, currency=currency, bare=True)})
    return ", ".join(words)


def _event_of(row: OperationRow, *, currency: str) -> Event:
    operation = row.operation
    about = [parts_text(row.parts, currency=currency, held=row.held), str(row.channel), operation.reference]
    if operation.kind in {Operation.Kind.REVERSAL, Operation.Kind.CHARGE_OFF, Operation.Kind.CREDITOR_CHANGE}:
        about = [operation.details.get("creditor", ""), operation.reason]
    look = {"payment": "good", "payoff": "good", "charge_off": "danger", "waiver": "warn", "disbursement": ""}
    amount = operation.amount or sum(row.parts.values(), ZERO)
    return Event(
        title=str(operation.get_kind_display()),
        on=operation.value_date,
        detail=_("taken back") if row.is_undone else " · ".join(filter(None, about)),
        tone="" if row.is_undone else look.get(operation.kind, "info"),
        amount=amount or None,
        currency=currency,
        undone=row.is_undone,
    )


def _schedule(*, loan: Loan, shown: LoanAsOf) -> Schedule:
    charged: dict[Component, Decimal] = {
        component: sum((bill.bill.charged[component] for bill in shown.bills), ZERO) for component in states.ORDER_SHOWN
    }
    columns = tuple(
        (component, states.COMPONENT_LABELS[component])
        for component in states.ORDER_SHOWN
        if component in USUAL_COLUMNS or charged[component]
    )
    rows = tuple(_bill_row(bill, columns=columns, shown=shown) for bill in shown.bills)
    totals = tuple(sum((row.amounts[index] for row in rows), ZERO) for index in range(len(columns)))
    return Schedule(
        columns=columns,
        rows=rows,
        totals=totals,
        paid=sum((bill.bill.paid_total() for bill in shown.bills), ZERO),
        version=shown.state.version,
        versions=ScheduleVersion.objects.filter(loan=loan).count(),
    )


def _bill_row(bill: BillAsOf, *, columns: tuple[tuple[Component, Any], ...], shown: LoanAsOf) -> BillRow:
    latest_due = max((each.bill.due_date for each in shown.bills if each.bill.due_date <= shown.as_of), default=None)
    is_now = bill.bill.due_date == latest_due and bill.state != "paid"
    css = "past" if bill.state == "paid" else "now" if is_now else ""
    tone: Tone = "neutral"
    text = ""
    if bill.state == "overdue":
        tone = states.overdue_tone(bill.dpd)
        text = _("%(days)s days") % {"days": bill.dpd} if bill.dpd != 1 else _("1 day")
    return BillRow(
        shown=bill,
        amounts=tuple(
            bill.penalty if component == "penalty" else bill.bill.charged[component] for component, _label in columns
        ),
        css=css,
        tone=tone,
        text=text,
    )


def _operations(*, shown: LoanAsOf, may_reverse: bool) -> tuple[OperationRow, ...]:
    found = list(Operation.objects.filter(loan=shown.loan, value_date__lte=shown.as_of).order_by("-value_date", "-id"))
    undone = {operation.reverses_id for operation in found if operation.reverses_id}
    by_source: dict[int, list[Line]] = defaultdict(list)
    for line in shown.lines:
        if line.source is not None and line.kind not in {"penalty_charge", "reschedule"}:
            by_source[line.source].append(line)
    rows = []
    for operation in found:
        parts: dict[str, Decimal] = defaultdict(lambda: ZERO)
        held = ZERO
        for line in by_source[operation.pk]:
            if line.component:
                parts[line.component] += line.amount
            elif line.kind == "surplus":
                held += line.amount
        rows.append(
            OperationRow(
                operation=operation,
                parts=dict(parts),
                held=held,
                is_undone=operation.pk in undone,
                may_reverse=may_reverse and operation.kind in REVERSIBLE and operation.pk not in undone,
                channel=states.CHANNEL_LABELS.get(operation.channel, operation.channel),
            )
        )
    return tuple(rows)


def _waiting(*, loan: Loan) -> tuple[WaitingRequest, ...]:
    """What was asked for on this loan and is not decided."""
    requests = Approval.objects.filter(
        state=ApprovalState.PENDING.value, subject_type="repayment.loan", subject_id=str(loan.pk)
    ).order_by("id")
    return tuple(
        WaitingRequest(id=request.pk, what=deed_of(verb=request.verb).label, who=request.requested_by_name)
        for request in requests
    )


def _cost(*, loan: Loan, shown: LoanAsOf) -> tuple[YearlyCost | None, CapVerdict | None]:
    """The yearly cost of the schedule as disbursed; None where nothing was paid out."""
    first = Installment.objects.filter(loan=loan, from_version=1).order_by("due_date", "number")
    rows = [
        ScheduledRow(
            number=bill.number,
            due_date=bill.due_date,
            days=bill.days,
            principal=bill.principal,
            interest=bill.interest,
            fee=bill.fee,
            guarantee_fee=bill.guarantee_fee,
            balance=ZERO,
        )
        for bill in first
    ]
    terms = shown.state.terms
    net = loan.principal - upfront_deducted(terms=terms, principal=loan.principal)
    try:
        cost = yearly_cost(terms=terms, net_disbursed=net, disbursed_on=loan.disbursed_on, rows=rows)
    except NothingPaidOut:
        return None, None
    return cost, judge(cost=cost, cap=terms.cost_cap)


def _jumps(*, shown: LoanAsOf, today: date) -> tuple[tuple[Any, date], ...]:
    """Days worth travelling to, nearest first."""
    first_of_month = today.replace(day=1)
    passed: list[Bill] = [bill.bill for bill in shown.bills if bill.bill.due_date < today]
    ahead: list[Bill] = [bill.bill for bill in shown.bills if bill.bill.due_date > today]
    jumps: list[tuple[Any, date]] = [(gettext_lazy("today"), today)]
    if passed:
        jumps.append((gettext_lazy("last due date"), passed[-1].due_date))
    if ahead:
        jumps.append((gettext_lazy("next due date"), ahead[0].due_date))
    jumps.append((gettext_lazy("last month end"), first_of_month - timedelta(days=1)))
    jumps.append((gettext_lazy("day of disbursement"), shown.loan.disbursed_on))
    return tuple((label, day) for label, day in jumps if day >= shown.loan.disbursed_on)
