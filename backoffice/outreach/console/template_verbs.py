"""The verbs of a version as confirm panels: submit, take back, retire; and those of a piece."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core.access import actor_of, may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.http import go_to
from backoffice.outreach.console.template_forms import PieceForm
from backoffice.outreach.domain.elements import CHINESE, ENGLISH, Element
from backoffice.outreach.domain.message_states import MessageState
from backoffice.outreach.domain.template_states import TemplateState
from backoffice.outreach.models import Message, MessageTemplate, Piece, TemplateVersion
from backoffice.outreach.models.templates import ELEMENT_LABELS
from backoffice.outreach.services import templates
from backoffice.outreach.services.checking import check_version
from backoffice.outreach.services.pieces import retire_piece, write_piece


class VersionVerb(ConfirmView):
    """What the verbs of a version have in common."""

    permission = "outreach.template.edit"

    def load(self, *, request: HttpRequest, **address: Any) -> TemplateVersion:
        """The version. Raises Http404."""
        found = TemplateVersion.objects.select_related("template").filter(pk=address["version_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The page of the version."""
        return reverse("outreach:template_version", args=[subject.pk])

    def subject_line(self, *, subject: Any) -> str:
        """The template, where it speaks, and its number."""
        return _("%(template)s by %(channel)s, %(language)s, version %(number)s") % {
            "template": subject.template.title,
            "channel": subject.get_channel_display(),
            "language": subject.get_language_display(),
            "number": subject.number,
        }


class CopyForm(ConfirmForm):
    """What the copy is called."""

    code = forms.SlugField(label=gettext_lazy("Code"), max_length=60)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    name_zh = forms.CharField(label=gettext_lazy("Name in Chinese"), max_length=120, required=False)


class CopyTemplate(ConfirmView):
    """Another template of the same purpose, to be changed and tried against this one."""

    permission = "outreach.template.edit"
    title: ClassVar[Text] = gettext_lazy("Copy the template")
    verb: ClassVar[Text] = gettext_lazy("Copy")
    form_class = CopyForm

    def load(self, *, request: HttpRequest, **address: Any) -> MessageTemplate:
        """The template. Raises Http404."""
        found = MessageTemplate.objects.filter(pk=address["template_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The page of the template."""
        return reverse("outreach:template", args=[subject.pk])

    def subject_line(self, *, subject: Any) -> str:
        """Its name."""
        return str(subject.title)

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """The names of the one that is copied, told apart by a letter."""
        names = {name: getattr(subject, name)[:118] for name in ("name", "name_zh")}
        return {"code": f"{subject.code[:58]}_b"} | {name: f"{text} B" for name, text in names.items() if text}

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Copies it."""
        made = templates.copy_template(
            template_id=subject.pk,
            code=values["code"],
            name=values["name"],
            name_zh=values["name_zh"],
            actor=actor,
        )
        return _("%(name)s is created, with drafts of what this template says now.") % {"name": made.title}


class SubmitVersion(VersionVerb):
    """Asks a second person."""

    title: ClassVar[Text] = gettext_lazy("Submit for approval")
    verb: ClassVar[Text] = gettext_lazy("Ask for approval")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What is said instead of what. Raises WordsRefused for wording that must not be sent."""
        check_version(subject)
        now = TemplateVersion.objects.filter(
            template=subject.template,
            channel=subject.channel,
            language=subject.language,
            state=TemplateState.ACTIVE,
        ).first()
        decider = (
            _("A compliance officer decides.")
            if subject.is_legal
            else _("A team lead, an administrator or a compliance officer decides.")
        )
        lines = [Line(_("Says"), subject.body, before=now.body if now else None)]
        if subject.subject:
            lines.insert(0, Line(_("Subject"), subject.subject, before=now.subject if now else None))
        return Consequence(lines=tuple(lines), approval=decider)

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Submits it."""
        templates.submit_version(version_id=subject.pk, reason=values["reason"], actor=actor)
        return _("Version %(number)s waits for approval.") % {"number": subject.number}


class TakeBack(VersionVerb):
    """The version becomes a draft again; a request that waits is withdrawn."""

    title: ClassVar[Text] = gettext_lazy("Take back")
    verb: ClassVar[Text] = gettext_lazy("Make it a draft again")

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Takes it back."""
        templates.take_back(version_id=subject.pk, reason=values["reason"], actor=actor)
        return _("Version %(number)s is a draft again.") % {"number": subject.number}


class RetireVersion(VersionVerb):
    """Discards a draft, or silences an active version."""

    title: ClassVar[Text] = gettext_lazy("Retire")
    verb: ClassVar[Text] = gettext_lazy("Retire")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many planned messages it stops."""
        waiting = Message.objects.filter(template_version=subject, state=MessageState.PLANNED).count()
        return Consequence(
            lines=(Line(_("Planned messages that are stopped"), waiting, tone="danger" if waiting else "neutral"),),
            warnings=(_("Nothing is planned with these words any more."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Retires it."""
        stopped = templates.retire_version(version_id=subject.pk, reason=values["reason"], actor=actor)
        return _("The version is retired; %(stopped)d messages are stopped.") % {"stopped": stopped}


@requires("outreach.template.view")
def pieces(request: HttpRequest) -> HttpResponse:
    """The library by element, both languages side by side, and the form for a new version of a piece."""
    may_edit = may(request, "outreach.template.edit")
    form = PieceForm(request.POST or None, initial={key: request.GET.get(key, "") for key in ("element", "code")})
    if request.method == "POST" and may_edit and form.is_valid():
        values = {**form.cleaned_data, "element": Element(form.cleaned_data["element"])}
        try:
            piece = write_piece(actor=actor_of(request.user), **values)
        except Refusal as refusal:
            for name, reason in refusal.fields.items():
                form.add_error(name, reason)
        else:
            messages.success(
                request, _("Piece %(code)s is at version %(number)s.") % {"code": piece.code, "number": piece.number}
            )
            return go_to(request, reverse("outreach:pieces"))
    context = {"groups": _groups(), "form": form if may_edit else None, "may_edit": may_edit}
    return render(request, "outreach/templates/pieces.html", context, status=422 if form.errors else 200)


def _groups() -> list[dict[str, Any]]:
    live: dict[tuple[str, str], dict[str, Piece]] = {}
    for piece in Piece.objects.filter(is_retired=False).order_by("code"):
        live.setdefault((piece.element, piece.code), {})[piece.language] = piece
    return [
        {
            "label": label,
            "element": element.value,
            "rows": [
                {"code": code, "en": found.get(ENGLISH), "zh": found.get(CHINESE)}
                for (of, code), found in live.items()
                if of == element
            ],
        }
        for element, label in ELEMENT_LABELS.items()
    ]


class RetirePiece(ConfirmView):
    """Offers a piece no more."""

    permission = "outreach.template.edit"
    title: ClassVar[Text] = gettext_lazy("Retire the piece")
    verb: ClassVar[Text] = gettext_lazy("Retire")

    def load(self, *, request: HttpRequest, **address: Any) -> Piece:
        """The piece. Raises Http404."""
        found = Piece.objects.filter(pk=address["piece_id"], is_retired=False).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The library."""
        return reverse("outreach:pieces")

    def subject_line(self, *, subject: Any) -> str:
        """Its words."""
        return str(subject.text)

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """That templates keep their words."""
        return Consequence(warnings=(_("Templates that were put together with it keep their words."),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Retires it."""
        retire_piece(piece_id=subject.pk, reason=values["reason"], actor=actor)
        return _("The piece is retired.")
