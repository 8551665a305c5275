"""What a hold forbids is stopped while it is still planned, so that lists and counts tell what will leave."""

from collections.abc import Collection

from django.db import transaction

from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.customers.models import Hold
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.message_states import MessageState
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Wanted
from backoffice.outreach.models import Message
from backoffice.outreach.selectors.gate import judge
from backoffice.outreach.services.messages import stop_messages
from backoffice.outreach.services.ranking import LOCK

HOLD = "core.hold."
STOPPED = "hold"


@transaction.atomic
def stop_held(*, borrower_ids: Collection[int]) -> int:
    """Stops the planned messages of borrowers that a hold would keep back at their time; gives how many.

    What only waits for an hour or a cap stays planned. Safe to run again.
    """
    fetch(LOCK, [sorted(borrower_ids)])
    planned = list(Message.objects.filter(borrower_id__in=borrower_ids, state=MessageState.PLANNED).order_by("pk"))
    wanted = [
        Wanted(
            borrower_id=one.borrower_id,
            channel=Channel(one.channel),
            purpose=Purpose(one.purpose),
            at=one.send_after,
            endpoint_id=one.endpoint_id,
            loan_id=one.loan_id,
        )
        for one in planned
    ]
    held = [
        one.pk
        for one, verdict in zip(planned, judge(wanted=wanted), strict=True)
        if any(denial.rule.startswith(HOLD) for denial in verdict.denials)
    ]
    return stop_messages(message_ids=held, reason=STOPPED, actor=SYSTEM) if held else 0


def stop_held_by_bulk(*, bulk_id: int, first_borrower_id: int, last_borrower_id: int) -> int:
    """The same for a range of the borrowers of a bulk hold."""
    owners = Hold.objects.filter(
        bulk_id=bulk_id, borrower_id__gte=first_borrower_id, borrower_id__lte=last_borrower_id
    ).values_list("borrower_id", flat=True)
    return stop_held(borrower_ids=set(owners))
