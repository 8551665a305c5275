"""One word back to who wrote STOP, and never a second one; whether it may be sent at all is for the gate to say."""

from datetime import datetime, timedelta
from typing import Final

from backoffice.core.actors import SYSTEM
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.services.messages import Planned, faults_in, plan_messages
from backoffice.outreach.services.speaking import spoken, words_of

TEMPLATE: Final = "opt_out_confirmed"
WITHIN: Final = timedelta(minutes=5)
"""A confirmation that comes later is a further message (47 CFR 64.1200(a)(12))."""


def confirm_opt_out(
    *, borrower_id: int, channel: Channel, language: str, endpoint_id: int | None, at: datetime
) -> bool:
    """Plans the confirmation, once per borrower and channel for good; False when it was planned before or cannot be."""
    words = spoken(words=words_of(codes=[TEMPLATE]), template=TEMPLATE, channels=[channel], language=language)
    if not words:
        return False
    confirmation = Planned(
        key=f"{TEMPLATE}:{borrower_id}:{channel}",
        borrower_id=borrower_id,
        channel=channel,
        purpose=Purpose.REPLY,
        template_version_id=words[0][1].pk,
        variables={},
        send_after=at,
        send_before=at + WITHIN,
        endpoint_id=endpoint_id,
        source=TEMPLATE,
    )
    return not faults_in(planned=[confirmation]) and plan_messages(planned=[confirmation], actor=SYSTEM) == 1
