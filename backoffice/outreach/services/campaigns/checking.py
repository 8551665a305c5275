"""Can a campaign run as it is: its content, the templates, the contact rules and the gateways, every fault at once."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from backoffice.outreach.domain.audiences import AudienceFilter
from backoffice.outreach.domain.campaign_hours import has_permitted_minute
from backoffice.outreach.domain.campaigns import FROM_THE_LOAN, GIVEN, CampaignContent, look_at_campaign
from backoffice.outreach.domain.plan_content import PlanFault
from backoffice.outreach.domain.template_states import TemplateState
from backoffice.outreach.domain.variables import to_plan
from backoffice.outreach.models import Gateway, TemplateVersion
from backoffice.outreach.selectors.packs import packs_in_force
from backoffice.outreach.services.campaigns.locking import refused


def check_campaign(*, content: Mapping[str, Any], on: date) -> CampaignContent:
    """The campaign as it would run from `on`. Raises CampaignRefused with every fault."""
    found, faults = faults_of(content=content, on=on)
    if faults or found is None:
        raise refused(faults)
    return found


def faults_of(*, content: Mapping[str, Any], on: date) -> tuple[CampaignContent | None, list[PlanFault]]:
    """The campaign, where it is in order by itself, and everything that keeps it from running."""
    found, faults = look_at_campaign(content)
    is_sound = not faults
    if found is not None:
        faults = [*faults, *_faults(found, on=on)]
    return found if is_sound else None, faults


def _faults(found: CampaignContent, *, on: date) -> Iterator[PlanFault]:
    if found.last_day < on:
        yield PlanFault("", "last_day", "over")
    has_audience = found.audience != AudienceFilter()
    yield from _of_template(found, has_audience=has_audience)
    # Rules change; those that hold on its first day are the ones that count.
    day = max(found.first_day, on)
    if not has_permitted_minute(content=found, packs=packs_in_force(on=day).packs, on=day):
        yield PlanFault("", "at", "outside_hours")
    channels = [channel.value for channel in found.channels]
    others = Gateway.objects.filter(channel__in=channels, unit_cost__gt=0).exclude(currency=found.currency)
    if others.exists():
        yield PlanFault("", "currency", "other_currency")


def _of_template(found: CampaignContent, *, has_audience: bool) -> Iterator[PlanFault]:
    versions = TemplateVersion.objects.filter(
        template__code=found.template,
        state=TemplateState.ACTIVE.value,
        channel__in=[channel.value for channel in found.channels],
    ).select_related("template")
    if not versions:
        yield PlanFault("", "template", "no_words")
        return
    if versions[0].template.purpose != found.purpose:
        yield PlanFault("", "template", "wrong_purpose")
    needed = {name for version in versions for name in to_plan(f"{version.subject}\n{version.body}")}
    if needed & FROM_THE_LOAN and has_audience and not found.audience.is_of_running_loans:
        yield PlanFault("", "template", "needs_a_loan")
    for name in sorted(needed - FROM_THE_LOAN - set(found.values)):
        yield PlanFault("values", name, "not_filled" if name in GIVEN else "not_a_value_of_a_campaign")
