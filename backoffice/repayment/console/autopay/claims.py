"""代偿 on the screen: lists by day, one claim with its history, the funder's file of decisions, rates by guarantor."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.calendars import clock
from backoffice.core.access import actor_of, may, requires
from backoffice.core.errors import Refusal
from backoffice.core.formats import amount_text
from backoffice.core.http import SeeOther, refused
from backoffice.core.money import ZERO
from backoffice.core.tables import Choice, Column, Day, Flag, Rows, Table, Words
from backoffice.core.tones import Tone
from backoffice.repayment.console.autopay import claim_states as states
from backoffice.repayment.domain.autopay.claim_states import ClaimState
from backoffice.repayment.models import Claim, ClaimMove, ClaimReturn, Payee
from backoffice.repayment.models.autopay.claims import CLAIM_LABELS, KIND_LABELS
from backoffice.repayment.selectors.autopay.claims import lists_of, rates_by_guarantor, recovered_of
from backoffice.repayment.services.autopay.claim_deciding import HEADER, decide_claims, read_decisions

VIEW, CONFIRM, TRANSFER = "repayment.claim.view", "repayment.claim.confirm", "repayment.claim.transfer"


def claim_address(claim: Claim) -> str:
    """The page of a claim."""
    return reverse("repayment:claim", args=[claim.pk])


def portfolios_of(request: HttpRequest) -> frozenset[str] | None:
    """Those the person works on; None for who sees all."""
    scope = request.user.scope()  # type: ignore[union-attr]
    return None if scope.all else frozenset(scope.portfolios)


def visible_claims(request: HttpRequest) -> QuerySet[Claim]:
    """The claims the person may see."""
    return Claim.objects.visible_to(request.user).select_related(  # type: ignore[arg-type]
        "loan__borrower", "guarantor", "rule", "overpaid"
    )


def claim_or_404(request: HttpRequest, claim_id: int) -> Claim:
    """The claim, if the person may see it. Raises Http404."""
    claim = visible_claims(request).filter(pk=claim_id).first()
    if claim is None:
        raise Http404
    return claim


def overpaid_of(claim: Claim) -> ClaimReturn | None:
    """What the guarantor gets back of it, if anything."""
    return getattr(claim, "overpaid", None)


def _guarantors() -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in Payee.objects.filter(kind="guarantor").values_list("pk", "name")]


def _of_rule(rows: Rows, words: str) -> Rows:
    return rows.filter(rule_id=int(words)) if words.isdecimal() and len(words) < 16 else rows.none()


CLAIMS = Table(
    name="claims",
    caption=gettext_lazy("Claims on guarantors"),
    columns=(
        Column("number", gettext_lazy("Claim"), kind="code", link=claim_address),
        Column("loan", gettext_lazy("Loan"), value="loan.external_id"),
        Column(
            "installment_number",
            pgettext_lazy("number", "Instalment"),
            value=lambda row: row.installment_number or _("all"),
        ),
        Column("guarantor", gettext_lazy("Guarantor"), value="guarantor.name"),
        Column("day", gettext_lazy("Day"), kind="date", sort="day"),
        Column("due_date", gettext_lazy("Due"), kind="date"),
        Column("principal", gettext_lazy("Principal"), kind="money"),
        Column("interest", gettext_lazy("Interest"), kind="money"),
        Column("penalty", gettext_lazy("Penalty"), kind="money"),
        Column("amount", gettext_lazy("Amount"), kind="money"),
        Column("state", gettext_lazy("State"), kind="state", family=states.CLAIM),
        Column(
            "why", gettext_lazy("Why"), value=lambda row: states.WHY_DROPPED.get(row.dropped_because, ""), css="muted"
        ),
    ),
    filters=(
        Choice("state", gettext_lazy("State"), choices=[(state.value, label) for state, label in CLAIM_LABELS.items()]),
        Choice("guarantor", gettext_lazy("Guarantor"), choices=_guarantors, path="guarantor_id"),
        Choice(
            "kind",
            gettext_lazy("Kind"),
            choices=[(kind.value, label) for kind, label in KIND_LABELS.items()],
            path="rule__kind",
        ),
        Day("day", gettext_lazy("Day"), lookup="day"),
        Words("rule", gettext_lazy("Rule"), narrow=_of_rule),
        Words("loan", gettext_lazy("Loan"), narrow=lambda rows, words: rows.filter(loan__external_id__iexact=words)),
        Flag(
            "paid",
            gettext_lazy("Paid by the guarantor"),
            narrow=lambda rows: rows.filter(state__in=[ClaimState.TRANSFERRED.value, ClaimState.MATCHED.value]),
        ),
        Flag(
            "owed",
            gettext_lazy("Overpaid, to give back"),
            narrow=lambda rows: rows.filter(overpaid__state=ClaimReturn.State.OWED),
        ),
    ),
    order=("-id",),
    row_url=claim_address,
    count_up_to=10_000,
    empty_title=gettext_lazy("No claims"),
    empty_text=gettext_lazy("The close of a day lists what guarantors have to pay for on the next."),
)


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a claim's history as the timeline draws it."""

    title: str
    at: datetime
    detail: str
    tone: Tone
    url: str = ""
    undone: bool = False
    amount: None = None
    on: None = None
    currency: str = ""


class DecisionsForm(forms.Form):
    """The funder's file of decisions."""

    file = forms.FileField(
        label=gettext_lazy("File"), widget=forms.FileInput(attrs={"accept": ".csv,text/csv,text/plain"})
    )


@requires(VIEW)
def claims(request: HttpRequest) -> HttpResponse:
    """The latest lists with their counts and sums, and every claim."""
    try:
        table = CLAIMS.shown(rows=visible_claims(request), query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:claims"))
    context = {
        "table": table,
        "lists": lists_of(portfolios=portfolios_of(request)),
        "may_confirm": may(request, CONFIRM),
        "may_transfer": may(request, TRANSFER),
    }
    return render(request, "repayment/autopay/claims.html", context)


@requires(VIEW)
def claim(request: HttpRequest, claim_id: int) -> HttpResponse:
    """One claim: its amounts, what became of it, what the borrower paid since."""
    found = claim_or_404(request, claim_id)
    state, overpaid = ClaimState(found.state), overpaid_of(found)
    may_confirm, may_transfer = may(request, CONFIRM), may(request, TRANSFER)
    context = {
        "claim": found,
        "overpaid": overpaid,
        "why": states.WHY_DROPPED.get(found.dropped_because, ""),
        "recovered": recovered_of(claim_ids=[found.pk]).get(found.pk, ZERO) if found.transferred_on else None,
        "events": [event_of(move, currency=found.currency) for move in found.moves.order_by("-id")],
        "may_decide": may_confirm and state is ClaimState.CANDIDATE,
        "may_transfer": may_transfer and state is ClaimState.CONFIRMED,
        "may_return": may_transfer and overpaid is not None and overpaid.state == ClaimReturn.State.OWED,
    }
    return render(request, "repayment/autopay/claim.html", context)


@requires(VIEW)
def guarantors(request: HttpRequest) -> HttpResponse:
    """What each guarantor has paid against its pool, and what came back."""
    return render(
        request, "repayment/autopay/guarantors.html", {"rows": rates_by_guarantor(portfolios=portfolios_of(request))}
    )


@requires(CONFIRM)
def send_decisions(request: HttpRequest) -> HttpResponse:
    """Takes the funder's decisions on a list; a file with one bad line is refused whole, with the line."""
    form = DecisionsForm(request.POST or None, request.FILES or None)
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            decide_claims(
                decisions=read_decisions(form.cleaned_data["file"]),
                portfolios=portfolios_of(request),
                actor=actor_of(request.user),
                at=clock.now(),
            )
        except Refusal as caught:
            refusal = caught
        else:
            return SeeOther(reverse("repayment:claims"))
    context = {"form": form, "refusal": refusal, "columns": ",".join(HEADER)}
    status = 422 if request.method == "POST" else 200
    return render(request, "repayment/autopay/send_decisions.html", context, status=status)


def event_of(move: ClaimMove, *, currency: str) -> Event:
    """A row of the history in words."""
    parts = [
        amount_text(move.amount, currency=currency),
        _("reference %(reference)s") % {"reference": move.details["reference"]}
        if move.details.get("reference")
        else "",
        move.reason,
        move.actor_name,
    ]
    return Event(
        title=str(states.CAUSES.get(move.cause, move.cause)),
        at=move.at,
        detail=" · ".join(filter(None, parts)),
        tone=states.CLAIM_TONES[ClaimState(move.to_state)],
    )


def amounts_of(found: Claim) -> list[tuple[Any, Any]]:
    """Label and amount of each part of a claim that is not nothing."""
    parts = [
        (gettext_lazy("Principal"), found.principal),
        (gettext_lazy("Interest"), found.interest),
        (gettext_lazy("Penalty"), found.penalty),
    ]
    return [(label, amount) for label, amount in parts if amount]
