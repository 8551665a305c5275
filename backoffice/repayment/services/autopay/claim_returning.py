"""What a guarantor overpaid is given back by the funder, once."""

from datetime import datetime
from typing import ClassVar

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.claim_states import ClaimState
from backoffice.repayment.models import ClaimReturn
from backoffice.repayment.services.autopay.claim_moving import locked_claim, note


class NothingToReturn(Refusal):
    """The claim was not overpaid, or it is given back already."""

    code: ClassVar[str] = "repayment.claim_nothing_to_return"
    status: ClassVar[int] = 409


@transaction.atomic
def return_overpaid(*, claim_id: int, reference: str, reason: str, actor: Actor, at: datetime) -> ClaimReturn:
    """Write down that the funder gave it back; `reference` is that of its payment. Raises NothingToReturn."""
    claim = locked_claim(claim_id)
    overpaid = ClaimReturn.objects.select_for_update().filter(claim=claim).first()
    if overpaid is None or overpaid.state == ClaimReturn.State.RETURNED:
        raise NothingToReturn(
            _("Nothing of claim %(number)s is left to give back.") % {"number": claim.number},
            next_step=_("Look at the claim again; somebody was quicker."),
        )
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
        details={"returned": str(overpaid.amount), "reference": overpaid.reference},
    )
    return overpaid
