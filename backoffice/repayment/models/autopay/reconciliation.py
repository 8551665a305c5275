"""T+1: files of rails, funders and guarantors, the days they settle, and every difference as a ticket."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django.apps import apps
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now, Upper
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.core.words import as_said
from backoffice.repayment.domain.autopay.differences import DifferenceKind
from backoffice.repayment.models.autopay.debits import DebitCommand
from backoffice.repayment.models.autopay.rails import Payee, Rail
from backoffice.repayment.models.loans import MONEY

if TYPE_CHECKING:
    from backoffice.staff.models import User

DIFFERENCE_LABELS = {
    DifferenceKind.LONG: _("long: the channel debited, our books know nothing"),
    DifferenceKind.SHORT: _("short: our books have it, the channel does not"),
    DifferenceKind.AMOUNT: _("amount differs"),
    DifferenceKind.STATUS: _("status differs"),
    DifferenceKind.CUT_OFF: _("after the cut-off, due in the next file"),
    DifferenceKind.PAYEE: _("a payee's file differs"),
}


class SettlementFile(models.Model):
    """A file of what was moved on a day: of a rail, or of a funder or guarantor about what they were paid.

    Read whole or refused whole. `digest` is SHA-256 of its bytes: the same file twice is one file.
    """

    class Kind(models.TextChoices):
        CHANNEL = "channel", _("channel")
        FUNDER = "funder", _("funder")
        GUARANTOR = "guarantor", _("guarantor")

    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.CHANNEL)
    rail = models.ForeignKey(Rail, null=True, blank=True, on_delete=models.PROTECT, related_name="settlements")
    payee = models.ForeignKey(Payee, null=True, blank=True, on_delete=models.PROTECT, related_name="settlements")
    day = models.DateField()
    name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    line_count = models.PositiveIntegerField()
    total = models.DecimalField(max_digits=20, decimal_places=2)
    actor_name = models.CharField(max_length=150)
    received_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["kind", "rail", "payee", "day"], nulls_distinct=False, name="one_settlement_file_a_day"
            ),
            models.CheckConstraint(
                condition=Q(kind="channel", rail__isnull=False, payee__isnull=True)
                | Q(kind__in=["funder", "guarantor"], payee__isnull=False, rail__isnull=True),
                name="settlement_file_is_of_a_rail_or_a_payee",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SettlementLine(models.Model):
    """One line of a settlement file; amounts (major units) are positive, `kind` says which way money went.

    `component`, `loan`, `period` and `plan_version` stand in a payee's file only.
    """

    file = models.ForeignKey(SettlementFile, on_delete=models.PROTECT, related_name="lines", db_index=False)
    number = models.PositiveIntegerField()
    order_no = models.CharField(max_length=35)
    kind = models.CharField(max_length=6)
    component = models.CharField(max_length=14, blank=True)
    amount = models.DecimalField(**MONEY)
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()
    code = models.CharField(max_length=40, blank=True)
    reference = models.CharField(max_length=80, blank=True)
    loan = models.CharField(max_length=80, blank=True)
    period = models.PositiveIntegerField(null=True, blank=True)
    plan_version = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["file", "order_no", "kind", "component"], name="an_order_stands_once_in_a_settlement_file"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="settlement_line_moves_something"),
            models.CheckConstraint(condition=Q(kind__in=["debit", "return"]), name="settlement_line_kind_is_known"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(OpClass(Upper("order_no"), name="text_pattern_ops"), name="settlement_lines_by_order")
        ]

    def __str__(self) -> str:
        return f"{self.order_no} {self.kind} {self.amount}"


class ReconciledDay(models.Model):
    """A rail's or payee's day: open until its file is there and every difference is explained.

    `counts` has the sums by movement, outcome and currency that the last comparison found, and why the file that came
    last was refused.
    """

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("reconciliation", "open")
        CLOSED = "closed", pgettext_lazy("reconciliation", "closed")

    rail = models.ForeignKey(Rail, null=True, blank=True, on_delete=models.PROTECT, related_name="days")
    payee = models.ForeignKey(Payee, null=True, blank=True, on_delete=models.PROTECT, related_name="days")
    day = models.DateField()
    state = models.CharField(max_length=6, choices=State.choices, default=State.OPEN)
    counts = models.JSONField(default=dict)
    matched_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=150, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["rail", "payee", "day"], nulls_distinct=False, name="one_reconciled_day_of_a_rail_or_payee"
            ),
            models.CheckConstraint(
                condition=Q(rail__isnull=False, payee__isnull=True) | Q(rail__isnull=True, payee__isnull=False),
                name="reconciled_day_is_of_a_rail_or_a_payee",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.whose} {self.day}"

    @property
    def whose(self) -> Rail | Payee | None:
        """The rail or payee whose file it is."""
        return self.rail or self.payee

    @property
    def refused(self) -> str:
        """Why the file that came last was refused, as pure code says it; empty when none was."""
        return as_said(self.counts.get("refused", ""))

    @property
    def totals(self) -> list[dict[str, Any]]:
        """The sums of the last comparison, amounts in major units: `asked` of us, `told` by the file, `booked`."""
        return [
            {**total, **{name: Decimal(total[name]) for name in ("asked", "told", "booked")}}
            for total in self.counts.get("totals", ())
        ]


class DifferenceQuerySet(models.QuerySet["Difference"]):
    """Tickets, for who asks."""

    def visible_to(self, user: "User") -> "DifferenceQuerySet":
        """All for those who see the whole book; else those about loans of the portfolios the person works on.

        A claim's ticket names the claim, and is about its loan. An order nobody knows is of no portfolio: whoever works
        on differences sees it.
        """
        scope = user.scope()
        if scope.all:
            return self
        claims = apps.get_model("repayment", "Claim").objects.filter(number=OuterRef("order_no"))
        of_nobody = Q(command__isnull=True) & ~Exists(claims)
        mine = Q(command__loan__portfolio__in=scope.portfolios)
        return self.filter(of_nobody | mine | Exists(claims.filter(loan__portfolio__in=scope.portfolios)))


class Difference(models.Model):
    """A ticket: our record and theirs do not agree about one order. It is resolved by a posting or an explanation.

    `ours` and `theirs` are amounts in major units, None where one side has nothing. `detail` is the finer reason, a
    code. `due_on` is the day whose file is expected to have it, where somebody said so. `paged_step` is the step of
    urgency somebody was last paged at. A resolved ticket keeps the facts it was resolved for.
    """

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("difference", "open")
        RESOLVED = "resolved", _("resolved")

    reconciled_day = models.ForeignKey(ReconciledDay, on_delete=models.PROTECT, related_name="differences")
    kind = models.CharField(max_length=7, choices=[(kind.value, label) for kind, label in DIFFERENCE_LABELS.items()])
    order_no = models.CharField(max_length=35)
    command = models.ForeignKey(DebitCommand, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    line = models.ForeignKey(SettlementLine, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    movement = models.CharField(max_length=6, default="debit")
    component = models.CharField(max_length=14, blank=True)
    ours = models.DecimalField(**MONEY, null=True, blank=True)
    theirs = models.DecimalField(**MONEY, null=True, blank=True)
    currency = models.CharField(max_length=3)
    detail = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    owner_id = models.BigIntegerField(null=True, blank=True)
    owner_name = models.CharField(max_length=150, blank=True)
    opened_on = models.DateField()
    paged_step = models.CharField(max_length=8, blank=True)
    due_on = models.DateField(null=True, blank=True)
    resolution = models.CharField(max_length=20, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    operation_id = models.BigIntegerField(null=True, blank=True)
    resolved_by = models.CharField(max_length=150, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects = DifferenceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["reconciled_day", "order_no", "movement", "component", "kind"],
                name="a_difference_is_one_ticket",
            ),
            models.CheckConstraint(
                condition=~Q(state="resolved") | (~Q(resolution="") & ~Q(reason="")),
                name="difference_is_resolved_for_a_reason",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["opened_on", "id"], name="differences_to_explain", condition=Q(state="open"))
        ]

    def __str__(self) -> str:
        return f"{self.order_no} {self.kind}"
