"""The reconciliation desk: days by rail and payee, one day with its three sides, tickets, sending a file."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Count, Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from backoffice.calendars.selectors import business_date
from backoffice.core.access import actor_of, may, requires
from backoffice.core.errors import Refusal
from backoffice.core.fields import DayField
from backoffice.core.formats import date_text
from backoffice.core.http import SeeOther, refused
from backoffice.core.money import ZERO
from backoffice.core.tables import Choice, Column, Day, Flag, Rows, Table, Words
from backoffice.repayment.console.autopay import reconciliation_states as states
from backoffice.repayment.console.states import COMPONENT_LABELS
from backoffice.repayment.domain.autopay.differences import (
    HEAD_AFTER,
    LATE_AFTER,
    LEAD_AFTER,
    Resolution,
    Urgency,
    is_overdue,
    overdue_since,
    urgency_of,
)
from backoffice.repayment.domain.autopay.settlement_file import CHANNEL_HEADER, PAYEE_HEADER
from backoffice.repayment.models import Difference, Payee, Rail, ReconciledDay, SettlementFile
from backoffice.repayment.selectors.autopay.code_words import code_in_words
from backoffice.repayment.services.autopay.differences import ways_of
from backoffice.repayment.services.autopay.reconciling import file_of, receive_channel_file, receive_payee_file


def day_address(reconciled: ReconciledDay) -> str:
    """The page of a day."""
    return reverse("repayment:reconciled_day", args=[reconciled.pk])


def ticket_address(ticket: Difference) -> str:
    """The page of a ticket."""
    return reverse("repayment:difference", args=[ticket.pk])


def _count(name: str) -> Any:
    return lambda row: row.counts.get(name, 0)


DAYS = Table(
    name="days",
    caption=gettext_lazy("Days of reconciliation"),
    columns=(
        Column("day", gettext_lazy("Day"), kind="date", sort="day", link=day_address),
        Column("whose", gettext_lazy("Rail or payee"), value=lambda row: row.whose.name),
        Column("state", gettext_lazy("State"), kind="state", family=states.DAY),
        Column("file", gettext_lazy("File"), value=lambda row: _file_words(row)),
        Column("matched", gettext_lazy("Matched"), kind="count", value=lambda row: _matched(row)),
        Column("unexplained", gettext_lazy("Unexplained"), kind="count", value=_count("unexplained")),
        Column("explained", gettext_lazy("Due in a later file"), kind="count", value=_count("explained")),
        Column("waiting", gettext_lazy("Unknown"), kind="count", value=_count("waiting")),
        Column("matched_at", gettext_lazy("Compared"), kind="moment"),
        Column("closed_by", pgettext_lazy("reconciliation", "Closed by"), css="muted"),
    ),
    filters=(
        Choice("state", gettext_lazy("State"), choices=ReconciledDay.State.choices),
        Flag("overdue", gettext_lazy("File overdue"), narrow=lambda rows: _overdue(rows)),
        Choice(
            "rail",
            gettext_lazy("Rail"),
            choices=lambda: [(str(pk), name) for pk, name in Rail.objects.values_list("pk", "name")],
        ),
        Day("from", gettext_lazy("From"), lookup="day__gte"),
    ),
    order=("-day",),
    row_url=day_address,
    row_css=lambda row: "alarm" if row.counts.get("unexplained") or _is_overdue(row) else "",
    empty_title=gettext_lazy("No settlement file yet"),
    empty_text=gettext_lazy("Each rail's file of a day is fetched in the morning after; it can be sent by hand too."),
)


def _matched(reconciled: ReconciledDay) -> int:
    return sum(total["count"] for total in reconciled.counts.get("totals", ()) if total["outcome"] == "matched")


def _with_files(rows: Rows) -> Rows:
    """The days, each knowing whether its file is here."""
    of_rail = SettlementFile.objects.filter(rail=OuterRef("rail"), day=OuterRef("day"), rail__isnull=False)
    of_payee = SettlementFile.objects.filter(payee=OuterRef("payee"), day=OuterRef("day"), payee__isnull=False)
    return rows.annotate(has_file=Exists(of_rail) | Exists(of_payee))


def _overdue(rows: Rows) -> Rows:
    """The days whose file should be here by now."""
    return rows.filter(has_file=False, day__lte=business_date() - LATE_AFTER)


def _is_overdue(row: Any) -> bool:
    return not row.has_file and is_overdue(row.day, today=business_date())


def _file_words(row: Any) -> str:
    if row.has_file:
        return pgettext("settlement file", "here")
    if _is_overdue(row):
        return _("overdue since %(day)s") % {"day": date_text(overdue_since(row.day))}
    return pgettext("settlement file", "expected")


def _owner_words(row: Any) -> str:
    """Who has a ticket, or since when nobody has it."""
    if row.owner_name or row.state != Difference.State.OPEN:
        return str(row.owner_name) or "–"
    return _("nobody, since %(day)s") % {"day": date_text(row.opened_on)}


def _resolution_words(row: Any) -> str:
    """How a ticket ended; what is expected later, and on which day."""
    if row.resolution == Resolution.LATER and row.due_on is not None:
        return _("explained, due on %(day)s") % {"day": date_text(row.due_on)}
    return str(states.RESOLUTION_LABELS.get(row.resolution, ""))


def _aged(rows: Rows, step: str) -> Rows:
    """The open tickets that stand at a step of urgency."""
    today = business_date()
    since = {Urgency.OWNER: 0, Urgency.LEAD: LEAD_AFTER, Urgency.HEAD: HEAD_AFTER}[Urgency(step)]
    rows = rows.filter(state=Difference.State.OPEN, opened_on__lte=today - timedelta(days=since))
    until = {Urgency.OWNER: LEAD_AFTER, Urgency.LEAD: HEAD_AFTER}.get(Urgency(step))
    return rows.filter(opened_on__gt=today - timedelta(days=until)) if until else rows


def _owned(rows: Rows, owner: str) -> Rows:
    return rows.filter(owner_id__isnull=True) if owner == "nobody" else rows.filter(owner_id=int(owner))


def _prepare(rows: Any) -> None:
    today = business_date()
    for row in rows:
        row.age = (today - row.opened_on).days if row.state == Difference.State.OPEN else None
        row.step = urgency_of(days_open=row.age).value if row.age is not None else ""


DIFFERENCES = Table(
    name="differences",
    caption=gettext_lazy("Differences"),
    columns=(
        Column("order_no", pgettext_lazy("debit", "Order"), kind="code", link=ticket_address),
        Column("kind", gettext_lazy("Kind"), kind="state", family=states.KIND),
        Column("movement", gettext_lazy("Movement"), value=lambda row: states.MOVEMENT_LABELS.get(row.movement, "")),
        Column("ours", gettext_lazy("Ours"), kind="money"),
        Column("theirs", gettext_lazy("Theirs"), kind="money"),
        Column("day", gettext_lazy("Day"), kind="date", value="reconciled_day.day", sort="reconciled_day__day"),
        Column("whose", gettext_lazy("Rail or payee"), value="reconciled_day.whose.name", css="muted"),
        Column("age", gettext_lazy("Days open"), kind="count", sort="opened_on"),
        Column("step", gettext_lazy("With whom"), kind="state", family=states.URGENCY),
        Column("owner_name", gettext_lazy("Owner"), value=_owner_words),
        Column("state", gettext_lazy("State"), kind="state", family=states.DIFFERENCE),
        Column("resolution", gettext_lazy("How"), value=_resolution_words),
    ),
    filters=(
        Choice(
            "kind", gettext_lazy("Kind"), choices=[(kind.value, label) for kind, label in states.KIND_LABELS.items()]
        ),
        Choice("state", gettext_lazy("State"), choices=Difference.State.choices),
        Choice("owner", gettext_lazy("Owner"), choices=[("nobody", gettext_lazy("nobody"))], narrow=_owned),
        Choice(
            "age",
            gettext_lazy("With whom"),
            choices=[(step.value, label) for step, label in states.URGENCY_LABELS.items()],
            narrow=_aged,
        ),
        Words("order", pgettext_lazy("debit", "Order"), narrow=lambda rows, words: rows.filter(order_no__iexact=words)),
    ),
    order=("-id",),
    row_url=ticket_address,
    prepare=_prepare,
    count_up_to=10_000,
    empty_title=gettext_lazy("No differences"),
    empty_text=gettext_lazy("Every line of the settlement files agrees with the books."),
)


def _differences_for(request: HttpRequest) -> Table:
    """The table with the owners there are: nobody, the person who looks, everybody else by name."""
    names = (
        Difference.objects.visible_to(request.user)  # type: ignore[arg-type]
        .exclude(owner_name="")
        .order_by("owner_name")
        .values_list("owner_id", "owner_name")
        .distinct()
    )
    owners = [("nobody", _("nobody")), *((str(owner_id), name) for owner_id, name in names)]
    return DIFFERENCES.offering(name="owner", choices=owners)


class UploadForm(forms.Form):
    """A settlement file: whose it is and of which day."""

    file = forms.FileField(
        label=gettext_lazy("File"), widget=forms.FileInput(attrs={"accept": ".csv,text/csv,text/plain"})
    )
    whose = forms.ChoiceField(label=gettext_lazy("Rail or payee"))
    day = DayField(label=gettext_lazy("Day"), help_text=gettext_lazy("The day whose movements it has."))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        payees = Payee.objects.filter(kind__in=[Payee.Kind.FUNDER, Payee.Kind.GUARANTOR])
        self.fields["whose"].choices = [  # type: ignore[attr-defined]
            *((f"rail:{rail.pk}", rail.name) for rail in Rail.objects.all()),
            *((f"payee:{payee.pk}", payee.name) for payee in payees),
        ]


@requires("repayment.reconciliation.view")
def reconciliation(request: HttpRequest) -> HttpResponse:
    """The days by rail and payee, the latest first, and what is open in all."""
    days = _with_files(ReconciledDay.objects.select_related("rail", "payee"))
    try:
        table = DAYS.shown(rows=days, query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:reconciliation"))
    today = business_date()
    tickets = Difference.objects.visible_to(request.user).filter(state=Difference.State.OPEN)  # type: ignore[arg-type]
    old, older = today - timedelta(days=LEAD_AFTER), today - timedelta(days=HEAD_AFTER)
    counts = tickets.aggregate(
        all=Count("pk"),
        nobody=Count("pk", filter=Q(owner_id__isnull=True)),
        lead=Count("pk", filter=Q(opened_on__lte=old, opened_on__gt=older)),
        head=Count("pk", filter=Q(opened_on__lte=older)),
    )
    context = {
        "table": table,
        "counts": counts,
        "open_days": ReconciledDay.objects.filter(state=ReconciledDay.State.OPEN).count(),
        "overdue": _overdue(days).count(),
        "may_send": may(request, "repayment.reconciliation.send"),
    }
    return render(request, "repayment/autopay/reconciliation.html", context)


@requires("repayment.reconciliation.send")
def send_settlement(request: HttpRequest) -> HttpResponse:
    """Takes a settlement file in and compares its day; a bad file is refused whole, with its line."""
    form = UploadForm(request.POST or None, request.FILES or None)
    refusal = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        kind, _colon, pk = given["whose"].partition(":")
        facts = {
            "day": given["day"],
            "name": given["file"].name,
            "content": given["file"],
            "actor": actor_of(request.user),
        }
        try:
            if kind == "rail":
                taken = receive_channel_file(rail=Rail.objects.get(pk=pk), **facts)
            else:
                taken = receive_payee_file(payee=Payee.objects.get(pk=pk), **facts)
        except Refusal as caught:
            refusal = caught
        else:
            return SeeOther(reverse("repayment:reconciled_day", args=[taken.day_id]))
    columns = {"channel": ",".join(CHANNEL_HEADER), "payee": ",".join(PAYEE_HEADER)}
    context = {"form": form, "refusal": refusal, "columns": columns}
    status = 422 if request.method == "POST" else 200
    return render(request, "repayment/autopay/send_settlement.html", context, status=status)


@requires("repayment.reconciliation.view")
def reconciled_day(request: HttpRequest, day_id: int) -> HttpResponse:
    """One day: what each side says, and the tickets."""
    reconciled = day_or_404(day_id)
    tickets = (
        Difference.objects.visible_to(request.user)  # type: ignore[arg-type]
        .filter(reconciled_day=reconciled)
        .select_related("reconciled_day__rail", "reconciled_day__payee")
    )
    try:
        table = _differences_for(request).shown(rows=tickets, query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=day_address(reconciled))
    file = file_of(reconciled)
    is_late = file is None and is_overdue(reconciled.day, today=business_date())
    context = {
        "reconciled": reconciled,
        "file": file,
        "overdue_since": overdue_since(reconciled.day) if is_late else None,
        "table": table,
        "sides": list(_sides(reconciled)),
        "totals": _totals(reconciled),
        "is_of_rail": reconciled.rail_id is not None,
        "may_compare": file is not None and may(request, "repayment.reconciliation.send"),
        "may_close": reconciled.state == ReconciledDay.State.OPEN and may(request, "repayment.reconciliation.close"),
    }
    return render(request, "repayment/autopay/reconciled_day.html", context)


@requires("repayment.reconciliation.view")
def differences(request: HttpRequest) -> HttpResponse:
    """Every ticket, the newest first."""
    rows = Difference.objects.visible_to(request.user).select_related(  # type: ignore[arg-type]
        "reconciled_day__rail", "reconciled_day__payee"
    )
    try:
        table = _differences_for(request).shown(rows=rows, query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:differences"))
    return render(request, "repayment/autopay/differences.html", {"table": table})


@requires("repayment.reconciliation.view")
def difference(request: HttpRequest, difference_id: int) -> HttpResponse:
    """One ticket with both records side by side, and what can be done about it."""
    ticket = ticket_or_404(request, difference_id)
    is_open = ticket.state == Difference.State.OPEN
    age = (business_date() - ticket.opened_on).days
    context = {
        "ticket": ticket,
        "why": states.why_of(ticket.detail),
        "our_code": _code_words(ticket, ticket.command.code if ticket.command else ""),
        "their_code": _code_words(ticket, ticket.line.code if ticket.line else ""),
        "component": COMPONENT_LABELS.get(ticket.component, ticket.component),
        "owner": _owner_words(ticket),
        "kind": states.KIND_LABELS.get(ticket.kind, ticket.kind),  # type: ignore[call-overload]
        "movement": states.MOVEMENT_LABELS.get(ticket.movement, ""),
        "age": age,
        "step": urgency_of(days_open=age).value if is_open else "",
        "resolution": _resolution_words(ticket),
        "is_not_split": ticket.resolution == Resolution.BELIEVE and _is_beside(ticket),
        "ways": [
            (way.value, states.RESOLUTION_LABELS[way])
            for way in (ways_of(ticket) if is_open and may(request, "repayment.reconciliation.work") else ())
        ],
        "may_work": is_open and may(request, "repayment.reconciliation.work"),
    }
    return render(request, "repayment/autopay/difference.html", context)


def _code_words(ticket: Difference, code: str) -> str:
    """A code of the rail or our own in words, with the code itself."""
    rail = ticket.reconciled_day.rail
    words = code_in_words(scheme=rail.scheme if rail else "", code=code)
    return f"{words} ({code})" if words and code not in words else words


def _is_beside(ticket: Difference) -> bool:
    """True when the line was booked as a payment of its own, which no command splits to payees."""
    return ticket.command is None or ticket.operation_id != ticket.command.operation_id


def day_or_404(day_id: int) -> ReconciledDay:
    """The day. Raises Http404."""
    reconciled = ReconciledDay.objects.select_related("rail", "payee").filter(pk=day_id).first()
    if reconciled is None:
        raise Http404
    return reconciled


def ticket_or_404(request: HttpRequest, difference_id: int) -> Difference:
    """The ticket, if the person may see it. Raises Http404."""
    ticket = (
        Difference.objects.visible_to(request.user)  # type: ignore[arg-type]
        .select_related("reconciled_day__rail", "reconciled_day__payee", "command__loan", "line__file")
        .filter(pk=difference_id)
        .first()
    )
    if ticket is None:
        raise Http404
    return ticket


def _sides(reconciled: ReconciledDay) -> Iterator[dict[str, Any]]:
    """The rows of the three-sided table: amounts of commands, of the file, of the ledger (major units)."""
    for total in reconciled.totals:
        yield {
            "movement": states.MOVEMENT_LABELS.get(total["movement"], total["movement"]),
            "component": COMPONENT_LABELS.get(total.get("component", ""), total.get("component", "")),
            "outcome": states.OUTCOME_LABELS.get(total["outcome"], total["outcome"]),
            "is_matched": total["outcome"] == "matched",
            "kind": total["outcome"],
            "count": total["count"],
            "currency": total["currency"],
            **{name: total[name] for name in ("asked", "told", "booked")},
        }


def _totals(reconciled: ReconciledDay) -> list[dict[str, Any]]:
    """What each currency and movement comes to in all."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in _sides(reconciled):
        total = found.setdefault(
            (row["currency"], str(row["movement"])),
            {
                "currency": row["currency"],
                "movement": row["movement"],
                "count": 0,
                "asked": ZERO,
                "told": ZERO,
                "booked": ZERO,
            },
        )
        total["count"] += row["count"]
        for name in ("asked", "told", "booked"):
            total[name] += row[name]
    return list(found.values())
