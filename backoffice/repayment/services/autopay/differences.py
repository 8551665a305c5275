"""The verbs of a ticket: somebody takes it, hands it over, resolves it by a posting or an explanation.

Where money moves back, or is not booked at all, what exceeds a person's limit waits for a second one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit import approvals
from backoffice.audit.approvals import ApprovedRequest
from backoffice.audit.models import Approval
from backoffice.audit.services import record
from backoffice.calendars import clock
from backoffice.calendars.clock import lenders_day
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.formats import amount_text, date_text
from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.codes import Family, shipped_codes
from backoffice.repayment.domain.autopay.debit_states import IN_FLIGHT, CommandState
from backoffice.repayment.domain.autopay.differences import (
    DifferenceKind,
    Records,
    Resolution,
    Says,
    is_near_enough,
    is_weighed,
    resolutions_of,
)
from backoffice.repayment.domain.autopay.matching import Why
from backoffice.repayment.domain.autopay.outcomes import NOT_IN_FILE, read_refusal
from backoffice.repayment.domain.autopay.settlement_file import PENDING
from backoffice.repayment.domain.operations import ALL_HELD
from backoffice.repayment.models import DebitCommand, Difference, Loan, SettlementLine
from backoffice.repayment.selectors.states import LoanId
from backoffice.repayment.services.autopay.file_truth import (
    Proof,
    prove_absent,
    prove_amount,
    prove_debited,
    prove_placed,
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
    """How a ticket is to end: `loan_number` where no command names the loan, `due_on` the day it is expected in.

    `portfolios` are those the person works on, None for the whole book; a request that was asked for names its loan by
    `loan_id`.
    """

    resolution: Resolution
    reason: str
    loan_number: str = ""
    due_on: date | None = None
    portfolios: frozenset[str] | None = None
    loan_id: int | None = None


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
    if waits(ticket, asked.resolution, actor=actor):
        return _ask(ticket, asked, weight=weight_of(ticket), actor=actor)
    return Resolved(operation_id=_carry_out(ticket, asked, actor=actor))


def waits(ticket: Difference, resolution: Resolution, *, actor: Actor) -> bool:
    """True when a second person has to agree to the ticket's ending like that."""
    return is_weighed(resolution, records=records_of(ticket)) and approvals.needs_approval(
        verb=APPROVAL_VERB, amount=weight_of(ticket), actor=actor, currency=ticket.currency
    )


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
        loan_id=payload.get("loan_id"),
    )


def ways_of(ticket: Difference) -> tuple[Resolution, ...]:
    """How the ticket can end, by its kind and by where its command stands."""
    return resolutions_of(kind=DifferenceKind(ticket.kind), movement=ticket.movement, records=records_of(ticket))


def records_of(ticket: Difference) -> Records:
    """What the two records of the ticket are by now."""
    says = _says(ticket)
    if ticket.command is None:
        return Records(says=says)
    state = CommandState(ticket.command.state)
    return Records(
        has_command=True,
        is_in_flight=state in IN_FLIGHT,
        is_succeeded=state == CommandState.SUCCEEDED,
        is_returned=state == CommandState.RETURNED,
        is_unplaced=_is_unplaced(ticket.command),
        says=says,
        is_one_currency=ticket.line is None or ticket.line.currency == ticket.command.currency,
    )


def is_booked_beside(ticket: Difference) -> bool:
    """True when believing the line books a payment of its own: of no order of ours, or beside one booked already."""
    command = ticket.command
    if command is None:
        return True
    return command.state in {CommandState.SUCCEEDED, CommandState.RETURNED} and not _is_unplaced(command)


def _is_unplaced(command: DebitCommand) -> bool:
    return command.state == CommandState.SUCCEEDED and command.operation_id is None


def _says(ticket: Difference) -> Says:
    """What the line says of its money, by its code in the scheme of its rail."""
    line, rail = ticket.line, ticket.reconciled_day.rail
    if line is None:
        return Says.NOTHING
    if rail is None or line.kind == "return" or not line.code:
        return Says.MOVED
    if line.code == PENDING:
        return Says.REFUSED
    known = shipped_codes().find(scheme=rail.scheme, code=line.code)
    if known is not None and (known.family is Family.DONE or known.was_debited):
        return Says.MOVED
    said = read_refusal(line.code, scheme=rail.scheme, codes=shipped_codes(), order_no=line.order_no)
    return Says.REFUSED if said.to == CommandState.DECLINED else Says.UNCLEAR


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
    if asked.resolution is Resolution.LATER:
        _check_near(ticket, asked.due_on)


def _check_near(ticket: Difference, due_on: date | None) -> None:
    day = ticket.reconciled_day.day
    if due_on is not None and is_near_enough(due_on, day=day, today=business_date()):
        return
    raise ResolutionNotPossible(
        _("Say in the file of which later day it is expected."),
        next_step=_("Give a day after %(day)s, at the latest seven days from today.") % {"day": date_text(day)},
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
        after={
            "resolution": asked.resolution.value,
            "operation": operation_id,
            "due_on": asked.due_on,
            "ours": ticket.ours,
            "theirs": ticket.theirs,
            "currency": ticket.currency,
        },
    )
    recount(ticket.reconciled_day)
    return operation_id


def _book(ticket: Difference, asked: Asked, *, actor: Actor) -> int | None:
    """What is posted: the operation, None for what only explains."""
    if asked.resolution is Resolution.BELIEVE:
        return _believe(ticket, asked, actor=actor)
    if asked.resolution is Resolution.DECLINE:
        prove_absent(command_id=_command(ticket).pk, actor=actor, code=_line(ticket).code)
        return None
    if asked.resolution is Resolution.REFUND:
        was_beside = is_booked_beside(ticket)
        _believe(ticket, asked, actor=actor)
        return _pay_back(ticket, asked, was_beside=was_beside, actor=actor)
    if asked.resolution is Resolution.REVERSE:
        command = _command(ticket)
        amount = ticket.ours or command.amount
        proof = Proof(at=clock.now(), amount=amount, currency=command.currency, code=NOT_IN_FILE)
        return prove_returned(command_id=command.pk, proof=proof, actor=actor)
    if asked.resolution is Resolution.CORRECT:
        command = _command(ticket)
        return prove_amount(command_id=command.pk, proof=proof_of(_line(ticket)), actor=actor, reason=asked.reason)
    return None


def _believe(ticket: Difference, asked: Asked, *, actor: Actor) -> int | None:
    """Book the channel's line: as the success of its command, or as a payment beside one that is booked or is not ours.

    What is paid back at once is held from today on: it is not for what is due.
    """
    line, command = _line(ticket), ticket.command
    if command is not None and not is_booked_beside(ticket):
        _check_first(ticket)
        if _is_unplaced(command):
            return prove_placed(command_id=command.pk, actor=actor)
        return prove_debited(command_id=command.pk, proof=proof_of(line), actor=actor)
    is_paid_back = asked.resolution is Resolution.REFUND
    today = business_date()
    booked = book_one(
        draft=Draft(
            loan_id=LoanId(_loan(ticket, asked).pk),
            kind="payment",
            value_date=today if is_paid_back else min(lenders_day(line.at), today),
            amount=line.amount,
            currency=line.currency,
            surplus=ALL_HELD if is_paid_back else None,
            source=SOURCE,
            external_id=f"{line.file_id}:{line.number}",
            channel="autopay",
            reference=line.order_no,
            reason=asked.reason,
        ),
        actor=actor,
        business_date=today,
    )
    return int(booked.operation_id)


def _check_first(ticket: Difference) -> None:
    """Of an order debited twice and not booked yet, the first debit is decided first. Raises ResolutionNotPossible."""
    earlier = Difference.objects.filter(
        order_no=ticket.order_no,
        movement=ticket.movement,
        state=Difference.State.OPEN,
        reconciled_day__rail__isnull=False,
    ).exclude(pk=ticket.pk)
    if ticket.detail == Why.TWICE and earlier.filter(reconciled_day__day__lt=ticket.reconciled_day.day).exists():
        raise ResolutionNotPossible(
            _("An earlier file has this order too, and its difference is still open."),
            next_step=_("Resolve the earlier one first; this one is the second debit."),
        )


def _pay_back(ticket: Difference, asked: Asked, *, was_beside: bool, actor: Actor) -> int:
    """Pay the amount back out of what is held; `was_beside`: out of what was booked for that alone.

    Raises RefundExceedsSuspense when something due took it.
    """
    today = business_date()
    booked = book_one(
        draft=Draft(
            loan_id=LoanId(_loan(ticket, asked).pk),
            kind="refund",
            value_date=today,
            amount=_line(ticket).amount,
            surplus=ALL_HELD if was_beside else None,
            source=SOURCE,
            reference=ticket.order_no,
            reason=asked.reason,
        ),
        actor=actor,
        business_date=today,
    )
    return int(booked.operation_id)


def _loan(ticket: Difference, asked: Asked) -> Loan:
    """The loan of the command; else the one a person named, of those they see, in the line's currency.

    Raises ResolutionNotPossible.
    """
    if ticket.command is not None:
        return ticket.command.loan
    loans = Loan.objects.filter(currency=_line(ticket).currency)
    if asked.loan_id is not None:
        loans = loans.filter(pk=asked.loan_id)
    elif asked.portfolios is not None:
        loans = loans.filter(portfolio__in=asked.portfolios)
    if asked.loan_number:
        loans = loans.filter(external_id=asked.loan_number)
    found = list(loans[:2]) if asked.loan_number or asked.loan_id is not None else []
    if len(found) != 1:
        raise ResolutionNotPossible(
            _("No debit of ours has this number: say which loan the money is for."),
            next_step=_("Give the number of one loan you see, in the currency of the line, or explain the difference."),
            fields={"loan_number": _("the number of a loan")},
        )
    return found[0]


def _command(ticket: Difference) -> DebitCommand:
    if ticket.command is None:
        raise ResolutionNotPossible(
            _("No debit of ours has this number."), next_step=_("Explain the difference instead.")
        )
    return ticket.command


def _line(ticket: Difference) -> SettlementLine:
    if ticket.line is None:
        raise ResolutionNotPossible(
            _("The channel's file has no such line."), next_step=_("Explain the difference instead.")
        )
    return ticket.line


def _ask(ticket: Difference, asked: Asked, *, weight: Decimal, actor: Actor) -> Resolved:
    command = ticket.command
    loan = _loan(ticket, asked) if command is not None or asked.loan_number else None
    approval = approvals.submit(
        verb=APPROVAL_VERB,
        subject_type="repayment.difference",
        subject_id=ticket.pk,
        payload={
            "resolution": asked.resolution.value,
            "loan_number": asked.loan_number,
            "loan_id": loan.pk if loan is not None and command is None else None,
            "due_on": str(asked.due_on) if asked.due_on else "",
        },
        reason=asked.reason,
        actor=actor,
        amount=weight,
        currency=ticket.currency,
        borrower_id=loan.borrower_id if loan else None,
        portfolio=loan.portfolio if loan else "",
        consequence=_consequence(ticket, asked, loan=loan),
    )
    return Resolved(approval_id=approval.pk)


def _consequence(ticket: Difference, asked: Asked, *, loan: Loan | None) -> str:
    """What the second person reads: both records, and what the first one wants that the records do not say."""
    said = _("%(order)s: ours %(ours)s, the channel's %(theirs)s.") % {
        "order": ticket.order_no,
        "ours": amount_text(ticket.ours or ZERO, currency=ticket.currency),
        "theirs": amount_text(ticket.theirs or ZERO, currency=ticket.currency),
    }
    if loan is not None and ticket.command is None:
        said += " " + _("Booked on the loan %(loan)s.") % {"loan": loan.external_id}
    if asked.due_on is not None:
        said += " " + _("Expected in the file of %(day)s.") % {"day": date_text(asked.due_on)}
    return said


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
