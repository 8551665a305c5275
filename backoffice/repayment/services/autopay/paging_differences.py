"""A difference that grows old goes up: by mail to its owner and to those who close days, after two days and after five.

The mail comes first and the row after it, so a worker that dies in between pages twice and never not at all.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.core import formats
from backoffice.repayment.domain.autopay.differences import LEAD_AFTER, Urgency, urgency_of
from backoffice.repayment.models import Difference
from backoffice.repayment.services.autopay.paging_by_mail import address, mail, send
from backoffice.staff.models import User

CLOSES: Final = "repayment.reconciliation.close"
NAMED: Final = 10
"""So many orders are named in a mail; the rest is counted."""


def page_old_differences(*, today: date) -> int:
    """Page about the open differences that went up a step since somebody was paged of them; gives how many did.

    One mail a person, with what they see. Where the mail server cannot be reached the next run tries again.
    """
    risen = [
        (ticket, step)
        for ticket in Difference.objects.filter(
            state=Difference.State.OPEN, opened_on__lte=today - timedelta(days=LEAD_AFTER)
        )
        .exclude(paged_step=Urgency.HEAD.value)
        .select_related("reconciled_day__rail", "reconciled_day__payee", "command__loan")
        .order_by("opened_on", "pk")
        if (step := urgency_of(days_open=(today - ticket.opened_on).days)).value != ticket.paged_step
    ]
    if not risen:
        return 0
    people = User.objects.select_related("team").filter(is_active=True).exclude(email="").order_by("username")
    mails = [
        _mail(person, tickets=seen)
        for person in people
        if (seen := [ticket for ticket, _step in risen if _concerns(ticket, person)])
    ]
    if not send(mails, about="differences"):
        return 0
    for ticket, step in risen:
        ticket.paged_step = step.value
    Difference.objects.bulk_update([ticket for ticket, _step in risen], ["paged_step"], batch_size=2_000)
    return len(risen)


def _concerns(ticket: Difference, person: User) -> bool:
    """Its owner, and whoever closes days and sees it: an order nobody knows is of no portfolio."""
    if ticket.owner_id == person.pk:
        return True
    portfolio = ticket.command.loan.portfolio if ticket.command else None
    return person.has_permission(CLOSES) and (portfolio is None or person.scope().covers(portfolio=portfolio))


def _mail(person: User, *, tickets: Sequence[Difference]) -> EmailMessage:
    with translation.override(person.language or settings.LANGUAGE_CODE):
        count = len(tickets)
        subject = ngettext(
            "%(count)s difference with a settlement file is open for days",
            "%(count)s differences with settlement files are open for days",
            count,
        ) % {"count": formats.count_text(count)}
        lines = [
            _("%(order)s, %(whose)s, file of %(day)s: open since %(since)s, owner: %(owner)s")
            % {
                "order": ticket.order_no,
                "whose": getattr(ticket.reconciled_day.whose, "name", ""),
                "day": formats.date_text(ticket.reconciled_day.day),
                "since": formats.date_text(ticket.opened_on),
                "owner": ticket.owner_name or _("nobody"),
            }
            for ticket in tickets[:NAMED]
        ]
        more = _("And %(count)s more.") % {"count": formats.count_text(count - NAMED)} if count > NAMED else ""
        where = address(f"{reverse('repayment:differences')}?state=open")
        return mail(to=person, subject=subject, lines=[*lines, more, where])
