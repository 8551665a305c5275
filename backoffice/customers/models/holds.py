"""Holds on a borrower or on one loan."""

from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext_lazy as _

from backoffice.customers.domain.holds import HoldReason, HoldScope
from backoffice.customers.models.borrowers import Borrower

if TYPE_CHECKING:
    from backoffice.staff.models import User

SCOPE_LABELS = {
    HoldScope.CALLS: _("calls"),
    HoldScope.TEXTS: _("texts"),
    HoldScope.DEBIT: _("debits"),
    HoldScope.PENALTY: _("penalty"),
    HoldScope.AGING: _("aging"),
}
REASON_LABELS = {
    HoldReason.DISPUTE: _("dispute"),
    HoldReason.HARDSHIP: _("hardship"),
    HoldReason.ILLNESS: _("illness"),
    HoldReason.DECEASED: _("deceased"),
    HoldReason.DISASTER: _("disaster"),
    HoldReason.FRAUD: _("fraud"),
    HoldReason.COMPLAINT: _("complaint"),
    HoldReason.LEGAL: _("legal proceedings"),
    HoldReason.REQUEST: _("borrower's request"),
    HoldReason.EXTENSION: _("extension"),
    HoldReason.SYSTEM_FAULT: _("fault on our side"),
    HoldReason.OTHER: _("other"),
}


class SingleValueRange(Func):
    """`[x, x]` as a range: equality for an exclusion constraint without the btree_gist extension."""

    function = "int8range"
    template = "%(function)s(%(expressions)s, '[]')"

    def __init__(self, expression: object) -> None:
        super().__init__(expression, expression)


class HoldQuerySet(models.QuerySet["Hold"]):
    """Holds, restricted to who asks."""

    def visible_to(self, user: "User") -> "HoldQuerySet":
        """Holds of the borrowers the person may see."""
        scope = user.scope()
        return self if scope.all else self.filter(borrower__portfolio__in=scope.portfolios)


class Hold(models.Model):
    """One scope stopped for one period on one borrower, or on one of their loans.

    `loan_id` is a number and not a foreign key: loans live above this app. Half-open period in calendar dates.
    """

    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="holds")
    loan_id = models.BigIntegerField(_("loan"), null=True, blank=True)
    scope = models.CharField(
        _("stops"),
        max_length=10,
        choices=[(s.value, label) for s, label in SCOPE_LABELS.items()],
    )
    period = DateRangeField(_("period"))
    reason = models.CharField(
        _("reason"),
        max_length=20,
        choices=[(r.value, label) for r, label in REASON_LABELS.items()],
    )
    note = models.TextField(_("note"), blank=True)
    evidence = models.TextField(_("evidence"), blank=True)
    owner_id = models.BigIntegerField(_("owner"), null=True, blank=True)
    set_by = models.BigIntegerField(_("placed by"), null=True, blank=True)
    set_by_name = models.CharField(_("placed by"), max_length=150)
    set_at = models.DateTimeField(_("placed"), db_default=Now(), editable=False)
    planned_end = models.DateField(_("planned end"), null=True, blank=True)
    lifted_by = models.BigIntegerField(_("lifted by"), null=True, blank=True)
    lifted_by_name = models.CharField(_("lifted by"), max_length=150, blank=True)
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True)
    lift_reason = models.TextField(_("why it was lifted"), blank=True)

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
            *[
                ExclusionConstraint(
                    name=f"one_{scope.value}_hold_at_a_time",
                    expressions=[
                        (SingleValueRange(F("borrower_id")), RangeOperators.OVERLAPS),
                        (
                            SingleValueRange(Coalesce(F("loan_id"), Value(0))),
                            RangeOperators.OVERLAPS,
                        ),
                        (F("period"), RangeOperators.OVERLAPS),
                    ],
                    condition=Q(scope=scope.value),
                )
                for scope in HoldScope
            ],
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.period}"
