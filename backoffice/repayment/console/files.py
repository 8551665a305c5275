"""Files of payments: sent, followed while they are posted, and the lines that were refused."""

import csv
from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core.access import actor_of, may, requires
from backoffice.core.errors import Refusal
from backoffice.core.http import SeeOther, refused
from backoffice.core.tables import Choice, Column, Table
from backoffice.core.telling import told
from backoffice.repayment.console import states
from backoffice.repayment.domain.payment_lines import OPTIONAL, REQUIRED
from backoffice.repayment.models import PaymentFile, PaymentFileLine
from backoffice.repayment.services.payment_files import receive_file
from backoffice.repayment.tasks import post_payment_file


def _file_address(file: PaymentFile) -> str:
    return reverse("repayment:payment_file", args=[file.pk])


FILES = Table(
    name="files",
    caption=gettext_lazy("Payment files"),
    columns=(
        Column("name", gettext_lazy("File"), link=_file_address),
        Column("source", gettext_lazy("Source"), css="muted"),
        Column("state", gettext_lazy("State"), kind="state", family=states.FILE),
        Column("line_count", gettext_lazy("Lines"), kind="count"),
        Column("posted_count", gettext_lazy("Posted"), kind="count"),
        Column("refused_count", gettext_lazy("Refused"), kind="count"),
        Column("created_at", gettext_lazy("Sent"), kind="moment"),
        Column("finished_at", gettext_lazy("Finished"), kind="moment"),
    ),
    filters=(Choice("state", gettext_lazy("State"), choices=PaymentFile.State.choices),),
    row_url=_file_address,
    row_css=lambda file: "alarm" if file.refused_count else "",
    empty_title=gettext_lazy("No file yet"),
    empty_text=gettext_lazy("Send the file of the bank, and its payments are posted line by line."),
)

REFUSED = Table(
    name="refused",
    caption=gettext_lazy("Refused lines"),
    columns=(
        Column("line", gettext_lazy("Line"), kind="count"),
        Column("loan_external_id", gettext_lazy("Loan")),
        Column("amount", gettext_lazy("Amount"), css="money"),
        Column("value_date", gettext_lazy("Value date")),
        Column("reason", gettext_lazy("Why it was refused"), value=lambda row: told(row.why)),
        Column("code", gettext_lazy("Code"), css="muted small"),
    ),
    order=("line",),
)


class UploadForm(forms.Form):
    """A file and whose it is."""

    file = forms.FileField(
        label=gettext_lazy("File"), widget=forms.FileInput(attrs={"accept": ".csv,text/csv,text/plain"})
    )
    source = forms.CharField(
        label=gettext_lazy("Source"),
        max_length=40,
        validators=[
            RegexValidator(
                r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$",
                gettext_lazy("Letters, digits, dots, dashes and underscores, beginning with a letter or digit."),
            )
        ],
        help_text=gettext_lazy("Whose file it is, such as the bank's short name; ids are unique within it."),
    )


@requires("repayment.payment.view")
def payment_files(request: HttpRequest) -> HttpResponse:
    """The files, the latest first."""
    try:
        table = FILES.shown(rows=PaymentFile.objects.visible_to(request.user), query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:payment_files"))
    context = {"table": table, "may_send": may(request, "repayment.payment.post_file")}
    return render(request, "repayment/payment_files.html", context)


@requires("repayment.payment.post_file")
def send_file(request: HttpRequest) -> HttpResponse:
    """Takes a file in and begins to post it; the page of the file then shows how far it is."""
    form = UploadForm(request.POST or None, request.FILES or None)
    refusal = None
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data["file"]
        try:
            file = receive_file(
                name=sent.name, content=sent, source=form.cleaned_data["source"], actor=actor_of(request.user)
            )
        except Refusal as caught:
            refusal = caught
        else:
            post_payment_file.delay_on_commit(file_id=file.pk)
            return SeeOther(_file_address(file))
    context = {"form": form, "refusal": refusal, "required": REQUIRED, "optional": OPTIONAL}
    status = 422 if request.method == "POST" else 200
    return render(request, "repayment/send_file.html", context, status=status)


@requires("repayment.payment.view")
def payment_file(request: HttpRequest, file_id: int) -> HttpResponse:
    """How far a file is posted, and every line that was not."""
    file = _visible_file(request, file_id)
    context = {
        "file": file,
        "work": _work(file),
        "table": REFUSED.shown(rows=file.refused_lines.all(), query=request.GET),
    }
    return render(request, "repayment/payment_file.html", context)


@requires("repayment.payment.view")
def progress(request: HttpRequest, file_id: int) -> HttpResponse:
    """How far a file is, asked for again every second while it is posted; the whole page once it is done."""
    file = _visible_file(request, file_id)
    work = _work(file)
    response = render(request, "console/_progress.html", {"work": work})
    if not work["poll_url"]:
        response.headers["HX-Refresh"] = "true"
    return response


@requires("repayment.payment.view")
def refused_lines(request: HttpRequest, file_id: int) -> StreamingHttpResponse:
    """The refused lines as CSV, to be corrected and sent again."""
    file = _visible_file(request, file_id)
    response = StreamingHttpResponse(_csv_of(file), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="refused-{file.pk}.csv"'
    return response


def _visible_file(request: HttpRequest, file_id: int) -> PaymentFile:
    file = PaymentFile.objects.visible_to(request.user).filter(pk=file_id).first()
    if file is None:
        raise Http404
    return file


def _work(file: PaymentFile) -> dict[str, Any]:
    is_running = file.state in {PaymentFile.State.RECEIVED, PaymentFile.State.POSTING}
    done = file.posted_count + file.refused_count
    return {
        "label": _("Posting") if is_running else _("Posted"),
        "done": done,
        "total": file.line_count,
        "note": _("%(refused)d refused") % {"refused": file.refused_count} if file.refused_count else "",
        "poll_url": reverse("repayment:payment_file_progress", args=[file.pk]) if is_running else "",
    }


class _Echo:
    """What `csv.writer` writes to: it hands back each line instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _csv_of(file: PaymentFile) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(["line", "loan", "amount", "value_date", "code", "reason"])
    for row in PaymentFileLine.objects.filter(file=file).order_by("line").iterator():
        values = (row.loan_external_id, row.amount, row.value_date, row.code, told(row.why))
        yield writer.writerow([row.line, *(_harmless(value) for value in values)])


def _harmless(text: str) -> str:
    """A cell that a spreadsheet would read as a formula is kept from being one."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
