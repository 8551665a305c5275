"""The page of a borrower, and revealing what is masked there. Holds have a module of their own."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.console import borrower_reading
from backoffice.core.access import actor_of, may, requires
from backoffice.core.errors import Refusal
from backoffice.core.http import SeeOther, page_or_part, refused
from backoffice.customers.selectors import borrower_page_facts
from backoffice.customers.services import personal_data
from backoffice.repayment.console.autopay.mandates import mandates_panel
from backoffice.repayment.console.states import overdue_tone
from backoffice.repayment.selectors.autopay.debits import debits_of_loans

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
        "may_review": may(request, "customers.hold.review"),
        "may_post": may(request, "repayment.payment.post"),
        "may_contact": may(request, "outreach.contact.view"),
        "mandates": mandates_panel(request, borrower_id=borrower_id),
        "debits": debits_of_loans([each.loan.pk for each in page.loans]),
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
