"""Audiences: the list, one with how many borrowers it holds now, and the editor that counts while one types."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.calendars.selectors import business_date
from backoffice.core.access import actor_of, may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmView, Consequence, Text
from backoffice.core.drafts import DraftMovedOn
from backoffice.core.errors import Refusal
from backoffice.core.http import go_to, page_or_part, refused
from backoffice.core.telling import told
from backoffice.outreach.domain.audiences import AudienceFilter, may_be_worked, read_audience
from backoffice.outreach.models import Audience, Campaign
from backoffice.outreach.selectors.audience_words import FIELD_LABELS, audience_in_words
from backoffice.outreach.services import audiences as services
from backoffice.repayment.console.campaigns.forms import AudienceForm, audience_initial
from backoffice.repayment.selectors.audiences import AudienceNow, audience_now
from backoffice.repayment.services.reminders import day_after
from backoffice.staff.access import person_of, within_of


@requires("outreach.campaign.view")
def audiences(request: HttpRequest) -> HttpResponse:
    """Every audience the person may look at, in words; a fixed number of queries."""
    person = person_of(request)
    of_theirs = Prefetch("campaigns", queryset=Campaign.objects.visible_to(person))
    rows = Audience.objects.visible_to(person).filter(is_retired=False).order_by("code").prefetch_related(of_theirs)
    shown = [
        {"audience": one, "parts": audience_in_words(content=one.content), "campaigns": len(one.campaigns.all())}
        for one in rows
    ]
    context = {"audiences": shown, "may_edit": may(request, "outreach.campaign.edit")}
    return render(request, "repayment/audiences/list.html", context)


@requires("outreach.campaign.view")
def audience(request: HttpRequest, audience_id: int) -> HttpResponse:
    """One audience: what it asks for, how many it holds tomorrow of those the person may see, and a few of them."""
    found = audience_or_404(request, audience_id)
    is_own = may_be_worked(found.content, within=within_of(request))
    context = {
        "audience": found,
        "parts": audience_in_words(content=found.content),
        "now": _now(request, read_audience(found.content)),
        "tomorrow": day_after(business_date()),
        "campaigns": Campaign.objects.visible_to(person_of(request)).filter(audience=found).order_by("-pk"),
        "is_own": is_own,
        "may_edit": is_own and may(request, "outreach.campaign.edit") and not found.is_retired,
    }
    return render(request, "repayment/audiences/audience.html", context)


@requires("outreach.campaign.edit")
def new_audience(request: HttpRequest) -> HttpResponse:
    """A new audience, of portfolios the person works on."""
    within = within_of(request)
    form = AudienceForm(request.POST or None, initial={"portfolios": sorted(within or ())}, within=within, is_new=True)
    return _editor(request, form=form, found=None)


@requires("outreach.campaign.edit")
def edit_audience(request: HttpRequest, audience_id: int) -> HttpResponse:
    """Another filter for an audience; campaigns that were submitted keep the one they had."""
    found, within = audience_or_404(request, audience_id), within_of(request)
    if found.is_retired:
        raise Http404
    try:
        services.check_audience_within(found, within=within)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:audience", args=[found.pk]))
    form = AudienceForm(request.POST or None, initial=audience_initial(found), within=within, is_new=False)
    return _editor(request, form=form, found=found)


class RetireAudience(ConfirmView):
    """Offers an audience to no further campaign."""

    permission = "outreach.campaign.edit"
    title, verb = gettext_lazy("Retire the audience"), gettext_lazy("Retire")

    def load(self, *, request: HttpRequest, **address: Any) -> Audience:
        """The audience; the portfolios the person works on are kept for the verb. Raises Http404, AudienceBeyond."""
        self.within = within_of(request)
        found = audience_or_404(request, address["audience_id"])
        if found.is_retired:
            raise Http404
        services.check_audience_within(found, within=self.within)
        return found

    def back_url(self, *, subject: Any) -> str:
        """Its page."""
        return reverse("repayment:audience", args=[subject.pk])

    def done_url(self, *, subject: Any) -> str:
        """The list."""
        return reverse("repayment:audiences")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """That campaigns keep their copy."""
        return Consequence(warnings=(_("Campaigns that were submitted keep the copy they were approved with."),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Retires it."""
        services.retire_audience(audience_id=subject.pk, reason=values["reason"], within=self.within, actor=actor)
        return _("The audience %(name)s is retired.") % {"name": subject.title}


def audience_or_404(request: HttpRequest, audience_id: int) -> Audience:
    """The audience, if the person may look at it."""
    found: Audience | None = Audience.objects.visible_to(person_of(request)).filter(pk=audience_id).first()
    if found is None:
        raise Http404
    return found


def _editor(request: HttpRequest, *, form: AudienceForm, found: Audience | None) -> HttpResponse:
    """The editor, or its count alone when the script asks for it while the person types."""
    is_look = "look" in request.POST
    now_marked = services.mark_of_audience(found) if found else None
    seen = request.POST.get("seen", now_marked)
    if request.method == "POST" and not is_look and form.is_valid():
        try:
            saved = _saved(request, form, found, seen=seen)
        except Refusal as refusal:
            seen = now_marked if isinstance(refusal, DraftMovedOn) else seen
            take(refusal, form)
        else:
            return go_to(request, reverse("repayment:audience", args=[saved.pk]))
    now, faults = _looked_at(request, form, found)
    context = {
        "form": form,
        "audience": found,
        "seen": seen,
        "now": now,
        "faults": faults,
        "tomorrow": day_after(business_date()),
        "back": reverse("repayment:audience", args=[found.pk]) if found else reverse("repayment:audiences"),
    }
    is_refused = form.is_bound and not is_look and bool(form.errors)
    return page_or_part(
        request,
        page="repayment/audiences/editor.html",
        part="repayment/audiences/_now.html",
        context=context,
        status=422 if is_refused else 200,
    )


def _saved(request: HttpRequest, form: AudienceForm, found: Audience | None, *, seen: str | None) -> Audience:
    """The audience as it was saved. Raises what the verb refuses with."""
    values = form.cleaned_data
    named: dict[str, Any] = {"name": values["name"], "name_zh": values["name_zh"], "content": form.content()}
    who: dict[str, Any] = {"within": within_of(request), "actor": actor_of(request.user)}
    if found is None:
        return services.create_audience(code=values["code"], **who, **named)
    return services.change_audience(audience_id=found.pk, reason="", seen=seen, **who, **named)


def take(refusal: Refusal, form: Any) -> None:
    """A refusal's faults at the fields they are about, the sentence at the form."""
    for name, reason in refusal.fields.items():
        form.add_error(form.field_of(name), told(reason))
    form.add_error(None, told(refusal.whole))


def _looked_at(
    request: HttpRequest, form: AudienceForm, found: Audience | None
) -> tuple[AudienceNow | None, list[tuple[str, str]]]:
    """How many borrowers what stands in the form holds, or what is wrong with it."""
    content: Mapping[str, Any] = found.content if found else {}
    if form.is_bound:
        form.is_valid()
        wrong = [name for name in form.errors if name not in {"name", "name_zh", "code", "__all__"}]
        if wrong and not set(wrong) <= set(form.cleaned_data):
            return None, [(str(form.fields[name].label), " ".join(map(str, form.errors[name]))) for name in wrong]
        content = form.content()
    try:
        kept = services.checked(content, within=within_of(request))
    except Refusal as refusal:
        return None, [(str(FIELD_LABELS.get(name, "")), text) for name, text in refusal.fields.items()]
    return _now(request, read_audience(kept)), []


def _now(request: HttpRequest, asked: AudienceFilter) -> AudienceNow:
    return audience_now(audience=asked, day=day_after(business_date()), within=within_of(request))
