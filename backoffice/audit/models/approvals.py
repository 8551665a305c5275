"""Requests that a second person decides, and how much each role may decide."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.audit.domain.approval_states import ApprovalState
from backoffice.core.words import as_said

STATE_LABELS = {
    ApprovalState.PENDING: _("waiting"),
    ApprovalState.APPROVED: _("approved"),
    ApprovalState.DECLINED: _("declined"),
    ApprovalState.WITHDRAWN: _("withdrawn"),
    ApprovalState.FAILED: _("failed"),
}


class Approval(models.Model):
    """One request: what shall be done, to what, by whose wish and at what amount, and what became of it.

    `payload` is what the verb is called with when somebody approves; `consequence` says in a sentence what will
    happen, in numbers, as it stood when the request was made.
    """

    verb = models.CharField(_("what"), max_length=80)
    subject_type = models.CharField(_("kind of subject"), max_length=60)
    subject_id = models.CharField(_("subject"), max_length=64)
    borrower_id = models.BigIntegerField(_("borrower"), null=True, blank=True)
    portfolio = models.CharField(_("portfolio"), max_length=40, blank=True)
    payload = models.JSONField(_("payload"), default=dict)
    amount = models.DecimalField(_("amount"), max_digits=18, decimal_places=2, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    consequence = models.TextField(_("consequence"), blank=True)
    reason = models.TextField(_("why"))
    state = models.CharField(
        _("state"),
        max_length=10,
        choices=[(state.value, label) for state, label in STATE_LABELS.items()],
        default=ApprovalState.PENDING.value,
    )
    requested_by = models.BigIntegerField(_("asked for by"), null=True, blank=True)
    requested_by_name = models.CharField(_("asked for by"), max_length=150)
    requested_by_roles = models.JSONField(_("roles at the time"), default=list)
    requested_at = models.DateTimeField(_("asked for"), db_default=Now(), editable=False)
    decided_by = models.BigIntegerField(_("decided by"), null=True, blank=True)
    decided_by_name = models.CharField(_("decided by"), max_length=150, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    note = models.TextField(_("note"), blank=True)
    failure = models.TextField(_("why it failed"), blank=True)
    failure_words = models.JSONField(default=str, blank=True)

    class Meta:
        verbose_name = _("request for approval")
        verbose_name_plural = _("requests for approval")
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["id"], name="requests_waiting", condition=Q(state="pending")),
            models.Index(fields=["requested_by", "-id"], name="requests_of_a_person"),
            models.Index(fields=["subject_type", "subject_id"], name="requests_about_a_subject"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in ApprovalState]),
                name="request_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(requested_by__isnull=True)
                | Q(decided_by__isnull=True)
                | ~Q(requested_by=models.F("decided_by"))
                | Q(state="withdrawn"),
                name="nobody_decides_their_own_request",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", decided_at__isnull=True)
                | (~Q(state="pending") & Q(decided_at__isnull=False)),
                name="request_is_decided_or_waiting",
            ),
            models.CheckConstraint(
                condition=Q(amount__isnull=True) | (Q(amount__gte=0) & ~Q(currency="")),
                name="request_amount_has_a_currency",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="request_says_why"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject_type} {self.subject_id}"

    @property
    def why_it_failed(self) -> str:
        """The words of the refusal, to be told in the reader's language."""
        return as_said(self.failure_words) or self.failure


class ApprovalLimit(models.Model):
    """How much of a verb a role may do or decide; an empty maximum is without limit. Policy as data.

    `alone` says whether the role may act within the limit without a second person; where it is off, the limit only
    lets the role decide what others ask for. A currency of "" stands for every currency without a row of its own.
    """

    verb = models.CharField(_("what"), max_length=80)
    role = models.CharField(_("role"), max_length=20)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    max_amount = models.DecimalField(_("up to"), max_digits=18, decimal_places=2, null=True, blank=True)
    alone = models.BooleanField(_("without a second person"), default=True)

    class Meta:
        verbose_name = _("approval limit")
        verbose_name_plural = _("approval limits")
        ordering: ClassVar[list[str]] = ["verb", "role", "currency"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["verb", "role", "currency"],
                name="one_limit_per_verb_role_and_currency",
            ),
            models.CheckConstraint(
                condition=Q(max_amount__isnull=True) | Q(max_amount__gte=0),
                name="limit_is_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.role}"
