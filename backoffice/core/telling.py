"""What pure code said, in the language of the reader: the edges tell it at the moment they show it."""

from datetime import date

from django.utils.translation import gettext, pgettext

from backoffice.core import formats
from backoffice.core.actors import SYSTEM
from backoffice.core.words import Figure, Phrase


def told(text: object) -> str:
    """A phrase in the reader's language, with the phrases and figures it is made of; any other text as it reads."""
    if isinstance(text, Figure):
        return _figure(text)
    if not isinstance(text, Phrase) or not text:
        return str(text)
    sentence = gettext(text.sentence)
    return sentence % {name: told(value) for name, value in text.params.items()} if text.params else sentence


def doer(name: str) -> str:
    """Who did it, as the trail keeps it: a person's name as it is, the system in the reader's language."""
    return pgettext("who did it", "system") if name == SYSTEM.name else name


def _figure(figure: Figure) -> str:
    if isinstance(figure.value, date):
        return formats.date_text(figure.value)
    if figure.currency and figure.value.is_finite():
        return formats.amount_text(figure.value, currency=figure.currency)
    return f"{figure.value:,f}"
