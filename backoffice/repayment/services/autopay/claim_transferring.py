"""The guarantor pays: under the lock of the loan a claim is measured against what was paid since, then it is done.

What came before the cut-off of its day shrinks or drops the claim. What came after it leaves the claim as it stands:
the funder has that part twice, and it is written down to be given back. The borrower owes what they owed; bills, days
past due and bucket go on. A loan paid as a whole changes its creditor that day; of a bill paid alone the borrower's
later money goes to the guarantor when debits are split (`splitting`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.calendars.selectors import business_date
from backoffice.calendars.services import hold_business_date
from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.claim_states import ClaimState, DroppedBecause
from backoffice.repayment.domain.autopay.claims import (
    AfterPayment,
    Amounts,
    ClaimKind,
    after_payments,
    is_late,
    owed_on_bill,
    owed_on_loan,
    summed,
)
from backoffice.repayment.domain.autopay.debit_states import BillState, CommandState
from backoffice.repayment.domain.autopay.last_look import Drop
from backoffice.repayment.models import Claim, ClaimReturn, DebitBill, DebitCommand, Loan
from backoffice.repayment.selectors.autopay.claims import bills_claimed
from backoffice.repayment.selectors.autopay.in_force import rulings_on
from backoffice.repayment.selectors.states import LoadedLoan, LoanId, load_loans
from backoffice.repayment.services.autopay import commands
from backoffice.repayment.services.autopay.claim_moving import claim_not_found, in_state, locked_claim, move
from backoffice.repayment.services.posting import Draft, book_one

SOURCE: Final = "claim"
# What each operation of a loan brought in of what is claimed, with the day and time it came: the rail's, else those of
# its booking. What was taken back of it since is taken off; without a bill it is the whole loan. With
# `through` it is none that was booked after that operation.
CASH: Final = """
SELECT CASE WHEN command.id IS NULL THEN made.business_date ELSE made.value_date END,
       coalesce(command.succeeded_at, made.created_at),
       sum(CASE WHEN moved.debit = 'cash' THEN moved.amount ELSE -moved.amount END)
           FILTER (WHERE moved.component = 'principal'),
       sum(CASE WHEN moved.debit = 'cash' THEN moved.amount ELSE -moved.amount END)
           FILTER (WHERE moved.component = 'interest'),
       sum(CASE WHEN moved.debit = 'cash' THEN moved.amount ELSE -moved.amount END)
           FILTER (WHERE moved.component = 'penalty')
FROM repayment_transfer moved
JOIN repayment_operation booked ON booked.id = moved.operation_id
JOIN repayment_operation made ON made.id = coalesce(booked.reverses_id, booked.id)
LEFT JOIN repayment_debitcommand command ON command.operation_id = made.id
WHERE moved.loan_id = %(loan)s AND (moved.debit = 'cash' OR moved.credit = 'cash') AND made.value_date >= %(day)s
  AND (%(bill)s::int IS NULL OR moved.installment_number = %(bill)s)
  AND (%(through)s::bigint IS NULL OR made.id <= %(through)s)
GROUP BY made.id, command.id, command.succeeded_at
"""
LAST_BOOKED: Final = "SELECT coalesce(max(id), 0) FROM repayment_operation WHERE loan_id = %s"


class BeforeCutOff(Refusal):
    """A payment may still come that counts."""

    code: ClassVar[str] = "repayment.claim_before_cut_off"
    status: ClassVar[int] = 409


class OrderInFlight(Refusal):
    """A debit of the loan is under way, and nobody knows yet what becomes of it."""

    code: ClassVar[str] = "repayment.claim_order_in_flight"
    status: ClassVar[int] = 409


class SamePerson(Refusal):
    """Who wrote the funder's confirmation down does not transfer it."""

    code: ClassVar[str] = "repayment.claim_same_person"
    status: ClassVar[int] = 403


class SplitNotReady(Refusal):
    """Debits of the loan would not be paid to its new creditor."""

    code: ClassVar[str] = "repayment.claim_split_not_ready"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Transferred:
    """What came of a claim: its state, what the guarantor pays and what it gets back (major units)."""

    state: ClaimState
    amount: Decimal = ZERO
    overpaid: Decimal = ZERO
    operation_id: int | None = None


@dataclass(frozen=True, slots=True)
class TransferredList:
    """What came of a list: how many were transferred and dropped, and by claim why one was refused."""

    transferred: int
    dropped: int
    refused: Mapping[int, Refusal]


def transfer_claim(*, claim_id: int, reason: str, actor: Actor, at: datetime) -> Transferred:
    """Do it, or drop it when nothing is left. Raises the refusals above, ClaimInState, what booking refuses."""
    with transaction.atomic():
        today = hold_business_date(at_least=business_date())
        loan = _locked_loan(claim_id)
        claim = locked_claim(claim_id)
        check_transferable(claim, actor=actor, at=at)
        if claim.rule.funder != loan.state.creditor:
            # Somebody else bought the loan meanwhile: this funder has nothing to claim.
            move(
                claim, to=ClaimState.DROPPED, cause="creditor_changed", because=DroppedBecause.CREDITOR, actor=actor,
                at=at, reason=reason,
            )  # fmt: skip
            return Transferred(ClaimState.DROPPED)
        after = measure(claim, loan)
        if not after.stands.total:
            move(
                claim, to=ClaimState.DROPPED, cause="paid", because=DroppedBecause.PAID, actor=actor, at=at,
                reason=reason,
            )  # fmt: skip
            return Transferred(ClaimState.DROPPED)
        before = claim.amount
        _take_amounts(claim, after.stands)
        paid = after.stands.total - after.overpaid.total
        if claim.installment_number is None and paid:
            _check_split(claim, loan)
            _stop_debits(loan.id, actor=actor, at=at)
            claim.operation_id = _change_creditor(claim, paid=paid, reason=reason, actor=actor)
        claim.transferred_on, claim.booked_through = today, fetch(LAST_BOOKED, [loan.id])[0][0]
        move(
            claim,
            to=ClaimState.TRANSFERRED,
            cause="transferred",
            actor=actor,
            at=at,
            reason=reason,
            details={"listed": str(before), "overpaid": str(after.overpaid.total)},
        )
        if after.overpaid.total:
            _write_overpaid(claim, after.overpaid)
    return Transferred(ClaimState.TRANSFERRED, claim.amount, after.overpaid.total, claim.operation_id)


def transfer_claims(*, claim_ids: Sequence[int], reason: str, actor: Actor, at: datetime) -> TransferredList:
    """Transfer claims one by one, each in a transaction of its own; what is refused stays as it is, with why."""
    states: list[ClaimState] = []
    refused: dict[int, Refusal] = {}
    for claim_id in claim_ids:
        try:
            states.append(transfer_claim(claim_id=claim_id, reason=reason, actor=actor, at=at).state)
        except Refusal as refusal:
            refused[claim_id] = refusal
    done = states.count(ClaimState.TRANSFERRED)
    return TransferredList(transferred=done, dropped=len(states) - done, refused=refused)


def foresee_transfer(*, claim: Claim, actor: Actor, at: datetime) -> AfterPayment:
    """What transferring a claim now would do. Raises what it would."""
    check_transferable(claim, actor=actor, at=at)
    loan = load_loans(loan_ids=[claim.loan_id], business_date=business_date(), lock=False)[claim.loan_id]
    return measure(claim, loan)


def check_transferable(claim: Claim, *, actor: Actor, at: datetime) -> None:
    """Raises ClaimInState, SamePerson, BeforeCutOff, OrderInFlight."""
    if claim.state != ClaimState.CONFIRMED:
        raise in_state(claim)
    if claim.confirmed_by is not None and claim.confirmed_by == actor.id:
        raise SamePerson(
            _("You wrote down that the funder confirms claim %(number)s.") % {"number": claim.number},
            next_step=_("Another person transfers it."),
        )
    today = business_date()
    if today < claim.day or (today == claim.day and _clock_of(at) <= claim.rule.cut_off):
        raise BeforeCutOff(
            _("A payment that comes until %(time)s on %(day)s still counts.")
            % {"time": claim.rule.cut_off.strftime("%H:%M"), "day": claim.day},
            next_step=_("Transfer the claim after the cut-off of its day."),
        )
    in_flight = DebitCommand.objects.filter(
        loan_id=claim.loan_id, state__in=[CommandState.SUBMITTED.value, CommandState.UNKNOWN.value]
    )
    if order_no := in_flight.values_list("order_no", flat=True).first():
        raise OrderInFlight(
            _("Debit %(order)s of the loan is under way.") % {"order": order_no},
            next_step=_("Wait until it is known what became of it, then transfer the claim."),
        )


def measure(claim: Claim, loan: LoadedLoan) -> AfterPayment:
    """The claim against what is owed now and what was paid after the cut-off."""
    with_penalty = claim.rule.with_penalty
    if claim.rule.kind == ClaimKind.WHOLE_LOAN:
        claimed = bills_claimed(loan_ids=[loan.id], besides=claim.pk).get(loan.id, set())
        owed = owed_on_loan(loan.state, at=claim.day, with_penalty=with_penalty, claimed=claimed)
    else:
        bills = [
            bill
            for bill in loan.state.bills
            if (bill.number, bill.from_version) == (claim.installment_number, claim.plan_version)
        ]
        owed = summed(owed_on_bill(loan.state, bill, at=claim.day, with_penalty=with_penalty) for bill in bills)
    return after_payments(claim.amounts, owed_now=owed, paid_late=paid_late(claim))


def paid_late(claim: Claim) -> Amounts:
    """What the borrower paid of it after its cut-off, and was not taken back; of a transferred claim until then."""
    zone = ZoneInfo(settings.LENDER_TIME_ZONE)
    params = {
        "loan": claim.loan_id,
        "bill": claim.installment_number,
        "day": claim.day,
        "through": claim.booked_through,
    }
    return summed(
        Amounts(*(max(ZERO, part or ZERO) for part in parts))
        for received_on, moment, *parts in fetch(CASH, params)
        if is_late(received_on=received_on, moment=moment.astimezone(zone), day=claim.day, cut_off=claim.rule.cut_off)
    )


def _locked_loan(claim_id: int) -> LoadedLoan:
    """The claim's loan under its lock, which comes before the claim's. Raises ClaimNotFound."""
    loan_id = Claim.objects.filter(pk=claim_id).values_list("loan_id", flat=True).first()
    if loan_id is None:
        raise claim_not_found()
    return load_loans(loan_ids=[loan_id], business_date=business_date(), lock=True)[loan_id]


def _take_amounts(claim: Claim, stands: Amounts) -> None:
    claim.principal, claim.interest, claim.penalty = stands.principal, stands.interest, stands.penalty
    claim.amount = stands.total


def _check_split(claim: Claim, loan: LoadedLoan) -> None:
    """Raises SplitNotReady when the configuration that rules the loan's debits then does not pay the guarantor."""
    creditor, product = claim.guarantor.creditor, _product_of(loan.id)
    for ruling in rulings_on(business_date()):
        fits = ruling.portfolio == loan.portfolio and ruling.product_id in {None, product}
        if not fits or ruling.funder not in {"", creditor} or ruling.is_canary:
            continue
        if all(share.payee == claim.guarantor.code for share in ruling.configuration.payees.get("principal", ())):
            return
        raise SplitNotReady(
            _("Debits of the loan would not be paid to %(name)s.") % {"name": claim.guarantor.name},
            next_step=_("Bring an autopay configuration into force for loans of creditor %(creditor)s first.")
            % {"creditor": creditor},
        )


def _product_of(loan_id: int) -> int | None:
    return Loan.objects.filter(pk=loan_id).values_list("product_version__product_id", flat=True).first()


def _stop_debits(loan_id: int, *, actor: Actor, at: datetime) -> None:
    """Nothing planned under the old creditor leaves any more; the close plans the next day under the new one."""
    planned = DebitCommand.objects.filter(loan_id=loan_id, state=CommandState.PLANNED.value)
    rows = list(commands.read(ids=planned.values_list("pk", flat=True), lock=True).values())
    commands.apply(
        [
            commands.Change(row, CommandState.DROPPED, at, code=Drop.STOPPED, detail=SOURCE, values={"answered_at": at})
            for row in rows
            if row.state == CommandState.PLANNED
        ],
        actor=actor,
    )
    open_bills = DebitBill.objects.filter(loan_id=loan_id, state=BillState.OPEN.value)
    open_bills.update(state=BillState.STOPPED.value, stopped_by=SOURCE)


def _change_creditor(claim: Claim, *, paid: Decimal, reason: str, actor: Actor) -> int:
    """The loan is the guarantor's from today; what it gets back is not in what it paid."""
    today = business_date()
    booked = book_one(
        draft=Draft(
            loan_id=LoanId(claim.loan_id),
            kind="creditor_change",
            value_date=today,
            amount=paid,
            creditor=claim.guarantor.creditor,
            source=SOURCE,
            external_id=claim.number,
            reference=claim.number,
            reason=reason.strip()[:300],
        ),
        actor=actor,
        business_date=today,
    )
    return int(booked.operation_id)


def _write_overpaid(claim: Claim, overpaid: Amounts) -> None:
    ClaimReturn.objects.create(
        claim=claim,
        principal=overpaid.principal,
        interest=overpaid.interest,
        penalty=overpaid.penalty,
        amount=overpaid.total,
    )


def _clock_of(at: datetime) -> time:
    return at.astimezone(ZoneInfo(settings.LENDER_TIME_ZONE)).time()
