"""One word back to who wrote STOP, and never a second one; whether it may be sent at all is for the gate to say."""

from datetime import datetime, timedelta
from typing import Final

from backoffice.core.actors import SYSTEM
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.template_states import TemplateState
from backoffice.outreach.models import Message, TemplateVersion
from backoffice.outreach.services.messages import Planned, faults_in, plan_messages

TEMPLATE: Final = "opt_out_confirmed"
WITHIN: Final = timedelta(minutes=5)
"""A confirmation that comes later is a further message (47 CFR 64.1200(a)(12))."""


def confirm_opt_out(*, message: Message, at: datetime) -> bool:
    """Plans the confirmation, once per borrower and channel for good; False when it was planned before or cannot be."""
    version = TemplateVersion.objects.filter(
        template__code=TEMPLATE,
        channel=message.channel,
        language=message.template_version.language,
        state=TemplateState.ACTIVE,
    ).first()
    if version is None:
        return False
    confirmation = Planned(
        key=f"{TEMPLATE}:{message.borrower_id}:{message.channel}",
        borrower_id=message.borrower_id,
        channel=Channel(message.channel),
        purpose=Purpose.REPLY,
        template_version_id=version.pk,
        variables={},
        send_after=at,
        send_before=at + WITHIN,
        endpoint_id=message.endpoint_id,
        source=TEMPLATE,
    )
    return not faults_in(planned=[confirmation]) and plan_messages(planned=[confirmation], actor=SYSTEM) == 1
