"""Experiments: what is tried on whom, who was shown what, and what they did. Exposures and outcomes only grow."""

from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DecimalRangeField, RangeOperators
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.core.formats import is_chinese
from backoffice.customers.models import Borrower
from backoffice.customers.models.holds import SingleValueRange
from backoffice.outreach.models.templates import ELEMENT_CHOICES, MessageTemplate

if TYPE_CHECKING:
    from backoffice.staff.models import User


class Metric(models.Model):
    """Something a unit does that can be counted: whether it did it (`binary`), or how much of it (`mean`)."""

    class Kind(models.TextChoices):
        """How it is compared."""

        BINARY = "binary", _("share of people")
        MEAN = "mean", _("mean per person")

    class Goal(models.TextChoices):
        """Which way is better."""

        MORE = "more", _("more is better")
        LESS = "less", _("less is better")

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    name_zh = models.CharField(_("name in Chinese"), max_length=80, blank=True)
    kind = models.CharField(_("kind"), max_length=6, choices=Kind.choices, default=Kind.BINARY)
    goal = models.CharField(_("which way is better"), max_length=4, choices=Goal.choices, default=Goal.MORE)
    currency = models.CharField(_("currency"), max_length=3, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["code"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(kind__in=["binary", "mean"]), name="metric_kind_is_known"),
            models.CheckConstraint(condition=Q(goal__in=["more", "less"]), name="metric_goal_is_known"),
        ]

    def __str__(self) -> str:
        return (is_chinese() and self.name_zh) or self.name


class Layer(models.Model):
    """Experiments of one layer never share a unit; those of different layers do, independently of each other."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    name_zh = models.CharField(_("name in Chinese"), max_length=80, blank=True)
    salt = models.CharField(_("salt"), max_length=80, unique=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["code"]

    def __str__(self) -> str:
        return (is_chinese() and self.name_zh) or self.name


class ExperimentQuerySet(models.QuerySet["Experiment"]):
    """Experiments, restricted to who asks."""

    def visible_to(self, user: "User") -> "ExperimentQuerySet":
        """All of them to anybody with a role: an experiment shows counts over the whole book and no person."""
        return self if user.roles else self.none()


class Experiment(models.Model):
    """One experiment: declared as a draft, frozen when a second person starts it, stopped on its day, decided.

    `share` is how much of its layer it takes, `slice` which part of it (from the start on). Outcomes count for
    `window_days` after a unit's exposure. `origin` brought_in: run elsewhere, its results are sums and not units.
    `template`: whoever is written to with it is taken in, and gets the words of their arm.
    """

    class State(models.TextChoices):
        """Where it stands."""

        DRAFT = "draft", _("draft")
        RUNNING = "running", _("running")
        STOPPED = "stopped", _("stopped")
        DECIDED = "decided", _("decided")
        DISCARDED = "discarded", _("discarded")

    class Design(models.TextChoices):
        """What the arms are."""

        ARMS = "arms", _("arms against a control")
        L8 = "L8", _("L8: up to seven elements in two versions")
        L18 = "L18", _("L18: up to seven elements in three versions")

    class Origin(models.TextChoices):
        """Where it was run."""

        OWN = "own", _("run here")
        BROUGHT_IN = "brought_in", _("brought in with its results")

    code = models.SlugField(_("code"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    question = models.TextField(_("what is tried, and why"))
    audience = models.TextField(_("on whom"))
    layer = models.ForeignKey(Layer, verbose_name=_("layer"), on_delete=models.PROTECT, related_name="experiments")
    share = models.DecimalField(_("share of the layer"), max_digits=7, decimal_places=6)
    slice = DecimalRangeField(_("slice of the layer"), null=True, blank=True)
    salt = models.CharField(_("salt"), max_length=100, unique=True)
    template = models.ForeignKey(
        MessageTemplate,
        verbose_name=_("about the template"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="experiments",
    )
    design = models.CharField(_("design"), max_length=4, choices=Design.choices, default=Design.ARMS)
    origin = models.CharField(_("origin"), max_length=10, choices=Origin.choices, default=Origin.OWN)
    metric = models.ForeignKey(Metric, verbose_name=_("declared metric"), on_delete=models.PROTECT, related_name="+")
    watched = models.ManyToManyField(Metric, verbose_name=_("also watched"), related_name="+", blank=True)
    window_days = models.PositiveSmallIntegerField(_("days outcomes count"))
    alpha = models.DecimalField(_("alpha"), max_digits=4, decimal_places=3)
    power = models.DecimalField(_("power"), max_digits=4, decimal_places=3)
    minimum_sample = models.PositiveIntegerField(_("fewest units in each arm"), null=True, blank=True)
    stop_on = models.DateField(_("stops after"), null=True, blank=True)
    screening = models.ForeignKey(
        "self",
        verbose_name=_("confirms"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="confirmations",
    )
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DRAFT)
    created_by_name = models.CharField(_("drafted by"), max_length=150)
    created_at = models.DateTimeField(_("drafted"), db_default=Now(), editable=False)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    stopped_on = models.DateField(_("stopped"), null=True, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    chosen = models.ForeignKey(
        "Arm", verbose_name=_("chosen"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    conclusion = models.TextField(_("conclusion"), blank=True)

    objects = ExperimentQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state__in=["draft", "running", "stopped", "decided", "discarded"]),
                name="experiment_state_is_known",
            ),
            models.CheckConstraint(condition=Q(share__gt=0, share__lte=1), name="experiment_takes_part_of_its_layer"),
            models.CheckConstraint(
                condition=Q(alpha__gt=0, alpha__lt=F("power"), power__lt=1), name="experiment_errors_are_possible"
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(slice__isnull=False, stop_on__isnull=False, minimum_sample__gte=1),
                name="experiment_runs_as_declared",
            ),
            models.CheckConstraint(
                condition=Q(state="decided", chosen__isnull=False, decided_at__isnull=False)
                | (~Q(state="decided") & Q(chosen__isnull=True, decided_at__isnull=True)),
                name="experiment_is_decided_for_an_arm",
            ),
            models.UniqueConstraint(
                fields=["template"], condition=Q(state="running"), name="one_running_experiment_per_template"
            ),
            ExclusionConstraint(
                name="one_experiment_a_unit_of_a_layer",
                expressions=[
                    (SingleValueRange(F("layer_id")), RangeOperators.OVERLAPS),
                    (F("slice"), RangeOperators.OVERLAPS),
                ],
                condition=Q(state="running"),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Arm(models.Model):
    """One way of doing it. Of an orthogonal plan an arm is a row, and number 1, today's text, is the control.

    `template` says its words when the experiment is about a template: another one of the same purpose; the control's is
    the template itself.
    """

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="arms")
    number = models.PositiveSmallIntegerField(_("number"))
    name = models.CharField(_("name"), max_length=120)
    content = models.TextField(_("what they get"), blank=True)
    share = models.DecimalField(_("share"), max_digits=7, decimal_places=6)
    is_control = models.BooleanField(_("control"), default=False)
    template = models.ForeignKey(
        MessageTemplate, verbose_name=_("words"), on_delete=models.PROTECT, null=True, blank=True, related_name="arms"
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["experiment_id", "number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["experiment", "number"], name="arm_number_is_unique_in_its_experiment"),
            models.UniqueConstraint(
                fields=["experiment"], condition=Q(is_control=True), name="one_control_per_experiment"
            ),
            models.CheckConstraint(condition=Q(share__gt=0, share__lte=1), name="arm_has_a_share"),
        ]

    def __str__(self) -> str:
        return self.name


class Factor(models.Model):
    """One element of an orthogonal plan and the versions of it that are tried; the first is today's.

    About a template, `element` is what the factor changes, and all versions but the first are codes of pieces.
    """

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="factors")
    number = models.PositiveSmallIntegerField(_("number"))
    name = models.CharField(_("element"), max_length=60)
    element = models.CharField(_("element of the text"), max_length=16, choices=ELEMENT_CHOICES, blank=True)
    levels = ArrayField(models.CharField(max_length=200), verbose_name=_("versions"))

    class Meta:
        ordering: ClassVar[list[str]] = ["experiment_id", "number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["experiment", "number"], name="factor_number_is_unique_in_its_experiment"),
        ]

    def __str__(self) -> str:
        return self.name


class Exposure(models.Model):
    """A unit got what its arm gets, or was left alone as its arm says: from here on its outcomes count.

    `message_key`: the message planned with the words of its arm that took it in; empty when another system told of it.
    """

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="exposures", db_index=False)
    arm = models.ForeignKey(Arm, on_delete=models.PROTECT, related_name="exposures", db_index=False)
    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("at"))
    message_key = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["experiment", "borrower"], include=["arm", "at"], name="one_arm_per_unit_of_an_experiment"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.experiment_id} {self.borrower_id}"


class Outcome(models.Model):
    """What a unit did, as a fact of its own: any experiment whose window it falls into reads it. `key` is unique."""

    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="+", db_index=False)
    metric = models.ForeignKey(Metric, on_delete=models.PROTECT, related_name="+", db_index=False)
    value = models.DecimalField(_("value"), max_digits=18, decimal_places=2)
    at = models.DateTimeField(_("at"))
    key = models.CharField(_("key"), max_length=120, unique=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["metric", "borrower", "at"], include=["value"], name="outcomes_of_a_unit"),
        ]

    def __str__(self) -> str:
        return self.key


class ArmResult(models.Model):
    """What an arm of an experiment that was run elsewhere did on one metric: sums only, no units."""

    arm = models.ForeignKey(Arm, on_delete=models.PROTECT, related_name="results")
    metric = models.ForeignKey(Metric, on_delete=models.PROTECT, related_name="+", db_index=False)
    units = models.PositiveIntegerField(_("units"))
    total = models.DecimalField(_("sum"), max_digits=20, decimal_places=2)
    squares = models.DecimalField(_("sum of squares"), max_digits=28, decimal_places=4)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["arm", "metric"], name="one_result_per_arm_and_metric"),
        ]

    def __str__(self) -> str:
        return f"{self.arm_id} {self.metric_id}"
