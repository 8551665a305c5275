"""How a mandate moves: under lock (the borrower, then the mandates, then their planned debits), with history and trail.

Only an active mandate is debited: whenever one stops being active, what was planned over it is dropped in the same
transaction. What is at the rail already is not called back; its answer is booked whatever the mandate has become.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from django.utils.translation import gettext as _

from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.customers.services.locking import locked as locked_borrowers
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.last_look import Drop
from backoffice.repayment.domain.autopay.mandate_states import MandateState, may_move
from backoffice.repayment.models import DebitCommand, Mandate, MandateMove
from backoffice.repayment.services.autopay import commands
from backoffice.repayment.services.autopay.commands import Change

SUBJECT: Final = "repayment.mandate"


class MandateNotFound(Refusal):
    """There is no such mandate."""

    code: ClassVar[str] = "repayment.mandate_not_found"
    status: ClassVar[int] = 404


class MandateInState(Refusal):
    """The mandate is in a state the verb does not start from."""

    code: ClassVar[str] = "repayment.mandate_in_state"
    status: ClassVar[int] = 409


def mandate_not_found() -> MandateNotFound:
    """The refusal, said the same everywhere."""
    return MandateNotFound(_("There is no such mandate."), next_step=_("Look for it in the list of mandates."))


def in_state(mandate: Mandate) -> MandateInState:
    """The refusal of a move the table does not have."""
    return MandateInState(
        _("Mandate %(number)s is %(state)s.") % {"number": mandate.agreement_no, "state": mandate.get_state_display()},
        next_step=_("Look at the mandate again; somebody may have been quicker. What is over needs a new agreement."),
    )


def locked(mandate_id: int) -> Mandate:
    """One mandate with its rail, its borrower locked before it. Raises MandateNotFound."""
    while True:
        borrower_id = Mandate.objects.filter(pk=mandate_id).values_list("borrower_id", flat=True).first()
        if borrower_id is None:
            raise mandate_not_found()
        locked_borrowers(borrower_ids=[borrower_id])
        mandate = Mandate.objects.select_for_update(no_key=True, of=("self",)).select_related("rail").get(pk=mandate_id)
        # A merge may have moved it to another record meanwhile; then that one is locked too.
        if mandate.borrower_id == borrower_id:
            return mandate


def move(
    mandate: Mandate,
    *,
    to: MandateState,
    cause: str,
    actor: Actor,
    at: datetime,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
    tell_at: datetime | None = None,
) -> None:
    """Moves a locked mandate and saves it whole, with history and trail. Raises MandateInState.

    The mandate may stay where it is when something else of it changes, as its limits do.
    """
    before = MandateState(mandate.state)
    if before != to and not may_move(current=before, to=to):
        raise in_state(mandate)
    mandate.state, mandate.tell_at = to.value, tell_at
    mandate.save()
    dropped = 0
    if before == MandateState.ACTIVE != to:
        dropped = drop_planned(mandate_ids=[mandate.pk], detail=cause, actor=actor, at=at)
    said = dict(details or {}) | ({"dropped_debits": dropped} if dropped else {})
    note(mandate, before=before, cause=cause, actor=actor, at=at, reason=reason, details=said)


def note(
    mandate: Mandate,
    *,
    before: MandateState | None,
    cause: str,
    actor: Actor,
    at: datetime,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Writes what happened to a mandate into its history and the trail; `before` None for a new one."""
    said = dict(details or {})
    MandateMove.objects.create(
        mandate=mandate,
        from_state=before.value if before else "",
        to_state=mandate.state,
        cause=cause,
        reason=reason.strip()[:300],
        details=said,
        actor_id=actor.id,
        actor_name=actor.name,
        at=at,
    )
    audit.record(
        verb=f"{SUBJECT}.{cause}",
        subject_type=SUBJECT,
        subject_id=mandate.pk,
        actor=actor,
        reason=reason.strip(),
        before={"state": before.value} if before else None,
        after={"state": mandate.state, "agreement_no": mandate.agreement_no} | said,
        borrower_id=mandate.borrower_id,
    )


def drop_planned(*, mandate_ids: Collection[int], detail: str, actor: Actor, at: datetime) -> int:
    """Drops the debits planned over mandates that stop being active; how many. Their bills stay open for others."""
    planned = DebitCommand.objects.filter(mandate_id__in=mandate_ids, state=CommandState.PLANNED.value)
    rows = commands.read(ids=planned.values_list("pk", flat=True), lock=True)
    dropped = [
        Change(row, CommandState.DROPPED, at, code=Drop.NO_MANDATE, detail=detail, values={"answered_at": at})
        for row in rows.values()
        # Whoever was submitting it while we waited for the lock was quicker.
        if row.state == CommandState.PLANNED
    ]
    commands.apply(dropped, actor=actor)
    return len(dropped)
