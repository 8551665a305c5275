"""Holds on screens: the work list, and placing, lifting and reviewing one."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.audit import approvals
from backoffice.calendars.selectors import business_date
from backoffice.console import hold_consequences
from backoffice.console.hold_forms import HoldForm, LiftForm, ReviewForm
from backoffice.core.access import may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.formats import capitalised
from backoffice.core.http import refused
from backoffice.core.tables import Choice, Column, Table
from backoffice.customers.domain.hold_plans import HoldPlan
from backoffice.customers.domain.hold_policy import MATRIX, last_review, takes_two_to_lift
from backoffice.customers.domain.holds import LIFT, HoldReason, HoldScope
from backoffice.customers.models import Borrower, Hold
from backoffice.customers.models.hold_labels import EFFECT_LABELS, ENDED_BY, REASON_LABELS, SCOPE_LABELS
from backoffice.customers.selectors import HoldFacts, HoldGroup
from backoffice.customers.selectors.holds import (
    due_for_review,
    effects_in_words,
    ending_soon,
    facts_of_group,
    held_groups,
    owner_text,
    running_on,
)
from backoffice.customers.services import review_hold
from backoffice.customers.services.holding import HoldRefused, checked_plan
from backoffice.repayment.models import Loan
from backoffice.repayment.services import holds as loan_holds
from backoffice.staff.access import person_of
from backoffice.staff.permissions import ROLES

EMPTY_TEXTS = {
    "due": gettext_lazy("Holds appear here on the day of their review, and stay until somebody has looked."),
    "soon": gettext_lazy("Nothing ends and nothing is to be reviewed within a week."),
}


def _table(*, today: date, tab: str) -> Table:
    return Table(
        name="held",
        caption=gettext_lazy("Holds"),
        columns=(
            Column(
                "borrower",
                gettext_lazy("Borrower"),
                value="borrower.external_id",
                link=lambda hold: f"{reverse('console:borrower', args=[hold.borrower_id])}#holds",
            ),
            Column(
                "loan", gettext_lazy("Loan"), value=lambda hold: hold.loan_number or _("all loans"), css="muted nowrap"
            ),
            Column("reason", gettext_lazy("Reason"), value=lambda hold: hold.get_reason_display()),
            Column("effects", gettext_lazy("What it does"), value=lambda hold: effects_in_words(hold.effect_codes)),
            Column(
                "owner",
                gettext_lazy("Owner"),
                value=lambda hold: owner_text(name=hold.owner_name, role=hold.owner_role),
            ),
            Column("age", gettext_lazy("Age, days"), kind="count", value=lambda hold: _age(hold, today=today)),
            Column("review_on", gettext_lazy("Review on"), kind="date", sort="review_on"),
            Column("ends", gettext_lazy("Ends on"), kind="date"),
            Column("evidence", gettext_lazy("Evidence"), value=_evidence, css="muted small"),
        ),
        filters=(
            Choice(
                "reason",
                gettext_lazy("Reason"),
                choices=[(reason.value, label) for reason, label in REASON_LABELS.items()],
            ),
        ),
        order=("review_on", "id") if tab in {"due", "soon"} else ("-id",),
        row_url=lambda hold: f"{reverse('console:borrower', args=[hold.borrower_id])}#holds",
        row_css=lambda hold: "alarm" if hold.review_on is not None and hold.review_on <= today else "",
        count_up_to=10_000,
        empty_title=gettext_lazy("No hold waits") if tab == "due" else gettext_lazy("No hold"),
        empty_text=EMPTY_TEXTS.get(tab, gettext_lazy("A hold is placed from the page of a borrower or of a loan.")),
    )


def _age(hold: Hold, *, today: date) -> int | None:
    return (today - hold.period.lower).days if hold.period.lower <= today else None


def _evidence(hold: Hold) -> str:
    if hold.evidence:
        return _("given")
    return _("missing") if MATRIX[HoldReason(hold.reason)].wants_evidence else "–"


@requires("customers.hold.view")
def holds(request: HttpRequest) -> HttpResponse:
    """Holds to review first; then what ends within a week, what is in force, and everything that was not lifted."""
    today = business_date()
    rows = held_groups(user=person_of(request)).annotate(
        loan_number=Subquery(Loan.objects.filter(pk=OuterRef("loan_id")).values("external_id")[:1])
    )
    shown: dict[str, QuerySet[Hold]] = {
        "due": due_for_review(rows, day=today),
        "soon": ending_soon(rows, day=today),
        "running": running_on(rows, day=today),
        "all": rows,
    }
    tab = request.GET.get("tab", "due")
    tab = tab if tab in shown else "due"
    labels = {
        "due": _("To review"),
        "soon": _("Within a week"),
        "running": _("In force"),
        "all": _("All"),
    }
    base = reverse("console:holds")
    tabs = [
        {
            "label": label,
            "url": f"{base}?tab={name}",
            "current": name == tab,
            "count": shown[name].count() if name == "due" else None,
        }
        for name, label in labels.items()
    ]
    try:
        table = _table(today=today, tab=tab).shown(rows=shown[tab], query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=base)
    context = {"table": table, "tabs": tabs, "may_hold_many": may(request, "customers.hold.place_many")}
    return render(request, "console/holds.html", context)


@requires("customers.hold.view")
def matrix(request: HttpRequest) -> HttpResponse:
    """What each reason brings, as the rules have it: one row a reason, one column a scope."""
    rows = [
        {
            "reason": REASON_LABELS[reason],
            "cells": [_cell(reason, scope) for scope in HoldScope],
            "review_days": policy.review_days,
            "needs_end": policy.needs_end,
            "ended_by": ENDED_BY[reason],
            "owner": ROLES[policy.owner],
            "takes_two": policy.two_to_lift,
        }
        for reason, policy in MATRIX.items()
    ]
    return render(request, "console/hold_matrix.html", {"rows": rows, "scopes": SCOPE_LABELS.values()})


def _cell(reason: HoldReason, scope: HoldScope) -> dict[str, Any]:
    policy = MATRIX[reason]
    effect = policy.demanded.get(scope) or policy.offered.get(scope)
    return {"effect": EFFECT_LABELS[effect] if effect else "", "is_demanded": scope in policy.demanded}


class PlaceHold(ConfirmView):
    """Places a hold: the reason brings what it demands, a person may add to it."""

    permission = "customers.hold.place"
    title, verb = gettext_lazy("Add a hold"), gettext_lazy("Place the hold")
    form_class = HoldForm

    def load(self, *, request: HttpRequest, **address: Any) -> Borrower:
        """The borrower, if the person may see them."""
        user: Any = request.user
        found = Borrower.objects.visible_to(user).filter(pk=address["borrower_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The loan the hold was opened from, else the borrower."""
        asked = self.request.POST.get("loan") or self.request.GET.get("loan", "")
        if asked.isdigit():
            return reverse("repayment:loan", args=[int(asked)])
        return reverse("console:borrower", args=[subject.pk])

    def subject_line(self, *, subject: Any) -> str:
        """The borrower, and the loan when it is only about one."""
        asked = self.request.POST.get("loan") or self.request.GET.get("loan", "")
        loan = Loan.objects.filter(pk=int(asked), borrower=subject).first() if asked.isdigit() else None
        who = _("Borrower %(id)s") % {"id": subject.external_id}
        return f"{who}, {_('loan')} {loan.external_id}" if loan else f"{who}, {_('all loans')}"

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """From today; the reason is chosen first."""
        return {"start": business_date()}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """What the reason brings, until when, and what becomes of the loans it bears on."""
        plan = _planned(values)
        asks = bool(plan.left_out) and approvals.needs_approval(verb=LIFT, amount=None, actor=actor)
        return hold_consequences.of_placing(
            borrower=subject, loan_id=values["loan"], plan=plan, asks=asks, today=business_date()
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Places it."""
        try:
            placed = loan_holds.place_hold(
                borrower_id=subject.pk,
                loan_id=values["loan"],
                scopes=values["scopes"],
                leave_out=values["leave_out"],
                start=values["start"],
                end_exclusive=_end(values),
                review_on=values["review_on"],
                reason=values["cause"],
                note=values["reason"],
                evidence=values["evidence"],
                actor=actor,
            )
        except HoldRefused as refusal:
            raise _as_on_the_form(refusal) from refusal
        if placed.approval_id is None:
            return gettext_lazy("The hold is placed.")
        return _("The hold is placed. What to leave out waits for a second person, request %(number)s.") % {
            "number": placed.approval_id
        }


class HoldVerb(ConfirmView):
    """What lifting and reviewing share: the hold with what was placed together with it."""

    group: HoldGroup

    def load(self, *, request: HttpRequest, **address: Any) -> Hold:
        """The hold, if the person may see its borrower."""
        try:
            hold, self.group = facts_of_group(
                hold_id=address["hold_id"], user=person_of(request), as_of=business_date()
            )
        except Refusal as refusal:
            raise Http404 from refusal
        return hold

    def back_url(self, *, subject: Any) -> str:
        """The loan the hold is on, else the borrower."""
        if subject.loan_id:
            return reverse("repayment:loan", args=[subject.loan_id])
        return reverse("console:borrower", args=[subject.borrower_id])

    def subject_line(self, *, subject: Any) -> str:
        """Why it was placed, and whose it is."""
        return _("%(reason)s, borrower %(id)s") % {
            "reason": capitalised(subject.get_reason_display()),
            "id": subject.borrower.external_id,
        }


class LiftHold(HoldVerb):
    """Ends a hold before its time, or asks a second person to."""

    permission = "customers.hold.lift"
    title, verb = gettext_lazy("Lift the hold"), gettext_lazy("Lift")
    costly = True
    form_class = LiftForm

    def form_options(self, *, subject: Any) -> dict[str, Any]:
        """The parts that still count."""
        return {"parts": [(hold.scope, hold.effect_text) for hold in self._parts(subject)]}

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Today, all of it."""
        return {"on": business_date(), "scopes": [hold.scope for hold in self._parts(subject)]}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """The end it had and the end it gets, who has to agree, and what becomes of the loans it bears on."""
        scopes = [HoldScope(scope) for scope in values["scopes"]]
        takes_two = takes_two_to_lift(reason=HoldReason(subject.reason), scopes=scopes)
        return hold_consequences.of_lifting(
            parts=self._parts(subject),
            scopes=scopes,
            borrower_id=subject.borrower_id,
            on=values["on"],
            asks=takes_two and approvals.needs_approval(verb=LIFT, amount=None, actor=actor),
            today=business_date(),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Lifts it, or asks."""
        parts = {hold.scope for hold in self._parts(subject)}
        outcome = loan_holds.lift_hold(
            hold_id=subject.pk,
            on=values["on"],
            reason=values["reason"],
            actor=actor,
            scopes=None if set(values["scopes"]) == parts else values["scopes"],
        )
        if outcome.is_lifted:
            return gettext_lazy("The hold is lifted.")
        return _("Asked for approval, request %(number)s. The hold stays until a second person agrees.") % {
            "number": outcome.approval_id
        }

    def _parts(self, subject: Hold) -> list[HoldFacts]:
        """What was not lifted; a hold that has run out may still be ended for an earlier day."""
        alive = [hold for hold in self.group.parts if hold.state != "over"]
        return alive or [hold for hold in self.group.parts if hold.start and not hold.lifted_by_name]


class ReviewHold(HoldVerb):
    """Keeps a hold running until its next review."""

    permission = "customers.hold.review"
    title, verb = gettext_lazy("Review the hold"), gettext_lazy("Keep it running")
    form_class = ReviewForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """The last day the reason allows."""
        return {"review_on": last_review(reason=HoldReason(subject.reason), since=business_date())}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """What runs on, what it waits for, and the next review."""
        lead = self.group.lead
        return Consequence(
            lines=(
                Line(_("Runs on"), self.group.words),
                Line(_("It waits for"), self.group.waits_for),
                Line(_("Since"), lead.start),
                Line(_("Owner"), str(actor.name) if values["take"] else lead.owner),
                Line(_("Review on"), values["review_on"], before=lead.review_on or "–", total=True),
            )
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Puts the review off."""
        review_hold(
            hold_id=subject.pk,
            review_on=values["review_on"],
            finding=values["reason"],
            evidence=values["evidence"],
            take=values["take"],
            as_of=business_date(),
            actor=actor,
        )
        return gettext_lazy("The hold runs on until its next review.")


def _end(values: Mapping[str, Any]) -> date | None:
    return values["last"] + timedelta(days=1) if values["last"] else None


def _planned(values: Mapping[str, Any]) -> HoldPlan:
    """The plan of the form's values; the note may still be missing while the person types. Raises HoldRefused."""
    try:
        return checked_plan(
            reason=values["cause"],
            scopes=values["scopes"],
            leave_out=values["leave_out"],
            start=values["start"],
            end_exclusive=_end(values),
            review_on=values["review_on"],
            note=values.get("reason") or "…",
        )
    except HoldRefused as refusal:
        raise _as_on_the_form(refusal) from refusal


def _as_on_the_form(refusal: HoldRefused) -> HoldRefused:
    """The refusal with the fields as this form calls them, and their words as its sentence."""
    names = {"end_exclusive": "last", "reason": "cause", "note": "reason"}
    fields = {names.get(name, name): words for name, words in refusal.fields.items()}
    return HoldRefused(" ".join(fields.values()), fields=fields)
