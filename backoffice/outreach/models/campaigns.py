"""Audiences, campaigns, and who fell to a campaign on which day or was left alone."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from backoffice.customers.models import Borrower
from backoffice.outreach.domain.campaign_states import CampaignState

if TYPE_CHECKING:
    from backoffice.staff.models import User

CAMPAIGN_STATE_LABELS = {
    CampaignState.DRAFT: _("draft"),
    CampaignState.SUBMITTED: _("waits for approval"),
    CampaignState.APPROVED: _("approved"),
    CampaignState.RUNNING: _("running"),
    CampaignState.PAUSED: _("paused"),
    CampaignState.ENDED: _("ended"),
}
STATE_CHOICES = [(state.value, label) for state, label in CAMPAIGN_STATE_LABELS.items()]


class Named(models.Model):
    """A code, and a name in both languages."""

    code = models.SlugField(_("code"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    name_zh = models.CharField(_("name in Chinese"), max_length=120, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """Its name in the language of the reader."""
        return self.name_zh if self.name_zh and (get_language() or "").startswith("zh") else self.name


class AudienceQuerySet(models.QuerySet["Audience"]):
    """Audiences, for who asks."""

    def visible_to(self, user: "User") -> "AudienceQuerySet":
        """Those `domain.audiences.may_be_seen` lets the person look at."""
        within = user.scope().within
        return self if within is None else self.filter(_seen("content", within=within))


class CampaignQuerySet(models.QuerySet["Campaign"]):
    """Campaigns, for who asks."""

    def visible_to(self, user: "User") -> "CampaignQuerySet":
        """Those with an audience `domain.audiences.may_be_seen` lets the person look at: a draft's as it is now."""
        within = user.scope().within
        if within is None:
            return self
        is_draft = Q(state=CampaignState.DRAFT.value)
        draft = is_draft & _seen("audience__content", within=within)
        return self.filter(draft | ~is_draft & _seen("content__audience", within=within))


def _seen(content: str, *, within: frozenset[str]) -> Q:
    """`may_be_seen` of the audience at a path, as SQL."""
    if not within:
        return Q(pk__in=())
    named = f"{content}__portfolios"
    return Q(**{f"{named}__isnull": True}) | Q(**{f"{named}__has_any_keys": sorted(within)})


class Audience(Named):
    """A saved filter: `content` as `domain.audiences` reads it. A campaign keeps a copy of its own once submitted."""

    content = models.JSONField(_("content"))
    is_retired = models.BooleanField(_("retired"), default=False)
    created_by_name = models.CharField(_("made by"), max_length=150)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    changed_by_name = models.CharField(_("changed by"), max_length=150, blank=True)
    changed_at = models.DateTimeField(_("changed"), null=True, blank=True)

    objects = AudienceQuerySet.as_manager()

    class Meta:
        verbose_name = _("audience")
        verbose_name_plural = _("audiences")


class Campaign(Named):
    """One campaign: `content` as `domain.campaigns` reads it, frozen when it leaves the draft, its audience with it."""

    state = models.CharField(_("state"), max_length=9, choices=STATE_CHOICES, default=CampaignState.DRAFT.value)
    audience = models.ForeignKey(Audience, on_delete=models.PROTECT, related_name="campaigns")
    content = models.JSONField(_("content"))
    note = models.CharField(_("what for"), max_length=300, blank=True)
    created_by = models.BigIntegerField(null=True, blank=True)
    created_by_name = models.CharField(_("drafted by"), max_length=150)
    created_at = models.DateTimeField(_("drafted"), db_default=Now(), editable=False)
    changed_by = models.BigIntegerField(null=True, blank=True)
    approved_by = models.BigIntegerField(null=True, blank=True)
    approved_by_name = models.CharField(_("approved by"), max_length=150, blank=True)
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in CampaignState]), name="campaign_state_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "running", "paused"]) | Q(approved_at__isnull=False),
                name="campaign_runs_once_approved",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | Q(created_by__isnull=True)
                | ~Q(approved_by=models.F("created_by")),
                name="campaign_is_approved_by_another_person",
            ),
        ]

    @property
    def live_audience(self) -> Mapping[str, Any]:
        """Whom it is for: of a draft the saved audience as it is now, else the copy two people are asked about."""
        found: Mapping[str, Any] = (
            self.audience.content if self.state == CampaignState.DRAFT else self.content["audience"]
        )
        return found


class CampaignMember(models.Model):
    """A borrower fell to a campaign on a day: left alone for good, or a message was planned. These rows only grow.

    `reserved` is what the message and those that may follow it on other channels cost at most, in the currency of the
    budget.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="+", db_index=False)
    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    is_held_out = models.BooleanField()
    loan_id = models.BigIntegerField(null=True, blank=True)
    message_key = models.CharField(max_length=200, blank=True)
    reserved = models.DecimalField(max_digits=12, decimal_places=4, default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["campaign", "borrower", "day"], name="a_borrower_falls_to_a_campaign_once_a_day"
            ),
            models.CheckConstraint(
                condition=Q(is_held_out=True, message_key="") | Q(is_held_out=False) & ~Q(message_key=""),
                name="whoever_is_left_alone_gets_no_message",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.borrower_id} {self.day}"


class CampaignDay(models.Model):
    """A day of a campaign was planned, once: how many it could reach, what was planned, and what kept the others out.

    These rows only grow. `full` says what stopped the planning, "cap" or "budget".
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="days", db_index=False)
    day = models.DateField(_("day"))
    audience = models.PositiveIntegerField(_("in the audience"))
    planned = models.PositiveIntegerField(_("planned"))
    held_out = models.PositiveIntegerField(_("newly left alone"))
    reserved = models.DecimalField(_("reserved"), max_digits=18, decimal_places=4)
    full = models.CharField(max_length=6, blank=True)
    counts = models.JSONField(default=dict)
    planned_at = models.DateTimeField(_("planned on"), db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["campaign", "day"], name="a_day_of_a_campaign_is_planned_once")
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.day}"
