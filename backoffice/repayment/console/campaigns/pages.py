"""Campaigns: the list with what each did, one campaign, and the editor that simulates tomorrow while one types."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core.access import actor_of, may, requires
from backoffice.core.drafts import DraftMovedOn
from backoffice.core.errors import Refusal
from backoffice.core.formats import date_text
from backoffice.core.http import go_to, page_or_part, refused
from backoffice.outreach.domain.audiences import may_be_seen, may_be_worked
from backoffice.outreach.domain.campaign_states import STARTED, CampaignState
from backoffice.outreach.domain.campaigns import CampaignContent
from backoffice.outreach.domain.plan_content import PlanFault
from backoffice.outreach.models import Audience, Campaign
from backoffice.outreach.selectors.audience_words import audience_in_words
from backoffice.outreach.selectors.campaigns import blocked_of, days_of
from backoffice.outreach.services import campaigns as services
from backoffice.outreach.services.fault_words import in_words
from backoffice.repayment.console.campaigns.audiences import take
from backoffice.repayment.console.campaigns.forms import FIRST, CampaignForm, campaign_initial, label_of
from backoffice.repayment.console.campaigns.reading import (
    day_context,
    facts_of,
    outcome_text,
    rules_of,
    simulation_context,
)
from backoffice.repayment.selectors.campaigns import live_content, shown
from backoffice.repayment.services.campaigns import simulate
from backoffice.repayment.services.reminders import day_after
from backoffice.staff.access import person_of, within_of

SHOWN = 200


@requires("outreach.campaign.view")
def campaigns(request: HttpRequest) -> HttpResponse:
    """Every campaign the person may look at, and what those of their portfolios did; a fixed number of queries."""
    rows = Campaign.objects.visible_to(person_of(request)).select_related("audience").order_by("-pk")[:SHOWN]
    context = {
        "rows": shown(campaigns=list(rows), within=within_of(request)),
        "may_edit": may(request, "outreach.campaign.edit"),
    }
    return render(request, "repayment/campaigns/list.html", context)


@requires("outreach.campaign.view")
def campaign(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """One campaign: what it says, what came of it day by day, its cost, and what it did against those left alone.

    Whoever works on some of its portfolios only reads what it says.
    """
    found, within = campaign_or_404(request, campaign_id), within_of(request)
    one = shown(campaigns=[found], within=within)[0]
    is_own, has_begun = one.funnel is not None, found.state in STARTED and found.approved_at is not None
    tomorrow = day_after(business_date())
    context: dict[str, Any] = {
        "campaign": found,
        "one": one,
        "content": one.content,
        "facts": facts_of(one.content) if one.content else (),
        "outcome": outcome_text(one.content) if one.content else "",
        "audience_parts": audience_in_words(content=live_content(found)["audience"]),
        "days": [day_context(line) for line in days_of(campaign=found)] if is_own else (),
        "blocked": rules_of(blocked_of(campaign=found)) if is_own else (),
        "faults": _faults(found) if is_own and found.state == CampaignState.DRAFT else (),
        "asked": _asked(found),
        "is_own": is_own,
        "is_started": is_own and has_begun,
        "may_have_messages": one.funnel.total if one.funnel else has_begun,
        "starts": _starts(found, one.content, tomorrow),
        "tomorrow": tomorrow,
        "messages_url": f"{reverse('outreach:messages')}?source=campaign:{found.pk}",
        "may_edit": is_own and may(request, "outreach.campaign.edit"),
        "may_copy": may_be_worked(found.audience.content, within=within),
        "sees_audience": may_be_seen(found.audience.content, within=within),
    }
    is_asked = "simulate" in request.GET or not (one.funnel and one.funnel.total)
    if is_own and one.content and is_asked and found.state != CampaignState.ENDED:
        context |= simulation_context(simulate(campaign=found, content=one.content, day=tomorrow), one.content)
    return render(request, "repayment/campaigns/campaign.html", context)


@requires("outreach.campaign.edit")
def new_campaign(request: HttpRequest) -> HttpResponse:
    """A new draft."""
    today = business_date()
    first = {"first_day": day_after(today), "audience": request.GET.get("audience", "")}
    form = CampaignForm(request.POST or None, initial={**FIRST, **first}, within=within_of(request), is_new=True)
    return _editor(request, form=form, found=None)


@requires("outreach.campaign.edit")
def edit_campaign(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Another content for a draft; anything else is frozen."""
    found, within = campaign_or_404(request, campaign_id), within_of(request)
    if found.state != CampaignState.DRAFT:
        return go_to(request, address(found))
    try:
        services.check_within(found, within=within)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=address(found))
    named = {"name": found.name, "name_zh": found.name_zh, "note": found.note, "audience": found.audience_id}
    initial = campaign_initial(found.content) | named
    form = CampaignForm(request.POST or None, initial=initial, within=within, is_new=False)
    return _editor(request, form=form, found=found)


def campaign_or_404(request: HttpRequest, campaign_id: int) -> Campaign:
    """The campaign with its audience, if the person may look at it."""
    rows = Campaign.objects.visible_to(person_of(request)).select_related("audience")
    found: Campaign | None = rows.filter(pk=campaign_id).first()
    if found is None:
        raise Http404
    return found


def address(found: Campaign) -> str:
    """The page of a campaign."""
    return reverse("repayment:campaign", args=[found.pk])


def _starts(found: Campaign, content: CampaignContent | None, tomorrow: date) -> str:
    """The day the first messages of an approved campaign leave, in words; nothing once it runs or is over."""
    day = content.first_on(not_before=tomorrow) if content and found.state == CampaignState.APPROVED else None
    return date_text(day) if day else ""


def _faults(found: Campaign) -> list[tuple[str, str]]:
    """What keeps a draft from being submitted."""
    return _said(services.faults_of(content=live_content(found), on=business_date())[1])


def _said(faults: Sequence[PlanFault]) -> list[tuple[str, str]]:
    """Faults as they are read: what the field is called, and what is wrong with it."""
    return [(label_of(name), text) for name, text in in_words(faults).items()]


def _asked(found: Campaign) -> Approval | None:
    """The request that waits for a second person."""
    if found.state != CampaignState.SUBMITTED:
        return None
    return Approval.objects.filter(subject_type=services.SUBJECT, subject_id=str(found.pk), state="pending").first()


def _editor(request: HttpRequest, *, form: CampaignForm, found: Campaign | None) -> HttpResponse:
    """The editor, or its simulation alone when the script asks for it while the person types."""
    is_look = "look" in request.POST
    now = services.mark_of_campaign(found) if found else None
    seen = request.POST.get("seen", now)
    if request.method == "POST" and not is_look and form.is_valid():
        try:
            saved = _saved(request, form, found, seen=seen)
        except Refusal as refusal:
            seen = now if isinstance(refusal, DraftMovedOn) else seen
            take(refusal, form)
        else:
            return go_to(request, address(saved))
    context = {
        "form": form,
        "seen": seen,
        "campaign": found,
        "tomorrow": day_after(business_date()),
        "back": address(found) if found else reverse("repayment:campaigns"),
        **_looked_at(form, found),
    }
    is_refused = form.is_bound and not is_look and bool(form.errors)
    return page_or_part(
        request,
        page="repayment/campaigns/editor.html",
        part="repayment/campaigns/_simulation.html",
        context=context,
        status=422 if is_refused else 200,
    )


def _saved(request: HttpRequest, form: CampaignForm, found: Campaign | None, *, seen: str | None) -> Campaign:
    """The draft as it was saved. Raises what the verb refuses with."""
    values = form.cleaned_data
    said: dict[str, Any] = {
        "name": values["name"],
        "name_zh": values["name_zh"],
        "audience_id": values["audience"],
        "content": form.content(),
        "note": values["note"],
        "within": within_of(request),
        "actor": actor_of(request.user),
    }
    if found is None:
        return services.create_campaign(code=values["code"], **said)
    return services.change_campaign(campaign_id=found.pk, seen=seen, **said)


def _looked_at(form: CampaignForm, found: Campaign | None) -> dict[str, Any]:
    """What the campaign in the form would do tomorrow, or what keeps it from running."""
    if form.is_bound:
        form.is_valid()
        about = {
            name: errors for name, errors in form.errors.items() if name not in {"name", "name_zh", "code", "__all__"}
        }
        missing = [name for name in about if name not in form.cleaned_data]
        if missing:
            return {"faults": [(str(form.fields[name].label), " ".join(map(str, about[name]))) for name in missing]}
        content, audience_id = form.content(), form.cleaned_data["audience"]
    elif found is not None:
        content, audience_id = found.content, found.audience_id
    else:
        return {"faults": ()}
    audience = Audience.objects.filter(pk=audience_id).first()
    if audience is None:
        return {"faults": ()}
    whole: dict[str, Any] = {**content, "audience": audience.content}
    asked, faults = services.faults_of(content=whole, on=business_date())
    context: dict[str, Any] = {"faults": _said(faults)}
    if asked is not None:
        subject = found or Campaign(code=form.cleaned_data.get("code", "") if form.is_bound else "")
        context |= simulation_context(simulate(campaign=subject, content=asked, day=day_after(business_date())), asked)
    return context
