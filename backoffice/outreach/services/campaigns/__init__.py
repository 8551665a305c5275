"""Campaigns: drafted, approved by another person, started by the first day, planned day by day, paused, ended."""

from backoffice.outreach.services.campaigns.checking import check_campaign, faults_of
from backoffice.outreach.services.campaigns.drafting import (
    change_campaign,
    copy_campaign,
    create_campaign,
    discard_campaign,
    mark_of_campaign,
)
from backoffice.outreach.services.campaigns.locking import APPROVE, SUBJECT, check_within, not_found
from backoffice.outreach.services.campaigns.planning import (
    CampaignSimulated,
    DayPlanned,
    plan_campaign_day,
    simulate_campaign,
)
from backoffice.outreach.services.campaigns.running import (
    CampaignsMoved,
    approve_as_asked,
    campaigns_to_move,
    consequence_of,
    end_campaign,
    in_a_sentence,
    move_campaigns,
    pause_campaign,
    resume_campaign,
    submit_campaign,
    take_back,
)

__all__ = [
    "APPROVE",
    "SUBJECT",
    "CampaignSimulated",
    "CampaignsMoved",
    "DayPlanned",
    "approve_as_asked",
    "campaigns_to_move",
    "change_campaign",
    "check_campaign",
    "check_within",
    "consequence_of",
    "copy_campaign",
    "create_campaign",
    "discard_campaign",
    "end_campaign",
    "faults_of",
    "in_a_sentence",
    "mark_of_campaign",
    "move_campaigns",
    "not_found",
    "pause_campaign",
    "plan_campaign_day",
    "resume_campaign",
    "simulate_campaign",
    "submit_campaign",
    "take_back",
]
