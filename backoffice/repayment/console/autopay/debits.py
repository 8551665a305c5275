"""The list of debits, and the whole journey of one."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from backoffice.core import formats, tones
from backoffice.core.access import may, requires
from backoffice.core.errors import Refusal
from backoffice.core.http import refused
from backoffice.core.tables import Choice, Column, Day, Table, Words
from backoffice.core.telling import doer
from backoffice.core.tones import Tone
from backoffice.repayment.console.autopay import debit_states as states
from backoffice.repayment.console.states import COMPONENT_LABELS
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.models import AutopayConfiguration, DebitCommand, DebitMove, Rail
from backoffice.repayment.models.autopay.debits import COMMAND_LABELS
from backoffice.repayment.selectors.autopay.code_words import FAMILY_LABELS, code_in_words, family_in_words
from backoffice.repayment.selectors.autopay.debits import DebitShown, debit_shown, searched, visible_debits
from backoffice.staff.access import person_of

OWN_DETAILS = {
    "the lease ran out": gettext_lazy("nothing was heard of it in its time"),
    "unmapped": gettext_lazy("treated as unknown until somebody maps it"),
    "repayment.refund_no_longer_covered": gettext_lazy("not booked: its money was paid back to the borrower before"),
}


def debit_address(command: DebitCommand) -> str:
    """Where a debit's page is."""
    return reverse("repayment:debit", args=[command.pk])


def why(command: DebitCommand) -> str:
    """Why a debit stands as it does, in words; nothing for one that succeeded."""
    if command.state == CommandState.SUCCEEDED:
        return _("The books refused it: it is in no ledger until a person places it.") if command.is_unplaced else ""
    if command.state == CommandState.RETURNED and command.is_unplaced and command.operation_id is not None:
        return _(
            "The books refused to take it back: its money was paid back to the borrower before. Take that refund back "
            "if it has not left, then take back the payment; else ask the borrower for it."
        )
    return code_in_words(scheme=command.rail.scheme, code=command.code)


def _time_submitted(command: DebitCommand) -> str | None:
    return formats.moment_text(command.submitted_at, style="time") if command.submitted_at else None


def _rails() -> list[tuple[str, str]]:
    return [(code, name) for code, name in Rail.objects.order_by("name").values_list("code", "name")]


def _configurations() -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in AutopayConfiguration.objects.order_by("name").values_list("pk", "name")]


DEBITS = Table(
    name="debits",
    caption=gettext_lazy("Debits"),
    columns=(
        Column("day", gettext_lazy("Day"), kind="date"),
        Column("slot", gettext_lazy("Slot"), value=lambda row: row.batch.slot if row.batch else None),
        Column("order_no", pgettext_lazy("debit", "Order"), kind="code", link=debit_address, css="nowrap"),
        Column("loan", gettext_lazy("Loan"), value="loan.external_id", css="nowrap"),
        Column("rail", gettext_lazy("Rail"), value="rail.name"),
        Column("bank", gettext_lazy("Bank"), value="mandate.bank"),
        Column("attempt", gettext_lazy("Attempt"), kind="count"),
        Column("amount", gettext_lazy("Amount"), kind="money"),
        Column("state", gettext_lazy("State"), kind="state", family=states.DEBIT),
        Column("why", gettext_lazy("Why"), value=why, css="muted words"),
        Column("submitted_at", gettext_lazy("Submitted"), value=_time_submitted, css="muted"),
    ),
    filters=(
        Words("q", gettext_lazy("Order, loan or borrower"), narrow=searched),
        Day("day", gettext_lazy("Day"), lookup="day"),
        Choice(
            "state", gettext_lazy("State"), choices=[(state.value, label) for state, label in COMMAND_LABELS.items()]
        ),
        Choice("rail", gettext_lazy("Rail"), choices=_rails, path="rail__code"),
        Words("bank", gettext_lazy("Bank"), narrow=lambda rows, words: rows.filter(mandate__bank=words)),
        Words("slot", gettext_lazy("Slot"), narrow=lambda rows, words: rows.filter(batch__slot=words)),
        Choice(
            "family",
            gettext_lazy("Kind of answer"),
            choices=[(str(family), label) for family, label in FAMILY_LABELS.items()],
        ),
        Choice(
            "configuration",
            gettext_lazy("Configuration"),
            choices=_configurations,
            path="version__configuration_id",
        ),
    ),
    order=("-id",),
    row_url=debit_address,
    row_css=lambda row: "alarm" if row.state == CommandState.UNKNOWN else "",
    count_up_to=10_000,
    empty_title=gettext_lazy("No debit yet"),
    empty_text=gettext_lazy(
        "The close of a day plans the bills of the next; when a slot begins, its debits stand here."
    ),
)


@requires("repayment.debit.view")
def debits(request: HttpRequest) -> HttpResponse:
    """Debits on the loans the person may see, the latest first; `batch` and `funder` narrow them without a field."""
    rows = visible_debits(user=person_of(request))
    batch, funder = request.GET.get("batch", ""), request.GET.get("funder", "")
    if batch.isdecimal():
        rows = rows.filter(batch_id=int(batch))
    if funder:
        rows = rows.filter(loan__creditor=funder)
    try:
        table = DEBITS.shown(rows=rows, query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:debits"))
    return render(request, "repayment/autopay/debits.html", {"table": table, "batch": batch, "funder": funder})


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a journey as the timeline draws it."""

    title: str
    at: datetime
    detail: str
    tone: Tone
    url: str = ""
    undone: bool = False
    amount: Decimal | None = None
    on: None = None
    currency: str = ""


@requires("repayment.debit.view")
def debit(request: HttpRequest, command_id: int) -> HttpResponse:
    """One debit: its steps, what the rail told of it, what was booked and split, its bill and the file of the rail."""
    try:
        shown = debit_shown(command_id=command_id, user=person_of(request))
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:debits"))
    command = shown.command
    context = {
        "shown": shown,
        "command": command,
        "why": why(command),
        "family": family_in_words(command.family),
        "events": _events(shown),
        "notices": [(one, code_in_words(scheme=command.rail.scheme, code=one.code)) for one in shown.notices],
        "others": [(one, why(one)) for one in shown.others],
        "splits": [(one, COMPONENT_LABELS.get(one.component, one.component)) for one in shown.splits],
        "stopped_by": _stopped_by(shown),
        "may_decide": may(request, "repayment.debit.decide") and command.state == CommandState.UNKNOWN,
    }
    return render(request, "repayment/autopay/debit.html", context)


def _stopped_by(shown: DebitShown) -> str:
    if shown.bill is None or not shown.bill.stopped_by:
        return ""
    by = shown.bill.stopped_by
    return family_in_words(by) if by in FAMILY_LABELS else code_in_words(scheme="", code=by)


def _events(shown: DebitShown) -> list[Event]:
    """The steps of a debit, oldest first: made, then every move."""
    made = Event(
        title=pgettext("debit", "made"), at=shown.command.created_at, detail=_planned_by(shown), tone="neutral"
    )
    return [made, *(_event_of(move, scheme=shown.command.rail.scheme) for move in shown.moves)]


def _planned_by(shown: DebitShown) -> str:
    batch = shown.command.batch
    if batch is None:
        return _("the borrower set it off")
    return _("by slot %(slot)s") % {"slot": batch.slot}


def _event_of(move: DebitMove, *, scheme: str) -> Event:
    look: Any = tones.look_of(family=states.DEBIT, state=move.to_state)
    is_back = move.to_state == CommandState.PLANNED
    detail = str(OWN_DETAILS.get(move.detail, move.detail))
    said = [move.code and f"{move.code} · {code_in_words(scheme=scheme, code=move.code)}", detail]
    if move.actor_id is not None:
        said.append(doer(move.actor_name))
    return Event(
        title=_("put back, it had not left") if is_back else str(look.label),
        at=move.at,
        detail=" · ".join(filter(None, said)),
        tone=look.tone,
    )
