"""The verbs of a loan, one function each: what a person may do alone is booked, what needs a second is asked for.

Every verb takes a reason and the actor, and answers with what was booked or with the request that now waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit import approvals
from backoffice.audit.approvals import ApprovedRequest
from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date as current_business_date
from backoffice.calendars.services import hold_business_date
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO
from backoffice.repayment.domain import admission
from backoffice.repayment.domain.components import Component
from backoffice.repayment.domain.operations import GIVING_UP
from backoffice.repayment.domain.terms import FutureRule
from backoffice.repayment.models import Loan, Operation
from backoffice.repayment.selectors.previews import Preview, in_words, preview_operation, preview_reversal
from backoffice.repayment.selectors.states import LoanId, OperationId
from backoffice.repayment.services.posting import Booked, Draft, book_one, operation_of

# Verb of the approval -> kind of the operation; the table config registers with the approvals.
VERBS: dict[str, str] = {
    "repayment.waive": "waiver",
    "repayment.refund": "refund",
    "repayment.charge_off": "charge_off",
    "repayment.write_off": "write_off",
    "repayment.buy_back": "creditor_change",
    "repayment.reverse": "reversal",
}


class ReasonNeeded(Refusal):
    """A verb that changes what is owed says why."""

    code = "repayment.reason_needed"


@dataclass(frozen=True, slots=True)
class Asked:
    """A verb that waits for a second person."""

    approval_id: int


Answer = Booked | Asked


def post_payment(
    *,
    loan_id: LoanId,
    amount: Decimal,
    currency: str,
    value_date: date,
    actor: Actor,
    channel: str = "",
    reference: str = "",
    surplus: FutureRule | None = None,
    source: str = "console",
    external_id: str = "",
    reason: str = "",
) -> Booked:
    """Post one payment. Raises the refusals of `domain.admission`."""
    return book_one(
        draft=Draft(
            loan_id=loan_id,
            kind="payment",
            value_date=value_date,
            amount=amount,
            currency=currency,
            surplus=surplus,
            source=source,
            external_id=external_id,
            channel=channel,
            reference=reference,
            reason=reason,
        ),
        actor=actor,
        business_date=current_business_date(),
    )


def pay_off(
    *,
    loan_id: LoanId,
    amount: Decimal,
    currency: str,
    value_date: date,
    actor: Actor,
    channel: str = "",
    reference: str = "",
    source: str = "console",
    external_id: str = "",
    reason: str = "",
) -> Booked:
    """Settle a loan early by exactly what the payoff quote of that day asks. Raises PayoffDiffers among others."""
    return book_one(
        draft=Draft(
            loan_id=loan_id,
            kind="payoff",
            value_date=value_date,
            amount=amount,
            currency=currency,
            source=source,
            external_id=external_id,
            channel=channel,
            reference=reference,
            reason=reason,
        ),
        actor=actor,
        business_date=current_business_date(),
    )


def waive(
    *,
    loan_id: LoanId,
    components: Mapping[Component, Decimal],
    value_date: date,
    actor: Actor,
    reason: str,
    source: str = "console",
    currency: str | None = None,
) -> Answer:
    """Waive penalty, interest or fees, up to the actor's limit alone, beyond it by approval.

    `currency`, where amounts come with one, must be the loan's: CurrencyDiffers here and below.
    """
    return _do(
        "repayment.waive",
        loan_id=loan_id,
        value_date=value_date,
        actor=actor,
        reason=reason,
        source=source,
        amount=sum(components.values(), ZERO),
        components=dict(components),
        currency=currency,
    )


def refund(
    *,
    loan_id: LoanId,
    amount: Decimal,
    value_date: date,
    actor: Actor,
    reason: str,
    source: str = "console",
    currency: str | None = None,
) -> Answer:
    """Pay back what is held in suspense."""
    return _do(
        "repayment.refund",
        loan_id=loan_id,
        value_date=value_date,
        actor=actor,
        reason=reason,
        source=source,
        amount=amount,
        currency=currency,
    )


def charge_off(*, loan_id: LoanId, value_date: date, actor: Actor, reason: str, source: str = "console") -> Answer:
    """Charge the loan off: what is owed stays owed, what comes in from now on is recovery."""
    return _do(
        "repayment.charge_off", loan_id=loan_id, value_date=value_date, actor=actor, reason=reason, source=source
    )


def write_off(*, loan_id: LoanId, value_date: date, actor: Actor, reason: str, source: str = "console") -> Answer:
    """Give up a balance within the tolerance of the terms and close the loan."""
    return _do("repayment.write_off", loan_id=loan_id, value_date=value_date, actor=actor, reason=reason, source=source)


def change_creditor(
    *,
    loan_id: LoanId,
    creditor: str,
    amount: Decimal,
    value_date: date,
    actor: Actor,
    reason: str,
    source: str = "console",
    currency: str | None = None,
) -> Answer:
    """Hand the claim to a guarantor or buyer who paid `amount`: never a payment of the borrower. mechanics 3.8."""
    return _do(
        "repayment.buy_back",
        loan_id=loan_id,
        value_date=value_date,
        actor=actor,
        reason=reason,
        source=source,
        amount=amount,
        creditor=creditor,
        currency=currency,
    )


def reverse(*, operation_id: OperationId, actor: Actor, reason: str, source: str = "console") -> Answer:
    """Take an operation back; what was booked after it is replayed."""
    operation = Operation.objects.filter(pk=operation_id).first()
    if operation is None:
        raise admission.NotReversible(_("There is no such operation."), next_step=_("Open it from the loan's page."))
    return _do(
        "repayment.reverse",
        loan_id=LoanId(operation.loan_id),
        value_date=operation.value_date,
        actor=actor,
        reason=reason,
        source=source,
        amount=operation.amount,
        reverses=operation_id,
    )


def carry_out(request: ApprovedRequest) -> Booked:
    """Book what was asked for, now that a second person agrees; in the transaction of the decision."""
    draft = draft_asked_for(verb=request.verb, payload=request.payload, reason=request.reason)
    return book_one(draft=draft, actor=request.maker, business_date=current_business_date())


def weigh_now(approval: Approval) -> Decimal | None:
    """What a request weighs by now; its loan is locked, so that it weighs the same when it is carried out."""
    hold_business_date(at_least=current_business_date())
    loan = Loan.objects.select_for_update(no_key=True).filter(pk=int(approval.payload["loan_id"])).first()
    if loan is None:
        return None
    draft = draft_asked_for(verb=approval.verb, payload=approval.payload, reason=approval.reason)
    try:
        return _weight(approval.verb, draft=draft)
    except Refusal:
        return None  # it cannot be booked any more, which carrying it out says


def draft_asked_for(*, verb: str, payload: Mapping[str, Any], reason: str) -> Draft:
    """What a request asks to have booked."""
    return Draft(
        loan_id=LoanId(int(payload["loan_id"])),
        kind=VERBS[verb],
        value_date=date.fromisoformat(payload["value_date"]),
        amount=Decimal(payload.get("amount", "0")),
        components={component: Decimal(value) for component, value in payload.get("components", {}).items()},
        creditor=payload.get("creditor", ""),
        reverses=OperationId(payload["reverses"]) if payload.get("reverses") else None,
        source=payload.get("source", "console"),
        reason=reason,
    )


def try_draft(*, draft: Draft, business_date: date) -> Preview:
    """What booking a draft would do. Raises the refusal that booking it would raise."""
    if draft.reverses is not None:
        return preview_reversal(loan_id=draft.loan_id, operation_id=draft.reverses, business_date=business_date)
    return preview_operation(loan_id=draft.loan_id, operation=operation_of(draft, key=0), business_date=business_date)


@transaction.atomic
def _do(
    verb: str,
    *,
    loan_id: LoanId,
    value_date: date,
    actor: Actor,
    reason: str,
    source: str,
    amount: Decimal = ZERO,
    components: dict[Component, Decimal] | None = None,
    creditor: str = "",
    currency: str | None = None,
    reverses: OperationId | None = None,
) -> Answer:
    """Book within the actor's limit; else try it, so that only what can be booked is asked for, and ask.

    The loan is locked first, so that it weighs the same when it is booked.
    """
    if not reason.strip():
        raise ReasonNeeded(
            _("Say why."), next_step=_("Write a reason; it is kept in the trail."), fields={"reason": _("required")}
        )
    hold_business_date(at_least=current_business_date())
    loan = Loan.objects.select_for_update(no_key=True).filter(pk=loan_id).first()
    if loan is None:
        raise admission.LoanNotFound(_("There is no such loan."), next_step=_("Search by loan number or borrower."))
    admission.check_currency(given=currency, loan=loan.external_id, currency=loan.currency)
    draft = Draft(
        loan_id=loan_id,
        kind=VERBS[verb],
        value_date=value_date,
        amount=amount,
        components=components or {},
        creditor=creditor,
        reverses=reverses,
        source=source,
        reason=reason.strip(),
    )
    today = current_business_date()
    weight = _weight(verb, draft=draft)
    if not approvals.needs_approval(verb=verb, amount=weight, actor=actor, currency=loan.currency):
        return book_one(draft=draft, actor=actor, business_date=today)
    preview = try_draft(draft=draft, business_date=today)
    approval = approvals.submit(
        verb=verb,
        subject_type="repayment.loan",
        subject_id=loan_id,
        payload=_payload(draft),
        reason=reason.strip(),
        actor=actor,
        amount=weight,
        currency=loan.currency,
        borrower_id=loan.borrower_id,
        portfolio=loan.portfolio,
        consequence=in_words(preview=preview, loan=loan),
    )
    return Asked(approval_id=approval.pk)


def _weight(verb: str, *, draft: Draft) -> Decimal:
    """The amount the limits are asked about, as the panel says it. Raises what booking the draft would."""
    if VERBS[verb] not in GIVING_UP and draft.reverses is None:
        return draft.amount
    try:
        return try_draft(draft=draft, business_date=current_business_date()).weight(amount=draft.amount)
    except admission.NotReversible:
        return draft.amount  # booking it says exactly why it cannot be taken back


def _payload(draft: Draft) -> dict[str, Any]:
    return {
        "loan_id": draft.loan_id,
        "value_date": str(draft.value_date),
        "amount": str(draft.amount),
        "components": {component: str(value) for component, value in draft.components.items()},
        "creditor": draft.creditor,
        "reverses": draft.reverses,
        "source": draft.source,
    }
