"""Notices of rails: signed, taken once, applied in the order that makes sense rather than the one they come in.

A forged or stale call is refused and nothing is read from it; the same notice again is answered and changes nothing.
A debit that is told of as returned before anybody told that it succeeded is booked first, at the time the rail gives.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from backoffice.calendars.services import hold_business_date
from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.core.signatures import Forged, Stale, check
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Tripped
from backoffice.repayment.domain.autopay.codes import Family, shipped_codes
from backoffice.repayment.domain.autopay.debit_states import IN_FLIGHT, CommandState
from backoffice.repayment.domain.autopay.handover import Known, Standing
from backoffice.repayment.domain.autopay.notices import Event, Notice, NoticeNotReadable, read_notice
from backoffice.repayment.domain.autopay.outcomes import Said, amount_alarm, read_refusal
from backoffice.repayment.models import DebitBatch, DebitCommand, Rail, RailNotice
from backoffice.repayment.services.autopay import breaking, commands
from backoffice.repayment.services.autopay.rail_settings import RailNotFound
from backoffice.repayment.services.autopay.rails import http
from backoffice.repayment.services.autopay.rails.addresses import address_of
from backoffice.repayment.services.autopay.returning import settle_return
from backoffice.repayment.services.autopay.settling import Fact, settle

BOOKED = frozenset({CommandState.SUCCEEDED, CommandState.RETURNED})


class NoticeForged(Refusal):
    """The call was not signed with the rail's secret."""

    code: ClassVar[str] = "repayment.notice_forged"
    status: ClassVar[int] = 401


class NoticeStale(Refusal):
    """The call was signed too long ago: it may be a recorded one, played again."""

    code: ClassVar[str] = "repayment.notice_stale"
    status: ClassVar[int] = 401


class NoticeRefused(Refusal):
    """The body is no notice, or not one about its order; `fields` says which part of it."""

    code: ClassVar[str] = "repayment.notice_not_readable"
    status: ClassVar[int] = 400


class NoticeConflicts(Refusal):
    """Another notice came under the same id before."""

    code: ClassVar[str] = "repayment.notice_conflicts"
    status: ClassVar[int] = 409


class NoticeTooEarly(Refusal):
    """It cannot be booked yet, and has to come again: when the debit was is not known, or that it left at all."""

    code: ClassVar[str] = "repayment.notice_too_early"
    status: ClassVar[int] = 503


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a notice. `is_new` False: it was here before, and nothing was done again."""

    notice_id: str
    outcome: str
    is_new: bool


def take_notice(*, rail_code: str, timestamp: str, signature: str, body: bytes, at: datetime) -> Taken:
    """Takes one signed notice.

    Raises RailNotFound, NoticeForged, NoticeStale, NoticeRefused, NoticeConflicts, NoticeTooEarly.
    """
    rail = Rail.objects.filter(code=rail_code, kind=Rail.Kind.HTTP).first()
    if rail is None:
        raise RailNotFound(_("There is no such rail."), next_step=_("Use the address you were given."))
    _check(rail, timestamp=timestamp, signature=signature, body=body, at=at)
    notice = _read(body)
    digest = hashlib.sha256(body).digest()
    known = _known(rail, notice, digest)
    if known is not None:
        return known
    command = _command_of(rail, notice)
    debited = _when_debited(rail, notice, command)
    try:
        with transaction.atomic():
            return _take(rail, notice, digest, command=command, debited=debited, at=at)
    except IntegrityError:
        # The same notice came twice at one moment; the other one was quicker.
        known = _known(rail, notice, digest)
        if known is None:
            raise
        return known


def _check(rail: Rail, *, timestamp: str, signature: str, body: bytes, at: datetime) -> None:
    try:
        check(
            secret=str(settings.RAIL_SECRETS.get(rail.code, "")),
            timestamp=timestamp,
            signature=signature,
            body=body,
            now=int(at.timestamp()),
        )
    except Forged as error:
        raise NoticeForged(
            _("The signature is not that of this rail."),
            next_step=_("Sign the timestamp, a full stop and the body with the shared secret."),
        ) from error
    except Stale as error:
        raise NoticeStale(
            _("The call was signed more than five minutes ago, or ahead of time."),
            next_step=_("Set the clock and sign again; a repeated notice keeps its id."),
        ) from error


def _read(body: bytes) -> Notice:
    try:
        return read_notice(body)
    except NoticeNotReadable as error:
        fields = {error.field: str(error)} if error.field else {}
        raise NoticeRefused(
            _("The notice cannot be read: %(why)s.") % {"why": f"{error.field} {error}".strip()},
            next_step=_("See the contract of rails; nothing was taken."),
            fields=fields,
        ) from error


def _known(rail: Rail, notice: Notice, digest: bytes) -> Taken | None:
    """The notice as it was taken before. Raises NoticeConflicts when it said something else then."""
    before = RailNotice.objects.filter(rail=rail, notice_id=notice.notice_id).first()
    if before is None:
        return None
    if bytes(before.digest) != digest:
        raise NoticeConflicts(
            _("A different notice came under the id %(id)s before.") % {"id": notice.notice_id},
            next_step=_("Give every notice an id of its own."),
            fields={"notice_id": _("was used before")},
        )
    return Taken(notice_id=notice.notice_id, outcome=before.outcome, is_new=False)


def _command_of(rail: Rail, notice: Notice) -> DebitCommand | None:
    """The command, if it left over this rail: none speaks of another's debits.

    Raises NoticeRefused, NoticeTooEarly.
    """
    command = DebitCommand.objects.filter(order_no=notice.order_no, rail=rail).first()
    if command is not None and command.currency != notice.currency:
        raise NoticeRefused(
            _("The order is in %(currency)s.") % {"currency": command.currency},
            next_step=_("See the contract of rails; nothing was taken."),
            fields={"currency": _("is not that of the order")},
        )
    if command is not None and command.state == CommandState.PLANNED:
        # As far as we know it never left. It leaves again under its number, or is dropped: then there is room for it.
        raise NoticeTooEarly(_("This order has not left yet."), next_step=_("Send the notice again later."))
    return command


def _when_debited(rail: Rail, notice: Notice, command: DebitCommand | None) -> Standing | None:
    """What the rail says of a debit it took back before we knew that it was made; None when that is not the case.

    Asked outside of any transaction. Raises NoticeTooEarly when it does not say when the debit was.
    """
    if notice.event != Event.RETURNED or command is None or command.state in BOOKED:
        return None
    standing = http.ask(order_no=notice.order_no, address=address_of(rail))
    if standing.known != Known.RETURNED:
        raise NoticeTooEarly(
            _("It is not known when this order was debited."),
            next_step=_("Send the notice again, and answer the question about its order."),
        )
    return standing


def _take(
    rail: Rail, notice: Notice, digest: bytes, *, command: DebitCommand | None, debited: Standing | None, at: datetime
) -> Taken:
    outcome = RailNotice.Outcome.UNMATCHED
    if command is not None:
        # The locks that settling takes, in its order: under them, one that came at the same moment is seen.
        hold_business_date(at_least=date.min)
        commands.lock_batches([command.batch_id])
        commands.lock_loans([command.loan_id])
        known = _known(rail, notice, digest)
        if known is not None:
            return known
        is_news = _happen(command, notice, debited=debited, at=at)
        outcome = RailNotice.Outcome.APPLIED if is_news else RailNotice.Outcome.LATE
    RailNotice.objects.create(
        rail=rail,
        notice_id=notice.notice_id,
        digest=digest,
        command=command,
        order_no=notice.order_no,
        event=notice.event.value,
        amount=notice.amount,
        code=notice.code,
        outcome=outcome,
        at=notice.at,
    )
    return Taken(notice_id=notice.notice_id, outcome=outcome.value, is_new=True)


def _happen(command: DebitCommand, notice: Notice, *, debited: Standing | None, at: datetime) -> bool:
    """Writes down what the notice says; False when it changes nothing."""
    fact = _fact(command, notice, debited=debited)
    moved = fact is not None and settle(facts={command.pk: fact}, at=at, actor=SYSTEM) > 0
    if fact is not None and not moved:
        _look_at(command, fact, at=at)
    if notice.event != Event.RETURNED:
        return moved
    return settle_return(
        command_id=command.pk,
        returned_at=notice.at,
        code=notice.code,
        reference=notice.reference,
        at=at,
        actor=SYSTEM,
    )


def _fact(command: DebitCommand, notice: Notice, *, debited: Standing | None) -> Fact | None:
    """What the notice says of the debit itself; None for the return of one that is booked."""
    if notice.event == Event.DECLINED:
        said = read_refusal(notice.code, scheme=command.rail.scheme, codes=shipped_codes(), order_no=notice.order_no)
        return Fact(said=said, reference=notice.reference)
    if notice.event == Event.SUCCEEDED:
        done = Said(CommandState.SUCCEEDED, notice.code, Family.DONE)
        return Fact(said=done, at=notice.at, amount=notice.amount, reference=notice.reference)
    if debited is None:
        return None
    return Fact(
        said=Said(CommandState.SUCCEEDED, "", Family.DONE),
        at=debited.at,
        amount=debited.amount,
        reference=debited.reference,
    )


def _look_at(command: DebitCommand, fact: Fact, *, at: datetime) -> None:
    """Alarms of a notice that came too late to move its command.

    Another amount than booked, a code nobody mapped, or a refusal of what the rail had debited.
    """
    now = DebitCommand.objects.select_related("rail").get(pk=command.pk)
    if now.state == CommandState.SUCCEEDED and fact.said.to != CommandState.SUCCEEDED:
        contrary = Tripped(BreakerKind.CONTRARY, f"{now.code or '-'}, {fact.said.code or '-'}", "", now.order_no)
        breaking.open_breaker(tripped=contrary, rail=now.rail, command_id=now.pk, at=at)
        return
    alarm = fact.said.alarm if CommandState(now.state) in IN_FLIGHT else None
    if CommandState(now.state) in BOOKED and fact.amount is not None:
        alarm = amount_alarm(asked=now.amount, moved=fact.amount, order_no=now.order_no)
    if alarm is not None:
        batch = DebitBatch.objects.get(pk=now.batch_id) if now.batch_id is not None else None
        breaking.open_breaker(tripped=alarm, batch=batch, command_id=now.pk, at=at)
