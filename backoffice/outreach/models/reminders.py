"""Reminder plans, their versions, and who was reminded or left alone about which bill."""

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.core.formats import is_chinese
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.reminder_plans import StopCondition
from backoffice.outreach.domain.reminder_states import OPEN, PlanState

if TYPE_CHECKING:
    from backoffice.staff.domain.scope import Scope
    from backoffice.staff.models import User

PLAN_STATE_LABELS = {
    PlanState.DRAFT: _("draft"),
    PlanState.SUBMITTED: _("waits for approval"),
    PlanState.APPROVED: _("approved"),
    PlanState.ACTIVE: pgettext_lazy("version", "active"),
    PlanState.RETIRED: _("retired"),
}
STOP_LABELS = {
    StopCondition.PAID: _("paid"),
    StopCondition.HOLD: _("hold"),
    StopCondition.DEBIT: _("debit in flight"),
    StopCondition.EXTENSION: _("extension in review"),
    StopCondition.PROMISE: _("promise open"),
}


class ReminderPlanQuerySet(models.QuerySet["ReminderPlan"]):
    """Plans, for who asks."""

    def visible_to(self, user: "User") -> "ReminderPlanQuerySet":
        """Those of the portfolios the person works on, and the one of all that have none of their own."""
        scope = user.scope()
        return self if scope.all else self.filter(portfolio__in=_seen(scope))


class ReminderPlanVersionQuerySet(models.QuerySet["ReminderPlanVersion"]):
    """Versions of plans, for who asks."""

    def visible_to(self, user: "User") -> "ReminderPlanVersionQuerySet":
        """Those of the plans the person sees."""
        scope = user.scope()
        return self if scope.all else self.filter(plan__portfolio__in=_seen(scope))


def _seen(scope: "Scope") -> set[str]:
    """The portfolios of the plans a person sees, "" among them: the plan for all reminds their borrowers too."""
    return {"", *scope.portfolios} if scope.portfolios else set()


class ReminderPlan(models.Model):
    """Reminders for the loans of one portfolio, or of all that have none of their own (`portfolio` empty)."""

    code = models.SlugField(_("code"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    name_zh = models.CharField(_("name in Chinese"), max_length=120, blank=True)
    portfolio = models.CharField(_("portfolio"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    objects = ReminderPlanQuerySet.as_manager()

    class Meta:
        verbose_name = _("reminder plan")
        verbose_name_plural = _("reminder plans")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["portfolio"], name="one_reminder_plan_per_portfolio")
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """Its name in the language of the reader."""
        return (is_chinese() and self.name_zh) or self.name


class ReminderPlanVersion(models.Model):
    """One version: `content` as `domain.reminder_plans` reads it. From `effective_from` on, once two people agreed."""

    plan = models.ForeignKey(ReminderPlan, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField(_("version"))
    state = models.CharField(_("state"), max_length=9, default=PlanState.DRAFT.value)
    content = models.JSONField(_("content"))
    effective_from = models.DateField(_("in force from"), null=True, blank=True)
    note = models.CharField(_("what for"), max_length=300, blank=True)
    created_by = models.BigIntegerField(null=True, blank=True)
    created_by_name = models.CharField(_("drafted by"), max_length=150)
    created_at = models.DateTimeField(_("drafted"), db_default=Now(), editable=False)
    approved_by = models.BigIntegerField(null=True, blank=True)
    approved_by_name = models.CharField(_("approved by"), max_length=150, blank=True)
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)

    objects = ReminderPlanVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("version of a reminder plan")
        verbose_name_plural = _("versions of reminder plans")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["plan", "number"], name="reminder_version_has_a_number_of_its_own"),
            models.UniqueConstraint(
                fields=["plan"], condition=Q(state=PlanState.ACTIVE.value), name="one_active_version_per_reminder_plan"
            ),
            models.UniqueConstraint(
                fields=["plan"],
                condition=Q(state__in=[state.value for state in sorted(OPEN)]),
                name="one_open_version_per_reminder_plan",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in PlanState]), name="reminder_version_state_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} {self.number}"

    @property
    def was_in_force(self) -> bool:
        """True for one that planned messages once: it can be put back in force at once."""
        return (
            self.state == PlanState.RETIRED.value and self.approved_at is not None and self.effective_from is not None
        )


class ReminderGroup(models.Model):
    """A bill fell to a plan: its borrower is reminded, or left alone to compare with. These rows only grow."""

    plan = models.ForeignKey(ReminderPlan, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.ForeignKey(ReminderPlanVersion, on_delete=models.PROTECT, related_name="+", db_index=False)
    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="+", db_index=False)
    loan_id = models.BigIntegerField()
    due_date = models.DateField()
    is_held_out = models.BooleanField()
    planned_on = models.DateField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["plan", "due_date", "loan_id"], name="a_bill_falls_to_a_plan_once")
        ]

    def __str__(self) -> str:
        return f"{self.loan_id} {self.due_date}"
