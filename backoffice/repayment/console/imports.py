"""Bringing a book in: a tape is sent, followed while it is checked, judged by its report, loaded or discarded."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import RegexValidator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core.access import StaffUser, actor_of, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.http import SeeOther, refused
from backoffice.core.tables import Choice, Column, Table
from backoffice.core.telling import doer
from backoffice.core.words import as_said
from backoffice.repayment.console import states
from backoffice.repayment.models import ImportRun, RejectedRow
from backoffice.repayment.tape import runs
from backoffice.repayment.tape.findings import sentence_of
from backoffice.repayment.tape.format import LIMITS, TABLES
from backoffice.repayment.tape.receiving import Upload, receive_upload, report_of
from backoffice.repayment.tasks import check_import, load_import

STEP_LABELS = {
    "index": gettext_lazy("sorting the rows"),
    "cross_checks": gettext_lazy("comparing rows with each other"),
    "rule_checks": gettext_lazy("judging terms and schedules"),
    "book_checks": gettext_lazy("comparing with the book"),
    "loans": gettext_lazy("opening loans and replaying their history"),
}
COUNT_LABELS = {
    "borrowers": gettext_lazy("borrowers"),
    "loans": gettext_lazy("loans"),
    "installments": gettext_lazy("instalments"),
    "payments": gettext_lazy("payments"),
    "statuses": gettext_lazy("reported states"),
}


def _run_address(run: ImportRun) -> str:
    return reverse("repayment:import", args=[run.pk])


RUNS = Table(
    name="imports",
    caption=gettext_lazy("Imports"),
    columns=(
        Column("name", gettext_lazy("Tape"), link=_run_address),
        Column("portfolio", gettext_lazy("Book"), css="muted"),
        Column("state", gettext_lazy("State"), kind="state", family=states.IMPORT),
        Column("loaded_through", gettext_lazy("Loans loaded"), kind="count"),
        Column("finding_count", gettext_lazy("Rejected rows"), kind="count"),
        Column("actor_name", gettext_lazy("By"), value=lambda row: doer(row.actor_name), css="muted"),
        Column("created_at", gettext_lazy("Received"), kind="moment"),
        Column("finished_at", gettext_lazy("Finished"), kind="moment"),
    ),
    filters=(Choice("state", gettext_lazy("State"), choices=ImportRun.State.choices),),
    order=("-id",),
    row_url=_run_address,
    row_css=lambda run: "alarm" if run.state in {"failed", "refused"} else "",
    empty_title=gettext_lazy("Nothing was brought in yet"),
    empty_text=gettext_lazy("Send a loan tape: it is checked whole before anything is loaded."),
)


def _reason(row: RejectedRow) -> str:
    return sentence_of(code=row.code, params={name: as_said(value) for name, value in row.params.items()})


REJECTED = Table(
    name="rejected",
    caption=gettext_lazy("Rejected rows"),
    columns=(
        Column("file", gettext_lazy("File"), kind="code"),
        Column("line", gettext_lazy("Line"), kind="count"),
        Column("field", gettext_lazy("Field"), kind="code"),
        Column("subject", gettext_lazy("Of")),
        Column("reason", gettext_lazy("Why it was rejected"), value=_reason),
        Column("code", gettext_lazy("Code"), css="muted small"),
    ),
    order=("id",),
)


def _rejected(run: ImportRun) -> Table:
    """The rejected rows, to be narrowed to one of the reasons this tape has."""
    reasons = [(code, code) for code, _number in _reasons(run)]
    return replace(REJECTED, filters=(Choice("code", gettext_lazy("Reason"), choices=reasons),))


class ManyFilesInput(forms.FileInput):
    """A file control that takes several files."""

    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """All files of one control, as a list."""

    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        """Each file by the rules of one."""
        files = data if isinstance(data, list) and data else [data or None]
        return [super(ManyFilesField, self).clean(file, initial) for file in files]


class TapeForm(forms.Form):
    """The files of a tape and the book they go into."""

    tape = ManyFilesField(
        label=gettext_lazy("Files"),
        widget=ManyFilesInput(attrs={"accept": ".zip,.csv,.gz,.parquet", "multiple": True}),
        help_text=gettext_lazy("One .zip, or the files themselves: CSV (also .gz) or Parquet."),
    )
    portfolio = forms.CharField(
        label=gettext_lazy("Book"),
        max_length=40,
        validators=[
            RegexValidator(
                r"^[a-z0-9][a-z0-9_-]{0,39}$", gettext_lazy("Small letters, digits, dashes and underscores.")
            )
        ],
        help_text=gettext_lazy("Loan and borrower numbers are unique within a book. A new name makes a new book."),
    )


@requires("repayment.import.view")
def imports(request: HttpRequest) -> HttpResponse:
    """The imports, the latest first."""
    try:
        table = RUNS.shown(rows=ImportRun.objects.visible_to(request.user), query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:imports"))
    context = {"table": table, "may_send": _may_run(request)}
    return render(request, "repayment/imports/list.html", context)


@requires("repayment.import.run")
def send_tape(request: HttpRequest) -> HttpResponse:
    """Takes a tape in and begins to check it; the import's page then shows how far it is."""
    form = TapeForm(request.POST or None, request.FILES or None)
    refusal = None
    if request.method == "POST" and form.is_valid():
        uploads = [Upload(name=file.name, content=file) for file in form.cleaned_data["tape"]]
        try:
            run = receive_upload(
                uploads=uploads, portfolio=form.cleaned_data["portfolio"], actor=actor_of(request.user)
            )
        except Refusal as caught:
            refusal = caught
        else:
            check_import.delay_on_commit(run_id=run.pk)
            return SeeOther(_run_address(run))
    context = {"form": form, "refusal": refusal, "tables": TABLES, "most_mb": LIMITS.upload_bytes >> 20}
    status = 422 if request.method == "POST" else 200
    return render(request, "repayment/imports/send.html", context, status=status)


@requires("repayment.import.view")
def import_run(request: HttpRequest, run_id: int) -> HttpResponse:
    """What is known of a tape: how far it is, what it holds, and every row that was rejected."""
    run = _visible(request, run_id)
    try:
        table = _rejected(run).shown(rows=run.rejected_rows.all(), query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=_run_address(run))
    context = {
        "run": run,
        "work": _work(run),
        "steps": _steps(run),
        "row_counts": [(table.name, run.row_counts[table.name]) for table in TABLES if table.name in run.row_counts],
        "rows_read": sum(run.row_counts.values()),
        "table": table,
        "reasons": _reasons(run),
        "loaded": [(name, label, run.loaded_counts.get(name, 0)) for name, label in COUNT_LABELS.items()],
        "has_report": bool(run.finding_count) and report_of(run).exists(),
        "may_run": _may_run(request),
        "is_partial": bool(run.finding_count),
    }
    return render(request, "repayment/imports/run.html", context)


@requires("repayment.import.view")
def progress(request: HttpRequest, run_id: int) -> HttpResponse:
    """How far an import is, asked for again every second while it works; the whole page once it has stopped."""
    run = _visible(request, run_id)
    work = _work(run)
    response = render(request, "console/_progress.html", {"work": work})
    if not work["poll_url"]:
        response.headers["HX-Refresh"] = "true"
    return response


@requires("repayment.import.view")
def report(request: HttpRequest, run_id: int) -> FileResponse:
    """Every rejected row as CSV; values that a spreadsheet would run are disarmed."""
    run = _visible(request, run_id)
    path = report_of(run)
    if not path.exists():
        raise Http404
    return FileResponse(path.open("rb"), as_attachment=True, filename=f"rejected-{run.pk}.csv", content_type="text/csv")


class ImportVerb(ConfirmView):
    """What the verbs of an import have in common."""

    permission = "repayment.import.run"

    def load(self, *, request: HttpRequest, **address: Any) -> ImportRun:
        """The import, if the person may see it. Raises Http404."""
        return _visible(request, address["run_id"])

    def back_url(self, *, subject: Any) -> str:
        """The page of the import."""
        return _run_address(subject)


class LoadImport(ImportVerb):
    """Loads what was checked; in part only when rows were rejected, and then it says how much is left out."""

    title, verb = gettext_lazy("Load this tape"), gettext_lazy("Load")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many loans come in, are left out, or are in the book already."""
        lines = [Line(gettext_lazy("Loans that come in"), subject.loan_count, total=True)]
        warnings: list[Text] = []
        if subject.skipped_loan_count:
            lines.append(Line(gettext_lazy("Loans already in the book, unchanged"), subject.skipped_loan_count))
        if subject.finding_count:
            lines.append(Line(gettext_lazy("Loans left out"), subject.refused_loan_count, tone="danger"))
            lines.append(Line(gettext_lazy("Rejected rows"), subject.finding_count, tone="danger"))
            warnings.append(
                gettext_lazy("The loans with a rejected row are left out, each one whole. The others are loaded.")
            )
        verb = gettext_lazy("Load the good loans") if subject.finding_count else ""
        return Consequence(lines=tuple(lines), warnings=tuple(warnings), verb=verb)

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Accepts the tape and hands it to a worker."""
        run = runs.accept(run_id=subject.pk, partial=bool(subject.finding_count), actor=actor)
        load_import.delay_on_commit(run_id=run.pk)
        return _("The tape is being loaded.")


class CheckAgain(ImportVerb):
    """Takes up an import that failed: it is checked anew, and loads go on with what is not yet in the book."""

    title, verb = gettext_lazy("Check again"), gettext_lazy("Check again")

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Hands the tape to a worker."""
        check_import.delay_on_commit(run_id=subject.pk)
        return _("The tape is being checked again.")


class DiscardImport(ImportVerb):
    """Gives a tape up; its files are deleted."""

    title, verb = gettext_lazy("Discard this tape"), gettext_lazy("Discard")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What is thrown away."""
        return Consequence(
            lines=(Line(gettext_lazy("Loans that would have come in"), subject.loan_count),),
            warnings=(gettext_lazy("The files of the tape are deleted; the report of its rejected rows stays."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Discards it."""
        runs.discard(run_id=subject.pk, actor=actor)
        return _("The tape was discarded.")


def _may_run(request: HttpRequest) -> bool:
    return cast("StaffUser", request.user).has_permission("repayment.import.run")


def _visible(request: HttpRequest, run_id: int) -> ImportRun:
    run = ImportRun.objects.visible_to(request.user).filter(pk=run_id).first()
    if run is None:
        raise Http404
    return run


def _work(run: ImportRun) -> dict[str, Any]:
    """The progress line: rows while it is checked (their number is not known before), loans while it is loaded."""
    is_running = run.state in {"received", "checking", "loading"}
    is_loading = run.state in {"loading", "loaded"}
    return {
        "label": run.get_state_display(),
        "done": run.loaded_through if is_loading else run.step_done,
        "total": run.loan_count if is_loading else None,
        "note": str(STEP_LABELS.get(run.step, run.step)) if is_running else "",
        "poll_url": reverse("repayment:import_progress", args=[run.pk]) if is_running else "",
    }


def _steps(run: ImportRun) -> list[dict[str, str]]:
    labels = (_("Received"), _("Checked"), _("Accepted"), _("Loaded"))
    reached = {"received": 0, "checking": 1, "refused": 1, "checked": 2, "loading": 3, "loaded": 4}
    if run.state == "failed":
        at = 3 if run.loaded_through else 1
    else:
        at = reached.get(run.state, 4 if run.loaded_through else 1)
    has_failed = run.state in {"failed", "refused", "discarded"}

    def look(place: int) -> str:
        if place < at:
            return "done"
        return ("failed" if has_failed else "here") if place == at else ""

    return [{"label": label, "state": look(place)} for place, label in enumerate(labels)]


def _reasons(run: ImportRun) -> list[tuple[str, int]]:
    """How often each reason stands in the report, the most frequent first."""
    return sorted(run.finding_counts.items(), key=lambda item: (-item[1], item[0]))
