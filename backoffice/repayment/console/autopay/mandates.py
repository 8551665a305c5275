"""The list of mandates, and one of them with its history and its debits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.core.access import may, requires
from backoffice.core.errors import Refusal
from backoffice.core.http import refused
from backoffice.core.tables import Choice, Column, Flag, Table, Words
from backoffice.core.tones import Tone
from backoffice.repayment.console.autopay import mandate_states as states
from backoffice.repayment.domain.autopay.mandate_states import MandateState
from backoffice.repayment.models import Mandate, MandateMove, Rail
from backoffice.repayment.models.autopay.mandates import MANDATE_LABELS
from backoffice.repayment.selectors.autopay.mandates import OVER, mandate_shown, mandates_of, searched, visible_mandates
from backoffice.staff.access import person_of

VIEW, SIGN, MANAGE = "repayment.mandate.view", "repayment.mandate.sign", "repayment.mandate.manage"


def rail_choices() -> list[tuple[str, str]]:
    """(id, name) of every rail, for a choice."""
    return [(str(rail.pk), rail.name) for rail in Rail.objects.order_by("name")]


MANDATES = Table(
    name="mandates",
    caption=gettext_lazy("Mandates"),
    columns=(
        Column("agreement_no", gettext_lazy("Agreement"), kind="code"),
        Column("borrower", gettext_lazy("Borrower"), kind="id", value="borrower.external_id"),
        Column("rail", gettext_lazy("Rail"), value="rail.name"),
        Column("bank", gettext_lazy("Bank")),
        Column("mask", gettext_lazy("Account"), css="nowrap"),
        Column("currency", gettext_lazy("Currency")),
        Column("state", gettext_lazy("State"), kind="state", family=states.MANDATE),
        Column("priority", pgettext_lazy("mandate", "Order"), kind="count"),
        Column("signed_on", gettext_lazy("Signed"), kind="date"),
        Column("valid_through", gettext_lazy("Valid through"), kind="date"),
    ),
    filters=(
        Words("q", gettext_lazy("Borrower, loan, agreement, last four digits"), narrow=searched),
        Choice(
            "state", gettext_lazy("State"), choices=[(state.value, label) for state, label in MANDATE_LABELS.items()]
        ),
        Choice("rail", gettext_lazy("Rail"), choices=rail_choices, path="rail_id"),
        Words("bank", gettext_lazy("Bank"), narrow=lambda rows, words: rows.filter(bank=words)),
        Flag(
            "to_tell",
            gettext_lazy("The rail does not know yet"),
            narrow=lambda rows: rows.filter(tell_at__isnull=False),
        ),
    ),
    order=("-id",),
    row_url=lambda row: reverse("repayment:mandate", args=[row.pk]),
    empty_title=gettext_lazy("No mandate yet"),
    empty_text=gettext_lazy("A mandate is signed on the page of its borrower, or registered with a book."),
)


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a mandate's history as the timeline draws it."""

    title: str
    at: datetime
    detail: str
    tone: Tone
    url: str = ""
    undone: bool = False
    amount: None = None
    on: None = None
    currency: str = ""


@requires(VIEW)
def mandates(request: HttpRequest) -> HttpResponse:
    """Mandates of the borrowers the person may see, the latest first."""
    try:
        table = MANDATES.shown(rows=visible_mandates(user=person_of(request)), query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:mandates"))
    return render(request, "repayment/autopay/mandates.html", {"table": table})


@requires(VIEW)
def mandate(request: HttpRequest, mandate_id: int) -> HttpResponse:
    """One mandate: its terms, what happened to it, its latest debits."""
    shown = mandate_shown(mandate_id=mandate_id, user=person_of(request))
    if shown is None:
        raise Http404
    state = MandateState(shown.mandate.state)
    is_running = state in {MandateState.ACTIVE, MandateState.SUSPENDED}
    may_manage = may(request, MANAGE)
    context: dict[str, Any] = {
        "shown": shown,
        "mandate": shown.mandate,
        "events": [event_of(move) for move in shown.moves],
        "may_confirm": may(request, SIGN) and state == MandateState.SIGNING,
        "may_rebind": may(request, SIGN) and is_running and shown.successor is None,
        "may_suspend": may_manage and state == MandateState.ACTIVE,
        "may_resume": may_manage and state == MandateState.SUSPENDED,
        "may_revoke": may_manage and (is_running or state == MandateState.SIGNING),
        "may_limit": may_manage and (is_running or state == MandateState.SIGNING),
    }
    return render(request, "repayment/autopay/mandate.html", context)


@dataclass(frozen=True, slots=True)
class MandatesPanel:
    """The mandates of a borrower on their page, and what the person may do with them."""

    mandates: list[Mandate]
    sign_url: str
    order_url: str


def mandates_panel(request: HttpRequest, *, borrower_id: int) -> MandatesPanel | None:
    """The panel on a borrower's page; None for a person who sees no mandates. One query."""
    if not may(request, VIEW):
        return None
    found = mandates_of(borrower_ids=[borrower_id])
    running = sum(mandate.state not in OVER for mandate in found)
    may_reorder = may(request, MANAGE) and running > 1
    return MandatesPanel(
        mandates=found,
        sign_url=reverse("repayment:sign_mandate", args=[borrower_id]) if may(request, SIGN) else "",
        order_url=reverse("repayment:reorder_mandates", args=[borrower_id]) if may_reorder else "",
    )


def event_of(move: MandateMove) -> Event:
    """A row of the history in words."""
    parts = [move.reason, _details_of(move), move.actor_name]
    return Event(
        title=str(states.CAUSES.get(move.cause, move.cause)),
        at=move.at,
        detail=" · ".join(filter(None, parts)),
        tone=states.MANDATE_TONES[MandateState(move.to_state)],
    )


def _details_of(move: MandateMove) -> str:
    said = move.details
    parts = [
        _("code %(code)s") % {"code": said["code"]} if said.get("code") else "",
        str(said.get("detail", "")),
        _("replaces %(number)s") % {"number": said["replaces"]} if said.get("replaces") else "",
        _("taken over by %(number)s") % {"number": said["by"]} if said.get("by") else "",
        _("planned debits dropped: %(count)s") % {"count": said["dropped_debits"]}
        if said.get("dropped_debits")
        else "",
        _("place %(before)s to %(after)s") % {"before": said["from"], "after": said["to"]}
        if move.cause == "reordered"
        else "",
    ]
    return ", ".join(filter(None, parts))
