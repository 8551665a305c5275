"""Pay links: a page a borrower opens from a message, signed, with an end, to pay what is due by themselves."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.repayment.models.autopay.debits import DebitCommand
from backoffice.repayment.models.loans import Loan


class PayLink(models.Model):
    """One link for one loan. Only the SHA-256 of its token is kept; `command` is the payment last made over it."""

    digest = models.CharField(max_length=64, unique=True)
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="pay_links", verbose_name=_("loan"))
    borrower_id = models.BigIntegerField()
    expires_at = models.DateTimeField(_("valid until"))
    opened_at = models.DateTimeField(_("first opened"), null=True, blank=True)
    opens = models.PositiveIntegerField(_("opened"), default=0)
    command = models.ForeignKey(DebitCommand, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    is_revoked = models.BooleanField(pgettext_lazy("pay link", "revoked"), default=False)
    made_by = models.CharField(_("made by"), max_length=150)
    made_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(expires_at__gt=models.F("made_at")), name="pay_link_lasts_a_while")
        ]

    def __str__(self) -> str:
        return f"{self.loan_id} {self.expires_at}"
