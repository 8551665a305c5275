"""The verbs of a ticket: somebody takes it, hands it over, resolves it by a posting or an explanation.

Where money moves back, or is not booked at all, what exceeds a person's limit waits for a second one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit import approvals
from backoffice.audit.approvals import ApprovedRequest
from backoffice.audit.models import Approval
from backoffice.audit.services import record
from backoffice.calendars import clock
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.formats import amount_text
from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.differences import WEIGHED, DifferenceKind, Resolution, resolutions_of
from backoffice.repayment.models import DebitCommand, Difference, Loan, SettlementLine
from backoffice.repayment.selectors.states import LoanId
from backoffice.repayment.services.autopay.file_truth import (
    NOT_IN_FILE,
    Proof,
    prove_amount,
    prove_debited,
    prove_returned,
)
from backoffice.repayment.services.autopay.reconciling import locked_day, proof_of, recount
from backoffice.repayment.services.posting import Draft, book_one

APPROVAL_VERB: Final = "repayment.resolve_difference"
SOURCE: Final = "settlement"


class DifferenceNotFound(Refusal):
    """There is no such ticket."""

    code = "repayment.difference_not_found"
    status = 404


class DifferenceResolved(Refusal):
    """The ticket has ended already."""

    code = "repayment.difference_resolved"
    status = 409


class ResolutionNotPossible(Refusal):
    """A ticket like this cannot end like that, or something is missing for it."""

    code = "repayment.resolution_not_possible"


@dataclass(frozen=True, slots=True)
class Asked:
    """How a ticket is to end: `loan_number` where no command names the loan, `due_on` the day it is expected in."""

    resolution: Resolution
    reason: str
    loan_number: str = ""
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What came of it: the operation booked, if any, or the request that now waits."""

    operation_id: int | None = None
    approval_id: int | None = None


@transaction.atomic
def take_difference(*, difference_id: int, actor: Actor) -> Difference:
    """The actor looks after the ticket from now on. Raises DifferenceNotFound, DifferenceResolved."""
    return _own(difference_id, owner_id=actor.id, owner_name=actor.name, actor=actor, reason="")


@transaction.atomic
def hand_over_difference(
    *, difference_id: int, owner_id: int, owner_name: str, reason: str, actor: Actor
) -> Difference:
    """Somebody else looks after the ticket. Raises DifferenceNotFound, DifferenceResolved, ResolutionNotPossible."""
    if not reason.strip():
        raise _reason_missing()
    return _own(difference_id, owner_id=owner_id, owner_name=owner_name, actor=actor, reason=reason.strip())


@transaction.atomic
def resolve_difference(*, difference_id: int, asked: Asked, actor: Actor) -> Resolved:
    """End a ticket, or ask a second person. Raises ResolutionNotPossible, DifferenceResolved, what booking refuses."""
    ticket = _locked(difference_id)
    asked = replace(asked, reason=asked.reason.strip())
    check_possible(ticket, asked)
    weight = weight_of(ticket)
    if asked.resolution in WEIGHED and approvals.needs_approval(
        verb=APPROVAL_VERB, amount=weight, actor=actor, currency=ticket.currency
    ):
        return _ask(ticket, asked, weight=weight, actor=actor)
    return Resolved(operation_id=_carry_out(ticket, asked, actor=actor))


def resolve_as_approved(request: ApprovedRequest) -> None:
    """End a ticket as it was asked for, now that a second person agrees; in the transaction of the decision."""
    ticket = _locked(int(request.subject_id))
    asked = asked_of(request.payload, reason=request.reason)
    check_possible(ticket, asked)
    _carry_out(ticket, asked, actor=request.maker)


def weigh_now(approval: Approval) -> Decimal | None:
    """What ending the ticket weighs by now; it is locked so that it weighs the same when it is done."""
    ticket = Difference.objects.select_for_update().filter(pk=int(approval.subject_id)).first()
    return weight_of(ticket) if ticket else None


def weight_of(ticket: Difference) -> Decimal:
    """The amount the limits are asked about (major units): the larger of the two records."""
    return max(ticket.ours or ZERO, ticket.theirs or ZERO)


def asked_of(payload: Mapping[str, Any], *, reason: str) -> Asked:
    """What a request asks for."""
    due_on = payload.get("due_on")
    return Asked(
        resolution=Resolution(payload["resolution"]),
        reason=reason,
        loan_number=payload.get("loan_number", ""),
        due_on=date.fromisoformat(due_on) if due_on else None,
    )


def ways_of(ticket: Difference) -> tuple[Resolution, ...]:
    """How the ticket can end, by its kind and by where its command stands."""
    is_booked = ticket.command is not None and ticket.command.state == CommandState.SUCCEEDED
    has_line = ticket.line_id is not None
    return resolutions_of(
        kind=DifferenceKind(ticket.kind), movement=ticket.movement, is_booked=is_booked, has_line=has_line
    )


def check_possible(ticket: Difference, asked: Asked) -> None:
    """Raises DifferenceResolved or ResolutionNotPossible when the ticket cannot end like that."""
    if ticket.state == Difference.State.RESOLVED:
        raise DifferenceResolved(
            _("This difference is resolved already, by %(name)s.") % {"name": ticket.resolved_by},
            next_step=_("Open the day again to see what is left."),
        )
    if asked.resolution not in ways_of(ticket):
        raise ResolutionNotPossible(
            _("A difference of this kind cannot be resolved like that."),
            next_step=_("Choose one of the ways its page offers."),
        )
    if not asked.reason:
        raise _reason_missing()
    if asked.resolution is Resolution.LATER and (asked.due_on is None or asked.due_on <= ticket.reconciled_day.day):
        raise ResolutionNotPossible(
            _("Say in the file of which later day it is expected."),
            next_step=_("Give a day after %(day)s.") % {"day": ticket.reconciled_day.day},
            fields={"due_on": _("a later day")},
        )


def _carry_out(ticket: Difference, asked: Asked, *, actor: Actor) -> int | None:
    operation_id = _book(ticket, asked, actor=actor)
    ticket.state, ticket.resolution, ticket.reason = Difference.State.RESOLVED, asked.resolution.value, asked.reason
    ticket.operation_id, ticket.due_on = operation_id, asked.due_on
    ticket.resolved_by, ticket.resolved_at = actor.name, clock.now()
    ticket.save()
    _note(
        ticket,
        verb="resolved",
        actor=actor,
        reason=asked.reason,
        after={"resolution": asked.resolution.value, "operation": operation_id, "due_on": asked.due_on},
    )
    recount(ticket.reconciled_day)
    return operation_id


def _book(ticket: Difference, asked: Asked, *, actor: Actor) -> int | None:
    """What is posted: the operation, None for what only explains."""
    if asked.resolution is Resolution.BELIEVE:
        return _believe(ticket, asked, actor=actor)
    if asked.resolution is Resolution.REFUND:
        _believe(ticket, asked, actor=actor)
        return _pay_back(ticket, asked, actor=actor)
    if asked.resolution is Resolution.REVERSE:
        command = _command(ticket)
        proof = Proof(at=clock.now(), amount=ticket.ours or command.amount, code=NOT_IN_FILE)
        return prove_returned(command_id=command.pk, proof=proof, actor=actor)
    if asked.resolution is Resolution.CORRECT:
        command = _command(ticket)
        return prove_amount(command_id=command.pk, proof=proof_of(_line(ticket)), actor=actor, reason=asked.reason)
    return None


def _believe(ticket: Difference, asked: Asked, *, actor: Actor) -> int | None:
    """Book the channel's line: as the success of its command, or as a payment beside it where there is none."""
    line, command = _line(ticket), ticket.command
    may_succeed = command is not None and command.state not in {CommandState.SUCCEEDED, CommandState.RETURNED}
    if command is not None and may_succeed and ticket.kind != DifferenceKind.LONG:
        return prove_debited(command_id=command.pk, proof=proof_of(line), actor=actor)
    proof = proof_of(line)
    booked = book_one(
        draft=Draft(
            loan_id=LoanId(_loan(ticket, asked).pk),
            kind="payment",
            value_date=min(_local_date(line.at), business_date()),
            amount=proof.amount,
            currency=line.currency,
            source=SOURCE,
            external_id=f"{line.file_id}:{line.number}",
            channel="autopay",
            reference=line.order_no,
            reason=asked.reason,
        ),
        actor=actor,
        business_date=business_date(),
    )
    return int(booked.operation_id)


def _pay_back(ticket: Difference, asked: Asked, *, actor: Actor) -> int:
    """Pay the amount back out of what is held. Raises RefundExceedsSuspense when something due took it."""
    today = business_date()
    booked = book_one(
        draft=Draft(
            loan_id=LoanId(_loan(ticket, asked).pk),
            kind="refund",
            value_date=today,
            amount=_line(ticket).amount,
            source=SOURCE,
            reference=ticket.order_no,
            reason=asked.reason,
        ),
        actor=actor,
        business_date=today,
    )
    return int(booked.operation_id)


def _loan(ticket: Difference, asked: Asked) -> Loan:
    """The loan of the command; else the one a person named. Raises ResolutionNotPossible."""
    if ticket.command is not None:
        return ticket.command.loan
    found = list(Loan.objects.filter(external_id=asked.loan_number)[:2]) if asked.loan_number else []
    if len(found) != 1:
        raise ResolutionNotPossible(
            _("No debit of ours has this number: say which loan the money is for."),
            next_step=_("Give the number of one loan, or explain the difference instead."),
            fields={"loan_number": _("the number of a loan")},
        )
    return found[0]


def _command(ticket: Difference) -> DebitCommand:
    if ticket.command is None:
        raise ResolutionNotPossible(
            _("No debit of ours has this number."), next_step=_("Explain the difference instead.")
        )
    return ticket.command


def _local_date(at: datetime) -> date:
    return at.astimezone(ZoneInfo(settings.LENDER_TIME_ZONE)).date()


def _line(ticket: Difference) -> SettlementLine:
    if ticket.line is None:
        raise ResolutionNotPossible(
            _("The channel's file has no such line."), next_step=_("Explain the difference instead.")
        )
    return ticket.line


def _ask(ticket: Difference, asked: Asked, *, weight: Decimal, actor: Actor) -> Resolved:
    command = ticket.command
    approval = approvals.submit(
        verb=APPROVAL_VERB,
        subject_type="repayment.difference",
        subject_id=ticket.pk,
        payload={
            "resolution": asked.resolution.value,
            "loan_number": asked.loan_number,
            "due_on": str(asked.due_on) if asked.due_on else "",
        },
        reason=asked.reason,
        actor=actor,
        amount=weight,
        currency=ticket.currency,
        borrower_id=command.borrower_id if command else None,
        portfolio=command.loan.portfolio if command else "",
        consequence=_("%(order)s: ours %(ours)s, the channel's %(theirs)s.")
        % {
            "order": ticket.order_no,
            "ours": amount_text(ticket.ours or ZERO, currency=ticket.currency),
            "theirs": amount_text(ticket.theirs or ZERO, currency=ticket.currency),
        },
    )
    return Resolved(approval_id=approval.pk)


def _own(difference_id: int, *, owner_id: int | None, owner_name: str, actor: Actor, reason: str) -> Difference:
    ticket = _locked(difference_id)
    if ticket.state == Difference.State.RESOLVED:
        raise DifferenceResolved(
            _("This difference is resolved already, by %(name)s.") % {"name": ticket.resolved_by},
            next_step=_("Open the day again to see what is left."),
        )
    before = ticket.owner_name
    ticket.owner_id, ticket.owner_name = owner_id, owner_name
    ticket.save(update_fields=["owner_id", "owner_name"])
    _note(ticket, verb="taken", actor=actor, reason=reason, before={"owner": before}, after={"owner": owner_name})
    return ticket


def _locked(difference_id: int) -> Difference:
    """The ticket under lock; its day is locked first, as comparing does."""
    found = Difference.objects.filter(pk=difference_id).values_list("reconciled_day_id", flat=True).first()
    if found is None:
        raise DifferenceNotFound(_("There is no such difference."), next_step=_("Open it from the day's page."))
    locked_day(found)
    return (
        Difference.objects.select_for_update(of=("self",))
        .select_related("reconciled_day", "command__loan", "line")
        .get(pk=difference_id)
    )


def _reason_missing() -> ResolutionNotPossible:
    return ResolutionNotPossible(
        _("Say why."), next_step=_("Write a reason; it is kept in the trail."), fields={"reason": _("required")}
    )


def _note(
    ticket: Difference,
    *,
    verb: str,
    actor: Actor,
    after: dict[str, Any],
    reason: str = "",
    before: dict[str, Any] | None = None,
) -> None:
    record(
        verb=f"repayment.difference.{verb}",
        subject_type="repayment.difference",
        subject_id=ticket.pk,
        actor=actor,
        reason=reason,
        before=before,
        after=after,
        borrower_id=ticket.command.borrower_id if ticket.command else None,
    )
