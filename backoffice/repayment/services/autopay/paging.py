"""Whoever may close a breaker is paged by mail when it opens, and again while it stays open.

Staff, not borrowers: the contact gate has no say in it. The mail comes first and the row after it, so a worker that
dies in between pages twice and never not at all.
"""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from backoffice.core import formats
from backoffice.repayment.models import Breaker
from backoffice.repayment.selectors.autopay.board import batch_name, pageable
from backoffice.repayment.selectors.autopay.code_words import breaker_detail
from backoffice.repayment.services.autopay.paging_by_mail import address, mail, send
from backoffice.staff.models import User

AGAIN: Final = timedelta(minutes=30)
"""A breaker that is still open is paged again after that long."""


def page_owners(*, at: datetime, breaker_id: int | None = None) -> int:
    """Page about the open breakers nobody was paged of lately, or about one; gives of how many somebody was.

    Where the mail server cannot be reached the breaker stays due, and the next run tries again.
    """
    due = Breaker.objects.filter(Q(paged_at__isnull=True) | Q(paged_at__lte=at - AGAIN), closed_at__isnull=True)
    if breaker_id is not None:
        due = due.filter(pk=breaker_id)
    rows = due.select_related("batch__version__configuration", "rail", "command").order_by("opened_at", "pk")
    return sum(_page(breaker, at=at) for breaker in rows)


def _page(breaker: Breaker, *, at: datetime) -> bool:
    owners = pageable(breaker=breaker)
    if not send([_mail(breaker, owner=owner) for owner in owners], about=f"breaker {breaker.pk}"):
        return False
    breaker.paged_at, breaker.paged = at, [str(owner)[:150] for owner in owners]
    breaker.save(update_fields=["paged_at", "paged"])
    return bool(owners)


def _mail(breaker: Breaker, *, owner: User) -> EmailMessage:
    with translation.override(owner.language or settings.LANGUAGE_CODE):
        stopped = batch_name(breaker.batch) if breaker.batch else (breaker.rail.name if breaker.rail else "")
        lines = [
            _("Watches: %(kind)s") % {"kind": breaker.get_kind_display()},
            _("Seen: %(seen)s") % {"seen": breaker.seen},
            _("Allowed: %(allowed)s") % {"allowed": breaker.allowed or "–"},
            _("Order: %(order)s") % {"order": breaker.command.order_no} if breaker.command else "",
            breaker_detail(breaker),
            _("Stopped: %(batch)s") % {"batch": stopped} if stopped else _("It stopped no batch."),
            _("Open since %(moment)s. Nothing of it leaves until a person closes the breaker and says why.")
            % {"moment": formats.moment_text(breaker.opened_at)},
            address(reverse("repayment:breakers")),
        ]
        subject = _("Breaker open: %(kind)s, %(batch)s") if stopped else _("Breaker open: %(kind)s")
        return mail(to=owner, subject=subject % {"kind": breaker.get_kind_display(), "batch": stopped}, lines=lines)
