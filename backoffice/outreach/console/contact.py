"""The gate looked into for one borrower: the panel by purpose, and the page with every rule that bears on them."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from backoffice.calendars import clock
from backoffice.core.access import may, requires
from backoffice.core.errors import Refusal
from backoffice.core.http import SeeOther, refused
from backoffice.customers.selectors import borrower_page_facts
from backoffice.outreach.console.contact_reading import (
    SCOPE_LABELS,
    asked_in,
    contact_panel,
    contact_panel_or_none,
    endpoints_of,
)
from backoffice.outreach.models.contacts import PURPOSE_CHOICES
from backoffice.outreach.selectors.consent_history import consents_of, preferences_of
from backoffice.staff.access import person_of


@requires("outreach.contact.view")
def panel(request: HttpRequest, borrower_id: int) -> HttpResponse:
    """The panel alone, for another purpose."""
    try:
        facts = borrower_page_facts(borrower_id=borrower_id, user=person_of(request))
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("console:search"))
    shown = contact_panel_or_none(facts=facts, at=clock.now(), asked=asked_in(query=request.GET))
    return render(request, "outreach/_contact.html", {"contact": shown})


@requires("outreach.contact.view")
def page(request: HttpRequest, borrower_id: int) -> HttpResponse:
    """Lights, budgets and local times, and the rules behind them, for a purpose."""
    try:
        facts = borrower_page_facts(borrower_id=borrower_id, user=person_of(request))
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("console:search"))
    if facts.merged_into_id is not None:
        return SeeOther(reverse("outreach:contact", args=[facts.merged_into_id]))
    endpoints, at = endpoints_of(facts=facts), clock.now()
    try:
        shown = contact_panel(facts=facts, at=at, asked=asked_in(query=request.GET))
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("console:borrower", args=[borrower_id]))
    context: dict[str, Any] = {
        "facts": facts,
        "contact": shown,
        "said": consents_of(borrower_id=borrower_id, at=at),
        "wishes": preferences_of(borrower_id=borrower_id),
        "may_edit": may(request, "outreach.consent.edit"),
        "purposes": PURPOSE_CHOICES,
        "scopes": SCOPE_LABELS.items(),
        "phones": [each for each in endpoints if each.kind == "phone"],
        "emails": [each for each in endpoints if each.kind == "email"],
    }
    return render(request, "outreach/contact.html", context)
