"""Campaigns over the loan book: each day's messages planned by the close of the day before, simulated for the page."""

from dataclasses import dataclass
from datetime import date

from django.db import transaction

from backoffice.audit.services import record
from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.campaign_states import CampaignState
from backoffice.outreach.domain.campaigns import CampaignContent, read_campaign
from backoffice.outreach.domain.purposes import RANK
from backoffice.outreach.models import Campaign
from backoffice.outreach.services.campaigns import (
    SUBJECT,
    CampaignSimulated,
    end_over,
    plan_campaign_day,
    simulate_campaign,
)
from backoffice.repayment.selectors.audiences import targets_of


@dataclass(slots=True)
class CampaignsPlanned:
    """What planning a day's campaigns came to; `refused` could not be planned, with the reason in the trail."""

    campaigns: int = 0
    messages: int = 0
    held_out: int = 0
    ended: int = 0
    refused: int = 0


def campaigns_on(*, day: date) -> list[tuple[Campaign, CampaignContent]]:
    """The running campaigns of which messages leave on a day, the most pressing purpose first, then the older."""
    running = Campaign.objects.filter(state=CampaignState.RUNNING.value).order_by("pk")
    found = [(campaign, read_campaign(campaign.content)) for campaign in running]
    on = [(campaign, content) for campaign, content in found if content.is_on(day=day)]
    return sorted(on, key=lambda each: (RANK[each[1].purpose], each[0].pk))


def has_campaigns() -> bool:
    """Whether there is any campaign that may have to be planned or ended."""
    return Campaign.objects.filter(
        state__in=[CampaignState.APPROVED.value, CampaignState.RUNNING.value, CampaignState.PAUSED.value]
    ).exists()


@transaction.atomic
def plan_campaigns(*, day: date) -> CampaignsPlanned:
    """Plan the messages of every campaign that leave on `day`; a second time changes nothing.

    A campaign that cannot be planned (its words were retired, a setting is missing) keeps nobody else waiting.
    """
    done = CampaignsPlanned(ended=end_over(on=day))
    for campaign, content in campaigns_on(day=day):
        done.campaigns += 1
        try:
            planned = plan_campaign_day(
                campaign_id=campaign.pk,
                day=day,
                targets=targets_of(audience=content.audience, day=day),
                actor=SYSTEM,
            )
        except Refusal as refusal:
            done.refused += 1
            record(
                verb="outreach.campaign.not_planned",
                subject_type=SUBJECT,
                subject_id=campaign.pk,
                actor=SYSTEM,
                reason=refusal.message,
                after={"day": day},
            )
            continue
        if planned.is_new:
            done.messages += planned.planned
            done.held_out += planned.held_out
    return done


def simulate(*, campaign: Campaign, content: CampaignContent, day: date) -> CampaignSimulated:
    """What a campaign would do on a day with the book as it is, if it ran and were on then; nothing is written."""
    targets = targets_of(audience=content.audience, day=day)
    return simulate_campaign(campaign=campaign, content=content, day=day, targets=targets)
