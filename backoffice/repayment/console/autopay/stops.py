"""Stops of debits: loans of which nothing is debited until a person lets it go on, why, and letting one go on."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from backoffice.calendars import clock
from backoffice.core.access import may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.http import refused
from backoffice.core.tables import Column, Day, Table
from backoffice.core.telling import doer
from backoffice.repayment.models import DebitStop
from backoffice.repayment.selectors.autopay.stops import (
    alike,
    end_in_words,
    standing_stops,
    stop_groups,
    visible_stops,
    why_stopped,
)
from backoffice.repayment.services.autopay.debit_stops import end_stop, end_stops
from backoffice.staff.access import person_of

END = "repayment.debit_stop.end"


def _loan_url(stop: DebitStop) -> str:
    return reverse("repayment:loan", args=[stop.loan_id])


def age_of(stop: DebitStop) -> str:
    """How long a stop has stood, in whole days."""
    days = (clock.now() - stop.since).days
    return ngettext("%(count)s day", "%(count)s days", days) % {"count": days} if days else _("today")


ENDED = Table(
    name="ended-stops",
    caption=gettext_lazy("Stops that are over"),
    columns=(
        Column("since", gettext_lazy("Stopped"), kind="moment"),
        Column("loan", gettext_lazy("Loan"), value="loan.external_id", link=_loan_url, css="nowrap"),
        Column("why", gettext_lazy("Why"), value=why_stopped, css="words"),
        Column("ended_at", pgettext_lazy("stop of debits", "Over since"), kind="moment"),
        Column("ended_by", gettext_lazy("By"), value=lambda row: doer(row.ended_by) or None),
        Column("end_reason", gettext_lazy("Because"), value=end_in_words, css="words"),
    ),
    filters=(Day("day", gettext_lazy("Over on"), lookup="ended_at__date"),),
    order=("-ended_at", "-id"),
    empty_title=gettext_lazy("No stop is over yet"),
    empty_text=gettext_lazy("Loans whose debits were let go on stand here with the reason."),
)


@requires("repayment.autopay.view")
def stops(request: HttpRequest) -> HttpResponse:
    """Loans whose debits are stopped, the longest first; below them the stops that are over."""
    user = person_of(request)
    try:
        table = ENDED.shown(rows=visible_stops(user=user).filter(ended_at__isnull=False), query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:debit_stops"))
    groups = stop_groups(user=user)
    context = {
        "standing": [(stop, why_stopped(stop), age_of(stop)) for stop in standing_stops(user=user)[:MOST]],
        "groups": [(group, why_stopped(group.sample)) for group in groups],
        "count": sum(group.count for group in groups),
        "most": MOST,
        "table": table,
        "may_end": may(request, END),
    }
    return render(request, "repayment/autopay/stops.html", context)


MOST = 100
"""How many standing stops the page shows, the oldest first."""


class EndStop(ConfirmView):
    """Lets the debits of a loan go on."""

    permission = END
    title: ClassVar[Text] = gettext_lazy("Let the debits of the loan go on")
    verb: ClassVar[Text] = gettext_lazy("Let them go on")

    def load(self, *, request: HttpRequest, **address: Any) -> DebitStop:
        """The stop that stands, if the person may see it. Raises Http404."""
        found = standing_stops(user=person_of(request)).filter(pk=address["stop_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The page of the stops."""
        return reverse("repayment:debit_stops")

    def subject_line(self, *, subject: Any) -> str:
        """The loan, and why its debits are stopped."""
        return f"{subject.loan.external_id}, {why_stopped(subject)}"

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How long they were stopped, what is past due, and when they are tried again."""
        lines = (
            Line(_("Stopped for"), age_of(subject)),
            Line(_("Past due"), subject.loan.overdue_amount, currency=subject.loan.currency, total=True),
        )
        warning = _(
            "A bill of today that is still open is tried in the next slot. Otherwise the close of the day plans what "
            "is due for tomorrow. The borrower may not have agreed: say what you know."
        )
        return Consequence(lines=lines, warnings=(warning,))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Ends it."""
        end_stop(stop_id=subject.pk, reason=values["reason"], at=clock.now(), actor=actor)
        return _("The debits of the loan go on.")


@dataclass(frozen=True, slots=True)
class Alike:
    """Standing stops of one kind of answer and code."""

    sample: DebitStop
    stops: tuple[DebitStop, ...]


class EndAlike(ConfirmView):
    """Lets the debits of all loans go on that were stopped by the same answer."""

    permission = END
    title: ClassVar[Text] = gettext_lazy("Let the debits of all these loans go on")
    verb: ClassVar[Text] = gettext_lazy("Let them all go on")
    costly = True

    def load(self, *, request: HttpRequest, **address: Any) -> Alike:
        """The stops like one that stands, of loans the person may see. Raises Http404."""
        user = person_of(request)
        sample = standing_stops(user=user).filter(pk=address["stop_id"]).first()
        if sample is None:
            raise Http404
        return Alike(sample, tuple(alike(sample, user=user)))

    def back_url(self, *, subject: Any) -> str:
        """The page of the stops."""
        return reverse("repayment:debit_stops")

    def subject_line(self, *, subject: Any) -> str:
        """What was answered."""
        return why_stopped(subject.sample)

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many loans, and what is past due of them by currency."""
        overdue: dict[str, Decimal] = defaultdict(Decimal)
        for stop in subject.stops:
            overdue[stop.loan.currency] += stop.loan.overdue_amount
        amounts = (
            Line(_("Past due"), amount, currency=currency, total=True) for currency, amount in sorted(overdue.items())
        )
        lines = (Line(_("Loans"), len(subject.stops)), *amounts)
        return Consequence(lines=lines, warnings=(_("Each is tried in the next slot, or planned by the next close."),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Ends them."""
        ids = [stop.pk for stop in subject.stops]
        ended = end_stops(stop_ids=ids, reason=values["reason"], at=clock.now(), actor=actor)
        return _("Loans whose debits go on: %(count)s.") % {"count": ended}
