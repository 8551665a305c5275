"""What the verbs of campaigns share: the row under lock, its moves by the table, and what they refuse with."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.audiences import may_be_seen, may_be_worked
from backoffice.outreach.domain.campaign_states import CampaignState, may_become
from backoffice.outreach.domain.plan_content import PlanFault
from backoffice.outreach.domain.ranking import CAMPAIGN, source_of
from backoffice.outreach.models import Campaign
from backoffice.outreach.services.fault_words import in_words

SUBJECT: Final = "outreach.campaign"
APPROVE: Final = "outreach.campaign"
"""The verb a second person agrees to."""


class CampaignNotFound(Refusal):
    """There is no such campaign."""

    code: ClassVar[str] = "outreach.campaign_not_found"
    status: ClassVar[int] = 404


class CampaignBeyond(Refusal):
    """The campaign writes to borrowers of portfolios the person does not work on."""

    code: ClassVar[str] = "outreach.campaign_beyond_portfolios"
    status: ClassVar[int] = 403


class CampaignRefused(Refusal):
    """The campaign contradicts itself, the templates, the rules or the gateways; `fields` names every fault."""

    code: ClassVar[str] = "outreach.campaign_refused"


class CampaignTaken(Refusal):
    """Another campaign has the code."""

    code: ClassVar[str] = "outreach.campaign_taken"
    status: ClassVar[int] = 409


class CampaignNotInState(Refusal):
    """The campaign is not in a state that allows this."""

    code: ClassVar[str] = "outreach.campaign_state"
    status: ClassVar[int] = 409


class CampaignOver(Refusal):
    """The last day of the campaign has passed."""

    code: ClassVar[str] = "outreach.campaign_over"
    status: ClassVar[int] = 409


class DrafterApproves(Refusal):
    """The person who wrote a campaign would approve it."""

    code: ClassVar[str] = "outreach.campaign_is_own"
    status: ClassVar[int] = 403


def locked(*, campaign_id: int) -> Campaign:
    """The campaign under lock. Raises CampaignNotFound."""
    campaign = Campaign.objects.select_for_update(of=("self",)).filter(pk=campaign_id).first()
    if campaign is None:
        raise not_found()
    return campaign


def workable(*, campaign_id: int, within: frozenset[str] | None) -> Campaign:
    """The campaign under lock, for somebody who works on the portfolios `within`, None for all.

    Raises CampaignNotFound, CampaignBeyond.
    """
    campaign = locked(campaign_id=campaign_id)
    check_within(campaign, within=within)
    return campaign


def check_within(campaign: Campaign, *, within: frozenset[str] | None) -> None:
    """That somebody who works on the portfolios `within` may work the campaign and read its figures.

    Raises CampaignBeyond, and CampaignNotFound where they may not even look at it.
    """
    audience = campaign.live_audience
    if may_be_worked(audience, within=within):
        return
    if not may_be_seen(audience, within=within):
        raise not_found()
    raise CampaignBeyond(
        _("The campaign %(name)s also writes to borrowers of portfolios you do not work on.")
        % {"name": campaign.title},
        next_step=_("Ask somebody who works on all of its portfolios."),
    )


def not_found() -> CampaignNotFound:
    """The refusal for a campaign that is not there."""
    return CampaignNotFound(_("There is no such campaign."), next_step=_("Open it from the list of campaigns."))


def refused(faults: Sequence[PlanFault]) -> CampaignRefused:
    """The refusal that names every fault."""
    return CampaignRefused(
        _("This campaign cannot run as it is."), next_step=_("Correct the fields named."), fields=in_words(faults)
    )


def not_in_state(campaign: Campaign) -> CampaignNotInState:
    """The refusal for a campaign that stands elsewhere."""
    return CampaignNotInState(
        _("The campaign %(name)s is in the state “%(state)s”; this cannot be done to it.")
        % {"name": campaign.title, "state": campaign.get_state_display()},
        next_step=_("Look at the campaign again; somebody may have been quicker."),
    )


def move(campaign: Campaign, *, to: CampaignState, actor: Actor, reason: str = "", **fields: Any) -> Campaign:
    """Sets the state by the table with other fields, and leaves the trace. Raises CampaignNotInState."""
    before = campaign.state
    if not may_become(current=CampaignState(before), to=to):
        raise not_in_state(campaign)
    campaign.state = to.value
    for name, value in fields.items():
        setattr(campaign, name, value)
    campaign.save(update_fields=["state", *fields])
    trace(campaign, verb=VERBS[to], actor=actor, reason=reason, before={"state": before}, after={"state": to.value})
    return campaign


VERBS: Final = {
    CampaignState.DRAFT: "outreach.campaign.taken_back",
    CampaignState.SUBMITTED: "outreach.campaign.submitted",
    CampaignState.APPROVED: "outreach.campaign.approved",
    CampaignState.RUNNING: "outreach.campaign.running",
    CampaignState.PAUSED: "outreach.campaign.paused",
    CampaignState.ENDED: "outreach.campaign.ended",
}


def trace(campaign: Campaign, *, verb: str, actor: Actor, **said: Any) -> None:
    """One entry of the trail about the campaign."""
    record(verb=verb, subject_type=SUBJECT, subject_id=campaign.pk, actor=actor, **said)


def source(campaign: Campaign) -> str:
    """How its messages name it."""
    return source_of(kind=CAMPAIGN, id=campaign.pk)
