"""What outlives the day of a refused or returned debit: agreements are suspended, debits of a loan stop until ended.

Locks are those of settling: loans, then agreements, then commands. The borrower is not locked: one agreement moves,
under its own lock, and nothing of the borrower's order changes.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.actions import OF_THE_ACCOUNT
from backoffice.repayment.domain.autopay.codes import Family
from backoffice.repayment.domain.autopay.debit_states import CommandState, StopEnd
from backoffice.repayment.domain.autopay.last_look import Drop
from backoffice.repayment.domain.autopay.mandate_states import MandateState
from backoffice.repayment.models import DebitCommand, DebitStop, Mandate
from backoffice.repayment.services.autopay import commands
from backoffice.repayment.services.autopay.commands import Change, Row
from backoffice.repayment.services.autopay.mandate_moving import move

SUBJECT: Final = "repayment.debit_stop"
SUSPENDED: Final = "refused_at_debit"
"""The cause in the history of an agreement that an answer to a debit suspends; its details name the code."""

OUTLIVED: Final = """
SELECT stop.id FROM repayment_debitstop stop JOIN repayment_loan loan ON loan.id = stop.loan_id
WHERE stop.ended_at IS NULL AND stop.family = ANY(%(families)s)
  AND (%(borrower_id)s::bigint IS NULL OR loan.borrower_id = %(borrower_id)s)
  AND EXISTS (
      SELECT 1 FROM repayment_mandate fresh JOIN repayment_mandatemove came ON came.mandate_id = fresh.id
      WHERE fresh.borrower_id = loan.borrower_id AND fresh.currency = loan.currency AND fresh.state = 'active'
        AND came.to_state = 'active' AND came.from_state IN ('', 'signing') AND came.at > stop.since)
ORDER BY stop.id
"""


class DebitStopNotOpen(Refusal):
    """There is no such stop, or it is ended already."""

    code: ClassVar[str] = "repayment.debit_stop_not_open"
    status: ClassVar[int] = 409


class EndNotReasoned(Refusal):
    """Debits go on for a reason."""

    code: ClassVar[str] = "repayment.debit_stop_reason_missing"


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What follows beyond the day from what was said of a command: its row, and the code with its family."""

    row: Row
    code: str
    family: Family | None
    suspend_mandate: bool = False
    stop_loan: bool = False
    until: date | None = None


def lock_agreements(rows: Iterable[Row]) -> list[int]:
    """The agreements of commands, in id order, until the transaction ends; gives the commands planned over them.

    The caller locks those with its own, in id order: they are dropped if the agreement cannot be used any more.
    """
    ids = sorted({row.mandate_id for row in rows})
    if not ids:
        return []
    fetch("SELECT id FROM repayment_mandate WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [ids])
    planned = fetch("SELECT id FROM repayment_debitcommand WHERE mandate_id = ANY(%s) AND state = 'planned'", [ids])
    return [row[0] for row in planned]


def follow_up(aftermath: Sequence[Aftermath], *, at: datetime, actor: Actor) -> None:
    """Suspend and stop what answers say cannot go on; loans and agreements are locked by the caller."""
    for one in aftermath:
        if one.suspend_mandate:
            _suspend(one, at=at, actor=actor)
    _stop([one for one in aftermath if one.stop_loan], at=at, actor=actor)


def _suspend(one: Aftermath, *, at: datetime, actor: Actor) -> None:
    mandate = Mandate.objects.select_for_update(no_key=True).get(pk=one.row.mandate_id)
    if mandate.state != MandateState.ACTIVE:
        return  # an answer that came before, or a person, was quicker
    move(
        mandate,
        to=MandateState.SUSPENDED,
        cause=SUSPENDED,
        actor=actor,
        at=at,
        details={"code": one.code, "family": one.family.value if one.family else "", "detail": one.row.order_no},
        tell_at=mandate.tell_at,
    )


def _stop(aftermath: Sequence[Aftermath], *, at: datetime, actor: Actor) -> None:
    """One stop a loan stands: one without a day on which it is over takes over from one that has it."""
    if not aftermath:
        return
    loan_ids = {one.row.loan_id for one in aftermath}
    standing = {stop.loan_id: stop for stop in DebitStop.objects.standing().filter(loan_id__in=loan_ids)}
    for one in aftermath:
        before = standing.get(one.row.loan_id)
        if before is not None and (before.until is None or one.until is not None):
            continue
        if before is not None:
            _end(before, reason=StopEnd.ANOTHER_CAME, at=at, actor=SYSTEM)
        stop = DebitStop.objects.create(
            loan_id=one.row.loan_id,
            command_id=one.row.id,
            family=one.family.value if one.family else "",
            code=one.code[:40],
            since=at,
            until=one.until,
        )
        standing[stop.loan_id] = stop
        record(
            verb=f"{SUBJECT}.opened",
            subject_type=SUBJECT,
            subject_id=stop.pk,
            actor=actor,
            after={"order_no": one.row.order_no, "family": stop.family, "code": stop.code, "loan": stop.loan_id},
            borrower_id=one.row.borrower_id,
        )
    _drop_planned(loan_ids, at=at, actor=actor)


def _drop_planned(loan_ids: Collection[int], *, at: datetime, actor: Actor) -> None:
    """Debits of stopped loans that wait to leave do not leave; nothing of these loans leaves while they are locked."""
    planned = DebitCommand.objects.filter(loan_id__in=loan_ids, state=CommandState.PLANNED.value)
    rows = commands.read(ids=planned.values_list("pk", flat=True), lock=True)
    dropped = [
        Change(row, CommandState.DROPPED, at, code=Drop.LOAN_STOPPED, values={"answered_at": at})
        for row in rows.values()
        if row.state == CommandState.PLANNED
    ]
    commands.apply(dropped, actor=actor)


@transaction.atomic
def end_stop(*, stop_id: int, reason: str, at: datetime, actor: Actor) -> DebitStop:
    """Debits of the loan may go on: the next slot tries a bill of today that is still open, the close plans the next.

    Raises DebitStopNotOpen, EndNotReasoned.
    """
    _check_reasoned(reason)
    loan_id = DebitStop.objects.filter(pk=stop_id).values_list("loan_id", flat=True).first()
    if loan_id is not None:
        commands.lock_loans([loan_id])
    stop = DebitStop.objects.standing().select_for_update(of=("self",)).select_related("loan").filter(pk=stop_id)
    found = stop.first()
    if found is None:
        raise DebitStopNotOpen(_("This stop is not in force."), next_step=_("Look at the list of stops again."))
    _end(found, reason=reason, at=at, actor=actor)
    return found


@transaction.atomic
def end_stops(*, stop_ids: Collection[int], reason: str, at: datetime, actor: Actor) -> int:
    """Debits of many loans may go on, as of one; gives how many stops were still in force. Raises EndNotReasoned."""
    _check_reasoned(reason)
    commands.lock_loans(DebitStop.objects.filter(pk__in=stop_ids).values_list("loan_id", flat=True))
    stops = DebitStop.objects.standing().select_for_update(of=("self",)).select_related("loan").filter(pk__in=stop_ids)
    ended = list(stops.order_by("pk"))
    for stop in ended:
        _end(stop, reason=reason, at=at, actor=actor)
    return len(ended)


def _check_reasoned(reason: str) -> None:
    if not reason.strip():
        raise EndNotReasoned(
            _("Debits go on for a reason."),
            next_step=_("Say what has changed since they were stopped."),
            fields={"reason": _("is missing")},
        )


@transaction.atomic
def end_for_newer_agreements(*, at: datetime, borrower_id: int | None = None) -> int:
    """What stopped loans because of an account is over once another agreement came into force since; how many.

    `borrower_id` None: of all borrowers.
    """
    families = [family.value for family in OF_THE_ACCOUNT]
    rows = fetch(OUTLIVED, {"families": families, "borrower_id": borrower_id})
    stops = DebitStop.objects.standing().select_for_update(of=("self",)).select_related("loan")
    ended = list(stops.filter(pk__in=[row[0] for row in rows]).order_by("pk"))
    for stop in ended:
        _end(stop, reason=StopEnd.NEWER_AGREEMENT, at=at, actor=SYSTEM)
    return len(ended)


@transaction.atomic
def end_those_over(*, day: date, at: datetime) -> int:
    """Stops that are over by themselves by a day are ended; gives how many."""
    stops = DebitStop.objects.standing().select_for_update(of=("self",)).select_related("loan").filter(until__lte=day)
    ended = list(stops.order_by("pk"))
    for stop in ended:
        _end(stop, reason=StopEnd.DAY_CAME, at=at, actor=SYSTEM)
    return len(ended)


def _end(stop: DebitStop, *, reason: str, at: datetime, actor: Actor) -> None:
    stop.ended_at, stop.ended_by, stop.end_reason = at, actor.name, reason.strip()[:300]
    stop.save(update_fields=["ended_at", "ended_by", "end_reason"])
    record(
        verb=f"{SUBJECT}.ended",
        subject_type=SUBJECT,
        subject_id=stop.pk,
        actor=actor,
        reason=reason.strip(),
        after={"family": stop.family, "code": stop.code, "loan": stop.loan_id},
        borrower_id=stop.loan.borrower_id,
    )
