"""An agent makes a pay link for a loan, to read out or send on, and takes links back."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backoffice.calendars import clock
from backoffice.core import formats
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Text
from backoffice.repayment.console.reading import visible_loan
from backoffice.repayment.models import Loan
from backoffice.repayment.services.autopay import pay_links

MOST_DAYS = 30


class LinkForm(ConfirmForm):
    """For how long the link is open."""

    days = forms.IntegerField(label=gettext_lazy("Open for days"), min_value=1, max_value=MOST_DAYS)


class LinkVerb(ConfirmView):
    """What the verbs of links have in common."""

    permission: ClassVar[str] = "repayment.pay_link.make"

    def load(self, *, request: HttpRequest, **address: Any) -> Loan:
        """The loan, if the person may see it."""
        self.site = request.build_absolute_uri("/").rstrip("/")
        return visible_loan(user=request.user, loan_id=address["loan_id"])

    def back_url(self, *, subject: Any) -> str:
        """The page of the loan."""
        return reverse("repayment:loan", args=[subject.pk])

    def subject_line(self, *, subject: Any) -> str:
        """The loan and its borrower."""
        return _("Loan %(loan)s, borrower %(borrower)s") % {
            "loan": subject.external_id,
            "borrower": subject.borrower.external_id,
        }


class MakePayLink(LinkVerb):
    """A link is made and shown once; a second press of a panel makes another one, which harms nobody."""

    title, verb = gettext_lazy("Make a pay link"), gettext_lazy("Make the link")
    form_class = LinkForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """As long as those in messages."""
        return {"days": pay_links.LASTS.days}

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Makes it, and says it this once."""
        made = pay_links.make_link(
            loan_id=subject.pk,
            reason=values["reason"],
            at=clock.now(),
            actor=actor,
            lasts=timedelta(days=values["days"]),
        )
        return _("Open until %(day)s, shown this once: %(link)s") % {
            "day": formats.date_text(timezone.localtime(made.expires_at).date()),
            "link": made.url or f"{self.site}{made.path}",
        }


class RevokePayLinks(LinkVerb):
    """No link of the loan opens any more; a payment under way goes on."""

    title, verb = gettext_lazy("Take back pay links"), gettext_lazy("Take back")

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Takes back every link of the loan."""
        count = pay_links.revoke_links(loan_id=subject.pk, reason=values["reason"], at=clock.now(), actor=actor)
        return ngettext("%(count)s pay link was taken back.", "%(count)s pay links were taken back.", count) % {
            "count": count
        }
