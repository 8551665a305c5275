"""The verbs of a campaign as confirm panels: submit, take back, discard, pause, resume, end, copy."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.outreach.domain.campaigns import CampaignContent, read_campaign
from backoffice.outreach.domain.message_states import MessageState
from backoffice.outreach.models import Campaign, Message
from backoffice.outreach.models.contacts import CHANNEL_LABELS
from backoffice.outreach.services import campaigns as services
from backoffice.repayment.console.campaigns.pages import address, campaign_or_404
from backoffice.repayment.console.campaigns.reading import kept_out
from backoffice.repayment.console.campaigns.states import FULL_LABELS
from backoffice.repayment.selectors.campaigns import live_content
from backoffice.repayment.services.campaigns import simulate
from backoffice.repayment.services.reminders import day_after
from backoffice.staff.access import within_of


class CampaignVerb(ConfirmView):
    """What the verbs of a campaign have in common."""

    permission = "outreach.campaign.edit"

    def load(self, *, request: HttpRequest, **where: Any) -> Campaign:
        """The campaign; the portfolios the person works on are kept for the verbs. Raises Http404, CampaignBeyond."""
        self.within = within_of(request)
        found = campaign_or_404(request, where["campaign_id"])
        services.check_within(found, within=self.within)
        return found

    def back_url(self, *, subject: Any) -> str:
        """Its page."""
        return address(subject)

    def subject_line(self, *, subject: Any) -> str:
        """Its name."""
        return str(subject.title)


class SubmitCampaign(CampaignVerb):
    """Asks a second person, with what it would do to tomorrow's real book."""

    title, verb = gettext_lazy("Submit for approval"), gettext_lazy("Ask for approval")
    wide = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """Messages of tomorrow, what they cost, what stops the others. Raises CampaignRefused with every fault."""
        content = services.check_campaign(content=live_content(subject), on=business_date())
        warnings = [services.in_a_sentence(content)]
        if not content.holdout:
            warnings.append(_("Nobody is left alone: nobody will be able to tell what it did."))
        warnings.append(_("Nothing of it can be changed once it is submitted, its audience neither."))
        return Consequence(
            lines=_lines(subject, content),
            warnings=tuple(warnings),
            approval=_("A compliance officer, an administrator or a team lead who did not write it decides."),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Submits it."""
        services.submit_campaign(campaign_id=subject.pk, reason=values["reason"], within=self.within, actor=actor)
        return _("%(name)s waits for approval.") % {"name": subject.title}


class TakeBackCampaign(CampaignVerb):
    """Makes it a draft again; a request that waits is withdrawn."""

    title, verb = gettext_lazy("Take back"), gettext_lazy("Make it a draft again")

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Takes it back."""
        services.take_back(campaign_id=subject.pk, reason=values["reason"], within=self.within, actor=actor)
        return _("%(name)s is a draft again.") % {"name": subject.title}


class DiscardCampaign(CampaignVerb):
    """A draft that is not wanted."""

    title, verb = gettext_lazy("Discard the draft"), gettext_lazy("Discard")
    costly = True

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Discards it."""
        services.discard_campaign(campaign_id=subject.pk, reason=values["reason"], within=self.within, actor=actor)
        return _("%(name)s is discarded.") % {"name": subject.title}


class PauseCampaign(CampaignVerb):
    """Plans nothing more, and stops what is planned."""

    title, verb = gettext_lazy("Pause the campaign"), gettext_lazy("Pause")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """How many planned messages it stops."""
        return Consequence(lines=(_waiting(subject),), warnings=(_("What has left already cannot be called back."),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Pauses it."""
        stopped = services.pause_campaign(
            campaign_id=subject.pk, reason=values["reason"], within=self.within, actor=actor
        )
        return _("%(name)s is paused; planned messages stopped: %(stopped)d.") % {
            "name": subject.title,
            "stopped": stopped,
        }


class ResumeCampaign(CampaignVerb):
    """Goes on with the next close of a day."""

    title, verb = gettext_lazy("Resume the campaign"), gettext_lazy("Resume")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """What the next close would plan."""
        return Consequence(lines=_lines(subject, read_campaign(subject.content)))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Resumes it."""
        services.resume_campaign(campaign_id=subject.pk, reason=values["reason"], within=self.within, actor=actor)
        return _("%(name)s is running again.") % {"name": subject.title}


class EndCampaign(CampaignVerb):
    """Ends it for good, and stops what is planned."""

    title, verb = gettext_lazy("End the campaign"), pgettext_lazy("campaign", "End")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """How many planned messages it stops."""
        return Consequence(
            lines=(_waiting(subject),), warnings=(_("An ended campaign never runs again; copy it for another run."),)
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Ends it."""
        stopped = services.end_campaign(
            campaign_id=subject.pk, reason=values["reason"], within=self.within, actor=actor
        )
        return _("%(name)s is ended; planned messages stopped: %(stopped)d.") % {
            "name": subject.title,
            "stopped": stopped,
        }


class CopyForm(ConfirmForm):
    """The code of the copy."""

    code = forms.SlugField(label=gettext_lazy("Code of the copy"), max_length=60)
    field_order = ("code",)


class CopyCampaign(CampaignVerb):
    """A draft of another run."""

    title, verb = gettext_lazy("Copy the campaign"), gettext_lazy("Copy")
    form_class = CopyForm
    made: Campaign | None = None

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """A code that says it is a further one."""
        return {"code": f"{subject.code}-2"[:60]}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """That its groups are drawn anew."""
        return Consequence(warnings=(_("Whom the copy leaves alone is drawn anew."),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Copies it."""
        self.made = services.copy_campaign(campaign_id=subject.pk, code=values["code"], within=self.within, actor=actor)
        return _("%(code)s is a draft; give it days.") % {"code": self.made.code}

    def done_url(self, *, subject: Any) -> str:
        """The copy's editor."""
        return reverse("repayment:edit_campaign", args=[self.made.pk]) if self.made else address(subject)


def _waiting(campaign: Campaign) -> Line:
    """How many messages are still to leave."""
    source = f"campaign:{campaign.pk}"
    waiting = Message.objects.filter(source=source, state=MessageState.PLANNED.value).count()
    return Line(_("Planned messages that are stopped"), waiting, tone="danger" if waiting else "neutral")


def _lines(campaign: Campaign, content: CampaignContent) -> tuple[Line, ...]:
    """What the campaign would do tomorrow with the book as it is."""
    found = simulate(campaign=campaign, content=content, day=day_after(business_date()))
    labels = {channel.value: label for channel, label in CHANNEL_LABELS.items()}
    lines = [
        Line(_("Borrowers in the audience tomorrow"), found.day.audience),
        *(
            Line(_("Messages tomorrow by %(channel)s") % {"channel": labels[channel]}, count)
            for channel, count in sorted(found.day.by_channel.items())
        ),
        Line(_("The gate lets through at their time"), found.weighed.allowed),
        *(Line(label.capitalize(), count) for label, count in kept_out(found.day.counts)),
        *(
            Line(_("Stopped by %(rule)s") % {"rule": rule}, count, tone="warn")
            for rule, count in found.weighed.blocked.most_common()
        ),
    ]
    if found.day.full:
        lines.append(Line(_("Stopped there because"), str(FULL_LABELS[found.day.full]), tone="warn"))
    lines.append(Line(_("Cost at most"), found.day.reserved, currency=content.currency, total=True))
    return tuple(lines)
