"""Whoever may publish a version is paged by mail when one of theirs needs people: by the close of a day, for the next.

What happened is an event of the transaction it happened in; the mail leaves after it. Staff, not borrowers: the contact
gate has no say in it.
"""

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from backoffice.audit import outbox
from backoffice.core.formats import date_text
from backoffice.core.telling import told
from backoffice.repayment.domain.autopay.guards import from_json
from backoffice.repayment.models.autopay.configurations import AutopayVersion
from backoffice.repayment.selectors.autopay.board import reachable
from backoffice.repayment.selectors.autopay.payees import version_label
from backoffice.repayment.services.autopay.paging_by_mail import address, mail, send

NEEDS_PEOPLE: Final = "repayment.autopay_version.needs_people"
PUBLISH: Final = "repayment.autopay_configuration.edit"


class MailServerAway(ConnectionError):
    """Nobody could be paged; the task tries again."""


class Why(StrEnum):
    """What a version needs people for."""

    HELD_BACK = "held_back"
    ENDS = "ends"
    TRIAL_FAILED = "trial"
    UNTRIED = "untried"
    UNSOUND = "unsound"


SENTENCES: Final[dict[Why, Callable[[], str]]] = {
    Why.HELD_BACK: lambda: _("It did not begin on %(day)s: guards refuse it. What held before holds on."),
    Why.ENDS: lambda: _("Its last day is over on %(day)s, and nothing of this configuration holds from then on."),
    Why.TRIAL_FAILED: lambda: _("Its trial failed and was ended on %(day)s."),
    Why.UNTRIED: lambda: _("Its trial was ended on %(day)s: no bill came to try it on."),
    Why.UNSOUND: lambda: _("Its trial was ended on %(day)s: guards refuse the version by now."),
}


def ask_people(version: AutopayVersion, *, why: Why, day: date) -> None:
    """Say, in the caller's transaction, that a version needs people."""
    payload = {"version_id": version.pk, "why": why.value, "day": day}
    outbox.publish(event=NEEDS_PEOPLE, key=f"autopay_version:{version.pk}", payload=payload)


def page_publishers(*, version_id: int, why: str, day: date) -> int:
    """Page whoever may publish the version; gives how many. Raises MailServerAway."""
    version = AutopayVersion.objects.select_related("configuration").get(pk=version_id)
    people = reachable(permission=PUBLISH, portfolio=version.configuration.portfolio)
    mails = []
    for person in people:
        with translation.override(person.language or settings.LANGUAGE_CODE):
            name = version_label(version)
            refused = [told(each.words) for each in map(from_json, version.findings) if each.refuses]
            lines = [
                f"{name}: {SENTENCES[Why(why)]() % {'day': date_text(day)}}",
                *refused,
                address(reverse("repayment:autopay_version", args=[version.pk])),
            ]
            subject = _("Autopay needs you: %(version)s") % {"version": name}
            mails.append(mail(to=person, subject=subject, lines=lines))
    if not send(mails, about=f"autopay version {version_id}"):
        raise MailServerAway(version_id)
    return len(mails)
