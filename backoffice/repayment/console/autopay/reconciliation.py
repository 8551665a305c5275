"""The reconciliation desk: days by rail and payee, one day with its three sides, tickets, sending a file."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.calendars.selectors import business_date
from backoffice.core.access import actor_of, may, requires
from backoffice.core.errors import Refusal
from backoffice.core.fields import DayField
from backoffice.core.http import SeeOther, refused
from backoffice.core.money import ZERO
from backoffice.core.tables import Choice, Column, Day, Rows, Table, Words
from backoffice.repayment.console.autopay import reconciliation_states as states
from backoffice.repayment.domain.autopay.differences import HEAD_AFTER, LEAD_AFTER, Urgency, urgency_of
from backoffice.repayment.domain.autopay.settlement_file import CHANNEL_HEADER, PAYEE_HEADER
from backoffice.repayment.models import Difference, Payee, Rail, ReconciledDay
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
        Column("matched", gettext_lazy("Matched"), kind="count", value=lambda row: _matched(row)),
        Column("unexplained", gettext_lazy("Unexplained"), kind="count", value=_count("unexplained")),
        Column("explained", gettext_lazy("After the cut-off"), kind="count", value=_count("explained")),
        Column("waiting", gettext_lazy("Unknown"), kind="count", value=_count("waiting")),
        Column("matched_at", gettext_lazy("Compared"), kind="moment"),
        Column("closed_by", gettext_lazy("Closed by"), css="muted"),
    ),
    filters=(
        Choice("state", gettext_lazy("State"), choices=ReconciledDay.State.choices),
        Choice(
            "rail",
            gettext_lazy("Rail"),
            choices=lambda: [(str(pk), name) for pk, name in Rail.objects.values_list("pk", "name")],
        ),
        Day("from", gettext_lazy("From"), lookup="day__gte"),
    ),
    order=("-day",),
    row_url=day_address,
    row_css=lambda row: "alarm" if row.counts.get("unexplained") else "",
    empty_title=gettext_lazy("No settlement file yet"),
    empty_text=gettext_lazy("Each rail's file of a day is fetched in the morning after; it can be sent by hand too."),
)


def _matched(reconciled: ReconciledDay) -> int:
    return sum(total["count"] for total in reconciled.counts.get("totals", ()) if total["outcome"] == "matched")


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
        Column("order_no", gettext_lazy("Order"), kind="code", link=ticket_address),
        Column("kind", gettext_lazy("Kind"), kind="state", family=states.KIND),
        Column("movement", gettext_lazy("Movement"), value=lambda row: states.MOVEMENT_LABELS.get(row.movement, "")),
        Column("ours", gettext_lazy("Ours"), kind="money"),
        Column("theirs", gettext_lazy("Theirs"), kind="money"),
        Column("day", gettext_lazy("Day"), kind="date", value="reconciled_day.day", sort="reconciled_day__day"),
        Column("whose", gettext_lazy("Rail or payee"), value="reconciled_day.whose.name", css="muted"),
        Column("age", gettext_lazy("Days open"), kind="count", sort="opened_on"),
        Column("step", gettext_lazy("With whom"), kind="state", family=states.URGENCY),
        Column("owner_name", gettext_lazy("Owner"), value=lambda row: row.owner_name or "–"),
        Column("state", gettext_lazy("State"), kind="state", family=states.DIFFERENCE),
        Column("resolution", gettext_lazy("How"), value=lambda row: states.RESOLUTION_LABELS.get(row.resolution, "")),
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
        Words("order", gettext_lazy("Order"), narrow=lambda rows, words: rows.filter(order_no__iexact=words)),
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
    days = ReconciledDay.objects.select_related("rail", "payee")
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
    context = {
        "reconciled": reconciled,
        "file": file,
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
        "kind": states.KIND_LABELS.get(ticket.kind, ticket.kind),  # type: ignore[call-overload]
        "movement": states.MOVEMENT_LABELS.get(ticket.movement, ""),
        "age": age,
        "step": urgency_of(days_open=age).value if is_open else "",
        "resolution": states.RESOLUTION_LABELS.get(ticket.resolution, ""),  # type: ignore[call-overload]
        "ways": [
            (way.value, states.RESOLUTION_LABELS[way])
            for way in (ways_of(ticket) if is_open and may(request, "repayment.reconciliation.work") else ())
        ],
        "may_work": is_open and may(request, "repayment.reconciliation.work"),
    }
    return render(request, "repayment/autopay/difference.html", context)


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
            "component": total.get("component", ""),
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
