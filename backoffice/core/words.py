"""Sentences that pure code says and the edges translate: a message of the catalogue with what goes into its places.

`phrase("%(loan)s is closed.", loan="A-1")` is the English sentence, to be compared, logged and printed as any text. It
also keeps the message and its parameters, so that `core.telling.told` can say it in the reader's language, and
`written` can put it away for a later reader. What a phrase is made of may be phrases again.
"""

from collections.abc import Mapping
from typing import Any, Self

Written = str | dict[str, Any]


class Phrase(str):
    """An English sentence that knows its message in the catalogue (`sentence`) and its parameters.

    Places are named and read `%(name)s`; without parameters the sentence stands as it is, percent signs too.
    """

    sentence: str
    params: Mapping[str, str]

    def __new__(cls, sentence: str, params: Mapping[str, str] | None = None) -> Self:
        """The sentence with its places filled in."""
        made = super().__new__(cls, sentence % params if params else sentence)
        made.sentence = sentence
        made.params = dict(params or {})
        return made


def phrase(sentence: str, /, **params: object) -> Phrase:
    """A message of the catalogue, written out where it is said: a constant, so that it is found and translated."""
    return Phrase(
        sentence, {name: value if isinstance(value, Phrase) else str(value) for name, value in params.items()}
    )


def written(text: str) -> Written:
    """A text as JSON keeps it, so that `as_said` gives it back; a plain text is kept as it is."""
    if not isinstance(text, Phrase):
        return text
    return {"sentence": text.sentence, "params": {name: written(value) for name, value in text.params.items()}}


def as_said(kept: Written) -> str:
    """The text that `written` put away."""
    if isinstance(kept, str):
        return kept
    return Phrase(kept["sentence"], {name: as_said(value) for name, value in kept["params"].items()})
