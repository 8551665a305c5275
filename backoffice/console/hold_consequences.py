"""What placing or lifting a hold does to the borrower's loans: days, bucket and what is due, before and after."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.core.confirm import Consequence, Line
from backoffice.customers.domain.holds import HoldScope
from backoffice.customers.models import Borrower, Hold
from backoffice.customers.models.holds import SCOPE_LABELS
from backoffice.repayment.console.consequences import loan_lines
from backoffice.repayment.domain.bills import HoldPeriod
from backoffice.repayment.domain.bills import HoldScope as ClockScope
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.previews import Preview, preview_holds

CLOCKS: tuple[ClockScope, ...] = ("aging", "penalty")


def of_placing(*, borrower: Borrower, values: Mapping[str, Any], today: date) -> Consequence:
    """What the hold stops, how long, and what becomes of every open loan it bears on; nothing is changed."""
    loans = _open_loans(borrower_id=borrower.pk, loan_id=values["loan"] or None)
    stops = ", ".join(str(SCOPE_LABELS[HoldScope(scope)]) for scope in values["scopes"])
    days = (values["last"] - values["start"]).days + 1 if values["last"] else None
    end = values["last"] + timedelta(days=1) if values["last"] else None
    added = tuple(
        HoldPeriod(scope=scope, start=values["start"], end=end) for scope in CLOCKS if scope in values["scopes"]
    )
    lines = [
        Line(_("Stops"), stops),
        Line(_("Days"), days if days is not None else _("until lifted")),
        Line(_("Open loans it is about"), len(loans)),
    ]
    tried = preview_holds(loan_ids=list(loans), change=lambda holds: (*holds, *added), business_date=today)
    warnings = []
    if added and values["start"] < today:
        warnings.append(_("It begins in the past: days and penalty since then are worked out again."))
    if "aging" in values["scopes"]:
        warnings.append(_("Days past due stand still while it is in force; the contract's own days go on."))
    return Consequence(lines=(*lines, *_lines(loans, tried)), warnings=(*warnings, *_redone(tried)))


def of_lifting(*, hold: Hold, on: date, today: date) -> Consequence:
    """The end the hold had and gets, and what becomes of every open loan it bears on."""
    lines = [
        Line(_("Stops"), str(hold.get_scope_display())),
        Line(_("Since"), hold.period.lower),
        Line(_("Ends on"), on, before=hold.period.upper or _("until lifted"), total=True),
    ]
    if hold.scope not in CLOCKS:
        return Consequence(lines=tuple(lines))

    def without(holds: tuple[HoldPeriod, ...]) -> tuple[HoldPeriod, ...]:
        ended = (replace(each, end=on) if each.id == hold.pk else each for each in holds)
        return tuple(each for each in ended if each.end is None or each.end > each.start)

    loans = _open_loans(borrower_id=hold.borrower_id, loan_id=hold.loan_id)
    tried = preview_holds(loan_ids=list(loans), change=without, business_date=today)
    return Consequence(lines=(*lines, *_lines(loans, tried)), warnings=_redone(tried))


def _open_loans(*, borrower_id: int, loan_id: int | None) -> dict[int, Loan]:
    loans = Loan.objects.filter(borrower_id=borrower_id).exclude(status=Loan.Status.CLOSED).order_by("pk")
    return {loan.pk: loan for loan in (loans.filter(pk=loan_id) if loan_id else loans)}


def _lines(loans: Mapping[int, Loan], tried: Mapping[int, Preview]) -> tuple[Line, ...]:
    """The loans with something due or changed; what stays at nothing needs no line."""
    return tuple(
        line
        for loan_id, loan in loans.items()
        if tried[loan_id].before != tried[loan_id].after or tried[loan_id].before.due_total
        for line in loan_lines(preview=tried[loan_id], loan=loan)
    )


def _redone(tried: Mapping[int, Preview]) -> tuple[str, ...]:
    count = sum(preview.redone for preview in tried.values())
    if not count:
        return ()
    said = ngettext(
        "%(count)d later booking is taken back and worked out again.",
        "%(count)d later bookings are taken back and worked out again.",
        count,
    )
    return (said % {"count": count},)
