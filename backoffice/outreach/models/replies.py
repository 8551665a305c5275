"""What borrowers answered to messages, and whether somebody dealt with it."""

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.customers.fields import SealedField
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.reply_states import ReplyState
from backoffice.outreach.models.contacts import CHANNEL_CHOICES
from backoffice.outreach.models.messages import GatewayReceipt, Message

if TYPE_CHECKING:
    from backoffice.staff.models import User

REPLY_STATE_LABELS = {
    ReplyState.OPEN: pgettext_lazy("reply", "open"),
    ReplyState.DONE: pgettext_lazy("reply", "done"),
}


class ReplyQuerySet(models.QuerySet["Reply"]):
    """Replies, restricted to who asks."""

    def visible_to(self, user: "User") -> "ReplyQuerySet":
        """Those of the borrowers whose portfolios the person works on, and those nobody knows the writer of."""
        scope = user.scope()
        return (
            self if scope.all else self.filter(Q(borrower__isnull=True) | Q(borrower__portfolio__in=scope.portfolios))
        )


class Reply(models.Model):
    """One thing a borrower wrote back, once for everybody it may be from; without a borrower nobody knows who wrote.

    `text` and `sender` are sealed. `stop_words` is the sentence that says STOP, empty when none does: it holds words
    of the list of `domain.replies` alone and may be shown. Only its state changes, once, with who dealt with it.
    """

    borrower = models.ForeignKey(
        Borrower, on_delete=models.PROTECT, null=True, blank=True, related_name="replies", db_index=False
    )
    message = models.ForeignKey(
        Message, on_delete=models.PROTECT, null=True, blank=True, related_name="replies", db_index=False
    )
    receipt = models.ForeignKey(
        GatewayReceipt, on_delete=models.PROTECT, null=True, blank=True, related_name="replies", db_index=False
    )
    channel = models.CharField(_("channel"), max_length=8, choices=CHANNEL_CHOICES)
    sender = SealedField(_("sender"), null=True, blank=True)
    sender_masked = models.CharField(_("sender"), max_length=120, blank=True)
    text = SealedField(_("words"), null=True, blank=True)
    stop_words = models.CharField(_("words of the STOP"), max_length=300, blank=True)
    state = models.CharField(
        _("state"),
        max_length=4,
        choices=[(state.value, label) for state, label in REPLY_STATE_LABELS.items()],
        default=ReplyState.OPEN.value,
    )
    note = models.CharField(_("note"), max_length=500, blank=True)
    done_by = models.BigIntegerField(null=True, blank=True)
    done_by_name = models.CharField(_("dealt with by"), max_length=150, blank=True)
    done_at = models.DateTimeField(_("dealt with"), null=True, blank=True)
    at = models.DateTimeField(_("came"))
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ReplyQuerySet.as_manager()

    class Meta:
        verbose_name = _("reply")
        verbose_name_plural = _("replies")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state=ReplyState.OPEN.value, done_at__isnull=True, done_by_name="")
                | (Q(state=ReplyState.DONE.value, done_at__isnull=False) & ~Q(done_by_name="")),
                name="done_reply_says_who_dealt_with_it",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-id"], name="replies_to_deal_with", condition=Q(state=ReplyState.OPEN.value)),
            models.Index(fields=["borrower", "id"], name="replies_of_a_borrower"),
            models.Index(fields=["message"], name="replies_to_a_message", condition=Q(message__isnull=False)),
            models.Index(fields=["receipt"], name="replies_of_a_receipt", condition=Q(receipt__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.state}"
