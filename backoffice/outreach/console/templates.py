"""Templates: the list, one template, one version, the editor whose preview follows what is typed."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from backoffice.audit.models import Approval
from backoffice.core.access import actor_of, may, requires
from backoffice.core.drafts import DraftMovedOn
from backoffice.core.errors import Refusal
from backoffice.core.http import go_to, page_or_part, refused
from backoffice.outreach.console import message_states as _states  # noqa: F401 - declares the tones
from backoffice.outreach.console.template_forms import StartForm, TemplateForm, WordsForm, initial_pieces
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.variables import CATALOGUE
from backoffice.outreach.models import MessageTemplate, TemplateVersion
from backoffice.outreach.models.contacts import CHANNEL_LABELS
from backoffice.outreach.models.templates import LANGUAGE_LABELS
from backoffice.outreach.selectors.experiment_arms import experiment_on
from backoffice.outreach.selectors.templates import template_lines
from backoffice.outreach.services import templates as services
from backoffice.outreach.services.previewing import preview_words
from backoffice.staff.access import person_of


@requires("outreach.template.view")
def templates(request: HttpRequest) -> HttpResponse:
    """Every template with the versions that speak and those in the making."""
    context = {"lines": template_lines(), "may_edit": may(request, "outreach.template.edit")}
    return render(request, "outreach/templates/list.html", context)


@requires("outreach.template.view")
def template(request: HttpRequest, template_id: int) -> HttpResponse:
    """One template with all its versions."""
    subject = _template(template_id)
    context = {
        "template": subject,
        "versions": subject.versions.order_by("channel", "language", "-number"),
        "start": StartForm(),
        "running": experiment_on(template=subject),
        "may_see_experiments": may(request, "outreach.experiment.view"),
        "may_edit": may(request, "outreach.template.edit"),
    }
    return render(request, "outreach/templates/template.html", context)


@requires("outreach.template.view")
def version(request: HttpRequest, version_id: int) -> HttpResponse:
    """One version as it would be read, with its state and who made it."""
    subject = _version(version_id)
    previewed = preview_words(
        channel=Channel(subject.channel),
        language=subject.language,
        wording=_wording_of(subject),
        user=person_of(request),
        borrower=request.GET.get("borrower", ""),
        purpose=Purpose(subject.template.purpose),
    )
    context = {
        "version": subject,
        "template": subject.template,
        "previewed": previewed,
        "channel": subject.channel,
        "borrower": request.GET.get("borrower", ""),
        "waiting": Approval.objects.filter(subject_type=services.SUBJECT, subject_id=str(subject.pk))
        .order_by("-pk")
        .first(),
        "may_edit": may(request, "outreach.template.edit"),
    }
    return render(request, "outreach/templates/version.html", context)


@requires("outreach.template.edit")
def new_template(request: HttpRequest) -> HttpResponse:
    """Name a template and say what it is for."""
    form = TemplateForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = {**form.cleaned_data, "purpose": Purpose(form.cleaned_data["purpose"])}
        try:
            made = services.create_template(actor=actor_of(request.user), **values)
        except Refusal as refusal:
            for name, reason in refusal.fields.items():
                form.add_error(name, reason)
        else:
            messages.success(request, _("%(name)s is created. Write its first version.") % {"name": made.title})
            return go_to(request, reverse("outreach:template", args=[made.pk]))
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "outreach/templates/new.html", {"form": form}, status=status)


@requires("outreach.template.edit")
def new_version(request: HttpRequest, template_id: int, channel: str, language: str) -> HttpResponse:
    """Write a version for a channel and language, from the words that speak now where there are any."""
    subject = _template(template_id)
    if channel not in set(Channel) - {Channel.CALL} or language not in LANGUAGE_LABELS:
        raise Http404
    start = subject.versions.filter(channel=channel, language=language).order_by("-number").first()
    form = _form(request, channel=Channel(channel), language=language, start=start)
    if _is_sent(request, form):
        try:
            made = services.draft_version(
                template_id=subject.pk,
                channel=Channel(channel),
                language=language,
                wording=form.wording(),
                actor=actor_of(request.user),
            )
        except Refusal as refusal:
            _take(refusal, form)
        else:
            messages.success(request, _("The draft is saved."))
            return go_to(request, reverse("outreach:template_version", args=[made.pk]))
    return _editor(request, form=form, template=subject, back=reverse("outreach:template", args=[subject.pk]))


@requires("outreach.template.edit")
@require_POST
def start_version(request: HttpRequest, template_id: int) -> HttpResponse:
    """Leads to the editor for the channel and language that were chosen."""
    form = StartForm(request.POST)
    if not form.is_valid():
        raise Http404
    address = [template_id, form.cleaned_data["channel"], form.cleaned_data["language"]]
    return go_to(request, reverse("outreach:new_template_version", args=address))


@requires("outreach.template.edit")
def edit_version(request: HttpRequest, version_id: int) -> HttpResponse:
    """Change a draft; the preview follows what is typed."""
    subject = _version(version_id)
    back = reverse("outreach:template_version", args=[subject.pk])
    now = services.mark_of_words(subject)
    seen = request.POST.get("seen", now)
    form = _form(request, channel=Channel(subject.channel), language=subject.language, start=subject)
    if _is_sent(request, form):
        try:
            services.change_draft(
                version_id=subject.pk,
                wording=form.wording(),
                actor=actor_of(request.user),
                seen=seen,
            )
        except Refusal as refusal:
            seen = now if isinstance(refusal, DraftMovedOn) else seen
            if not refusal.fields and not isinstance(refusal, DraftMovedOn):
                return refused(request, refusal=refusal, back_url=back)
            _take(refusal, form)
        else:
            messages.success(request, _("The draft is saved."))
            return go_to(request, back)
    return _editor(request, form=form, template=subject.template, version=subject, seen=seen, back=back)


def _form(request: HttpRequest, *, channel: Channel, language: str, start: TemplateVersion | None) -> WordsForm:
    initial: dict[str, Any] = {}
    if start is not None:
        initial = {"subject": start.subject, "body": start.body, "is_legal": start.is_legal, "note": start.note}
        initial |= initial_pieces(start.pieces)
    return WordsForm(request.POST or None, initial=initial, channel=channel, language=language)


def _is_sent(request: HttpRequest, form: WordsForm) -> bool:
    return request.method == "POST" and "look" not in request.POST and form.is_valid()


def _editor(
    request: HttpRequest,
    *,
    form: WordsForm,
    template: MessageTemplate,
    back: str,
    version: TemplateVersion | None = None,
    seen: str = "",
) -> HttpResponse:
    """The editor, or its preview alone when the script asks for it while the person types."""
    is_look = "look" in request.POST
    look = form if form.is_bound else WordsForm(form.initial, channel=form.channel, language=form.language)
    previewed = None
    if look.is_valid():
        previewed = preview_words(
            channel=form.channel,
            language=form.language,
            wording=look.wording(),
            user=person_of(request),
            borrower=look.cleaned_data["borrower"],
            purpose=Purpose(template.purpose),
        )
    context = {
        "form": form,
        "template": template,
        "version": version,
        "channel_label": CHANNEL_LABELS[form.channel],
        "language_label": LANGUAGE_LABELS[form.language],
        "channel": form.channel.value,
        "previewed": previewed,
        "catalogue": CATALOGUE.values(),
        "seen": seen,
        "back": back,
    }
    is_refused = form.is_bound and not is_look and bool(form.errors)
    return page_or_part(
        request,
        page="outreach/templates/editor.html",
        part="outreach/templates/_preview.html",
        context=context,
        status=422 if is_refused else 200,
    )


def _wording_of(version: TemplateVersion) -> services.Wording:
    return services.Wording(subject=version.subject, body=version.body, is_legal=version.is_legal)


def _template(template_id: int) -> MessageTemplate:
    found = MessageTemplate.objects.filter(pk=template_id).first()
    if found is None:
        raise Http404
    return found


def _version(version_id: int) -> TemplateVersion:
    found = TemplateVersion.objects.select_related("template").filter(pk=version_id).first()
    if found is None:
        raise Http404
    return found


def _take(refusal: Refusal, form: WordsForm) -> None:
    """A refusal's faults at the fields they are about, the sentence at the form when none has them."""
    placed = False
    for name, reason in refusal.fields.items():
        if name in form.fields:
            form.add_error(name, reason)
            placed = True
    if not placed:
        form.add_error(None, f"{refusal.message} {refusal.next_step}")
