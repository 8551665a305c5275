"""Commands nobody knows the fate of: leases that ran out become unknown, and rails are asked until they know.

Unknown is never sent again. A rail that knows nothing of a command proves something only once the command has expired;
what no rail answers stays unknown until a notice, the settlement file or a person says what became of it.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.audit import approvals
from backoffice.audit.approvals import ApprovedRequest
from backoffice.audit.models import Approval
from backoffice.audit.services import record
from backoffice.calendars import clock
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.bulk import execute, fetch
from backoffice.core.errors import Refusal
from backoffice.core.formats import amount_text, moment_text
from backoffice.outreach.domain.handover import next_look
from backoffice.repayment.domain.autopay.codes import Family, shipped_codes
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.handover import Known, Standing
from backoffice.repayment.domain.autopay.outcomes import Said, read_standing
from backoffice.repayment.models import DebitCommand, Rail
from backoffice.repayment.services.autopay.filing import keep_from_leaving, waits_to_leave
from backoffice.repayment.services.autopay.handing import HANDS
from backoffice.repayment.services.autopay.rails import http
from backoffice.repayment.services.autopay.rails.addresses import address_of
from backoffice.repayment.services.autopay.returning import settle_return
from backoffice.repayment.services.autopay.settling import Fact, settle

APPROVAL_VERB: Final = "repayment.decide_debit"
SAYS_OTHERWISE: Final = {
    Known.SUCCEEDED: gettext_lazy("it debited the order"),
    Known.RETURNED: gettext_lazy("it debited the order and took it back"),
    Known.PROCESSING: gettext_lazy("it is still at work on it"),
}
"""Answers of a rail that forbid a person to say that it never debited the order."""
BATCH: Final = 200
CLOCKS_DIFFER: Final = timedelta(seconds=60)
"""How far a rail's clock may be from ours: a command has expired for certain only that much later."""
RUN_OUT: Final = """
SELECT id FROM repayment_debitcommand
WHERE state = 'submitted' AND lease_until <= %(at)s ORDER BY lease_until LIMIT %(most)s
"""
# Taking a question in hand sets the next one, so that a worker that dies asking leaves it to be asked again.
TAKE: Final = """
UPDATE repayment_debitcommand command SET look_at = %(at)s + make_interval(secs => %(wait)s), looks = looks + 1
WHERE id IN (
    SELECT id FROM repayment_debitcommand WHERE look_at <= %(at)s ORDER BY look_at, id LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
RETURNING id, order_no, rail_id, state, looks, expires_at
"""
# In id order, as everybody locks commands: whoever writes down an answer meanwhile has several of them.
LOOK_AGAIN: Final = """
WITH asked AS (SELECT * FROM unnest(%s::bigint[], %s::timestamptz[]) AS asked (id, look_at)), mine AS (
    SELECT command.id FROM repayment_debitcommand command JOIN asked USING (id)
    WHERE command.state = 'unknown' ORDER BY command.id FOR NO KEY UPDATE OF command
)
UPDATE repayment_debitcommand command SET look_at = asked.look_at
FROM mine JOIN asked USING (id) WHERE command.id = mine.id
"""


class CommandNotUnknown(Refusal):
    """Only the fate of an unknown command is for a person to say."""

    code: ClassVar[str] = "repayment.debit_not_unknown"
    status: ClassVar[int] = 409


class NotDebitedYet(Refusal):
    """Nothing is debited at a time that has not come."""

    code: ClassVar[str] = "repayment.debit_time_ahead"


class MayStillBeDebited(Refusal):
    """Nobody can say yet that an order was never debited."""

    code: ClassVar[str] = "repayment.debit_may_still_happen"
    status: ClassVar[int] = 409


class CannotBeDecided(Refusal):
    """What a person says of a command cannot be booked; a breaker is open about it."""

    code: ClassVar[str] = "repayment.debit_cannot_be_decided"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a person's word: it is written down, or the request that now waits."""

    approval_id: int | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A command a rail is asked about."""

    command_id: int
    order_no: str
    rail_id: int
    state: str
    looks: int
    expires_at: datetime | None


def resolve(*, clock: Callable[[], datetime]) -> int:
    """Gives up leases that ran out, then asks about every command whose time for a question has come. How many."""
    seen = 0
    while given_up := give_up_leases(at=clock()):
        seen += given_up
    while asked := ask_rails(clock=clock):
        seen += asked
    return seen


def give_up_leases(*, at: datetime) -> int:
    """Commands whose sender has gone silent become unknown; gives how many."""
    ids = [row[0] for row in fetch(RUN_OUT, {"at": at, "most": BATCH})]
    silent = Fact(said=Said(CommandState.UNKNOWN, "silent", Family.UNKNOWN, "the lease ran out"))
    return settle(facts=dict.fromkeys(ids, silent), at=at, actor=SYSTEM)


def ask_rails(*, clock: Callable[[], datetime]) -> int:
    """One batch of questions, side by side, and what was learned. How many were asked."""
    at = clock()
    rows = fetch(TAKE, {"at": at, "wait": int(next_look(looks=0).total_seconds()), "most": BATCH})
    questions = [Question(*row) for row in rows]
    if not questions:
        return 0
    rails = {rail.pk: rail for rail in Rail.objects.filter(pk__in={one.rail_id for one in questions})}
    with ThreadPoolExecutor(max_workers=HANDS) as hands:
        standings = list(hands.map(lambda one: _ask(one, rails[one.rail_id]), questions))
    answered = list(zip(questions, standings, strict=True))
    settle(
        facts={
            one.command_id: fact_of(one.order_no, standing, rail=rails[one.rail_id], expires_at=one.expires_at, at=at)
            for one, standing in answered
        },
        at=clock(),
        actor=SYSTEM,
    )
    _set_next_looks(questions, at=at)
    for one, standing in answered:
        follow_return(command_id=one.command_id, standing=standing, at=clock(), actor=SYSTEM)
    return len(questions)


def fact_of(order_no: str, standing: Standing, *, rail: Rail, expires_at: datetime | None, at: datetime) -> Fact:
    """What a rail's word about a command says."""
    said = read_standing(
        standing,
        scheme=rail.scheme,
        codes=shipped_codes(),
        order_no=order_no,
        has_expired=has_expired(expires_at, at=at),
    )
    return Fact(said=said, at=standing.at, amount=standing.amount, reference=standing.reference)


def has_expired(expires_at: datetime | None, *, at: datetime) -> bool:
    """Whether a rail certainly refuses an order that reaches it now."""
    return expires_at is None or at > expires_at + CLOCKS_DIFFER


def follow_return(*, command_id: int, standing: Standing, at: datetime, actor: Actor) -> bool:
    """A debit that came and went again is booked and taken back; gives whether it was."""
    if standing.known != Known.RETURNED or standing.returned_at is None:
        return False
    return settle_return(
        command_id=command_id,
        returned_at=standing.returned_at,
        code=standing.code,
        reference=standing.reference,
        at=at,
        actor=actor,
    )


def decide_unknown(
    *, command_id: int, was_debited: bool, debited_at: datetime | None, reason: str, at: datetime, actor: Actor
) -> Decided:
    """A person who asked the bank says what became of an unknown command.

    That it was never debited lets its bill be debited again: its rail is asked once more, and beyond the person's limit
    a second one agrees. A file that has it and is not at the bank yet is not put any more. Raises CommandNotUnknown,
    NotDebitedYet, MayStillBeDebited, CannotBeDecided, FileUnderWay.
    """
    command = _unknown(command_id)
    if debited_at is not None and debited_at > at:
        raise NotDebitedYet(
            _("This time has not come yet."),
            next_step=_("Say when the bank debited it, or leave the time out."),
            fields={"debited_at": _("has not come yet")},
        )
    if was_debited:
        said = Said(CommandState.SUCCEEDED, "by_hand", Family.DONE, reason)
        _decide(command, Fact(said=said, at=debited_at or command.submitted_at or at, amount=command.amount), at, actor)
        return Decided()
    _check_never_debited(command, at=at)
    if needs_second(command=command, actor=actor):
        return Decided(approval_id=_ask_second(command, reason=reason, actor=actor).pk)
    _decide(command, _never(reason), at, actor)
    return Decided()


def decide_as_approved(request: ApprovedRequest) -> None:
    """It was never debited, now that a second person agrees; in the transaction of the decision."""
    command = _unknown(int(request.subject_id))
    at = clock.now()
    _check_never_debited(command, at=at)
    _decide(command, _never(request.reason), at, request.maker)


def needs_second(*, command: DebitCommand, actor: Actor) -> bool:
    """Whether a second person has to agree that a command was never debited: its amount is beyond the actor's limit."""
    return approvals.needs_approval(verb=APPROVAL_VERB, amount=command.amount, actor=actor, currency=command.currency)


def _unknown(command_id: int) -> DebitCommand:
    command = DebitCommand.objects.select_related("rail", "loan").filter(pk=command_id).first()
    if command is None or command.state != CommandState.UNKNOWN:
        raise CommandNotUnknown(
            _("This debit is not unknown."), next_step=_("Look at its journey; it may have become known meanwhile.")
        )
    return command


def _check_never_debited(command: DebitCommand, *, at: datetime) -> None:
    """Raises MayStillBeDebited while the order may be carried out, or when its rail says otherwise."""
    if waits_to_leave(command_id=command.pk):
        return  # in a file the bank certainly never had, and will not get any more
    _check_expired(command, at=at)
    standing = _ask(_question_of(command), command.rail)
    if standing.known in SAYS_OTHERWISE:
        raise MayStillBeDebited(
            _("The rail says otherwise: %(answer)s.") % {"answer": SAYS_OTHERWISE[standing.known]},
            next_step=_("Wait: the rail is asked again by itself, and what it says is written down."),
        )


def _check_expired(command: DebitCommand, *, at: datetime) -> None:
    if command.expires_at is not None and not has_expired(command.expires_at, at=at):
        raise MayStillBeDebited(
            _("The order may still be carried out until %(moment)s.")
            % {"moment": moment_text(command.expires_at + CLOCKS_DIFFER)},
            next_step=_("Wait until then, and ask the bank again."),
        )


def _never(reason: str) -> Fact:
    return Fact(said=Said(CommandState.DECLINED, "by_hand", Family.EXPIRED, reason))


def _decide(command: DebitCommand, fact: Fact, at: datetime, actor: Actor) -> None:
    with transaction.atomic():
        is_no = fact.said.to == CommandState.DECLINED
        if is_no and not keep_from_leaving(command_id=command.pk, at=at):
            _check_expired(command, at=at)
        moved = settle(facts={command.pk: fact}, at=at, actor=actor)
        if moved:
            record(
                verb="repayment.debit.decided",
                subject_type="repayment.debit",
                subject_id=command.pk,
                actor=actor,
                reason=fact.said.detail,
                after={"debited": fact.said.to == CommandState.SUCCEEDED, "order": command.order_no},
                borrower_id=command.borrower_id,
            )
    if not moved:
        raise CannotBeDecided(
            _("This could not be written down; the debit is unknown as before."),
            next_step=_("Look at the open breakers: one says what was wrong."),
        )


@transaction.atomic
def _ask_second(command: DebitCommand, *, reason: str, actor: Actor) -> Approval:
    return approvals.submit(
        verb=APPROVAL_VERB,
        subject_type="repayment.debit",
        subject_id=command.pk,
        payload={"was_debited": False},
        reason=reason,
        actor=actor,
        amount=command.amount,
        currency=command.currency,
        borrower_id=command.borrower_id,
        portfolio=command.loan.portfolio,
        consequence=_("Order %(order)s counts as never debited: a later slot may debit %(amount)s again.")
        % {"order": command.order_no, "amount": amount_text(command.amount, currency=command.currency)},
    )


def _question_of(command: DebitCommand) -> Question:
    return Question(command.pk, command.order_no, command.rail_id, command.state, command.looks, command.expires_at)


def _ask(one: Question, rail: Rail) -> Standing:
    """What the rail says; a file rail cannot be asked, its statement tells."""
    if rail.kind != Rail.Kind.HTTP:
        return Standing(known=Known.UNCLEAR)
    return http.ask(order_no=one.order_no, address=address_of(rail))


def _set_next_looks(questions: list[Question], *, at: datetime) -> None:
    """The longer a command has been asked about in vain, the later the next question.

    That a rail never had a command is proof from a moment on that is known: it is asked then at the latest.
    """
    asked = sorted((one.command_id, _next_look(one, at=at)) for one in questions)
    execute(LOOK_AGAIN, [[key for key, _when in asked], [when for _key, when in asked]])


def _next_look(one: Question, *, at: datetime) -> datetime:
    usual = at + next_look(looks=one.looks)
    proof = one.expires_at + CLOCKS_DIFFER + timedelta(seconds=1) if one.expires_at else usual
    return min(usual, proof) if proof > at else usual
