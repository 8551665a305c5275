"""The page of a borrower, and what is done there: reveal, hold, lift."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.calendars.selectors import business_date
from backoffice.console import borrower_reading, hold_consequences
from backoffice.core.access import actor_of, may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Text
from backoffice.core.errors import Refusal
from backoffice.core.fields import DayField
from backoffice.core.http import SeeOther, page_or_part, refused
from backoffice.customers.models import Borrower, Hold
from backoffice.customers.models.holds import REASON_LABELS, SCOPE_LABELS
from backoffice.customers.selectors import borrower_page_facts
from backoffice.customers.services import holding, personal_data
from backoffice.repayment.console.states import overdue_tone
from backoffice.repayment.models import Loan

FIELD_LABELS = {
    "full_name": gettext_lazy("Name"),
    "family_name": gettext_lazy("Family name"),
    "given_name": gettext_lazy("Given name"),
    "identity_number": gettext_lazy("Identity number"),
}


@requires("customers.borrower.view")
def borrower(request: HttpRequest, borrower_id: int) -> HttpResponse:
    """Everything about one borrower today, personal data masked."""
    try:
        page = borrower_reading.borrower_page(borrower_id=borrower_id, user=request.user, query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("console:search"))
    if page.facts.merged_into_id is not None:
        messages.info(request, _("%(id)s was merged into this borrower.") % {"id": page.facts.external_id})
        return SeeOther(reverse("console:borrower", args=[page.facts.merged_into_id]))
    context = {
        "page": page,
        "facts": page.facts,
        "contact": page.contact,
        "worst_tone": overdue_tone(page.worst.dpd) if page.worst else "neutral",
        "may_reveal": may(request, "customers.borrower.reveal"),
        "may_hold": may(request, "customers.hold.place"),
        "may_lift": may(request, "customers.hold.lift"),
        "may_post": may(request, "repayment.payment.post"),
        "may_contact": may(request, "outreach.contact.view"),
        "hold_url": reverse("console:place_hold", args=[borrower_id]),
    }
    return render(request, "console/borrower.html", context)


class RevealForm(forms.Form):
    """Why personal data is needed; the reason is read by compliance."""

    reason = forms.CharField(
        label=gettext_lazy("Why do you need it?"),
        min_length=personal_data.SHORTEST_REASON,
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
        help_text=gettext_lazy("Each look is kept in the audit trail with your name and this reason."),
    )


@requires("customers.borrower.reveal")
def reveal(request: HttpRequest, borrower_id: int, field: str) -> HttpResponse:
    """Shows one field in clear, for a reason; the answer is never kept by the browser."""
    user: Any = request.user
    try:
        facts = borrower_page_facts(borrower_id=borrower_id, user=user)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("console:search"))
    labels = {contact.field: contact.kind_label for contact in facts.contacts} | FIELD_LABELS
    if field not in labels:
        raise Http404
    back_url = reverse("console:borrower", args=[borrower_id])
    form = RevealForm(request.POST or None)
    context = {"facts": facts, "form": form, "label": labels[field], "back_url": back_url, "revealed": None}
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                context["revealed"] = personal_data.reveal(
                    borrower_id=borrower_id,
                    field=field,
                    reason=form.cleaned_data["reason"],
                    actor=actor_of(request.user),
                )
            except Refusal as refusal:
                return refused(request, refusal=refusal, back_url=back_url)
            status = 200
    response = page_or_part(
        request, page="console/reveal.html", part="console/_reveal.html", context=context, status=status
    )
    response.headers["Cache-Control"] = "no-store"
    return response


class WideChoices(forms.MultipleChoiceField):
    """Choices that take a line of their own in a form."""

    css = "wide"


class HoldForm(ConfirmForm):
    """What is stopped, from when to when, and why."""

    scopes = WideChoices(
        label=gettext_lazy("What stops"),
        choices=[(scope.value, label) for scope, label in SCOPE_LABELS.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    start = DayField(label=gettext_lazy("From"))
    last = DayField(
        label=gettext_lazy("Last day"), required=False, help_text=gettext_lazy("Empty: until somebody lifts it.")
    )
    note = forms.CharField(
        label=gettext_lazy("Note"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2})
    )
    loan = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"] = forms.ChoiceField(
            label=gettext_lazy("Reason"), choices=[(reason.value, label) for reason, label in REASON_LABELS.items()]
        )

    def clean(self) -> dict[str, Any]:
        """The last day does not lie before the first."""
        cleaned = super().clean() or self.cleaned_data
        start, last = cleaned.get("start"), cleaned.get("last")
        if start and last and last < start:
            self.add_error("last", _("The last day lies before the first."))
        return cleaned


class PlaceHold(ConfirmView):
    """Stops calls, texts, debits, penalty or aging for a time."""

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
        """From today, for two weeks."""
        today = business_date()
        return {"start": today, "last": today + timedelta(days=13), "reason": "request"}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """How long it stops what, and what becomes of the loans it bears on."""
        return hold_consequences.of_placing(borrower=subject, values=values, today=business_date())

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Places it."""
        holding.place_hold(
            borrower_id=subject.pk,
            loan_id=values["loan"],
            scopes=values["scopes"],
            start=values["start"],
            end_exclusive=values["last"] + timedelta(days=1) if values["last"] else None,
            reason=values["reason"],
            note=values["note"],
            actor=actor,
        )
        return gettext_lazy("The hold is placed.")


class LiftForm(ConfirmForm):
    """From when the hold no longer counts."""

    on = DayField(label=gettext_lazy("Ends on"), help_text=gettext_lazy("The first day it no longer stops anything."))


class LiftHold(ConfirmView):
    """Ends a hold before its time, or asks a second person to."""

    permission = "customers.hold.lift"
    title, verb = gettext_lazy("Lift the hold"), gettext_lazy("Lift")
    costly = True
    form_class = LiftForm

    def load(self, *, request: HttpRequest, **address: Any) -> Hold:
        """The hold, if the person may see its borrower."""
        user: Any = request.user
        found = Hold.objects.visible_to(user).select_related("borrower").filter(pk=address["hold_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The loan the hold is on, else the borrower."""
        if subject.loan_id:
            return reverse("repayment:loan", args=[subject.loan_id])
        return reverse("console:borrower", args=[subject.borrower_id])

    def subject_line(self, *, subject: Any) -> str:
        """What it stops, and whose it is."""
        return _("Hold on %(scope)s, borrower %(id)s") % {
            "scope": subject.get_scope_display(),
            "id": subject.borrower.external_id,
        }

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Today."""
        return {"on": business_date()}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """The end it had and the end it gets, and what becomes of the loans it bears on."""
        return hold_consequences.of_lifting(hold=subject, on=values["on"], today=business_date())

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Lifts it, or asks."""
        outcome = holding.lift_hold(hold_id=subject.pk, on=values["on"], reason=values["reason"], actor=actor)
        if outcome.is_lifted:
            return gettext_lazy("The hold is lifted.")
        return _("Asked for approval, request %(number)s. The hold stays until a second person agrees.") % {
            "number": outcome.approval_id
        }
