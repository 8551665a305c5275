"""Writing a campaign: drafted, changed, copied, discarded. A draft may be unfinished; submitting it may not."""

from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.core.actors import Actor
from backoffice.core.drafts import mark_of, refuse_if_moved_on
from backoffice.outreach.domain.campaign_states import CampaignState
from backoffice.outreach.models import Audience, Campaign
from backoffice.outreach.services.audiences import locked_audience
from backoffice.outreach.services.campaigns.locking import (
    CampaignTaken,
    move,
    not_in_state,
    trace,
    workable,
)

FIELDS: Final = (
    "purpose",
    "template",
    "channels",
    "first_day",
    "last_day",
    "weekdays",
    "at",
    "until",
    "every_days",
    "most_each",
    "cap",
    "budget",
    "currency",
    "holdout",
    "outcome",
    "outcome_days",
    "values",
)
"""What a content holds beside the copy of its audience."""


@transaction.atomic
def create_campaign(
    *,
    code: str,
    name: str,
    name_zh: str,
    audience_id: int,
    content: Mapping[str, Any],
    note: str,
    within: frozenset[str] | None,
    actor: Actor,
) -> Campaign:
    """A draft, by somebody who works on the portfolios `within`, None for all.

    Raises CampaignTaken, AudienceNotFound, AudienceBeyond.
    """
    _check_code(code)
    audience = locked_audience(audience_id=audience_id, within=within)
    campaign = Campaign.objects.create(
        code=code,
        name=name,
        name_zh=name_zh,
        audience=audience,
        content=_content(content, audience),
        note=note,
        created_by=actor.id,
        created_by_name=actor.name,
    )
    _trace(campaign, verb="outreach.campaign.drafted", actor=actor)
    return campaign


@transaction.atomic
def change_campaign(
    *,
    campaign_id: int,
    name: str,
    name_zh: str,
    audience_id: int,
    content: Mapping[str, Any],
    note: str,
    within: frozenset[str] | None,
    actor: Actor,
    seen: str | None = None,
) -> Campaign:
    """Another content for a draft; `seen` marks the draft as the person saw it.

    Raises CampaignNotFound, CampaignBeyond, CampaignNotInState, AudienceNotFound, AudienceBeyond, DraftMovedOn.
    """
    campaign = workable(campaign_id=campaign_id, within=within)
    if campaign.state != CampaignState.DRAFT:
        raise not_in_state(campaign)
    refuse_if_moved_on(seen=seen, now=mark_of_campaign(campaign))
    audience = locked_audience(audience_id=audience_id, within=within)
    campaign.name, campaign.name_zh, campaign.audience = name, name_zh, audience
    campaign.content, campaign.note, campaign.changed_by = _content(content, audience), note, actor.id
    campaign.save(update_fields=["name", "name_zh", "audience", "content", "note", "changed_by"])
    _trace(campaign, verb="outreach.campaign.changed", actor=actor)
    return campaign


@transaction.atomic
def copy_campaign(*, campaign_id: int, code: str, within: frozenset[str] | None, actor: Actor) -> Campaign:
    """A draft of another run, with all the first one says, for its audience as that is now; its groups are drawn anew.

    Raises CampaignNotFound, CampaignBeyond, CampaignTaken, AudienceBeyond, AudienceNotFound when that is retired.
    """
    origin = workable(campaign_id=campaign_id, within=within)
    return create_campaign(
        code=code,
        name=origin.name,
        name_zh=origin.name_zh,
        audience_id=origin.audience_id,
        content=origin.content,
        note=origin.note,
        within=within,
        actor=actor,
    )


@transaction.atomic
def discard_campaign(*, campaign_id: int, reason: str, within: frozenset[str] | None, actor: Actor) -> Campaign:
    """A draft that will not be. Raises CampaignNotFound, CampaignBeyond, CampaignNotInState."""
    campaign = workable(campaign_id=campaign_id, within=within)
    if campaign.state != CampaignState.DRAFT:
        raise not_in_state(campaign)
    return move(campaign, to=CampaignState.ENDED, actor=actor, reason=reason)


def mark_of_campaign(campaign: Campaign) -> str:
    """What the editor carries to say which draft it was opened with."""
    return mark_of(campaign.name, campaign.name_zh, campaign.audience_id, campaign.content, campaign.note)


def _content(content: Mapping[str, Any], audience: Audience) -> dict[str, Any]:
    return {name: content[name] for name in FIELDS if name in content} | {"audience": audience.content}


def _check_code(code: str) -> None:
    if Campaign.objects.filter(code=code).exists():
        raise CampaignTaken(
            _("Another campaign has this code."), next_step=_("Choose another code."), fields={"code": _("is taken")}
        )


def _trace(campaign: Campaign, *, verb: str, actor: Actor) -> None:
    after = {"code": campaign.code, "audience": campaign.audience_id, "content": campaign.content}
    trace(campaign, verb=verb, actor=actor, reason=campaign.note, after=after)
