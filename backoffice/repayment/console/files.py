"""Files of payments: sent, read, confirmed, followed while they are posted, and the lines that were refused."""

import csv
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core import formats
from backoffice.core.access import actor_of, may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.http import SeeOther, refused
from backoffice.core.tables import Choice, Column, Table
from backoffice.core.telling import told
from backoffice.repayment.console import states
from backoffice.repayment.domain.payment_file_states import AT_WORK, FINISHED, next_state
from backoffice.repayment.domain.payment_lines import OPTIONAL, REQUIRED
from backoffice.repayment.domain.payment_totals import Control, read_control_sums
from backoffice.repayment.models import PaymentFile, PaymentFileLine
from backoffice.repayment.services.payment_files import cancel_file, confirm_file, receive_file
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
        Column("sums", gettext_lazy("In all"), value=lambda file: sums_text(file.sums), css="money"),
        Column("posted_count", gettext_lazy("Posted"), kind="count"),
        Column("refused_count", gettext_lazy("Refused"), kind="count"),
        Column("created_at", gettext_lazy("Sent"), kind="moment"),
        Column("finished_at", gettext_lazy("Finished"), kind="moment"),
    ),
    filters=(Choice("state", gettext_lazy("State"), choices=PaymentFile.State.choices),),
    row_url=_file_address,
    row_css=lambda file: "alarm" if file.state in {"ready", "partly", "refused"} else "",
    empty_title=gettext_lazy("No file yet"),
    empty_text=gettext_lazy(
        "Send the file of the bank: it is read and added up, and posted when somebody confirms it."
    ),
)

REFUSED = Table(
    name="refused",
    caption=gettext_lazy("Refused lines"),
    columns=(
        Column("line", gettext_lazy("Line"), kind="count"),
        Column("loan_external_id", gettext_lazy("Loan")),
        Column("amount", gettext_lazy("Amount"), css="money"),
        Column("value_date", gettext_lazy("Value date"), css="nowrap"),
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
    control_count = forms.IntegerField(
        label=gettext_lazy("Number of payments"),
        min_value=1,
        required=False,
        help_text=gettext_lazy("As the bank states it. A file with another number is refused as a whole."),
    )
    control_sums = forms.CharField(
        label=gettext_lazy("Sums"),
        max_length=400,
        required=False,
        help_text=gettext_lazy("One for each currency, such as CNY 1500.00, USD 20.00. Other sums are refused."),
    )

    def clean_control_sums(self) -> dict[str, Decimal]:
        """The sums by currency."""
        try:
            return read_control_sums(text=self.cleaned_data["control_sums"])
        except Refusal as refusal:
            raise forms.ValidationError(f"{told(refusal.message)} {told(refusal.next_step)}") from refusal


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
    """Takes a file in and begins to read it; the page of the file then shows what it holds, to be confirmed."""
    form = UploadForm(request.POST or None, request.FILES or None)
    refusal = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            file = receive_file(
                name=given["file"].name,
                content=given["file"],
                source=given["source"],
                control=Control(count=given["control_count"], sums=given["control_sums"]),
                actor=actor_of(request.user),
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
    """What a file holds, how far it is posted, and every line that was not."""
    file = _visible_file(request, file_id)
    may_send = may(request, "repayment.payment.post_file")
    context = {
        **_figures(file),
        "table": REFUSED.shown(rows=file.refused_lines.all(), query=request.GET),
        "may_post": may_send and file.state == PaymentFile.State.READY,
        "may_cancel": may_send and file.state not in FINISHED,
    }
    return render(request, "repayment/payment_file.html", context)


@requires("repayment.payment.view")
def progress(request: HttpRequest, file_id: int) -> HttpResponse:
    """The figures of a file, asked for again every second while it works; the whole page once its state is another."""
    file = _visible_file(request, file_id)
    response = render(request, "repayment/_payment_file_figures.html", _figures(file))
    if file.state != request.GET.get("state", file.state) or file.state not in AT_WORK:
        response.headers["HX-Refresh"] = "true"
    return response


class FileVerb(ConfirmView):
    """What the verbs of a file have in common."""

    permission = "repayment.payment.post_file"

    def load(self, *, request: HttpRequest, **address: Any) -> PaymentFile:
        """The file, if the person may see it. Raises Http404."""
        return _visible_file(request, address["file_id"])

    def back_url(self, *, subject: Any) -> str:
        """The page of the file."""
        return _file_address(subject)


class PostFile(FileVerb):
    """Posts a file that was read: its payments are booked line by line, in the name of whoever sent it."""

    title, verb = gettext_lazy("Post this file"), gettext_lazy("Post")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many lines, what they sum to, and whether anybody said what they should. Raises FileNotInState."""
        next_state(state=subject.state, verb="confirm")
        lines = [Line(gettext_lazy("Lines"), subject.line_count)]
        if subject.unreadable_count:
            lines.append(
                Line(
                    gettext_lazy("Lines that cannot be read and are left out"), subject.unreadable_count, tone="danger"
                )
            )
        lines += [
            Line(gettext_lazy("Payments in all"), Decimal(amount), currency=currency, total=True)
            for currency, amount in subject.sums.items()
        ]
        warnings: list[Text] = []
        if subject.control_count is None and not subject.control_sums:
            warnings.append(gettext_lazy("Nobody said how many payments or which sums it should hold: compare them."))
        return Consequence(lines=tuple(lines), warnings=tuple(warnings), verb=_post_words(subject))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Confirms it and hands it to a worker."""
        confirm_file(file_id=subject.pk, actor=actor, reason=values["reason"])
        post_payment_file.delay_on_commit(file_id=subject.pk)
        return _("The file is being posted.")


class CancelFile(FileVerb):
    """Stops a file; what is booked of it stays booked."""

    title, verb = gettext_lazy("Cancel this file"), gettext_lazy("Cancel the file")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What is left undone. Raises FileNotInState."""
        next_state(state=subject.state, verb="cancel")
        if subject.state == PaymentFile.State.POSTING:
            said = gettext_lazy("It is being posted: what is booked until it stops stays booked.")
            return Consequence(warnings=(said,))
        return Consequence(
            lines=(Line(gettext_lazy("Lines that are not posted"), subject.line_count, total=True),),
            warnings=(gettext_lazy("It can be sent again. What is booked by then is not booked twice."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Cancels it."""
        cancel_file(file_id=subject.pk, actor=actor, reason=values["reason"])
        return _("The file is cancelled.")


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


def sums_text(sums: Mapping[str, str]) -> str:
    """Sums by currency as one text: `¥ 1,500.00, $ 20.00`."""
    return ", ".join(formats.amount_text(Decimal(amount), currency=currency) for currency, amount in sums.items())


def _post_words(file: PaymentFile) -> str:
    """The button: the sum when there is one, else the number of lines."""
    if len(file.sums) == 1:
        return _("Post %(amount)s") % {"amount": sums_text(file.sums)}
    return _("Post %(count)s lines") % {"count": formats.count_text(file.line_count - file.unreadable_count)}


def _figures(file: PaymentFile) -> dict[str, Any]:
    """What the cards of a file show; they ask for themselves again while it works."""
    address = reverse("repayment:payment_file_progress", args=[file.pk])
    is_read = file.state == PaymentFile.State.RECEIVED
    return {
        "file": file,
        "sums": sums_text(file.sums),
        "posted_sums": sums_text(file.posted_sums),
        "said_sums": sums_text(file.control_sums),
        "poll_url": f"{address}?state={file.state}" if file.state in AT_WORK else "",
        "work": {
            "label": _("Lines read") if is_read else _("Lines dealt with"),
            "done": file.read_count if is_read else file.posted_count + file.refused_count,
            "total": file.line_count,
        },
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
