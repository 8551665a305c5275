"""Maker and checker: one person asks, another decides, and the decision carries the deed out.

The table of what a verb does is `config/approvals.py`; config connects each verb with `register`. Limits are rows of
`ApprovalLimit`. Nobody decides what they asked for themselves; the database refuses it too.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.audit import services
from backoffice.audit.domain.approval_states import ApprovalState, may_move
from backoffice.audit.domain.limits import UNBOUND, Authority, LimitRow, authority_of
from backoffice.audit.models import Approval, ApprovalLimit
from backoffice.audit.selectors import ApprovalNotFound
from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.core.formats import amount_text, moment_text
from backoffice.core.words import written


class AlreadyDecided(Refusal):
    """The request is not waiting any more."""

    code: ClassVar[str] = "audit.approval_already_decided"
    status: ClassVar[int] = 409


class OwnRequest(Refusal):
    """A person tried to decide what they asked for."""

    code: ClassVar[str] = "audit.approval_is_own"
    status: ClassVar[int] = 403


class NotTheAuthor(Refusal):
    """Only the person who asked may withdraw."""

    code: ClassVar[str] = "audit.approval_is_of_another"
    status: ClassVar[int] = 403


class BeyondLimit(Refusal):
    """The person's roles do not reach the amount, or may not decide this verb at all."""

    code: ClassVar[str] = "audit.approval_beyond_limit"
    status: ClassVar[int] = 403


class ReasonMissing(Refusal):
    """A request or a decline says no reason."""

    code: ClassVar[str] = "audit.reason_missing"


class AlreadyAsked(Refusal):
    """The same thing is asked for already and waits for its decision."""

    code: ClassVar[str] = "audit.approval_already_asked"
    status: ClassVar[int] = 409


class UnknownVerb(LookupError):
    """No deed is registered for the verb: a defect of the program, found when the request is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedRequest:
    """What a deed is called with: the request as it was made, who asked (`maker`) and who approved (`checker`)."""

    approval_id: int
    verb: str
    subject_type: str
    subject_id: str
    borrower_id: int | None
    payload: Mapping[str, Any]
    amount: Decimal | None
    currency: str
    reason: str
    maker: Actor
    checker: Actor


ONE_AFTER_THE_OTHER = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0)) IS NULL"
Execute = Callable[[ApprovedRequest], object]
Foretell = Callable[[Approval], str]
Weigh = Callable[[Approval], Decimal | None]
Authors = Callable[[Approval], Collection[int]]


@dataclass(frozen=True, slots=True)
class Deed:
    """What a verb does when it is approved, its name, and how to say its consequence and weigh it as of now."""

    execute: Execute
    label: Any
    consequence: Foretell | None
    weigh: Weigh | None = None
    authors: Authors | None = None


_deeds: dict[str, Deed] = {}


def register(
    verb: str,
    execute: Execute,
    *,
    label: Any = "",
    consequence: Foretell | None = None,
    weigh: Weigh | None = None,
    authors: Authors | None = None,
) -> None:
    """Connects a verb with its deed; called by config when Django starts, the last one wins.

    `execute` runs inside the deciding transaction and refuses with a `Refusal`. `consequence` says, in numbers as of
    now, what approving would do; without it the sentence stored with the request is shown. `weigh` gives the amount the
    limits are asked about as of now, and keeps it from changing until the transaction ends. `authors` gives the ids of
    those who wrote what is asked for, whoever asked: none of them decides.
    """
    _deeds[verb] = Deed(execute=execute, label=label or verb, consequence=consequence, weigh=weigh, authors=authors)


def deed_of(*, verb: str) -> Deed:
    """The deed of a verb. Raises UnknownVerb."""
    deed = _deeds.get(verb)
    if deed is None:
        raise UnknownVerb(verb)
    return deed


def verbs() -> dict[str, Deed]:
    """All registered verbs with their deeds, in alphabetical order."""
    return dict(sorted(_deeds.items()))


def limit_of(*, verb: str, actor: Actor, currency: str = "") -> Authority:
    """How much of the verb the actor may do alone and decide for others. The system is not bound."""
    if actor.kind == "system":
        return UNBOUND
    rows = ApprovalLimit.objects.filter(verb=verb, role__in=actor.roles, currency__in={"", currency})
    return authority_of(
        rows=[LimitRow(row.role, row.currency, row.max_amount, row.alone) for row in rows],
        roles=actor.roles,
        currency=currency,
    )


def needs_approval(*, verb: str, amount: Decimal | None, actor: Actor, currency: str = "") -> bool:
    """True when a second person has to agree: the actor's limit does not reach `amount` (major units)."""
    return not limit_of(verb=verb, actor=actor, currency=currency).may_do_alone(amount=amount)


def is_author(approval: Approval, *, actor: Actor) -> bool:
    """True for somebody who wrote what is asked for, where the verb says who did."""
    deed = _deeds.get(approval.verb)
    if deed is None or deed.authors is None:
        return False
    return any(actor.is_same_person(other_id=each) for each in deed.authors(approval))


def submit(
    *,
    verb: str,
    subject_type: str,
    subject_id: int | str,
    payload: Mapping[str, Any],
    reason: str,
    actor: Actor,
    amount: Decimal | None = None,
    currency: str = "",
    borrower_id: int | None = None,
    portfolio: str = "",
    consequence: str = "",
) -> Approval:
    """Asks for a second person's decision, in the caller's transaction.

    Raises ReasonMissing, UnknownVerb, and AlreadyAsked while the same request waits.
    """
    deed_of(verb=verb)
    if not reason.strip():
        raise ReasonMissing(
            _("A request for approval needs a reason."),
            next_step=_("Say why it should be done."),
            fields={"reason": _("This is needed.")},
        )
    _refuse_twice(verb=verb, subject_type=subject_type, subject_id=str(subject_id), payload=dict(payload))
    approval = Approval.objects.create(
        verb=verb,
        subject_type=subject_type,
        subject_id=str(subject_id),
        borrower_id=borrower_id,
        portfolio=portfolio,
        payload=dict(payload),
        amount=amount,
        currency=currency,
        consequence=consequence,
        reason=reason.strip(),
        requested_by=actor.id,
        requested_by_name=actor.name,
        requested_by_roles=sorted(actor.roles),
    )
    _note(approval, verb="audit.approval.submitted", actor=actor, reason=approval.reason)
    return approval


@transaction.atomic
def approve(*, approval_id: int, actor: Actor, note: str = "") -> Approval:
    """Agrees and carries the deed out, both in this transaction.

    When the deed refuses, nothing of it stays and the request ends as failed with the refusal's words; any other
    error rolls everything back and the request still waits.
    Raises ApprovalNotFound, AlreadyDecided, OwnRequest, BeyondLimit.
    """
    approval = _locked(approval_id, to=ApprovalState.APPROVED)
    _check_decider(approval, actor)
    _check_weight_now(approval, actor)
    try:
        with transaction.atomic():
            deed_of(verb=approval.verb).execute(_request(approval, checker=actor))
    except Refusal as refusal:
        approval.failure, approval.failure_words = refusal.whole, written(refusal.whole)
        return _decide(approval, to=ApprovalState.FAILED, actor=actor, note=note)
    return _decide(approval, to=ApprovalState.APPROVED, actor=actor, note=note)


@transaction.atomic
def decline(*, approval_id: int, actor: Actor, note: str) -> Approval:
    """Says no, with a reason. Raises ApprovalNotFound, AlreadyDecided, OwnRequest, BeyondLimit, ReasonMissing."""
    approval = _locked(approval_id, to=ApprovalState.DECLINED)
    _check_decider(approval, actor)
    if not note.strip():
        raise ReasonMissing(
            _("Say why you decline."),
            next_step=_("The person who asked reads your note."),
            fields={"note": _("This is needed.")},
        )
    return _decide(approval, to=ApprovalState.DECLINED, actor=actor, note=note)


@transaction.atomic
def withdraw(*, approval_id: int, actor: Actor, note: str = "") -> Approval:
    """Takes one's own request back. Raises ApprovalNotFound, AlreadyDecided, NotTheAuthor."""
    approval = _locked(approval_id, to=ApprovalState.WITHDRAWN)
    if not actor.is_same_person(other_id=approval.requested_by):
        raise NotTheAuthor(
            _("Only the person who asked can withdraw this request."),
            next_step=_("You can decline it if you may decide it."),
        )
    return _decide(approval, to=ApprovalState.WITHDRAWN, actor=actor, note=note)


def _refuse_twice(*, verb: str, subject_type: str, subject_id: str, payload: dict[str, Any]) -> None:
    """Raises AlreadyAsked; two who ask at once wait for each other, until the end of the transaction."""
    fetch(ONE_AFTER_THE_OTHER, [f"approval {verb} {subject_type} {subject_id}"])
    waiting = Approval.objects.filter(
        verb=verb,
        subject_type=subject_type,
        subject_id=subject_id,
        state=ApprovalState.PENDING.value,
        payload=payload,
    ).first()
    if waiting is not None:
        raise AlreadyAsked(
            _("%(name)s asked for this already on %(moment)s; the request waits for its decision.")
            % {"name": waiting.requested_by_name, "moment": moment_text(waiting.requested_at)},
            next_step=_("Wait for the decision, or have the request withdrawn."),
        )


def _locked(approval_id: int, *, to: ApprovalState) -> Approval:
    """The request under lock, if the table of states has the move."""
    approval = Approval.objects.select_for_update().filter(pk=approval_id).first()
    if approval is None:
        raise ApprovalNotFound(_("There is no such request."), next_step=_("Look in the list of requests."))
    if not may_move(current=ApprovalState(approval.state), to=to):
        raise AlreadyDecided(
            _("This request was %(state)s by %(name)s.")
            % {"state": approval.get_state_display(), "name": approval.decided_by_name},
            next_step=_("Make a new request if it is still wanted."),
        )
    return approval


def _check_decider(approval: Approval, actor: Actor) -> None:
    if actor.is_same_person(other_id=approval.requested_by):
        raise OwnRequest(
            _("You asked for this yourself; somebody else has to decide it."),
            next_step=_("Ask a colleague, or withdraw the request."),
        )
    if is_author(approval, actor=actor):
        raise OwnRequest(
            _("You wrote what is asked for; somebody else has to decide it."), next_step=_("Leave it to a colleague.")
        )
    authority = limit_of(verb=approval.verb, actor=actor, currency=approval.currency)
    if not authority.may_decide(amount=approval.amount):
        raise BeyondLimit(
            _("Your roles may not decide this request."),
            next_step=_("Leave it to a colleague whose limit reaches it."),
        )


def _check_weight_now(approval: Approval, actor: Actor) -> None:
    """What was asked for at one amount may weigh more by now; the limit that counts is that of carrying it out."""
    weigh = deed_of(verb=approval.verb).weigh
    amount = weigh(approval) if weigh else None
    if amount is None or amount <= (approval.amount or 0):
        return
    if not limit_of(verb=approval.verb, actor=actor, currency=approval.currency).may_decide(amount=amount):
        raise BeyondLimit(
            _("By now this is about %(now)s, no longer about %(asked)s: your roles may not decide it.")
            % {
                "now": amount_text(amount, currency=approval.currency),
                "asked": amount_text(approval.amount or Decimal(0), currency=approval.currency),
            },
            next_step=_("Leave it to a colleague whose limit reaches it, or decline it."),
        )


def _request(approval: Approval, *, checker: Actor) -> ApprovedRequest:
    maker = Actor(
        kind="system" if approval.requested_by is None else "staff",
        id=approval.requested_by,
        name=approval.requested_by_name,
        roles=frozenset(approval.requested_by_roles),
    )
    return ApprovedRequest(
        approval_id=approval.pk,
        verb=approval.verb,
        subject_type=approval.subject_type,
        subject_id=approval.subject_id,
        borrower_id=approval.borrower_id,
        payload=approval.payload,
        amount=approval.amount,
        currency=approval.currency,
        reason=approval.reason,
        maker=maker,
        checker=checker,
    )


def _decide(approval: Approval, *, to: ApprovalState, actor: Actor, note: str) -> Approval:
    approval.state = to.value
    approval.decided_by = actor.id
    approval.decided_by_name = actor.name
    approval.decided_at = Now()
    approval.note = note.strip()
    approval.save(
        update_fields=[
            "state",
            "decided_by",
            "decided_by_name",
            "decided_at",
            "note",
            "failure",
            "failure_words",
        ]
    )
    approval.refresh_from_db(fields=["decided_at"])
    _note(approval, verb=f"audit.approval.{to.value}", actor=actor, reason=approval.note)
    return approval


def _note(approval: Approval, *, verb: str, actor: Actor, reason: str) -> None:
    services.record(
        verb=verb,
        subject_type="audit.approval",
        subject_id=approval.pk,
        actor=actor,
        reason=reason,
        borrower_id=approval.borrower_id,
        after={
            "verb": approval.verb,
            "subject": f"{approval.subject_type} {approval.subject_id}",
            "state": approval.state,
            "amount": approval.amount,
            "currency": approval.currency,
            **({"failure": approval.failure} if approval.failure else {}),
        },
    )
