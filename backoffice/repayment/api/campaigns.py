"""Audiences and campaigns over the API: saved, counted, drafted, simulated, approved by a second person, run, read."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars.selectors import business_date
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.outreach.domain.audiences import read_audience
from backoffice.outreach.models import Audience, Campaign
from backoffice.outreach.services import audiences, campaigns
from backoffice.outreach.services.audiences import audience_not_found
from backoffice.repayment.api import campaign_shapes as shapes
from backoffice.repayment.selectors.audiences import audience_now
from backoffice.repayment.selectors.campaigns import live_content, shown
from backoffice.repayment.services.campaigns import simulate
from backoffice.repayment.services.reminders import day_after
from backoffice.staff.access import person_of, within_of

VIEW: dict[str, str] = {"GET": "outreach.campaign.view"}
EDIT: dict[str, str] = {"POST": "outreach.campaign.edit"}


class AudiencesView(ListView):
    """Saved audiences."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW | EDIT
    request_serializer_class = shapes.NewAudienceSerializer
    serializer_class = shapes.AudienceSerializer
    success_status = 201
    refusals = ("409", "422")

    def rows(self, **filters: Any) -> QuerySet[Audience]:
        """Those the caller may look at that are not retired."""
        found: QuerySet[Audience] = Audience.objects.visible_to(person_of(self.request)).filter(is_retired=False)
        return found

    @idempotent
    def post(self, request: Request) -> Response:
        """Save an audience of the portfolios the caller works on. A contradiction is refused, each part named."""
        asked = read(self.request_serializer_class, request.data)
        asked["content"] = shapes.as_plain(asked["content"])
        made = audiences.create_audience(**asked, within=within_of(request), actor=actor_of(request.user))
        return Response(self.serializer_class(made).data, status=self.success_status)


class AudienceBase(ApiView):
    """The base of what is done to one audience."""

    serializer_class = shapes.AudienceSerializer
    refusals: ClassVar[tuple[str, ...]] = ("404",)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses an audience out of the caller's sight as if there were none."""
        super().initial(request, *args, **kwargs)
        found = Audience.objects.visible_to(person_of(request)).filter(pk=kwargs["audience_id"]).first()
        if found is None:
            raise audience_not_found()
        self.found = found


class AudienceView(AudienceBase):
    """One audience."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW

    def get(self, request: Request, audience_id: int) -> Response:
        """Whom it holds, as data."""
        return Response(self.serializer_class(self.found).data)


class ChangeAudienceView(AudienceBase):
    """Change an audience."""

    permissions_by_method: ClassVar[dict[str, str]] = EDIT
    request_serializer_class = shapes.ChangedAudienceSerializer
    refusals = ("404", "422")

    @idempotent
    def post(self, request: Request, audience_id: int) -> Response:
        """Another filter in place of the whole old one; what was submitted with that keeps it."""
        asked = read(self.request_serializer_class, request.data)
        asked["content"] = shapes.as_plain(asked["content"])
        changed = audiences.change_audience(
            audience_id=audience_id, **asked, within=within_of(request), actor=actor_of(request.user)
        )
        return Response(self.serializer_class(changed).data)


class RetireAudienceView(AudienceBase):
    """Retire an audience."""

    permissions_by_method: ClassVar[dict[str, str]] = EDIT
    request_serializer_class = shapes.CampaignReasonSerializer
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, audience_id: int) -> Response:
        """It is offered to no further campaign."""
        asked = read(self.request_serializer_class, request.data)
        retired = audiences.retire_audience(
            audience_id=audience_id, **asked, within=within_of(request), actor=actor_of(request.user)
        )
        return Response(self.serializer_class(retired).data)


class AudienceCountView(AudienceBase):
    """How many borrowers an audience holds."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW
    query_serializer_class = shapes.AudienceCountQuery
    serializer_class = shapes.AudienceCountSerializer  # type: ignore[assignment]

    def get(self, request: Request, audience_id: int) -> Response:
        """Of the portfolios the caller works on."""
        day = self.query().get("on") or day_after(business_date())
        now = audience_now(audience=read_audience(self.found.content), day=day, within=within_of(request))
        return Response(self.serializer_class({"on": day, "borrowers": now.borrowers}).data)


class CampaignsView(ListView):
    """Campaigns, the newest first."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW | EDIT
    query_serializer_class = shapes.CampaignsQuery
    request_serializer_class = shapes.NewCampaignSerializer
    serializer_class = shapes.CampaignSerializer
    success_status = 201
    refusals = ("404", "409", "422")

    def rows(self, **equal: Any) -> QuerySet[Campaign]:
        """Those the caller may look at, in the state that is asked for."""
        found: QuerySet[Campaign] = Campaign.objects.visible_to(person_of(self.request)).filter(**equal)
        return found

    @idempotent
    def post(self, request: Request) -> Response:
        """A draft; nobody hears anything until another person agrees and its first day comes."""
        asked = shapes.NewCampaignSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = campaigns.create_campaign(**asked.kept(), within=within_of(request), actor=actor_of(request.user))
        return Response(self.serializer_class(made).data, status=self.success_status)


class CampaignBase(ApiView):
    """The base of what is done to one campaign."""

    serializer_class = shapes.CampaignSerializer
    refusals: ClassVar[tuple[str, ...]] = ("404",)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses a campaign out of the caller's sight as if there were none."""
        super().initial(request, *args, **kwargs)
        rows = Campaign.objects.visible_to(person_of(request)).select_related("audience")
        found = rows.filter(pk=kwargs["campaign_id"]).first()
        if found is None:
            raise campaigns.not_found()
        self.found = found

    def answer(self, **more: Any) -> Response:
        """The campaign as it is now."""
        self.found.refresh_from_db()
        for name, value in more.items():
            setattr(self.found, name, value)
        return Response(self.serializer_class(self.found).data)


class CampaignView(CampaignBase):
    """One campaign."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW

    def get(self, request: Request, campaign_id: int) -> Response:
        """What it says and where it stands."""
        return self.answer()


class ChangeCampaignView(CampaignBase):
    """Change a draft."""

    permissions_by_method: ClassVar[dict[str, str]] = EDIT
    request_serializer_class = shapes.ChangedCampaignSerializer
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, campaign_id: int) -> Response:
        """Another content in place of the whole old one; the code stays."""
        asked = shapes.ChangedCampaignSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        campaigns.change_campaign(
            campaign_id=campaign_id, **asked.kept(), within=within_of(request), actor=actor_of(request.user)
        )
        return self.answer()


class CopyCampaignView(CampaignBase):
    """Copy a campaign."""

    permissions_by_method: ClassVar[dict[str, str]] = EDIT
    request_serializer_class = shapes.CopyCampaignSerializer
    success_status = 201
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, campaign_id: int) -> Response:
        """A draft of another run; whom it leaves alone is drawn anew."""
        asked = read(self.request_serializer_class, request.data)
        made = campaigns.copy_campaign(
            campaign_id=campaign_id, **asked, within=within_of(request), actor=actor_of(request.user)
        )
        return Response(self.serializer_class(made).data, status=self.success_status)


class CampaignSimulationView(CampaignBase):
    """Simulate a campaign on a day."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW
    query_serializer_class = shapes.AudienceCountQuery
    serializer_class = shapes.CampaignSimulationSerializer  # type: ignore[assignment]
    refusals = ("404", "422")

    def get(self, request: Request, campaign_id: int) -> Response:
        """Nothing is written. A draft that cannot run yet is refused with every fault; so is a campaign of portfolios
        the caller does not work on.
        """
        campaigns.check_within(self.found, within=within_of(request))
        content = campaigns.check_campaign(content=live_content(self.found), on=business_date())
        day = self.query().get("on") or day_after(business_date())
        found = simulate(campaign=self.found, content=content, day=day)
        answer = {"on": day, "found": found, "currency": content.currency}
        return Response(self.serializer_class(answer).data)


class CampaignResultView(CampaignBase):
    """What a campaign did."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW
    serializer_class = shapes.CampaignResultSerializer  # type: ignore[assignment]
    refusals = ("404", "422")

    def get(self, request: Request, campaign_id: int) -> Response:
        """Its messages by state, what they cost, and its effect against those left alone, with the interval.

        Refused for a campaign of portfolios the caller does not work on.
        """
        within = within_of(request)
        campaigns.check_within(self.found, within=within)
        (one,) = shown(campaigns=[self.found], within=within)
        if one.content is None:
            campaigns.check_campaign(content=live_content(self.found), on=business_date())
        return Response(self.serializer_class(one).data)


class SubmitCampaignView(CampaignBase):
    """Submit a campaign."""

    permissions_by_method: ClassVar[dict[str, str]] = EDIT
    request_serializer_class = shapes.CampaignReasonSerializer
    serializer_class = shapes.CampaignAskedSerializer  # type: ignore[assignment]
    success_status = 202
    refusals = ("404", "409", "422")

    @idempotent
    def post(self, request: Request, campaign_id: int) -> Response:
        """The request waits for a person who did not write it; what it says is frozen from here on."""
        asked = read(self.request_serializer_class, request.data)
        waiting = campaigns.submit_campaign(
            campaign_id=campaign_id, within=within_of(request), actor=actor_of(request.user), **asked
        )
        return Response(self.serializer_class({"approval_id": waiting.pk}).data, status=self.success_status)


class CampaignVerbView(CampaignBase):
    """The base of the verbs that take a reason; `verb` is the service."""

    permissions_by_method: ClassVar[dict[str, str]] = EDIT
    request_serializer_class = shapes.CampaignReasonSerializer
    refusals = ("404", "409")
    verb: ClassVar[Callable[..., Any]]

    @idempotent
    def post(self, request: Request, campaign_id: int) -> Response:
        """The campaign as it is then."""
        asked = read(self.request_serializer_class, request.data)
        outcome = type(self).verb(
            campaign_id=campaign_id, within=within_of(request), actor=actor_of(request.user), **asked
        )
        return self.answer(stopped=outcome if isinstance(outcome, int) else 0)


class TakeBackCampaignView(CampaignVerbView):
    """Take a submitted campaign back: it is a draft again, a request that waits is withdrawn."""

    verb = staticmethod(campaigns.take_back)


class DiscardCampaignView(CampaignVerbView):
    """Discard a draft."""

    verb = staticmethod(campaigns.discard_campaign)


class PauseCampaignView(CampaignVerbView):
    """Pause a running campaign, or hold an approved one back: what is planned is stopped."""

    serializer_class = shapes.StoppedMessagesSerializer
    verb = staticmethod(campaigns.pause_campaign)


class ResumeCampaignView(CampaignVerbView):
    """Resume a paused campaign."""

    verb = staticmethod(campaigns.resume_campaign)


class EndCampaignView(CampaignVerbView):
    """End a campaign for good: what is planned is stopped."""

    serializer_class = shapes.StoppedMessagesSerializer
    verb = staticmethod(campaigns.end_campaign)
