"""Campaigns over the loan book: each day's messages planned by the close of the day before, simulated for the page."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

from django.db import transaction

from backoffice.audit.services import record
from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.campaign_states import CampaignState
from backoffice.outreach.domain.campaigns import CampaignContent, read_campaign
from backoffice.outreach.domain.purposes import RANK
from backoffice.outreach.domain.targets import Target
from backoffice.outreach.models import Campaign
from backoffice.outreach.services.campaigns import (
    SUBJECT,
    CampaignSimulated,
    move_campaigns,
    plan_campaign_day,
    simulate_campaign,
)
from backoffice.repayment.selectors.audiences import targets_of
from backoffice.repayment.services.planned_words import correct_planned, owed_of
from backoffice.repayment.services.reminders import owed_now


@dataclass(slots=True)
class CampaignsPlanned:
    """What planning a day's campaigns came to; `refused` could not be planned, with the reason in the trail."""

    campaigns: int = 0
    messages: int = 0
    held_out: int = 0
    refused: int = 0
    started: int = 0
    ended: int = 0

    def add(self, other: "CampaignsPlanned") -> None:
        """Counts what another campaign came to."""
        for name in fields(self):
            setattr(self, name.name, getattr(self, name.name) + getattr(other, name.name))


def campaigns_on(*, day: date) -> list[int]:
    """The running campaigns of which messages leave on a day, by id: the most pressing purpose first, then older."""
    running = Campaign.objects.filter(state=CampaignState.RUNNING.value).order_by("pk")
    found = [(campaign.pk, read_campaign(campaign.content)) for campaign in running]
    on = [(RANK[content.purpose], campaign_id) for campaign_id, content in found if content.is_on(day=day)]
    return [campaign_id for _, campaign_id in sorted(on)]


@transaction.atomic
def plan_campaign(*, campaign_id: int, day: date) -> CampaignsPlanned:
    """Plan the messages of one campaign that leave on `day`; a second time changes nothing.

    What cannot be planned (its words were retired, a setting is missing) is said in the trail and keeps nobody waiting.
    """
    done = CampaignsPlanned(campaigns=1)
    content = read_campaign(Campaign.objects.get(pk=campaign_id).content)
    targets = targets_of(audience=content.audience, day=day)
    try:
        planned = plan_campaign_day(
            campaign_id=campaign_id,
            day=day,
            targets=targets,
            owed_now=owed_now,
            actor=SYSTEM,
        )
    except Refusal as refusal:
        done.refused = 1
        record(
            verb="outreach.campaign.not_planned",
            subject_type=SUBJECT,
            subject_id=campaign_id,
            actor=SYSTEM,
            reason=refusal.message,
            after={"day": day},
        )
        return done
    _correct_what_moved(targets, loans=frozenset(planned.loans))
    if planned.is_new:
        done.messages, done.held_out = planned.planned, planned.held_out
    return done


def _correct_what_moved(targets: Sequence[Target], *, loans: frozenset[int]) -> None:
    """Money may have come between reading the targets and locking the `loans`; what it left is said instead."""
    said = {
        (target.loan.loan_id, target.loan.due_date): (target.loan.amount, target.loan.overdue)
        for target in targets
        if target.loan and target.loan.loan_id in loans
    }
    owed = owed_of(about=list(said)) if said else {}
    moved = [bill[0] for bill, now in owed.items() if (now.amount, now.overdue) != said[bill]]
    if moved:
        correct_planned(loan_ids=moved)


def plan_campaigns(*, day: date) -> CampaignsPlanned:
    """Start and end campaigns and plan the messages of those on, as the close of the day before does."""
    moved = move_campaigns(on=day)
    done = CampaignsPlanned(started=moved.started, ended=moved.ended)
    for campaign_id in campaigns_on(day=day):
        done.add(plan_campaign(campaign_id=campaign_id, day=day))
    return done


def simulate(*, campaign: Campaign, content: CampaignContent, day: date) -> CampaignSimulated:
    """What a campaign would do on a day with the book as it is, if it ran and were on then; nothing is written."""
    targets = targets_of(audience=content.audience, day=day)
    return simulate_campaign(campaign=campaign, content=content, day=day, targets=targets)
