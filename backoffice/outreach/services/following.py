"""A message that cannot get through on its channel is followed by another one, on the next channel it names."""

from datetime import datetime

from backoffice.core.actors import SYSTEM
from backoffice.customers.fields import text_of
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.planning import read_variables
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.template_states import TemplateState
from backoffice.outreach.models import Message, TemplateVersion
from backoffice.outreach.services.facts import ask_for_facts
from backoffice.outreach.services.messages import Planned, faults_in, plan_messages


def follow_on(*, message: Message, at: datetime) -> int | None:
    """Plans the next message of the chain and gives its template version; None when nothing is left to try.

    About a bill, it waits until somebody has looked whether the bill is still owed. The same template speaks, in the
    same language; a channel it has no active version for is passed over.
    """
    if at >= message.send_before:
        return None
    channels = list(message.fallback)
    while channels:
        channel = channels.pop(0)
        version = TemplateVersion.objects.filter(
            template_id=message.template_version.template_id,
            language=message.template_version.language,
            channel=channel,
            state=TemplateState.ACTIVE,
        ).first()
        if version is None:
            continue
        following = _following(message, version, rest=channels, at=at)
        if not faults_in(planned=[following]):
            plan_messages(planned=[following], actor=SYSTEM)
            Message.objects.filter(key=following.key, about_due_date__isnull=False).update(waits_for_facts=True)
            ask_for_facts(message)
            return int(version.pk)
    return None


def _following(message: Message, version: TemplateVersion, *, rest: list[str], at: datetime) -> Planned:
    return Planned(
        key=f"{message.key}>{version.channel}",
        borrower_id=message.borrower_id,
        channel=Channel(version.channel),
        purpose=Purpose(message.purpose),
        template_version_id=version.pk,
        variables=read_variables(text_of(message, "variables")),
        send_after=at,
        send_before=message.send_before,
        loan_id=message.loan_id,
        about_due_date=message.about_due_date,
        fallback=tuple(Channel(channel) for channel in rest),
        source=message.source,
        follows_id=message.pk,
    )
