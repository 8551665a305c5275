"""Messages to borrowers, their journeys, and the gateways they leave by."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.customers.fields import SealedField
from backoffice.customers.models import Borrower, ContactPoint
from backoffice.outreach.domain.message_states import MessageState
from backoffice.outreach.domain.receipts import Event
from backoffice.outreach.models.contacts import CHANNEL_CHOICES, PURPOSE_CHOICES, OfBorrowers
from backoffice.outreach.models.templates import TemplateVersion

STATE_LABELS = {
    MessageState.PLANNED: pgettext_lazy("message", "planned"),
    MessageState.SENDING: _("sending"),
    MessageState.SENT: _("sent"),
    MessageState.DELIVERED: _("delivered"),
    MessageState.READ: _("read"),
    MessageState.REPLIED: _("replied"),
    MessageState.UNKNOWN: _("unknown"),
    MessageState.FAILED: _("failed"),
    MessageState.STOPPED: _("stopped"),
    MessageState.EXPIRED: _("expired"),
    MessageState.BLOCKED: _("blocked"),
}
STATE_CHOICES = [(state.value, label) for state, label in STATE_LABELS.items()]
_IN_THE_QUEUE = Q(state=MessageState.PLANNED.value)


class Gateway(models.Model):
    """A way out of the house for one channel. Secrets are in the environment, `GATEWAY_SECRET_<CODE>`.

    Of two for one channel the one with the lower `rank` is taken, unless it is paused. `per_second` messages leave it
    at most; `tokens` is the bucket that keeps count. `unit_cost` is what a segment, a call or a letter costs.
    """

    class Kind(models.TextChoices):
        HTTP = "http", _("signed HTTP")
        SMTP = "smtp", _("SMTP")
        APP = "app", _("the lender's app")
        PRINT = "print", _("print file")

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    channel = models.CharField(_("channel"), max_length=8, choices=CHANNEL_CHOICES)
    kind = models.CharField(_("kind"), max_length=5, choices=Kind.choices)
    url = models.URLField(_("address"), max_length=300, blank=True)
    rank = models.PositiveSmallIntegerField(_("order"), default=1)
    per_second = models.DecimalField(_("messages a second"), max_digits=8, decimal_places=2, default=50)
    burst = models.PositiveIntegerField(_("at once"), default=100)
    tokens = models.DecimalField(max_digits=12, decimal_places=4, default=0)
    refilled_at = models.DateTimeField(db_default=Now())
    unit_cost = models.DecimalField(_("cost of a unit"), max_digits=12, decimal_places=4, default=0)
    currency = models.CharField(_("currency"), max_length=3, default="CNY")
    receipt_seconds = models.PositiveIntegerField(
        _("receipt expected within (s)"), default=600, help_text=_("0: this gateway sends no receipts")
    )
    is_paused = models.BooleanField(_("paused"), default=False)
    paused_reason = models.CharField(_("why it is paused"), max_length=500, blank=True)
    paused_by_name = models.CharField(_("paused by"), max_length=150, blank=True)
    paused_at = models.DateTimeField(_("paused since"), null=True, blank=True)

    class Meta:
        verbose_name = _("gateway")
        verbose_name_plural = _("gateways")
        ordering: ClassVar[list[str]] = ["channel", "rank", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["channel", "rank"], name="one_gateway_per_channel_and_place_in_the_order"),
            models.CheckConstraint(
                condition=Q(is_paused=False) | ~Q(paused_reason=""), name="gateway_is_paused_for_a_reason"
            ),
            models.CheckConstraint(condition=Q(per_second__gt=0), name="gateway_lets_something_through"),
            models.CheckConstraint(condition=~Q(kind="http") | ~Q(url=""), name="http_gateway_has_an_address"),
        ]

    def __str__(self) -> str:
        return self.name


class PrintFile(models.Model):
    """Letters of one batch as the printer takes them, sealed until somebody fetches them."""

    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="print_files", db_index=False)
    letters = models.PositiveIntegerField(_("letters"))
    content = SealedField(_("content"))
    created_at = models.DateTimeField(_("made"), db_default=Now(), editable=False)

    def __str__(self) -> str:
        return f"{self.pk}: {self.letters}"


class Message(models.Model):
    """One message to one borrower, from the plan to the answer.

    `key` says what makes it the same message; `wire_id` is what gateways know it by, and they take one id once.
    `lease_until`: while planned, a worker has it in hand; while sending, an answer may still come. `look_at`: when the
    gateway is asked what became of it. `about_due_date`: it stops once nothing due on or before that day is owed.
    `waits_for_facts`: what is owed may have changed while it was on its way; it leaves once somebody has looked again.
    """

    key = models.CharField(max_length=200, unique=True)
    wire_id = models.UUIDField(unique=True)
    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="messages", db_index=False)
    loan_id = models.BigIntegerField(_("loan"), null=True, blank=True)
    channel = models.CharField(_("channel"), max_length=8, choices=CHANNEL_CHOICES)
    purpose = models.CharField(_("purpose"), max_length=12, choices=PURPOSE_CHOICES)
    template_version = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="messages")
    endpoint = models.ForeignKey(
        ContactPoint, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    variables = SealedField(null=True, blank=True)
    text = SealedField(null=True, blank=True)
    state = models.CharField(_("state"), max_length=9, choices=STATE_CHOICES, default=MessageState.PLANNED.value)
    code = models.CharField(_("why"), max_length=80, blank=True)
    send_after = models.DateTimeField(_("not before"))
    send_before = models.DateTimeField(_("not after"))
    about_due_date = models.DateField(_("about the bill of"), null=True, blank=True)
    waits_for_facts = models.BooleanField(default=False, db_default=False)
    source = models.CharField(_("source"), max_length=60, blank=True)
    fallback = ArrayField(models.CharField(max_length=8), verbose_name=_("then by"), default=list, blank=True)
    follows = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="followed_by", db_index=False
    )
    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, null=True, blank=True, db_index=False)
    gateway_reference = models.CharField(_("reference of the gateway"), max_length=100, blank=True)
    contact_entry_id = models.BigIntegerField(null=True, blank=True)
    units = models.PositiveSmallIntegerField(_("units"), null=True, blank=True)
    cost = models.DecimalField(_("cost"), max_digits=12, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    look_at = models.DateTimeField(null=True, blank=True)
    looks = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(_("planned on"), db_default=Now(), editable=False)
    sent_at = models.DateTimeField(_("left"), null=True, blank=True)
    moved_at = models.DateTimeField(_("last moved"), db_default=Now())

    objects = OfBorrowers.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in MessageState]), name="message_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(send_after__lt=models.F("send_before")), name="message_has_time_to_be_sent_in"
            ),
            models.CheckConstraint(
                condition=~Q(state=MessageState.SENDING.value) | Q(lease_until__isnull=False),
                name="sending_message_has_a_lease",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["sending", "sent", "delivered", "read", "replied", "unknown"])
                | Q(gateway__isnull=False, contact_entry_id__isnull=False),
                name="message_that_left_passed_the_gate",
            ),
            models.UniqueConstraint(fields=["follows"], name="a_message_is_followed_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["channel", "send_after", "id"], name="messages_to_send", condition=_IN_THE_QUEUE),
            models.Index(fields=["send_before"], name="messages_that_expire", condition=_IN_THE_QUEUE),
            models.Index(
                fields=["lease_until"], name="messages_on_their_way", condition=Q(state=MessageState.SENDING.value)
            ),
            models.Index(fields=["look_at"], name="messages_to_ask_about", condition=Q(look_at__isnull=False)),
            models.Index(fields=["borrower", "id"], name="messages_of_a_borrower"),
            models.Index(fields=["loan_id"], name="messages_waiting_on_a_loan", condition=_IN_THE_QUEUE),
            models.Index(fields=["source", "state"], name="messages_of_a_source", condition=~Q(source="")),
            models.Index(fields=["gateway", "sent_at"], name="messages_by_gateway"),
            models.Index(fields=["state", "id"], name="messages_by_state"),
        ]

    def __str__(self) -> str:
        return self.key


class MessageMove(models.Model):
    """A message went from one state to another, or was put off within one. These rows only grow.

    `code` says why: a rule of the gate, a code of the gateway, a reason of ours. `at` is when it happened.
    """

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="moves", db_index=False)
    from_state = models.CharField(max_length=9, blank=True)
    to_state = models.CharField(max_length=9, choices=STATE_CHOICES)
    code = models.CharField(max_length=80, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(to_state__in=[state.value for state in MessageState]), name="message_moves_to_a_known_state"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["message", "id"], name="journey_of_a_message")]

    def __str__(self) -> str:
        return f"{self.message_id}: {self.from_state} > {self.to_state}"


class GatewayReceipt(models.Model):
    """One receipt a gateway sent, once: `receipt_id` is unique, so that a call played again changes nothing.

    These rows only grow. `outcome`: it moved the message, came too late to, or names a message nobody has.
    """

    class Outcome(models.TextChoices):
        APPLIED = "applied", _("applied")
        LATE = "late", _("too late to change anything")
        UNMATCHED = "unmatched", _("no such message")

    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="receipts")
    receipt_id = models.CharField(max_length=100)
    digest = models.BinaryField(max_length=32)
    message = models.ForeignKey(
        Message, on_delete=models.PROTECT, null=True, blank=True, related_name="receipts", db_index=False
    )
    event = models.CharField(max_length=9, choices=[(event.value, event.value) for event in Event])
    code = models.CharField(max_length=40, blank=True)
    outcome = models.CharField(max_length=9, choices=Outcome.choices)
    at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["gateway", "receipt_id"], name="one_receipt_per_id_and_gateway"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["message"], name="receipts_of_a_message")]

    def __str__(self) -> str:
        return f"{self.gateway_id} {self.receipt_id}"
