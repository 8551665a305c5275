"""Holds on a borrower or on one loan."""

from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Coalesce, Concat, Now
from django.utils.translation import gettext_lazy as _

from backoffice.customers.domain.holds import EFFECTS_OF, HoldReason, HoldScope
from backoffice.customers.models.borrowers import Borrower
from backoffice.customers.models.bulk_holds import BulkHold
from backoffice.customers.models.hold_labels import EFFECT_LABELS, REASON_LABELS, SCOPE_LABELS

if TYPE_CHECKING:
    from backoffice.staff.models import User


class SingleValueRange(Func):
    """`[x, x]` as a range: equality for an exclusion constraint without the btree_gist extension."""

    function = "int8range"
    template = "%(function)s(%(expressions)s, '[]')"

    def __init__(self, expression: object) -> None:
        super().__init__(expression, expression)


class TextNumber(Func):
    """A text as a number of 64 bits, for the equality of texts in an exclusion constraint."""

    function = "hashtextextended"
    template = "%(function)s(%(expressions)s, 0)"
    output_field = models.BigIntegerField()


class NextGroup(Func):
    """A fresh number of a group of holds."""

    function = "nextval"
    template = "nextval('customers_hold_id_seq')"
    output_field = models.BigIntegerField()

    def __init__(self) -> None:
        super().__init__()


class HoldQuerySet(models.QuerySet["Hold"]):
    """Holds, restricted to who asks."""

    def visible_to(self, user: "User") -> "HoldQuerySet":
        """Holds of the borrowers the person may see."""
        scope = user.scope()
        return self if scope.all else self.filter(borrower__portfolio__in=scope.portfolios)


def _effects_known() -> Q:
    """Each scope with the effects it knows."""
    known = Q()
    for scope, effects in EFFECTS_OF.items():
        known |= Q(scope=scope.value, effect__in=sorted(effect.value for effect in effects))
    return known


class Hold(models.Model):
    """One effect within one scope for one period on one borrower, or on one of their loans.

    `loan_id` is a number and not a foreign key: loans live above this app. Half-open period in calendar dates.
    `contact_from` is earlier than the period where a hold on calls or texts began at once: the business date may be
    ahead of the calendar, and a borrower's day behind ours. It says nothing once nothing is left of the period.
    Holds placed by one act share `group_id`: people see them as one hold with several effects. A hold ends, or it is
    reviewed on `review_on` and runs on until somebody ends it. It belongs to a role and, once taken, to a person of it.
    Holds of different reasons overlap; of each scope the strictest counts.
    """

    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="holds")
    loan_id = models.BigIntegerField(_("loan"), null=True, blank=True)
    scope = models.CharField(
        _("stops"),
        max_length=10,
        choices=[(s.value, label) for s, label in SCOPE_LABELS.items()],
    )
    effect = models.CharField(
        _("effect"),
        max_length=24,
        choices=[(e.value, label) for e, label in EFFECT_LABELS.items()],
        db_default="stop",
    )
    period = DateRangeField(_("period"))
    contact_from = models.DateField(_("stops contacts from"), null=True, blank=True, editable=False)
    review_on = models.DateField(_("review on"), null=True, blank=True)
    group_id = models.BigIntegerField(_("placed together"), db_default=NextGroup(), editable=False)
    bulk = models.ForeignKey(
        BulkHold, verbose_name=_("bulk hold"), on_delete=models.PROTECT, null=True, blank=True, related_name="holds"
    )
    reason = models.CharField(
        _("reason"),
        max_length=20,
        choices=[(r.value, label) for r, label in REASON_LABELS.items()],
    )
    note = models.TextField(_("note"), blank=True)
    evidence = models.TextField(_("evidence"), blank=True)
    owner_id = models.BigIntegerField(_("owner"), null=True, blank=True)
    owner_name = models.CharField(_("owner"), max_length=150, blank=True)
    owner_role = models.CharField(_("owner's role"), max_length=20, blank=True)
    set_by = models.BigIntegerField(_("placed by"), null=True, blank=True)
    set_by_name = models.CharField(_("placed by"), max_length=150)
    set_at = models.DateTimeField(_("placed"), db_default=Now(), editable=False)
    planned_end = models.DateField(_("planned end"), null=True, blank=True)
    lifted_by = models.BigIntegerField(_("lifted by"), null=True, blank=True)
    lifted_by_name = models.CharField(_("lifted by"), max_length=150, blank=True)
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True)
    lift_reason = models.TextField(_("why it was lifted"), blank=True)
    expired_at = models.DateTimeField(_("seen to have run out"), null=True, blank=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["loan_id", "scope"],
                name="holds_of_a_loan",
                condition=Q(loan_id__isnull=False),
            ),
            models.Index(fields=["borrower", "scope"], name="holds_of_a_borrower"),
            models.Index(fields=["group_id", "id"], name="holds_of_a_group"),
            models.Index(
                fields=["review_on", "id"],
                name="holds_to_review",
                condition=Q(review_on__isnull=False, lifted_at__isnull=True),
            ),
            models.Index(
                Func(F("period"), function="upper"),
                name="holds_that_run_out",
                condition=Q(lifted_at__isnull=True, expired_at__isnull=True),
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(scope__in=[s.value for s in HoldScope]),
                name="hold_scope_is_known",
            ),
            models.CheckConstraint(
                condition=Q(reason__in=[r.value for r in HoldReason]),
                name="hold_reason_is_known",
            ),
            models.CheckConstraint(
                condition=Q(period__startswith__isnull=False) | Q(period__isempty=True),
                name="hold_has_a_start",
            ),
            models.CheckConstraint(
                condition=_effects_known(),
                name="hold_effect_suits_its_scope",
            ),
            models.CheckConstraint(
                condition=Q(period__endswith__isnull=False) | Q(review_on__isnull=False) | Q(period__isempty=True),
                name="hold_ends_or_is_reviewed",
            ),
            ExclusionConstraint(
                name="one_hold_per_scope_and_reason_at_a_time",
                expressions=[
                    (SingleValueRange(F("borrower_id")), RangeOperators.OVERLAPS),
                    (SingleValueRange(Coalesce(F("loan_id"), Value(0))), RangeOperators.OVERLAPS),
                    (
                        SingleValueRange(TextNumber(Concat(F("scope"), Value(" "), F("reason")))),
                        RangeOperators.OVERLAPS,
                    ),
                    (F("period"), RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.period}"
