"""Replay reports: ask for a period, follow the work, read what was not permitted, take it away as CSV."""

import csv
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.calendars import clock
from backoffice.core import tones
from backoffice.core.access import may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.fields import DayField
from backoffice.core.formats import date_text
from backoffice.core.http import refused
from backoffice.core.tables import Choice, Column, Table, Words
from backoffice.core.telling import doer
from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.models import ReplayReport, RulePackVersion
from backoffice.outreach.models.contacts import CHANNEL_CHOICES, PURPOSE_CHOICES
from backoffice.outreach.selectors import replay_reports
from backoffice.outreach.selectors.local_times import local_times_text
from backoffice.outreach.selectors.packs import pack_day, packs_in_force, with_version
from backoffice.outreach.selectors.replay import contacts_between, days_between
from backoffice.outreach.selectors.rule_words import rule_said
from backoffice.outreach.services.replaying import OPEN, ask_replay, check_period, go_on_with_replay, stop_replay
from backoffice.staff.access import person_of

FAMILY = "outreach.replay"
tones.declare(
    FAMILY,
    {
        ReplayReport.State.WAITING: (gettext_lazy("waiting"), "neutral"),
        ReplayReport.State.RUNNING: (gettext_lazy("running"), "info"),
        ReplayReport.State.DONE: (gettext_lazy("done"), "good"),
        ReplayReport.State.FAILED: (gettext_lazy("failed"), "danger"),
        ReplayReport.State.STOPPED: (pgettext_lazy("work", "stopped"), "warn"),
    },
)
UNSAFE = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for the beginning of a formula."""


def judged_by(report: ReplayReport) -> str:
    """The packs a report is judged by, in words."""
    version = report.pack_version
    if version is None:
        return _("the packs then in force")
    return _("the packs of today with %(pack)s %(number)s") % {"pack": version.pack.code, "number": version.number}


REPORTS = Table(
    name="replays",
    caption=gettext_lazy("Replay reports"),
    columns=(
        Column("first", gettext_lazy("From"), kind="date"),
        Column("last", gettext_lazy("Through"), kind="date"),
        Column("by", gettext_lazy("Judged by"), value=judged_by),
        Column("state", gettext_lazy("State"), kind="state", family=FAMILY),
        Column("judged", gettext_lazy("Contacts judged"), kind="count"),
        Column("not_permitted", gettext_lazy("Not permitted"), kind="count"),
        Column("actor_name", gettext_lazy("Asked by"), value=lambda row: doer(row.actor_name)),
        Column("asked_at", gettext_lazy("Asked"), kind="moment"),
    ),
    row_url=lambda row: reverse("outreach:replay", args=[row.pk]),
    row_css=lambda row: "alarm" if row.state == ReplayReport.State.FAILED else "",
    empty_title=gettext_lazy("No report yet"),
    empty_text=gettext_lazy("Choose a period: every contact of it is judged again as it should have been."),
)


def _findings(*, packs: PacksInForce, is_done: bool) -> Table:
    return Table(
        name="findings",
        caption=gettext_lazy("Contacts that were not permitted"),
        columns=(
            Column("at", gettext_lazy("Time"), kind="moment", sort="at"),
            Column(
                "zones",
                gettext_lazy("At the borrower's place"),
                value=lambda row: local_times_text(at=row.at, zones=row.zones) or "–",
                css="small",
            ),
            Column(
                "borrower",
                gettext_lazy("Borrower"),
                value="borrower.external_id",
                link=lambda row: f"{reverse('outreach:contact_log', args=[row.borrower_id])}#entry-{row.entry_id}",
            ),
            Column("channel", gettext_lazy("Channel"), value=lambda row: row.get_channel_display(), css="nowrap"),
            Column("purpose", gettext_lazy("Purpose"), value=lambda row: row.get_purpose_display(), css="nowrap"),
            Column("rules", gettext_lazy("Denied by"), value=lambda row: _said(row.rules, packs=packs), css="words"),
            Column("actor_name", gettext_lazy("By"), value=lambda row: doer(row.actor_name)),
            Column("packs", gettext_lazy("Packs"), css="muted small"),
        ),
        filters=(
            Choice("channel", gettext_lazy("Channel"), choices=CHANNEL_CHOICES),
            Choice("purpose", gettext_lazy("Purpose"), choices=PURPOSE_CHOICES),
            Words("rule", gettext_lazy("Rule"), narrow=lambda rows, words: rows.filter(rules__contains=[words])),
            Words("by", gettext_lazy("By"), narrow=lambda rows, words: rows.filter(actor_name__iexact=words)),
            Words(
                "borrower",
                gettext_lazy("Borrower"),
                narrow=lambda rows, words: rows.filter(borrower__external_id=words),
            ),
        ),
        order=("-at",),
        empty_title=gettext_lazy("Every contact was permitted") if is_done else gettext_lazy("Nothing found so far"),
        empty_text=gettext_lazy("Nothing of this period went against the rules it was judged by.")
        if is_done
        else gettext_lazy("Not every contact of this period has been judged yet."),
    )


@requires("outreach.replay.view")
def replays(request: HttpRequest) -> HttpResponse:
    """Every report, the latest first."""
    try:
        table = REPORTS.shown(rows=replay_reports.reports(user=person_of(request)), query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("outreach:replays"))
    return render(request, "outreach/replays.html", {"table": table, "may_run": may(request, "outreach.replay.run")})


@requires("outreach.replay.view")
def replay(request: HttpRequest, report_id: int) -> HttpResponse:
    """One report: how far it is, which rules were broken how often, and every contact that was not permitted."""
    user = person_of(request)
    try:
        report = replay_reports.report_of(report_id=report_id, user=user)
        packs = _packs_of(report)
        rows = replay_reports.findings(report_id=report_id, user=user)
        table = _findings(packs=packs, is_done=report.state == ReplayReport.State.DONE).shown(
            rows=rows, query=request.GET
        )
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("outreach:replays"))
    broken = replay_reports.broken_rules(report_id=report_id, user=user)
    context = {
        "report": report,
        "judged_by": judged_by(report),
        "table": table,
        "broken": [(rule_said(rule_id=rule, packs=packs), contacts) for rule, contacts in broken],
        "is_stuck": report.state != ReplayReport.State.DONE,
        "may_run": may(request, "outreach.replay.run"),
        **_progress(report),
    }
    return render(request, "outreach/replay.html", context)


@requires("outreach.replay.view")
def progress(request: HttpRequest, report_id: int) -> HttpResponse:
    """How far a report is, asked for again every second; the whole page once it is through."""
    try:
        report = replay_reports.report_of(report_id=report_id, user=person_of(request))
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("outreach:replays"))
    response = render(request, "outreach/_replay_figures.html", {"report": report, **_progress(report)})
    if report.state not in OPEN:
        response.headers["HX-Refresh"] = "true"
    return response


@requires("outreach.replay.view")
def export(request: HttpRequest, report_id: int) -> HttpResponseBase:
    """What was not permitted, as CSV in UTF-8."""
    user = person_of(request)
    try:
        report = replay_reports.report_of(report_id=report_id, user=user)
        packs = _packs_of(report)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("outreach:replays"))
    rows = replay_reports.findings(report_id=report_id, user=user).order_by("at", "id")
    response = StreamingHttpResponse(_csv_of(rows, packs=packs), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="replay-{report_id}.csv"'
    return response


class AskForm(ConfirmForm):
    """The period, and the packs it is judged by."""

    first = DayField(label=gettext_lazy("From"))
    last = DayField(label=gettext_lazy("Through"))
    pack_version_id = forms.TypedChoiceField(
        label=gettext_lazy("Judged by"), required=False, coerce=int, empty_value=None
    )

    def __init__(self, *args: Any, versions: list[tuple[int, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [("", _("the packs then in force")), *versions]
        self.fields["pack_version_id"].choices = choices  # type: ignore[attr-defined]


class AskReplay(ConfirmView):
    """Judges the contacts of a period again."""

    permission = "outreach.replay.run"
    title: ClassVar[Text] = gettext_lazy("Judge a period again")
    verb: ClassVar[Text] = gettext_lazy("Judge")
    form_class = AskForm

    def load(self, *, request: HttpRequest, **address: Any) -> dict[str, int]:
        """Nothing yet; the report comes to be."""
        return {}

    def subject_line(self, *, subject: Any) -> str:
        """What it does."""
        return _("Every contact we made, as things stood before it")

    def back_url(self, *, subject: Any) -> str:
        """The list."""
        return reverse("outreach:replays")

    def done_url(self, *, subject: Any) -> str:
        """The report."""
        return reverse("outreach:replay", args=[subject["report"]])

    def form_options(self, *, subject: Any) -> dict[str, Any]:
        """Versions of packs in the making, or waiting for their day."""
        versions = RulePackVersion.objects.filter(state__in=("draft", "checked", "submitted", "approved"))
        rows = versions.order_by("pack__code", "-number").values_list("pk", "pack__code", "number")
        return {"versions": [(pk, f"{code} {number}") for pk, code, number in rows]}

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """The last seven days."""
        today = clock.today_in(settings.LENDER_TIME_ZONE)
        return {"first": today - timedelta(days=7), "last": today - timedelta(days=1), "reason": ""}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many contacts will be judged."""
        first, last = values["first"], values["last"]
        check_period(first=first, last=last, today=clock.today_in(settings.LENDER_TIME_ZONE))
        start, end = days_between(first=first, last=last)
        return Consequence(
            lines=(
                Line(_("Days"), (last - first).days + 1),
                Line(_("Contacts to judge"), contacts_between(start=start, end=end), total=True),
            )
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Asks for it."""
        subject["report"] = ask_replay(
            first=values["first"],
            last=values["last"],
            today=clock.today_in(settings.LENDER_TIME_ZONE),
            pack_version_id=values["pack_version_id"],
            reason=values["reason"],
            actor=actor,
        )
        return gettext_lazy("The contacts are being judged.")


class ReportVerb(ConfirmView):
    """What the verbs of one report have in common."""

    permission = "outreach.replay.run"

    def load(self, *, request: HttpRequest, **address: Any) -> ReplayReport:
        """The report."""
        found: ReplayReport | None = (
            ReplayReport.objects.visible_to(person_of(request)).filter(pk=address["report_id"]).first()
        )
        if found is None:
            raise Http404
        return found

    def subject_line(self, *, subject: Any) -> str:
        """Its period."""
        return f"{date_text(subject.first)} – {date_text(subject.last)}"

    def back_url(self, *, subject: Any) -> str:
        """The report."""
        return reverse("outreach:replay", args=[subject.pk])


class GoOnWithReplay(ReportVerb):
    """Hands a report that stands still to a worker again."""

    title: ClassVar[Text] = gettext_lazy("Go on with the report")
    verb: ClassVar[Text] = gettext_lazy("Go on")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many are left."""
        return Consequence(lines=(Line(_("Contacts left"), max(0, subject.contacts - subject.judged), total=True),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Takes it up where it stopped."""
        go_on_with_replay(report_id=subject.pk, reason=values["reason"], actor=actor)
        return gettext_lazy("The report goes on where it stopped.")


class StopReplay(ReportVerb):
    """Ends the work on a report; what was judged stays."""

    title: ClassVar[Text] = gettext_lazy("Stop the report")
    verb: ClassVar[Text] = gettext_lazy("Stop")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What will not be judged; the worker goes on meanwhile, so no number that changes by the second."""
        return Consequence(
            lines=(Line(_("Contacts to judge"), subject.contacts, total=True),),
            warnings=(_("What is judged so far stays in the report. It can go on later from where it stopped."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Stops it."""
        stop_replay(report_id=subject.pk, reason=values["reason"], actor=actor, now=clock.now())
        return gettext_lazy("The report is stopped.")


def _progress(report: ReplayReport) -> dict[str, Any]:
    is_open = report.state in OPEN
    return {
        "is_open": is_open,
        "work": {
            "label": _("Contacts judged"),
            "done": report.judged,
            "total": report.contacts or None,
            "note": "",
            "poll_url": "",
        },
    }


def _packs_of(report: ReplayReport) -> PacksInForce:
    """The packs whose words a report is read in: today's, with the draft it was judged by."""
    packs = packs_in_force(on=pack_day(clock.now()))
    return packs if report.pack_version is None else with_version(packs=packs, version=report.pack_version)


def _said(rules: list[str], *, packs: PacksInForce) -> str:
    return " ".join(rule_said(rule_id=rule, packs=packs).says for rule in rules)


class _Line:
    """Takes what the csv writer writes and hands it on."""

    def write(self, text: str) -> str:
        return text


def _csv_of(rows: Any, *, packs: PacksInForce) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield "\ufeff"
    heads = [_("Time"), _("Borrower"), _("Channel"), _("Purpose"), _("Rule"), _("Denied by"), _("By"), _("Packs")]
    yield writer.writerow([*heads, _("Entry"), _("At the borrower's place")])
    for row in rows.iterator(chunk_size=2_000):
        cells = [
            row.at.isoformat(),
            row.borrower.external_id,
            row.channel,
            row.purpose,
            " ".join(row.rules),
            _said(row.rules, packs=packs),
            row.actor_name,
            row.packs,
            str(row.entry_id),
            local_times_text(at=row.at, zones=row.zones),
        ]
        yield writer.writerow([f"'{cell}" if cell.startswith(UNSAFE) else cell for cell in cells])
