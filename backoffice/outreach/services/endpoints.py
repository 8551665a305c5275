"""What messages teach about the points a borrower is reached at."""

from typing import Final

from backoffice.core.actors import SYSTEM
from backoffice.customers.models import ContactPoint
from backoffice.customers.services.personal_data import note_contact_quality
from backoffice.outreach.models import Message

REASON: Final = "message {id}: {code}"


def mark_unreachable(*, message: Message, code: str) -> None:
    """The address of a message is no good: nothing is sent there until somebody says otherwise."""
    if message.endpoint_id is None:
        return
    note_contact_quality(
        contact_point_id=message.endpoint_id,
        quality=ContactPoint.Quality.BAD,
        reason=REASON.format(id=message.pk, code=code),
        actor=SYSTEM,
    )
