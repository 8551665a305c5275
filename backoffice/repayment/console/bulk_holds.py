"""Holds on many borrowers: chosen, looked at in numbers, placed and lifted when a second person agreed."""

import csv
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.audit import approvals
from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core import tones
from backoffice.core.access import actor_of, may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.fields import DayField
from backoffice.core.http import SeeOther, refused
from backoffice.core.tables import Choice as ChoiceFilter
from backoffice.core.tables import Column, Table
from backoffice.customers.domain.bulk_holds import LIFT_BULK, PLACE_BULK, BulkState
from backoffice.customers.domain.hold_policy import BULK_REASONS
from backoffice.customers.models import BulkHold
from backoffice.customers.models.bulk_holds import STATE_LABELS
from backoffice.customers.models.hold_labels import REASON_LABELS, SCOPE_LABELS
from backoffice.customers.selectors import portfolios
from backoffice.customers.services import Choice, ask_to_lift_bulk, ask_to_place_bulk, discard_bulk, prepare_bulk
from backoffice.repayment.selectors.bulk_holds import (
    borrowers_text,
    bulk_preview,
    effects_text,
    lifting_text,
    placing_text,
    still_held,
)
from backoffice.staff.access import person_of
from backoffice.staff.models import User

BULK_HOLD = "customers.bulk_hold"
LARGEST_LIST = 5 * 1024 * 1024
FEW = 20
FIRST_CELL = re.compile(r'\s*"?([^",;\t]*)')
HEADERS = frozenset({"external_id", "borrower", "id"})

tones.declare(
    BULK_HOLD,
    {
        BulkState.PREPARED: (STATE_LABELS[BulkState.PREPARED], "info"),
        BulkState.DISCARDED: (STATE_LABELS[BulkState.DISCARDED], "neutral"),
        BulkState.PLACED: (STATE_LABELS[BulkState.PLACED], "warn"),
        BulkState.LIFTED: (STATE_LABELS[BulkState.LIFTED], "neutral"),
    },
)
CHOSEN_LABELS = {
    "source": gettext_lazy("Book"),
    "portfolio": gettext_lazy("Portfolio"),
    "country": gettext_lazy("Country"),
    "time_zone": gettext_lazy("Time zone"),
    "list": gettext_lazy("Ids in the list"),
}


def _address(bulk: BulkHold) -> str:
    return reverse("repayment:bulk_hold", args=[bulk.pk])


BULK_HOLDS = Table(
    name="bulk-holds",
    caption=gettext_lazy("Holds on many borrowers"),
    columns=(
        Column("name", gettext_lazy("What happened"), link=_address),
        Column("reason", gettext_lazy("Reason"), value=lambda bulk: bulk.get_reason_display()),
        Column("state", gettext_lazy("State"), kind="state", family=BULK_HOLD),
        Column("borrowers", gettext_lazy("Borrowers"), kind="count", value=lambda bulk: len(bulk.borrower_ids)),
        Column("start", gettext_lazy("From"), kind="date"),
        Column("end_exclusive", gettext_lazy("Ends on"), kind="date"),
        Column("prepared_by_name", gettext_lazy("Prepared by")),
        Column("placed_by_name", gettext_lazy("Agreed by"), css="muted"),
    ),
    filters=(
        ChoiceFilter(
            "state", gettext_lazy("State"), choices=[(state.value, label) for state, label in STATE_LABELS.items()]
        ),
    ),
    row_url=_address,
    empty_title=gettext_lazy("No hold on many yet"),
    empty_text=gettext_lazy("When a disaster or a fault of ours befalls many borrowers, hold them all at once here."),
)


class BulkForm(forms.Form):
    """What happened, whom it befell, and until when they are held."""

    name = forms.CharField(
        label=gettext_lazy("What happened"),
        max_length=120,
        help_text=gettext_lazy("And where, such as “Typhoon, south coast”."),
    )
    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"), choices=[(reason.value, REASON_LABELS[reason]) for reason in BULK_REASONS]
    )
    start = DayField(label=gettext_lazy("From"))
    last = DayField(label=gettext_lazy("Last day"))
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Besides what the reason demands"),
        required=False,
        choices=[(scope.value, label) for scope, label in SCOPE_LABELS.items()],
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "A disaster pauses calls, leaves texts for help only and stops penalty. Debits and aging are a choice."
        ),
    )
    portfolio = forms.ChoiceField(label=gettext_lazy("Portfolio"), required=False)
    country = forms.RegexField(
        r"^[A-Za-z]{2}$",
        label=gettext_lazy("Country"),
        required=False,
        help_text=gettext_lazy("Two letters, such as CN."),
    )
    time_zone = forms.CharField(
        label=gettext_lazy("Time zone"),
        required=False,
        max_length=40,
        help_text=gettext_lazy("The region as far as the record knows it, such as America/Chicago."),
    )
    source = forms.CharField(
        label=gettext_lazy("Book"),
        required=False,
        max_length=40,
        help_text=gettext_lazy("Needed for a list when several books use the same ids."),
    )
    ids = forms.FileField(
        label=gettext_lazy("List of borrowers"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
        help_text=gettext_lazy("One external id a line, UTF-8; of a CSV the first column counts. At most 5 MiB."),
    )
    evidence = forms.CharField(
        label=gettext_lazy("Evidence"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("Such as the notice of the authority."),
    )
    note = forms.CharField(
        label=gettext_lazy("Note"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, known_portfolios: list[str], **options: Any) -> None:
        super().__init__(*args, **options)
        codes = [("", gettext_lazy("All")), *((code, code) for code in known_portfolios)]
        self.fields["portfolio"].choices = codes  # type: ignore[attr-defined]

    def clean_ids(self) -> list[str] | None:
        """The ids of the file; None when none was sent."""
        sent: UploadedFile | None = self.cleaned_data["ids"]
        return None if sent is None else _ids_of(sent)

    def clean(self) -> dict[str, Any]:
        """The last day does not lie before the first."""
        cleaned = super().clean() or self.cleaned_data
        start, last = cleaned.get("start"), cleaned.get("last")
        if start and last and last < start:
            self.add_error("last", _("The last day lies before the first."))
        return cleaned


def _ids_of(sent: UploadedFile) -> list[str]:
    if (sent.size or 0) > LARGEST_LIST:
        raise forms.ValidationError(_("The file is larger than %(limit)s MiB.") % {"limit": LARGEST_LIST // 1024**2})
    try:
        text = sent.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise forms.ValidationError(_("The file is not UTF-8. Save it as UTF-8 and send again.")) from error
    if "\x00" in text:
        raise forms.ValidationError(_("The file holds a zero byte: this is not a text file."))
    cells = (FIRST_CELL.match(line) for line in text.splitlines())
    found = [cell[1].strip() for cell in cells if cell and cell[1].strip()]
    if found and found[0].lower() in HEADERS:
        found = found[1:]
    if not found:
        raise forms.ValidationError(_("There is no id in the file."))
    return found


@requires("customers.hold.view")
def bulk_holds(request: HttpRequest) -> HttpResponse:
    """Holds on many borrowers, the latest first."""
    rows = BulkHold.objects.visible_to(person_of(request))
    try:
        table = BULK_HOLDS.shown(rows=rows, query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:bulk_holds"))
    context = {"table": table, "may_prepare": may(request, "customers.hold.place_many")}
    return render(request, "repayment/bulk_holds.html", context)


@requires("customers.hold.place_many")
def new_bulk_hold(request: HttpRequest) -> HttpResponse:
    """Chooses the borrowers; the page of the hold then shows in numbers whom it is for. Nothing is placed yet."""
    user = person_of(request)
    today = business_date()
    form = BulkForm(
        request.POST or None,
        request.FILES or None,
        initial={"start": today, "last": today + timedelta(days=29), "reason": "disaster"},
        known_portfolios=_known_portfolios(user),
    )
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            bulk_id = _prepare(form.cleaned_data, user=user, actor=actor_of(request.user))
        except Refusal as caught:
            refusal = caught
        else:
            return SeeOther(reverse("repayment:bulk_hold", args=[bulk_id]))
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "refusal": refusal}
    return render(request, "repayment/new_bulk_hold.html", context, status=status)


@requires("customers.hold.view")
def bulk_hold(request: HttpRequest, bulk_id: int) -> HttpResponse:
    """Whom it is for, what it does, what became of it, and what can be done now."""
    bulk = _visible(request, bulk_id)
    waiting = Approval.objects.filter(
        verb__in=(PLACE_BULK, LIFT_BULK), subject_type="customers.bulk_hold", subject_id=str(bulk.pk), state="pending"
    ).first()
    context = {
        "bulk": bulk,
        "preview": bulk_preview(bulk=bulk),
        "effects": effects_text(bulk=bulk),
        "chosen": [(CHOSEN_LABELS[name], value) for name, value in bulk.chosen_by.items() if name in CHOSEN_LABELS],
        "unknown": bulk.unknown_ids[:FEW],
        "waiting": waiting,
        "may_act": may(request, "customers.hold.place_many") and waiting is None,
        "last_day": bulk.end_exclusive - timedelta(days=1),
    }
    return render(request, "repayment/bulk_hold.html", context)


@requires("customers.hold.place_many")
def unknown_ids(request: HttpRequest, bulk_id: int) -> HttpResponse:
    """The ids of the list that lead to no borrower, as a file, to be looked at and sent again."""
    bulk = _visible(request, bulk_id)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="unknown-{bulk.pk}.csv"'
    writer = csv.writer(response)
    writer.writerow(["external_id"])
    writer.writerows([_harmless(external_id)] for external_id in bulk.unknown_ids)
    return response


class BulkVerb(ConfirmView):
    """What the verbs of a bulk hold share."""

    permission = "customers.hold.place_many"

    def load(self, *, request: HttpRequest, **address: Any) -> BulkHold:
        """The bulk hold, if the person may see all its borrowers."""
        return _visible(request, address["bulk_id"])

    def back_url(self, *, subject: Any) -> str:
        """Its page."""
        return _address(subject)


class PlaceBulk(BulkVerb):
    """Asks a second person to place it."""

    title, verb = gettext_lazy("Place the hold on many"), gettext_lazy("Place")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many borrowers, how many of them overdue, and what it does."""
        preview = bulk_preview(bulk=subject)
        lines = [
            Line(_("Borrowers"), preview.borrowers, total=True),
            Line(_("Of them overdue"), preview.overdue, tone="danger" if preview.overdue else "neutral"),
            Line(_("Open loans"), preview.open_loans),
            Line(_("Have such a hold already"), preview.held_already),
            Line(_("What it does"), effects_text(bulk=subject)),
            Line(_("From"), subject.start),
            Line(_("Ends on"), subject.end_exclusive),
        ]
        return _consequence(PLACE_BULK, lines=lines, actor=actor)

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Asks, or places at once for whoever may alone."""
        consequence = placing_text(bulk=subject, preview=bulk_preview(bulk=subject))
        outcome = ask_to_place_bulk(bulk_id=subject.pk, reason=values["reason"], consequence=consequence, actor=actor)
        return _said(outcome.approval_id, done=gettext_lazy("The hold is placed."))


class LiftForm(ConfirmForm):
    """From when the holds no longer count."""

    on = DayField(label=gettext_lazy("Ends on"), help_text=gettext_lazy("The first day it no longer counts."))


class LiftBulk(BulkVerb):
    """Asks a second person to end all its holds on a day."""

    title, verb = gettext_lazy("Lift the hold on many"), gettext_lazy("Lift")
    costly = True
    form_class = LiftForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Today."""
        return {"on": business_date()}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Whose holds end, and when they would have."""
        borrowers, overdue = still_held(bulk=subject, on=values["on"])
        lines = [
            Line(_("Borrowers"), borrowers, total=True),
            Line(_("Of them overdue"), overdue, tone="danger" if overdue else "neutral"),
            Line(_("Ends on"), values["on"], before=subject.end_exclusive),
        ]
        return _consequence(LIFT_BULK, lines=lines, actor=actor)

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Asks, or lifts at once for whoever may alone."""
        outcome = ask_to_lift_bulk(
            bulk_id=subject.pk,
            on=values["on"],
            reason=values["reason"],
            consequence=lifting_text(bulk=subject, on=values["on"]),
            actor=actor,
        )
        return _said(outcome.approval_id, done=gettext_lazy("The holds are lifted."))


class DiscardBulk(BulkVerb):
    """Gives a prepared one up."""

    title, verb = gettext_lazy("Discard"), gettext_lazy("Discard")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Nothing was placed, nothing is lost."""
        who = borrowers_text(borrowers=len(subject.borrower_ids), overdue=bulk_preview(bulk=subject).overdue)
        return Consequence(lines=(Line(_("Would have been for"), who),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Discards it."""
        discard_bulk(bulk_id=subject.pk, reason=values["reason"], actor=actor)
        return gettext_lazy("Discarded.")


def _visible(request: HttpRequest, bulk_id: int) -> BulkHold:
    found = BulkHold.objects.visible_to(person_of(request)).filter(pk=bulk_id).first()
    if found is None:
        raise Http404
    return found


def _known_portfolios(user: User) -> list[str]:
    scope = user.scope()
    return portfolios() if scope.all else sorted(scope.portfolios)


def _prepare(values: Mapping[str, Any], *, user: User, actor: Actor) -> int:
    scope = user.scope()
    return prepare_bulk(
        name=values["name"],
        reason=values["reason"],
        scopes=values["scopes"],
        start=values["start"],
        end_exclusive=values["last"] + timedelta(days=1),
        choice=Choice(
            source=values["source"].strip(),
            portfolio=values["portfolio"],
            country=values["country"].upper(),
            time_zone=values["time_zone"].strip(),
            external_ids=values["ids"],
        ),
        portfolios=None if scope.all else sorted(scope.portfolios),
        note=values["note"],
        evidence=values["evidence"],
        actor=actor,
    )


def _consequence(verb: str, *, lines: list[Line], actor: Actor) -> Consequence:
    if not approvals.needs_approval(verb=verb, amount=None, actor=actor):
        return Consequence(lines=tuple(lines))
    return Consequence(
        lines=tuple(lines),
        approval=gettext_lazy("A second person has to agree, and sees these numbers as of then."),
        verb=gettext_lazy("Ask for approval"),
    )


def _said(approval_id: int | None, *, done: Text) -> Text:
    if approval_id is None:
        return done
    return _("Asked for approval, request %(number)s.") % {"number": approval_id}


def _harmless(text: str) -> str:
    """A cell that a spreadsheet would read as a formula is kept from being one."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
