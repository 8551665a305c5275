"""The list of what was booked on loans: payments first of all, reversals beside what they take back."""

from typing import Any

from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from backoffice.core.access import requires
from backoffice.core.errors import Refusal
from backoffice.core.http import refused
from backoffice.core.tables import Choice, Column, Day, Rows, Table, Total, Words
from backoffice.core.telling import doer
from backoffice.repayment.console import states
from backoffice.repayment.models import Loan, Operation, PaymentFile


def _loan_address(operation: Operation) -> str:
    return reverse("repayment:loan", args=[operation.loan_id])


def _but_disbursements(rows: Rows) -> Rows:
    return rows.exclude(kind=Operation.Kind.DISBURSEMENT)


def _totals(rows: Rows) -> list[Total]:
    """What the rows add up to by kind and currency; what was taken back, and the taking back, add nothing."""
    standing = rows.order_by().prefetch_related(None).filter(reversed_by=None, amount__gt=0)
    found = standing.exclude(kind=Operation.Kind.REVERSAL).values("kind", "loan__currency")
    return [
        Total(
            label=Operation.Kind(row["kind"]).label,
            count=row["count"],
            amount=row["sum"],
            currency=row["loan__currency"],
        )
        for row in found.annotate(count=Count("pk"), sum=Sum("amount")).order_by("kind", "loan__currency")
    ]


PAYMENTS = Table(
    name="payments",
    caption=_("Payments and other operations"),
    columns=(
        Column("value_date", _("Value date"), kind="date", sort="value_date"),
        Column("loan", _("Loan"), value="loan.external_id", link=_loan_address),
        Column("kind", _("What"), kind="state", family=states.OPERATION),
        Column(
            "amount",
            _("Amount"),
            kind="money",
            value=lambda operation: operation.amount or None,
            currency="loan.currency",
        ),
        Column("channel", _("Channel"), value=lambda row: states.CHANNEL_LABELS.get(row.channel, row.channel)),
        Column("reference", _("Reference"), css="muted"),
        Column("source", _("Source"), css="muted"),
        # Operations are only ever added, and the business date only goes forward: by id is by booking.
        Column("business_date", _("Booked on"), kind="date", sort="id"),
        Column("actor_name", _("By"), value=lambda row: doer(row.actor_name)),
    ),
    filters=(
        Choice(
            "kind",
            _("What"),
            choices=Operation.Kind.choices,
            usual=_but_disbursements,
            usual_label=_("all but disbursements"),
        ),
        Day("from", _("From"), lookup="value_date__gte"),
        Day("to", _("To"), lookup="value_date__lte"),
        Words("loan", _("Loan number"), narrow=lambda rows, words: rows.filter(loan__external_id__iexact=words)),
        Words("reference", _("Reference"), narrow=lambda rows, words: rows.filter(reference=words)),
    ),
    order=("-value_date",),
    row_url=_loan_address,
    row_css=lambda operation: "gone" if operation.reversed_by.all() else "",
    count_up_to=10_000,
    totals_of=_totals,
    empty_title=_("No payment yet"),
    empty_text=_("Payments appear here when they are posted on a loan or come in a file."),
)


@requires("repayment.payment.view")
def payments(request: HttpRequest) -> HttpResponse:
    """What was booked on the loans of the person's portfolios, the latest value date first; `file` names its file."""
    user: Any = request.user
    rows = Operation.objects.select_related("loan").prefetch_related("reversed_by")
    file = _file_asked(request)
    if file is not None:
        rows = rows.filter(payment_file=file)
    if not user.scope().all:
        rows = rows.filter(loan__in=Loan.objects.visible_to(user))
    try:
        table = PAYMENTS.shown(rows=rows, query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:payments"))
    return render(request, "repayment/payments.html", {"table": table, "file": file})


def _file_asked(request: HttpRequest) -> PaymentFile | None:
    asked = request.GET.get("file", "")
    if not asked:
        return None
    file = PaymentFile.objects.visible_to(request.user).filter(pk=asked).first() if asked.isdecimal() else None
    if file is None:
        raise Http404
    return file
