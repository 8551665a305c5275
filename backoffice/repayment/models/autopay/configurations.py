"""Configurations of autopay, their versions, and what a version would change."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.repayment.domain.autopay.version_states import IN_THE_MAKING, VersionState
from backoffice.repayment.models.autopay.mandates import Mandate
from backoffice.repayment.models.loans import MONEY, Loan
from backoffice.repayment.models.products import Product

if TYPE_CHECKING:
    from backoffice.staff.models import User

VERSION_LABELS = {
    VersionState.DRAFT: _("draft"),
    VersionState.CHECKED: pgettext_lazy("version", "checked"),
    VersionState.SIMULATED: pgettext_lazy("version", "simulated"),
    VersionState.SUBMITTED: _("waits for approval"),
    VersionState.APPROVED: _("approved"),
    VersionState.CANARY: pgettext_lazy("version", "on trial"),
    VersionState.ACTIVE: pgettext_lazy("version", "active"),
    VersionState.RETIRED: _("retired"),
}
VERSION_CHOICES = [(state.value, label) for state, label in VERSION_LABELS.items()]


class ConfigurationQuerySet(models.QuerySet["AutopayConfiguration"]):
    """Configurations, for who asks."""

    def visible_to(self, user: "User") -> "ConfigurationQuerySet":
        """Those of the portfolios the person works on."""
        scope = user.scope()
        return self if scope.all else self.filter(portfolio__in=scope.portfolios)


class AutopayConfiguration(models.Model):
    """How the loans of a portfolio are debited; of one product or all (`product` empty), of one funder or all (`""`).

    The most specific one holds for a loan: product before funder before neither.
    """

    code = models.SlugField(_("code"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    portfolio = models.CharField(_("portfolio"), max_length=64)
    product = models.ForeignKey(
        Product, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("product")
    )
    funder = models.CharField(_("funder"), max_length=80, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ConfigurationQuerySet.as_manager()

    class Meta:
        verbose_name = _("autopay configuration")
        verbose_name_plural = _("autopay configurations")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["portfolio", "product", "funder"],
                nulls_distinct=False,
                name="one_autopay_configuration_per_product_and_funder",
            )
        ]

    def __str__(self) -> str:
        return self.name


class AutopayVersion(models.Model):
    """One version: `content` as `domain.autopay.configuration` reads it, in force on `[effective_from, effective_to)`.

    `findings` is what the last check said. `canary_from` is the first day of its trial; `ended_because` why it left
    force: another took over, rolled back by a person, by its trial's rules. `changed_by` is who changed the content
    last. `held_before` are the days it held on before it was put back: `[from, to)` each, the oldest first.
    """

    configuration = models.ForeignKey(AutopayConfiguration, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField(_("version"))
    state = models.CharField(
        _("state"),
        max_length=9,
        choices=VERSION_CHOICES,
        default=VersionState.DRAFT.value,
    )
    content = models.JSONField(_("content"))
    effective_from = models.DateField(_("in force from"), null=True, blank=True)
    effective_to = models.DateField(_("in force until"), null=True, blank=True)
    canary_from = models.DateField(_("on trial from"), null=True, blank=True)
    findings = models.JSONField(default=list, blank=True)
    ended_because = models.CharField(max_length=40, blank=True)
    note = models.CharField(_("what for"), max_length=300, blank=True)
    created_by = models.BigIntegerField(null=True, blank=True)
    created_by_name = models.CharField(_("drafted by"), max_length=150)
    created_at = models.DateTimeField(_("drafted"), db_default=Now(), editable=False)
    changed_by = models.BigIntegerField(null=True, blank=True)
    changed_by_name = models.CharField(_("changed by"), max_length=150, blank=True)
    held_before = models.JSONField(default=list, blank=True)
    approved_by = models.BigIntegerField(null=True, blank=True)
    approved_by_name = models.CharField(_("approved by"), max_length=150, blank=True)
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)

    class Meta:
        verbose_name = _("version of an autopay configuration")
        verbose_name_plural = _("versions of autopay configurations")
        ordering: ClassVar[list[str]] = ["configuration_id", "-number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["configuration", "number"], name="autopay_version_has_a_number_of_its_own"),
            models.UniqueConstraint(
                fields=["configuration"],
                condition=Q(state=VersionState.ACTIVE.value),
                name="one_active_version_per_autopay_configuration",
            ),
            models.UniqueConstraint(
                fields=["configuration"],
                condition=Q(state=VersionState.CANARY.value),
                name="one_autopay_version_is_on_trial",
            ),
            models.UniqueConstraint(
                fields=["configuration"],
                condition=Q(state__in=sorted(state.value for state in IN_THE_MAKING)),
                name="one_autopay_version_is_in_the_making",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in VersionState]), name="autopay_version_state_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["canary", "active"]) | Q(approved_at__isnull=False),
                name="autopay_version_in_force_was_approved",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.configuration_id} v{self.number}"


class CanaryLoan(models.Model):
    """A loan that a version on trial rules; chosen when the trial begins, and kept to tell who it was tried on."""

    version = models.ForeignKey(AutopayVersion, on_delete=models.PROTECT, related_name="canary_loans", db_index=False)
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["version", "loan"], name="a_loan_is_on_trial_once")
        ]

    def __str__(self) -> str:
        return f"{self.version_id} {self.loan_id}"


class Simulation(models.Model):
    """What a version would have debited on some days beside the one in force: totals here, changed bills by row.

    It is made in the background, `loans_done` of `loans_total`; `run` is whose work it is, so that one who was thought
    lost stops. `mark` is the content it was asked for with (`drafting.mark_of_draft`). The last day is tomorrow, seen
    from its business date. `totals` is empty before it is done.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        STOPPED = "stopped", pgettext_lazy("work", "stopped")

    version = models.ForeignKey(AutopayVersion, on_delete=models.PROTECT, related_name="simulations")
    beside = models.ForeignKey(
        AutopayVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    state = models.CharField(max_length=7, choices=State.choices, default=State.DONE)
    mark = models.CharField(max_length=32, blank=True)
    from_day = models.DateField()
    through_day = models.DateField()
    totals = models.JSONField(default=dict, blank=True)
    loans_done = models.PositiveIntegerField(default=0)
    loans_total = models.PositiveIntegerField(default=0)
    run = models.CharField(max_length=32, blank=True)
    failure = models.CharField(max_length=300, blank=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    made_at = models.DateTimeField(db_default=Now(), editable=False)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["version"],
                condition=Q(state__in=["waiting", "running"]),
                name="one_simulation_of_a_version_at_work",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | ~Q(totals={}), name="simulation_that_is_done_has_its_totals"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version_id} {self.from_day}"

    @property
    def business_date(self) -> date:
        """The day it was asked for on."""
        return self.through_day - timedelta(days=1)

    @property
    def is_at_work(self) -> bool:
        """Whether it is still being made."""
        return self.state in {self.State.WAITING, self.State.RUNNING}


class SimulatedBill(models.Model):
    """A bill a version would treat otherwise: amounts (major units), day, rail, agreement and payees under both.

    `day` is when the version would try it, or the one beside it where the version would not; `why` names what changes,
    with commas (`domain.autopay.simulation`).
    """

    simulation = models.ForeignKey(Simulation, on_delete=models.CASCADE, related_name="bills")
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="+", db_index=False)
    installment_number = models.PositiveIntegerField()
    due_date = models.DateField()
    day = models.DateField()
    day_before = models.DateField(null=True)
    amount_before = models.DecimalField(**MONEY)
    amount_after = models.DecimalField(**MONEY)
    currency = models.CharField(max_length=3)
    payees_before = models.JSONField(default=dict)
    payees_after = models.JSONField(default=dict)
    rail_before = models.CharField(max_length=40, blank=True)
    rail_after = models.CharField(max_length=40, blank=True)
    mandate_before = models.ForeignKey(Mandate, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    mandate_after = models.ForeignKey(Mandate, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    why = models.CharField(max_length=40)

    def __str__(self) -> str:
        return f"{self.loan_id} #{self.installment_number} {self.day}"
