"""Packs of contact rules as versioned data: drafted, checked by their vectors, approved by a second person, dated."""

from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from backoffice.staff.models import User


class RulePackQuerySet(models.QuerySet["RulePack"]):
    """Packs, for who asks."""

    def visible_to(self, user: "User") -> "RulePackQuerySet":
        """All of them: rules bind every portfolio, and whoever may open the page may read each."""
        return self


class RulePack(models.Model):
    """A pack by its code; what it says is in its versions."""

    code = models.CharField(_("code"), max_length=40, unique=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = RulePackQuerySet.as_manager()

    class Meta:
        verbose_name = _("rule pack")
        ordering: ClassVar[list[str]] = ["code"]

    def __str__(self) -> str:
        return self.code


class RulePackVersion(models.Model):
    """One version: `content` is the TOML text people write, `parsed` what it says as JSON, `digest` its SHA-256.

    It holds from `effective_from`, unless a later version does, until `withdrawn_at` when it was rolled back.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        CHECKED = "checked", _("checked")
        SUBMITTED = "submitted", _("waiting for approval")
        APPROVED = "approved", _("approved")
        ACTIVE = "active", _("active")
        RETIRED = "retired", _("retired")

    pack = models.ForeignKey(RulePack, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(_("version"))
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.DRAFT)
    content = models.TextField(_("text"))
    parsed = models.JSONField()
    digest = models.CharField(max_length=64)
    effective_from = models.DateField(_("starts on"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)
    note = models.CharField(_("what for"), max_length=300, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("version of a rule pack")
        ordering: ClassVar[list[str]] = ["pack_id", "-number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["pack", "number"], name="pack_version_number_is_unique_in_its_pack"),
            models.UniqueConstraint(
                fields=["pack"],
                condition=Q(state__in=["draft", "checked", "submitted"]),
                name="one_version_of_a_pack_in_the_making",
            ),
            models.UniqueConstraint(fields=["pack"], condition=Q(state="active"), name="one_active_version_of_a_pack"),
            models.UniqueConstraint(
                fields=["pack", "effective_from"],
                condition=Q(state__in=["approved", "active"]),
                name="one_version_of_a_pack_starts_on_a_day",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["submitted", "approved", "active"]) | Q(effective_from__isnull=False),
                name="published_pack_version_has_a_first_day",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(state="retired"),
                name="withdrawn_pack_version_is_retired",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pack_id} v{self.number}"


class RulePackMove(models.Model):
    """One step in the life of a version: between which states, by whom, with the digest it had. It only grows."""

    version = models.ForeignKey(RulePackVersion, on_delete=models.PROTECT, related_name="moves")
    from_state = models.CharField(max_length=9, blank=True)
    to_state = models.CharField(max_length=9, choices=RulePackVersion.State.choices)
    digest = models.CharField(max_length=64)
    effective_from = models.DateField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return f"{self.from_state or 'start'} to {self.to_state}"


class RulePackCheck(models.Model):
    """One run of a version's vectors through the gate: what each was denied by. It only grows."""

    version = models.ForeignKey(RulePackVersion, on_delete=models.PROTECT, related_name="checks")
    digest = models.CharField(max_length=64)
    passed = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    results = models.JSONField()
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed"


class PackGeneration(models.Model):
    """One row that changes with every change of a version, so that whoever read the packs knows they are as they were.

    The number is drawn at random: one that a transaction took back never comes again.
    """

    id = models.BooleanField(primary_key=True, default=True)
    number = models.UUIDField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(id=True), name="one_generation_of_packs")
        ]

    def __str__(self) -> str:
        return str(self.number)


class CompiledRule(models.Model):
    """A rule as `sql/gate.sql` takes it, kept under the digest of all the rules it is judged with. It only grows."""

    key = models.UUIDField()
    rule = models.TextField()
    kind = models.TextField()
    countries = ArrayField(models.TextField())
    is_default = models.BooleanField()
    channels = ArrayField(models.TextField())
    counted_purposes = ArrayField(models.TextField())
    counted_scopes = ArrayField(models.TextField())
    from_minute = models.IntegerField(null=True)
    to_minute = models.IntegerField(null=True)
    days = ArrayField(models.IntegerField())
    is_closed_on_holidays = models.BooleanField()
    most = models.IntegerField(null=True)
    per = models.TextField()
    counts = models.TextField()
    days_window = models.IntegerField(null=True)
    minutes_window = models.IntegerField(null=True)
    quiet_days = models.IntegerField(null=True)
    within_days = models.IntegerField(null=True)
    excepts = ArrayField(models.TextField())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["key", "rule"], name="a_compiled_rule_is_kept_once")
        ]

    def __str__(self) -> str:
        return self.rule
