"""What a guarantor overpaid is given back by the funder, once, as far as the borrower's payment still stands."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.claim_states import ClaimState
from backoffice.repayment.domain.autopay.claims import Amounts
from backoffice.repayment.models import Claim, ClaimReturn
from backoffice.repayment.services.autopay import commands
from backoffice.repayment.services.autopay.claim_moving import locked_claim, note
from backoffice.repayment.services.autopay.claim_transferring import paid_late


class NothingToReturn(Refusal):
    """The claim was not overpaid, or it is given back already."""

    code: ClassVar[str] = "repayment.claim_nothing_to_return"
    status: ClassVar[int] = 409


@transaction.atomic
def return_overpaid(*, claim_id: int, reference: str, reason: str, actor: Actor, at: datetime) -> Decimal:
    """Write down that the funder gave it back; `reference` is that of its payment. Gives the amount (major units).

    What the borrower's bank took back since is not given back: nothing, when that is all of it. Raises NothingToReturn.
    """
    commands.lock_loans(Claim.objects.filter(pk=claim_id).values_list("loan_id", flat=True))
    claim = locked_claim(claim_id)
    overpaid = ClaimReturn.objects.select_for_update().filter(claim=claim).first()
    if overpaid is None or overpaid.state == ClaimReturn.State.RETURNED:
        raise NothingToReturn(
            _("Nothing of claim %(number)s is left to give back.") % {"number": claim.number},
            next_step=_("Look at the claim again; somebody was quicker."),
        )
    before, owed = overpaid.amount, _still_owed(overpaid, claim)
    if not owed.total:
        overpaid.delete()
        details = {"measured": str(before)}
        note(
            claim, before=ClaimState(claim.state), cause="not_overpaid", actor=actor, at=at, reason=reason,
            details=details,
        )  # fmt: skip
        return ZERO
    overpaid.principal, overpaid.interest, overpaid.penalty = owed.principal, owed.interest, owed.penalty
    overpaid.amount = owed.total
    overpaid.state, overpaid.returned_on = ClaimReturn.State.RETURNED, business_date()
    overpaid.returned_by, overpaid.reference = actor.name, reference.strip()[:80]
    overpaid.save()
    note(
        claim,
        before=ClaimState(claim.state),
        cause="returned",
        actor=actor,
        at=at,
        reason=reason,
        details={"returned": str(overpaid.amount), "reference": overpaid.reference, "measured": str(before)},
    )
    return overpaid.amount


def foresee_return(*, claim: Claim) -> Decimal:
    """What is to be given back of a claim now (major units)."""
    overpaid = ClaimReturn.objects.filter(claim=claim, state=ClaimReturn.State.OWED).first()
    return _still_owed(overpaid, claim).total if overpaid else ZERO


def _still_owed(overpaid: ClaimReturn, claim: Claim) -> Amounts:
    """What was overpaid at the transfer, at most what of the late payments was not taken back since."""
    return Amounts(overpaid.principal, overpaid.interest, overpaid.penalty).at_most(paid_late(claim))
