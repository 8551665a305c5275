"""The life of a campaign: submitted, approved by another person, started by its first day, paused, resumed, ended."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.audit import approvals
from backoffice.audit.approvals import ApprovedRequest
from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.formats import amount_text, count_text, date_text, percent_text
from backoffice.outreach.domain.campaign_states import UNDER_WAY, CampaignState
from backoffice.outreach.domain.campaigns import CampaignContent, read_campaign
from backoffice.outreach.models import Campaign
from backoffice.outreach.services.campaigns.checking import check_campaign
from backoffice.outreach.services.campaigns.locking import (
    APPROVE,
    SUBJECT,
    CampaignOver,
    DrafterApproves,
    locked,
    move,
    not_in_state,
    source,
    workable,
)
from backoffice.outreach.services.messages import stop_messages

GRACE = timedelta(days=1)
"""A campaign ends by itself a day after its last one: what left late on it may still be on its way somewhere."""


@transaction.atomic
def submit_campaign(*, campaign_id: int, reason: str, within: frozenset[str] | None, actor: Actor) -> Approval:
    """Ask another person to agree to a draft, which is frozen from here on with a copy of its audience.

    `within`: the portfolios the person works on, None for all. Raises CampaignNotFound, CampaignBeyond,
    CampaignNotInState, CampaignRefused with every fault.
    """
    campaign = workable(campaign_id=campaign_id, within=within)
    if campaign.state != CampaignState.DRAFT:
        raise not_in_state(campaign)
    content = campaign.content | {"audience": campaign.audience.content}
    found = check_campaign(content=content, on=business_date())
    move(campaign, to=CampaignState.SUBMITTED, actor=actor, reason=reason, content=content)
    portfolios = found.audience.portfolios
    return approvals.submit(
        verb=APPROVE,
        subject_type=SUBJECT,
        subject_id=campaign.pk,
        payload={"campaign": campaign.pk},
        reason=reason,
        actor=actor,
        amount=found.budget,
        currency=found.currency,
        portfolio=portfolios[0] if len(portfolios) == 1 else "",
        consequence=in_a_sentence(found),
    )


def approve_as_asked(request: ApprovedRequest) -> Campaign:
    """The deed of an approved request: the close before its first day starts it. Raises CampaignNotFound,
    CampaignNotInState, CampaignRefused when what it stands on has changed since, DrafterApproves.
    """
    campaign = locked(campaign_id=int(request.payload["campaign"]))
    if any(request.checker.is_same_person(other_id=writer) for writer in (campaign.created_by, campaign.changed_by)):
        raise DrafterApproves(
            _("You wrote this campaign."), next_step=_("Somebody who had no hand in it has to approve it.")
        )
    check_campaign(content=campaign.content, on=business_date())
    return move(
        campaign,
        to=CampaignState.APPROVED,
        actor=request.checker,
        reason=request.reason,
        approved_by=request.checker.id,
        approved_by_name=request.checker.name,
        approved_at=Now(),
    )


def consequence_of(approval: Approval) -> str:
    """What a campaign that waits may do at most, in the language of whoever decides."""
    campaign = Campaign.objects.filter(pk=approval.payload["campaign"]).first()
    return approval.consequence if campaign is None else in_a_sentence(read_campaign(campaign.content))


@transaction.atomic
def take_back(*, campaign_id: int, reason: str, within: frozenset[str] | None, actor: Actor) -> Campaign:
    """A submitted campaign becomes a draft again; a request that still waits is withdrawn by who made it.

    Raises CampaignNotFound, CampaignBeyond, CampaignNotInState, NotTheAuthor.
    """
    campaign = workable(campaign_id=campaign_id, within=within)
    move(campaign, to=CampaignState.DRAFT, actor=actor, reason=reason)
    waiting = Approval.objects.filter(subject_type=SUBJECT, subject_id=str(campaign.pk), state="pending").first()
    if waiting is not None:
        approvals.withdraw(approval_id=waiting.pk, actor=actor, note=reason)
    return campaign


@transaction.atomic
def pause_campaign(*, campaign_id: int, reason: str, within: frozenset[str] | None, actor: Actor) -> int:
    """Plans nothing more and stops what is planned; gives how many messages. Raises CampaignNotFound,
    CampaignBeyond, CampaignNotInState.
    """
    campaign = workable(campaign_id=campaign_id, within=within)
    move(campaign, to=CampaignState.PAUSED, actor=actor, reason=reason)
    return stop_messages(source=source(campaign), reason="campaign_paused", detail=reason, actor=actor)


@transaction.atomic
def resume_campaign(*, campaign_id: int, reason: str, within: frozenset[str] | None, actor: Actor) -> Campaign:
    """Goes on with the next close of a day, on its days. Raises CampaignNotFound, CampaignBeyond, CampaignNotInState,
    CampaignOver.
    """
    campaign = workable(campaign_id=campaign_id, within=within)
    if campaign.state != CampaignState.PAUSED:
        raise not_in_state(campaign)
    _check_time(campaign, on=business_date())
    return move(campaign, to=CampaignState.RUNNING, actor=actor, reason=reason)


@transaction.atomic
def end_campaign(*, campaign_id: int, reason: str, within: frozenset[str] | None, actor: Actor) -> int:
    """Ends it for good and stops what is planned; gives how many messages. Raises CampaignNotFound,
    CampaignBeyond, CampaignNotInState.
    """
    campaign = workable(campaign_id=campaign_id, within=within)
    if campaign.state == CampaignState.DRAFT:
        raise not_in_state(campaign)
    move(campaign, to=CampaignState.ENDED, actor=actor, reason=reason)
    return stop_messages(source=source(campaign), reason="campaign_ended", detail=reason, actor=actor)


@dataclass(frozen=True, slots=True)
class CampaignsMoved:
    """How many campaigns a day starts and ends."""

    started: int = 0
    ended: int = 0


def campaigns_to_move(*, on: date) -> bool:
    """Whether any campaign starts or ends with that day."""
    return any(_next_state(campaign, on=on) for campaign in _moving())


@transaction.atomic
def move_campaigns(*, on: date) -> CampaignsMoved:
    """Start what two people agreed to whose first day has come, end what is over; a second time changes nothing."""
    moved: Counter[CampaignState] = Counter()
    for campaign in _moving().select_for_update():
        to = _next_state(campaign, on=on)
        if to is not None:
            move(campaign, to=to, actor=SYSTEM)
            moved[to] += 1
    return CampaignsMoved(started=moved[CampaignState.RUNNING], ended=moved[CampaignState.ENDED])


def in_a_sentence(found: CampaignContent) -> str:
    """What the campaign may do at most."""
    said: dict[str, Any] = {
        "cap": count_text(found.cap),
        "budget": amount_text(found.budget, currency=found.currency),
        "first": date_text(found.first_day),
        "last": date_text(found.last_day),
        "share": percent_text(found.holdout, bare=True),
    }
    return (
        _(
            "At most %(cap)s messages for at most %(budget)s, from %(first)s to %(last)s; %(share)s of the borrowers "
            "are left alone to compare with."
        )
        % said
    )


def _moving() -> QuerySet[Campaign]:
    return Campaign.objects.filter(state__in=[state.value for state in UNDER_WAY]).order_by("pk")


def _next_state(campaign: Campaign, *, on: date) -> CampaignState | None:
    """What a day makes of a campaign by itself, None when it stays what it is."""
    content = read_campaign(campaign.content)
    if content.last_day + GRACE < on:
        return CampaignState.ENDED
    if campaign.state == CampaignState.APPROVED and content.first_day <= on <= content.last_day:
        return CampaignState.RUNNING
    return None


def _check_time(campaign: Campaign, *, on: date) -> None:
    if read_campaign(campaign.content).last_day < on:
        raise CampaignOver(
            _("The last day of this campaign is over."), next_step=_("Copy it, and give the copy other days.")
        )
