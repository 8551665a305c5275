"""Holds on many borrowers at once: whom a disaster or a fault of ours befell, and what was done for them."""

from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.customers.domain.bulk_holds import BulkState
from backoffice.customers.domain.hold_policy import BULK_REASONS
from backoffice.customers.domain.holds import HoldScope
from backoffice.customers.models.hold_labels import REASON_LABELS, SCOPE_LABELS

if TYPE_CHECKING:
    from backoffice.staff.models import User

STATE_LABELS = {
    BulkState.PREPARED: _("prepared"),
    BulkState.DISCARDED: _("discarded"),
    BulkState.PLACED: _("in force"),
    BulkState.LIFTED: pgettext_lazy("hold", "lifted"),
}


class BulkHoldQuerySet(models.QuerySet["BulkHold"]):
    """Bulk holds, restricted to who asks."""

    def visible_to(self, user: "User") -> "BulkHoldQuerySet":
        """Those whose borrowers all lie in the portfolios the person works on."""
        scope = user.scope()
        return self if scope.all else self.filter(portfolios__contained_by=list(scope.portfolios))


class BulkHold(models.Model):
    """One hold for many borrowers: who they are is settled when it is prepared, so that what was seen is placed.

    `chosen_by` says how they were chosen: source, portfolio, country, time_zone, and the number of ids of a list.
    Half-open `[start, end_exclusive)`; a bulk hold always ends.
    """

    name = models.CharField(_("what happened"), max_length=120)
    reason = models.CharField(
        _("reason"), max_length=20, choices=[(reason.value, REASON_LABELS[reason]) for reason in BULK_REASONS]
    )
    scopes = ArrayField(
        models.CharField(max_length=10, choices=[(s.value, label) for s, label in SCOPE_LABELS.items()]),
        verbose_name=_("about"),
    )
    start = models.DateField(_("from"))
    end_exclusive = models.DateField(_("until"))
    note = models.TextField(_("note"), blank=True)
    evidence = models.TextField(_("evidence"), blank=True)
    chosen_by = models.JSONField(_("chosen by"), default=dict)
    borrower_ids = ArrayField(models.BigIntegerField(), verbose_name=_("borrowers"))
    portfolios = ArrayField(models.CharField(max_length=40), verbose_name=_("portfolios"))
    unknown_ids = ArrayField(models.CharField(max_length=80), verbose_name=_("ids not found"), default=list)
    unknown_count = models.PositiveIntegerField(_("ids not found"), default=0)
    state = models.CharField(
        _("state"),
        max_length=10,
        choices=[(state.value, label) for state, label in STATE_LABELS.items()],
        default=BulkState.PREPARED.value,
    )
    prepared_by = models.BigIntegerField(_("prepared by"), null=True)
    prepared_by_name = models.CharField(_("prepared by"), max_length=150)
    prepared_at = models.DateTimeField(_("prepared"), db_default=Now(), editable=False)
    placed_by_name = models.CharField(_("placed by"), max_length=150, blank=True)
    placed_at = models.DateTimeField(_("placed"), null=True)
    placed_borrowers = models.PositiveIntegerField(_("borrowers held"), default=0)
    placed_holds = models.PositiveIntegerField(_("holds placed"), default=0)
    lifted_by_name = models.CharField(_("lifted by"), max_length=150, blank=True)
    lifted_at = models.DateTimeField(_("lifted"), null=True)
    lifted_on = models.DateField(_("ends on"), null=True)
    lift_reason = models.TextField(_("why it was lifted"), blank=True)

    objects = BulkHoldQuerySet.as_manager()

    class Meta:
        verbose_name = _("bulk hold")
        verbose_name_plural = _("bulk holds")
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(reason__in=[reason.value for reason in BULK_REASONS]), name="bulk_hold_reason_is_known"
            ),
            models.CheckConstraint(
                condition=Q(scopes__contained_by=[scope.value for scope in HoldScope], scopes__len__gt=0),
                name="bulk_hold_is_about_something",
            ),
            models.CheckConstraint(condition=Q(end_exclusive__gt=F("start")), name="bulk_hold_ends_after_its_start"),
            models.CheckConstraint(condition=Q(borrower_ids__len__gt=0), name="bulk_hold_has_borrowers"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in BulkState]), name="bulk_hold_state_is_known"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="bulk_hold_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
