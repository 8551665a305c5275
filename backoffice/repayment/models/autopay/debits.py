"""Debits: the bills planned for a day, batches of a slot, commands and their journey, what was split, breakers."""

from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.repayment.domain.autopay.breakers import BreakerKind
from backoffice.repayment.domain.autopay.debit_states import IN_FLIGHT, PENDING, BillState, CommandState
from backoffice.repayment.domain.autopay.order_numbers import LONGEST, Purpose
from backoffice.repayment.models.autopay.configurations import AutopayVersion
from backoffice.repayment.models.autopay.mandates import Mandate
from backoffice.repayment.models.autopay.rails import Payee, Rail
from backoffice.repayment.models.loans import MONEY, Loan

if TYPE_CHECKING:
    from backoffice.staff.models import User

COMMAND_LABELS = {
    CommandState.PLANNED: pgettext_lazy("debit", "planned"),
    CommandState.SUBMITTED: pgettext_lazy("debit", "submitted"),
    CommandState.UNKNOWN: pgettext_lazy("debit", "unknown"),
    CommandState.SUCCEEDED: pgettext_lazy("debit", "succeeded"),
    CommandState.DECLINED: pgettext_lazy("debit", "declined"),
    CommandState.DROPPED: pgettext_lazy("debit", "dropped"),
    CommandState.RETURNED: pgettext_lazy("debit", "returned"),
}
BILL_LABELS = {
    BillState.OPEN: pgettext_lazy("bill to debit", "open"),
    BillState.SETTLED: pgettext_lazy("bill to debit", "settled"),
    BillState.STOPPED: pgettext_lazy("bill to debit", "stopped"),
    BillState.OVER: pgettext_lazy("bill to debit", "day over"),
}
PURPOSE_LABELS = {Purpose.DEBIT: _("autopay"), Purpose.ACTIVE: _("active repayment")}
BREAKER_LABELS = {
    BreakerKind.TOTAL: _("total against forecast"),
    BreakerKind.SUCCESS: _("success rate"),
    BreakerKind.FAMILY: _("one kind of refusal"),
    BreakerKind.PER_CARD: _("debits of one card"),
    BreakerKind.SETTLED: _("settled or held bill"),
    BreakerKind.AMOUNT: _("second calculation"),
    BreakerKind.REQUEST: _("our calls refused"),
    BreakerKind.UNMAPPED: _("code nobody mapped"),
    BreakerKind.DOUBLE: _("debited twice"),
    BreakerKind.MERCHANT: _("our contract with the rail"),
    BreakerKind.CONTRARY: _("rail contradicts itself"),
    BreakerKind.UNBOOKED: _("answer or money not booked"),
}


class AutopaySwitch(models.Model):
    """The one row that stops every debit at once: the kill switch."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    is_stopped = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)
    actor_name = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(id=1), name="there_is_one_autopay_switch"),
            models.CheckConstraint(
                condition=Q(is_stopped=False) | ~Q(reason=""), name="autopay_is_stopped_for_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return "stopped" if self.is_stopped else "running"


class DebitBill(models.Model):
    """A bill to be debited on a day under a version, planned by the close of the day before.

    `amount` is what was due when it was planned, the forecast; `debited` what its commands brought on the day.
    `tries_without_funds` steers partial debits, `tries_over_limit` the parts asked for where limits refuse; with
    `skipped_mandates` they go on from the bill's last day. `stopped_by` is the family or rule that ended its attempts.
    """

    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="debit_bills", db_index=False)
    borrower_id = models.BigIntegerField()
    installment_number = models.PositiveIntegerField()
    from_version = models.PositiveIntegerField(default=1)
    due_date = models.DateField()
    day = models.DateField()
    version = models.ForeignKey(AutopayVersion, on_delete=models.PROTECT, related_name="+", db_index=False)
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(**MONEY)
    debited = models.DecimalField(**MONEY, default=0)
    state = models.CharField(max_length=8, default=BillState.OPEN.value)
    stopped_by = models.CharField(max_length=40, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    tries_without_funds = models.PositiveSmallIntegerField(default=0)
    tries_over_limit = models.PositiveSmallIntegerField(default=0)
    skipped_mandates = models.JSONField(default=list, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["day", "loan", "installment_number", "from_version"], name="a_bill_is_planned_once_a_day"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in BillState]), name="debit_bill_state_is_known"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="debit_bill_asks_for_something"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["version", "day", "id"], name="debit_bills_to_try", condition=Q(state=BillState.OPEN.value)
            ),
            models.Index(fields=["loan", "day"], name="debit_bills_of_a_loan"),
        ]

    def __str__(self) -> str:
        return f"{self.loan_id} #{self.installment_number} {self.day}"


class DebitBatch(models.Model):
    """The commands of one slot, version and currency. `forecast` (major units) is what the plan said it would ask for.

    What its breakers watch is counted here: how many commands have left, what was forecast for them and `asked`, how
    many were answered, how many succeeded, and refusals by family. `counting`: how often these began anew; what left in
    an earlier counting is not counted in this one. Its row is locked before any loan's. `paused` waits for a person,
    `stopped` for the breaker that stopped it; `over` when its time ran out.
    """

    class State(models.TextChoices):
        BUILDING = "building", _("being built")
        RUNNING = "running", pgettext_lazy("batch", "running")
        PAUSED = "paused", _("paused")
        STOPPED = "stopped", _("stopped by a breaker")
        DONE = "done", pgettext_lazy("batch", "done")
        OVER = "over", _("out of time")

    version = models.ForeignKey(AutopayVersion, on_delete=models.PROTECT, related_name="batches")
    day = models.DateField()
    slot = models.CharField(max_length=20)
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=8, choices=State.choices, default=State.BUILDING)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    commands = models.PositiveIntegerField(default=0)
    forecast = models.DecimalField(**MONEY, default=0)
    left = models.PositiveIntegerField(default=0)
    left_forecast = models.DecimalField(**MONEY, default=0)
    asked = models.DecimalField(**MONEY, default=0)
    answered = models.PositiveIntegerField(default=0)
    succeeded = models.PositiveIntegerField(default=0)
    families = models.JSONField(default=dict)
    counting = models.PositiveSmallIntegerField(db_default=0)
    reason = models.CharField(max_length=300, blank=True)
    moved_by = models.CharField(max_length=150, blank=True)
    moved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["day", "version", "slot", "currency"], name="a_slot_is_run_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state", "id"], name="batches_at_work", condition=Q(state__in=["building", "running"]))
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.slot} {self.currency}"


class CommandQuerySet(models.QuerySet["DebitCommand"]):
    """Commands, for who asks."""

    def visible_to(self, user: "User") -> "CommandQuerySet":
        """Those on the loans of the portfolios the person works on."""
        scope = user.scope()
        return self if scope.all else self.filter(loan__portfolio__in=scope.portfolios)


class DebitCommand(models.Model):
    """One order to a rail, by its merchant order number, and what became of it.

    `forecast` is the amount it was built with, `amount` what was really asked for, computed under the loan's lock when
    it left and `checked` a second time another way. `succeeded_at` is the channel's time. `lease_until` is when a
    worker that has it counts as dead; `look_at` when the rail is asked next. Purpose `active`: the borrower pays by a
    link; both purposes share the lock of one order in flight per loan. `is_unplaced`: the money came, or went back, and
    the books refused it: a person has to place it. `counting`: in which counting of its batch it left.
    """

    order_no = models.CharField(_("order number"), max_length=LONGEST, unique=True)
    purpose = models.CharField(
        _("purpose"), max_length=6, choices=[(purpose.value, label) for purpose, label in PURPOSE_LABELS.items()]
    )
    bill = models.ForeignKey(DebitBill, null=True, on_delete=models.PROTECT, related_name="commands", db_index=False)
    batch = models.ForeignKey(DebitBatch, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.ForeignKey(AutopayVersion, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="debit_commands", verbose_name=_("loan"))
    borrower_id = models.BigIntegerField()
    installment_number = models.PositiveIntegerField()
    from_version = models.PositiveIntegerField(default=1)
    attempt = models.PositiveIntegerField(_("attempt"))
    day = models.DateField(_("day"))
    mandate = models.ForeignKey(Mandate, on_delete=models.PROTECT, related_name="+", verbose_name=_("mandate"))
    rail = models.ForeignKey(Rail, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("rail"))
    currency = models.CharField(_("currency"), max_length=3)
    forecast = models.DecimalField(**MONEY)
    amount = models.DecimalField(_("amount"), **MONEY)
    state = models.CharField(
        _("state"), max_length=9, choices=[(state.value, label) for state, label in COMMAND_LABELS.items()]
    )
    code = models.CharField(_("code"), max_length=40, blank=True)
    family = models.CharField(_("kind of refusal"), max_length=20, blank=True)
    reference = models.CharField(_("reference"), max_length=80, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    looks = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    look_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(_("submitted"), null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    succeeded_at = models.DateTimeField(_("debited"), null=True, blank=True)
    returned_at = models.DateTimeField(_("returned"), null=True, blank=True)
    operation_id = models.BigIntegerField(null=True, blank=True)
    return_operation_id = models.BigIntegerField(null=True, blank=True)
    is_unplaced = models.BooleanField(default=False)
    counting = models.PositiveSmallIntegerField(db_default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = CommandQuerySet.as_manager()

    class Meta:
        verbose_name = _("debit")
        verbose_name_plural = _("debits")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["loan"],
                condition=Q(state__in=sorted(state.value for state in IN_FLIGHT)),
                name="one_order_in_flight_per_loan",
            ),
            models.UniqueConstraint(
                fields=["bill"],
                condition=Q(state__in=sorted(state.value for state in PENDING)),
                name="one_command_at_a_time_for_a_bill",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in CommandState]), name="command_state_is_known"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="command_asks_for_no_negative_amount"),
            models.CheckConstraint(
                condition=~Q(state__in=["submitted", "unknown", "succeeded", "returned"]) | Q(amount__gt=0),
                name="command_that_left_asks_for_something",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["succeeded", "returned"])
                | (Q(succeeded_at__isnull=False) & (Q(operation_id__isnull=False) | Q(is_unplaced=True))),
                name="success_is_booked",
            ),
            models.CheckConstraint(
                condition=~Q(state="returned")
                | (Q(returned_at__isnull=False) & (Q(return_operation_id__isnull=False) | Q(is_unplaced=True))),
                name="return_is_booked",
            ),
            models.CheckConstraint(
                condition=~Q(state="submitted") | Q(lease_until__isnull=False), name="submitted_command_has_a_lease"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["batch", "rail", "id"], name="commands_to_submit", condition=Q(state="planned")),
            models.Index(fields=["lease_until"], name="commands_on_their_way", condition=Q(state="submitted")),
            models.Index(fields=["look_at"], name="commands_to_ask_about", condition=Q(look_at__isnull=False)),
            models.Index(fields=["day", "batch", "state"], name="commands_of_a_day"),
            models.Index(fields=["mandate", "day"], name="commands_of_a_mandate"),
            models.Index(fields=["succeeded_at"], name="commands_not_in_the_books", condition=Q(is_unplaced=True)),
            models.Index(fields=["bill"], name="commands_of_a_bill"),
            # What a rail moved on a day, for the comparison with its file.
            models.Index(
                fields=["rail", "succeeded_at"],
                name="commands_a_rail_debited",
                condition=Q(succeeded_at__isnull=False),
            ),
            models.Index(
                fields=["rail", "returned_at"], name="commands_a_rail_returned", condition=Q(returned_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.order_no


class DebitMove(models.Model):
    """A command went from one state to another. These rows only grow; `at` is when it happened."""

    command = models.ForeignKey(DebitCommand, on_delete=models.PROTECT, related_name="moves", db_index=False)
    from_state = models.CharField(max_length=9, blank=True)
    to_state = models.CharField(max_length=9)
    code = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["command", "id"], name="journey_of_a_command")]

    def __str__(self) -> str:
        return f"{self.command_id}: {self.from_state} > {self.to_state}"


class StopQuerySet(models.QuerySet["DebitStop"]):
    """Stops, for who asks."""

    def visible_to(self, user: "User") -> "StopQuerySet":
        """Those of the loans of the portfolios the person works on."""
        scope = user.scope()
        return self if scope.all else self.filter(loan__portfolio__in=scope.portfolios)

    def standing(self) -> "StopQuerySet":
        """Those nobody has ended."""
        return self.filter(ended_at__isnull=True)


class DebitStop(models.Model):
    """Nothing of a loan is debited since an answer said so, until it is ended: by a person or a newer agreement.

    `family` and `code` are those of `command`, which was refused or taken back; `until` is the day on which it is over
    by itself. A row is ended once and stays.
    """

    loan = models.ForeignKey(
        Loan, on_delete=models.PROTECT, related_name="debit_stops", verbose_name=_("loan"), db_index=False
    )
    command = models.ForeignKey(DebitCommand, on_delete=models.PROTECT, related_name="stops")
    family = models.CharField(max_length=20, blank=True)
    code = models.CharField(max_length=40, blank=True)
    since = models.DateTimeField()
    until = models.DateField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=150, blank=True)
    end_reason = models.CharField(max_length=300, blank=True)

    objects = StopQuerySet.as_manager()

    class Meta:
        verbose_name = _("stop of debits")
        verbose_name_plural = _("stops of debits")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["loan"], condition=Q(ended_at__isnull=True), name="debits_of_a_loan_are_stopped_once"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | (~Q(end_reason="") & ~Q(ended_by="")),
                name="a_stop_of_debits_is_ended_for_a_reason",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["loan", "id"], name="debit_stops_of_a_loan")]

    def __str__(self) -> str:
        return f"{self.loan_id}: {self.family or self.code}"


class RailNotice(models.Model):
    """One notice a rail sent, once by its id. `outcome`: it moved a command, came too late to, or names none."""

    class Outcome(models.TextChoices):
        APPLIED = "applied", _("applied")
        LATE = "late", _("too late to change anything")
        UNMATCHED = "unmatched", _("no such order")

    rail = models.ForeignKey(Rail, on_delete=models.PROTECT, related_name="notices")
    notice_id = models.CharField(max_length=100)
    digest = models.BinaryField(max_length=32)
    command = models.ForeignKey(DebitCommand, null=True, on_delete=models.PROTECT, related_name="notices")
    order_no = models.CharField(max_length=LONGEST)
    event = models.CharField(max_length=9)
    amount = models.DecimalField(**MONEY)
    code = models.CharField(max_length=40, blank=True)
    outcome = models.CharField(max_length=9, choices=Outcome.choices)
    at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["rail", "notice_id"], name="one_notice_per_id_and_rail"),
        ]

    def __str__(self) -> str:
        return f"{self.rail_id} {self.notice_id}"


class SplitLine(models.Model):
    """What a payee gets of one debit, by component (major units); the lines of a command sum to what it brought.

    `change` lines follow the ledger when the payment was taken back or allocated anew: a return mirrors line for line.
    `day` is the channel's day, of a change the business date. `claim` is the bill a guarantor paid, whose money is its
    own whatever the configuration says. These rows only grow.
    """

    class Cause(models.TextChoices):
        DEBIT = "debit", _("debit")
        CHANGE = "change", pgettext_lazy("split", "return or new allocation")

    command = models.ForeignKey(DebitCommand, on_delete=models.PROTECT, related_name="splits")
    operation_id = models.BigIntegerField()
    component = models.CharField(max_length=14)
    payee = models.ForeignKey(Payee, on_delete=models.PROTECT, related_name="lines", db_index=False)
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(**MONEY)
    day = models.DateField()
    cause = models.CharField(max_length=6, choices=Cause.choices, default=Cause.DEBIT)
    claim = models.ForeignKey(
        "repayment.Claim", null=True, blank=True, on_delete=models.PROTECT, related_name="splits", db_index=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["operation_id", "component", "payee", "claim"],
                nulls_distinct=False,
                condition=Q(cause="debit"),
                name="a_payee_has_one_line_of_a_component",
            ),
            models.CheckConstraint(condition=~Q(amount=0), name="split_line_is_not_nothing"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["payee", "day", "id"], name="lines_of_a_payee"),
            BrinIndex(fields=["day"], name="lines_of_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.command_id} {self.component} {self.amount}"


class Breaker(models.Model):
    """A breaker that opened: what was seen, what was allowed, which batch it stopped, and who closed it and why.

    `paged` names those who were paged last, at `paged_at`: nobody, when nobody who may close it has an address.
    """

    kind = models.CharField(max_length=10, choices=[(kind.value, label) for kind, label in BREAKER_LABELS.items()])
    batch = models.ForeignKey(DebitBatch, null=True, blank=True, on_delete=models.PROTECT, related_name="breakers")
    rail = models.ForeignKey(Rail, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    command = models.ForeignKey(DebitCommand, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    seen = models.CharField(max_length=80)
    allowed = models.CharField(max_length=80, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    opened_at = models.DateTimeField()
    paged_at = models.DateTimeField(null=True, blank=True)
    paged = ArrayField(models.CharField(max_length=150), default=list, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=150, blank=True)
    close_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["kind", "batch", "rail"],
                condition=Q(closed_at__isnull=True),
                nulls_distinct=False,
                name="a_breaker_opens_once",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | ~Q(close_reason=""), name="breaker_is_closed_for_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.seen}"
