"""Campaigns as the pages and the API show them: what each says, what it did, and the sentence about its effect."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from backoffice.calendars.selectors import business_date
from backoffice.outreach.domain.audiences import may_be_worked
from backoffice.outreach.domain.campaigns import CampaignContent, read_campaign
from backoffice.outreach.domain.plan_content import PlanFaulty
from backoffice.outreach.models import Campaign
from backoffice.outreach.models.contacts import PURPOSE_LABELS
from backoffice.outreach.selectors.campaigns import Funnel, funnels_of
from backoffice.outreach.selectors.effect_words import difference_interval_text, difference_text, effect_in_words
from backoffice.repayment.selectors.campaign_effects import CampaignEffect, effects_of


@dataclass(frozen=True, slots=True)
class Shown:
    """A campaign with what it did; `content` and `effect` are None while a draft cannot be read.

    `funnel` and `effect` are None where the figures are of portfolios the person does not work on.
    """

    campaign: Campaign
    content: CampaignContent | None
    funnel: Funnel | None
    effect: CampaignEffect | None
    purpose: str
    difference: str
    interval: str
    sentence: str

    @property
    def left_of_budget(self) -> Decimal | None:
        """What is not spent yet."""
        return None if self.content is None or self.funnel is None else self.content.budget - self.funnel.spent


def shown(*, campaigns: Sequence[Campaign], within: frozenset[str] | None) -> list[Shown]:
    """The campaigns, with what those did that write to the portfolios `within` alone (None: any); four queries however
    many there are.
    """
    contents = {campaign.pk: content_of(campaign) for campaign in campaigns}
    own = [campaign for campaign in campaigns if may_be_worked(campaign.live_audience, within=within)]
    funnels = funnels_of(campaigns=own)
    readable = [(one, content.outcome, content.outcome_days) for one in own if (content := contents[one.pk])]
    spent = {campaign_id: funnel.spent for campaign_id, funnel in funnels.items()}
    effects = effects_of(campaigns=readable, spent=spent, business_date=business_date())
    return [_shown(one, contents[one.pk], funnels.get(one.pk), effects.get(one.pk)) for one in campaigns]


def content_of(campaign: Campaign) -> CampaignContent | None:
    """The campaign as it would run; None for a draft that cannot be read yet."""
    try:
        return read_campaign(live_content(campaign))
    except PlanFaulty:
        return None


def live_content(found: Campaign) -> dict[str, Any]:
    """What a campaign says; a draft's audience is the saved one as it is now."""
    return found.content | {"audience": found.live_audience}


def _shown(
    campaign: Campaign, content: CampaignContent | None, funnel: Funnel | None, found: CampaignEffect | None
) -> Shown:
    difference = interval = sentence = ""
    if found is not None:
        one = found.effect
        difference = difference_text(value=one.difference, kind=one.kind, signed=True)
        interval = difference_interval_text(low=one.low, high=one.high, kind=one.kind)
        sentence = effect_in_words(effect=one, treated=_("those it went to"), control=_("those left alone"))
    purpose = str(PURPOSE_LABELS[content.purpose]) if content else "–"
    return Shown(campaign, content, funnel, found, purpose, difference, interval, sentence)
