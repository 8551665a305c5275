"""Telling rails about agreements: made, changed, revoked. Outside every transaction, and told again until it is known.

The row comes first, with `tell_at` a moment ahead; then the call; then the answer is written. Whoever dies in between
leaves a row whose `tell_at` comes, and the beat asks: an agreement being signed is looked up at the rail before it is
put again. Putting and revoking twice are once (docs/rails.md), so it does no harm to tell again.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import transaction
from django.utils import timezone

from backoffice.core.actors import SYSTEM, Actor
from backoffice.repayment.domain.autopay.handover import AgreementAnswer, AgreementOutcome, Terms
from backoffice.repayment.domain.autopay.mandate_states import MandateState, may_move
from backoffice.repayment.models import Mandate, Rail
from backoffice.repayment.services.autopay.debit_stops import end_for_newer_agreements
from backoffice.repayment.services.autopay.mandate_moving import locked, move, note
from backoffice.repayment.services.autopay.rails import http
from backoffice.repayment.services.autopay.rails.addresses import address_of

logger = logging.getLogger(__name__)

TELL_AGAIN: Final = timedelta(minutes=1)
BATCH: Final = 200
HANDS: Final = 8
OVER: Final = frozenset({MandateState.REVOKED, MandateState.REPLACED, MandateState.EXPIRED})
ACTIVATED, REFUSED, REVOKED_THERE, REPLACED = "activated", "refused", "revoked_at_the_rail", "replaced"
NOT_ACCEPTED: Final = "not_accepted_by_the_rail"

O = AgreementOutcome  # noqa: E741 - read as the outcomes of the contract


@dataclass(frozen=True, slots=True)
class Told:
    """What a run brought: how many mandates were told about, and how many the rail now knows as they stand here."""

    asked: int
    known: int


def is_told(rail: Rail) -> bool:
    """True where the rail keeps agreements itself; a file rail carries the number of the agreement in every debit."""
    return rail.kind == Rail.Kind.HTTP


def first_telling(rail: Rail, *, at: datetime) -> datetime | None:
    """What `tell_at` of a changed mandate is: the caller is about to tell, so nobody else does for a minute."""
    return at + TELL_AGAIN if is_told(rail) else None


def tell_afterwards(mandate_ids: Sequence[int], *, at: datetime, actor: Actor, ask_first: bool = False) -> None:
    """Tells rails once the transaction is committed; what fails then is told by the beat."""
    for mandate_id in mandate_ids:
        transaction.on_commit(
            partial(tell, mandate_id=mandate_id, at=at, actor=actor, ask_first=ask_first), robust=True
        )


def tell(*, mandate_id: int, at: datetime, actor: Actor, ask_first: bool = False) -> Mandate:
    """Tells the rail how a mandate stands and writes its answer; gives the mandate as it is then.

    `ask_first`: one being signed is looked up before it is put. Called outside transactions: it goes over the wire.
    """
    mandate = Mandate.objects.select_related("rail").get(pk=mandate_id)
    if mandate.tell_at is None:
        return mandate
    return _take(mandate, answer=_call(mandate, ask_first=ask_first), at=at, actor=actor)


def tell_while_due(*, clock: Callable[[], datetime], seconds: float) -> int:
    """Tells rails what they do not know yet, batch by batch, for a while; how many mandates it told about."""
    deadline = time.monotonic() + seconds
    told = 0
    while time.monotonic() < deadline:
        batch = tell_those_due(at=clock()).asked
        told += batch
        if batch < BATCH:
            break
    return told


def tell_those_due(*, at: datetime) -> Told:
    """Tells rails of the mandates whose moment has come, the longest waiting first; the calls go out side by side."""
    due = _claim(at=at)
    with ThreadPoolExecutor(max_workers=HANDS) as hands:
        answers = list(hands.map(lambda mandate: _call(mandate, ask_first=True), due))
    known = 0
    for mandate, answer in zip(due, answers, strict=True):
        known += _take(mandate, answer=answer, at=at, actor=SYSTEM).tell_at is None
    return Told(asked=len(due), known=known)


@transaction.atomic
def _claim(*, at: datetime) -> list[Mandate]:
    """The next mandates to tell about; their moment is put ahead, so that nobody else tells of them meanwhile."""
    rows = Mandate.objects.select_for_update(skip_locked=True, no_key=True, of=("self",)).select_related("rail")
    due = list(rows.filter(tell_at__lte=at).order_by("tell_at", "pk")[:BATCH])
    Mandate.objects.filter(pk__in=[mandate.pk for mandate in due]).update(tell_at=at + TELL_AGAIN)
    return due


def _take(mandate: Mandate, *, answer: AgreementAnswer, at: datetime, actor: Actor) -> Mandate:
    settled, others = _settle(mandate, answer=answer, at=at, actor=actor)
    for other in others:
        tell(mandate_id=other, at=at, actor=actor)
    return settled


def _call(mandate: Mandate, *, ask_first: bool) -> AgreementAnswer:
    address = address_of(mandate.rail)
    if not address.secret:
        return AgreementAnswer(outcome=O.NOT_TAKEN, code="no_secret")
    number = mandate.agreement_no
    if mandate.state in OVER:
        return http.revoke_agreement(agreement_no=number, address=address)
    if ask_first and mandate.state == MandateState.SIGNING:
        answer = http.agreement_state(agreement_no=number, address=address)
        if answer.outcome != O.NEVER:
            return answer
    answer = http.put_agreement(terms=_terms(mandate), address=address)
    if answer.outcome != O.REFUSED:
        return answer
    # A refusal of new terms says nothing about the agreement itself; asking does.
    known = http.agreement_state(agreement_no=number, address=address)
    return known if known.outcome == O.REVOKED else answer


@transaction.atomic
def _settle(sent: Mandate, *, answer: AgreementAnswer, at: datetime, actor: Actor) -> tuple[Mandate, list[int]]:
    """Writes an answer under lock; gives the mandate, and those that the rail is now to be told about as well."""
    mandate = locked(sent.pk)
    if (mandate.state, _terms(mandate)) != (sent.state, _terms(sent)):
        # It changed while the rail was being told: the rail is told again.
        return _tell_at(mandate, at), []
    if answer.outcome in {O.NOT_TAKEN, O.UNCLEAR}:
        logger.warning("rail %s, mandate %s: %s %s", mandate.rail.code, mandate.pk, answer.outcome, answer.detail)
        return _tell_at(mandate, at + TELL_AGAIN), []
    if mandate.state in OVER:
        if answer.outcome == O.REFUSED:
            note(
                mandate, before=MandateState(mandate.state), cause=NOT_ACCEPTED, actor=actor, at=at, details=_of(answer)
            )
        return _tell_at(mandate, None), []
    if mandate.state == MandateState.SIGNING:
        return _settle_signing(mandate, answer=answer, at=at, actor=actor)
    if answer.outcome == O.REVOKED:
        move(mandate, to=MandateState.REVOKED, cause=REVOKED_THERE, actor=actor, at=at, details=_of(answer))
        return mandate, []
    if answer.outcome == O.REFUSED:
        note(mandate, before=MandateState(mandate.state), cause=NOT_ACCEPTED, actor=actor, at=at, details=_of(answer))
    return _tell_at(mandate, None), []


def _settle_signing(
    mandate: Mandate, *, answer: AgreementAnswer, at: datetime, actor: Actor
) -> tuple[Mandate, list[int]]:
    if answer.outcome == O.ACTIVE:
        return mandate, activate(mandate, at=at, actor=actor)
    if answer.outcome in {O.REVOKED, O.REFUSED}:
        # What it was to take over stays as it was, and may be bound anew.
        details = _of(answer) | ({"would_have_replaced": mandate.replaces_id} if mandate.replaces_id else {})
        mandate.replaces = None
        move(mandate, to=MandateState.REVOKED, cause=REFUSED, actor=actor, at=at, details=details)
        return mandate, []
    return _tell_at(mandate, at + TELL_AGAIN), []


def activate(mandate: Mandate, *, at: datetime, actor: Actor, reason: str = "") -> list[int]:
    """A locked mandate comes into force and takes over what it replaces; gives the ids the rail is to be told about."""
    mandate.signed_on = mandate.signed_on or timezone.localtime(at).date()
    move(mandate, to=MandateState.ACTIVE, cause=ACTIVATED, actor=actor, at=at, reason=reason)
    end_for_newer_agreements(at=at, borrower_id=mandate.borrower_id)
    if mandate.replaces_id is None:
        return []
    old = Mandate.objects.select_for_update(of=("self",)).select_related("rail").get(pk=mandate.replaces_id)
    if not may_move(current=MandateState(old.state), to=MandateState.REPLACED):
        return []
    move(
        old,
        to=MandateState.REPLACED,
        cause=REPLACED,
        actor=actor,
        at=at,
        details={"by": mandate.agreement_no},
        tell_at=first_telling(old.rail, at=at),
    )
    return [old.pk] if old.tell_at else []


def _tell_at(mandate: Mandate, at: datetime | None) -> Mandate:
    mandate.tell_at = at
    mandate.save(update_fields=["tell_at"])
    return mandate


def _terms(mandate: Mandate) -> Terms:
    return Terms(
        agreement_no=mandate.agreement_no,
        account=mandate.token,
        bank=mandate.bank,
        holder=str(mandate.borrower_id),
        currency=mandate.currency,
        single_limit=mandate.single_limit,
        day_limit=mandate.day_limit,
        month_limit=mandate.month_limit,
    )


def _of(answer: AgreementAnswer) -> dict[str, str]:
    return {name: text for name, text in (("code", answer.code), ("detail", answer.detail)) if text}
