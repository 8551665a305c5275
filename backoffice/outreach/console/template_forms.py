"""The forms of templates: what a template is, the words of a version, a piece of the library."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backoffice.outreach.console.messages import CHANNELS
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.elements import Element
from backoffice.outreach.models import Piece
from backoffice.outreach.models.contacts import PURPOSE_CHOICES
from backoffice.outreach.models.templates import ELEMENT_CHOICES, ELEMENT_LABELS, LANGUAGE_CHOICES
from backoffice.outreach.selectors.templates import pieces_in_use
from backoffice.outreach.services.templates import Wording


class TemplateForm(forms.Form):
    """A new template: its names and why it is sent."""

    code = forms.SlugField(label=_("Code"), max_length=60)
    name = forms.CharField(label=_("Name"), max_length=120)
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=120, required=False)
    purpose = forms.ChoiceField(label=_("Purpose"), choices=PURPOSE_CHOICES)


class StartForm(forms.Form):
    """Which channel and language a new version is for."""

    channel = forms.ChoiceField(label=_("Channel"), choices=CHANNELS)
    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGE_CHOICES)


class WordsForm(forms.Form):
    """The words of a version: put together from pieces, or written freely."""

    subject = forms.CharField(label=_("Subject"), max_length=150, required=False)
    body = forms.CharField(
        label=_("Text"),
        max_length=10_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "true"}),
        help_text=_("Used when no piece is chosen. Variables are written {amount}."),
    )
    is_legal = forms.BooleanField(
        label=_("Needs a legal review"),
        required=False,
        help_text=_("Consequences may be told then, and compliance alone approves."),
    )
    note = forms.CharField(label=_("What for"), max_length=300, required=False)
    borrower = forms.CharField(
        label=_("Preview for the borrower"),
        max_length=80,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("External id; the name is masked."),
    )

    def __init__(self, *args: Any, channel: Channel, language: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.channel, self.language = channel, language
        if channel in {Channel.SMS, Channel.BOT}:
            del self.fields["subject"]
        library = pieces_in_use(language=language)
        for element, label in ELEMENT_LABELS.items():
            choices = [(str(one.pk), _shown(one)) for one in library if one.element == element]
            self.fields[_name(element)] = forms.ChoiceField(label=label, choices=[("", "–"), *choices], required=False)

    def clean(self) -> dict[str, Any]:
        """Words of one's own are never dropped without a word because a piece is chosen too."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        has_pieces = any(cleaned.get(_name(element)) for element in Element)
        if has_pieces and cleaned.get("body") and _plain(cleaned["body"]) != _plain(self.initial.get("body", "")):
            self.add_error("body", _("Pieces are chosen: take them all out to write freely, or empty this field."))
        return cleaned

    def piece_fields(self) -> list[forms.BoundField]:
        """One choice an element, in reading order."""
        return [self[_name(element)] for element in Element]

    def wording(self) -> Wording:
        """What was written or chosen; the form is valid."""
        chosen = [self.cleaned_data[_name(element)] for element in Element]
        return Wording(
            subject=self.cleaned_data.get("subject", ""),
            body=self.cleaned_data["body"],
            pieces=tuple(int(one) for one in chosen if one),
            is_legal=self.cleaned_data["is_legal"],
            note=self.cleaned_data["note"],
        )


class PieceForm(forms.Form):
    """A piece, or the next version of one."""

    element = forms.ChoiceField(label=_("Element"), choices=ELEMENT_CHOICES)
    code = forms.SlugField(label=_("Code"), max_length=60)
    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGE_CHOICES)
    text = forms.CharField(label=_("Text"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))


def initial_pieces(ids: list[int]) -> dict[str, str]:
    """The form's values for the pieces of a version."""
    return {_name(Element(piece.element)): str(piece.pk) for piece in Piece.objects.filter(pk__in=ids)}


def _name(element: Element) -> str:
    return f"piece_{element.value}"


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _shown(piece: Piece) -> str:
    return f"{piece.code}: {piece.text}"
