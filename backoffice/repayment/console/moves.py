"""The list of bucket moves: which loans the close of a day moved, and what else moved them."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from backoffice.core.access import requires
from backoffice.core.errors import Refusal
from backoffice.core.http import refused
from backoffice.core.tables import Choice, Column, Day, Flag, Table
from backoffice.repayment.console import states
from backoffice.repayment.models import BucketMove, Loan


def _loan_address(move: BucketMove) -> str:
    return reverse("repayment:loan", args=[move.loan_id])


def _by_a_close(rows: QuerySet[BucketMove]) -> QuerySet[BucketMove]:
    return rows.filter(cause="aging", retracts=None, retracted_by=None)


MOVES = Table(
    name="moves",
    caption=_("Bucket moves"),
    columns=(
        Column("on", _("From the morning of"), kind="date"),
        Column("loan", _("Loan"), value="loan.external_id", link=_loan_address),
        Column("from_bucket", _("Was in"), kind="state", family=states.BUCKET),
        Column("to_bucket", _("Is in"), kind="state", family=states.BUCKET),
        Column("cause", _("Cause"), value=lambda move: states.CAUSE_LABELS.get(move.cause, move.cause)),
        Column("overdue", _("Overdue now"), kind="money", value="loan.overdue_amount", currency="loan.currency"),
        Column("portfolio", _("Portfolio"), value="loan.portfolio", css="muted"),
    ),
    filters=(
        Day("on", _("From the morning of"), lookup="on"),
        Choice("to_bucket", _("Is in"), choices=[(code, code) for code in states.DEFAULT_BUCKETS]),
        Flag("aging", _("Moved by a close, not taken back"), narrow=_by_a_close),
    ),
    order=("-on", "-id"),
    row_url=_loan_address,
    row_css=lambda move: "gone" if move.retracts_id else "",
    count_up_to=10_000,
    empty_title=_("No loan moved"),
    empty_text=_("A loan moves when days pass over an unpaid bill, and when money comes in."),
)


@requires("repayment.loan.view")
def moves(request: HttpRequest) -> HttpResponse:
    """Moves of the loans of the person's portfolios, the latest first."""
    user: Any = request.user
    rows = BucketMove.objects.select_related("loan")
    if not user.scope().all:
        rows = rows.filter(loan__in=Loan.objects.visible_to(user))
    try:
        table = MOVES.shown(rows=rows, query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:moves"))
    return render(request, "repayment/moves.html", {"table": table})
