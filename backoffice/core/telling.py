"""What pure code said, in the language of the reader: the edges tell it at the moment they show it."""

from django.utils.translation import gettext

from backoffice.core.words import Phrase


def told(text: object) -> str:
    """A phrase in the reader's language, with the phrases it is made of; any other text as it reads."""
    if not isinstance(text, Phrase) or not text:
        return str(text)
    sentence = gettext(text.sentence)
    return sentence % {name: told(value) for name, value in text.params.items()} if text.params else sentence
