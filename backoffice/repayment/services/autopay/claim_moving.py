"""How a claim moves: under its lock, by the table, with history and trail."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from django.utils.translation import gettext as _

from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.claim_states import ClaimState, DroppedBecause, may_move
from backoffice.repayment.models import Claim, ClaimMove

SUBJECT: Final = "repayment.claim"


class ClaimNotFound(Refusal):
    """There is no such claim."""

    code: ClassVar[str] = "repayment.claim_not_found"
    status: ClassVar[int] = 404


class ClaimInState(Refusal):
    """The claim is in a state the verb does not start from."""

    code: ClassVar[str] = "repayment.claim_in_state"
    status: ClassVar[int] = 409


def claim_not_found() -> ClaimNotFound:
    """The refusal, said the same everywhere."""
    return ClaimNotFound(_("There is no such claim."), next_step=_("Look for it in the list of claims."))


def in_state(claim: Claim) -> ClaimInState:
    """The refusal of a move the table does not have."""
    return ClaimInState(
        _("Claim %(number)s is %(state)s.") % {"number": claim.number, "state": claim.get_state_display()},
        next_step=_("Look at the claim again; somebody was quicker."),
    )


def locked(claim_ids: Collection[int]) -> list[Claim]:
    """Claims under their locks, in id order, with rule, guarantor and loan. Whoever needs a loan locks it before."""
    rows = Claim.objects.select_for_update(of=("self",)).select_related("rule", "guarantor", "loan")
    return list(rows.filter(pk__in=claim_ids).order_by("pk"))


def locked_claim(claim_id: int) -> Claim:
    """One claim under its lock. Raises ClaimNotFound."""
    found = locked([claim_id])
    if not found:
        raise claim_not_found()
    return found[0]


def move(
    claim: Claim,
    *,
    to: ClaimState,
    cause: str,
    actor: Actor,
    at: datetime,
    reason: str = "",
    because: DroppedBecause | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Moves a locked claim and saves it whole. Raises ClaimInState."""
    before = ClaimState(claim.state)
    if not may_move(current=before, to=to, because=claim.dropped_because):
        raise in_state(claim)
    claim.state, claim.dropped_because = to.value, because.value if because else ""
    claim.reason = reason.strip()[:300]
    claim.save()
    note(claim, before=before, cause=cause, actor=actor, at=at, reason=reason, details=details)


def note(
    claim: Claim,
    *,
    before: ClaimState | None,
    cause: str,
    actor: Actor,
    at: datetime,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Writes what happened to a claim into its history and the trail; `before` None for a new one."""
    ClaimMove.objects.create(
        **history_of(claim, before=before, cause=cause, actor=actor, at=at, reason=reason, details=details)
    )
    audit.record(
        verb=f"{SUBJECT}.{cause}",
        subject_type=SUBJECT,
        subject_id=claim.pk,
        actor=actor,
        reason=reason.strip(),
        before={"state": before.value} if before else None,
        after={"state": claim.state, "number": claim.number, "amount": str(claim.amount), **dict(details or {})},
        borrower_id=claim.loan.borrower_id,
    )


def history_of(
    claim: Claim,
    *,
    before: ClaimState | None,
    cause: str,
    actor: Actor,
    at: datetime,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The fields of a row of its history."""
    return {
        "claim": claim,
        "from_state": before.value if before else "",
        "to_state": claim.state,
        "cause": cause,
        "amount": claim.amount,
        "reason": reason.strip()[:300],
        "details": dict(details or {}),
        "actor_id": actor.id,
        "actor_name": actor.name,
        "at": at,
    }
