"""Sentences that pure code says and the edges translate: a message of the catalogue with what goes into its places.

`phrase("%(loan)s is closed.", loan="A-1")` is the English sentence, to be compared, logged and printed as any text. It
also keeps the message and its parameters, so that `core.telling.told` can say it in the reader's language, and
`written` can put it away for a later reader. What a phrase is made of may be phrases again; dates and amounts in it
stay what they are, and read in the reader's writing when they are told.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
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


class Figure(str):
    """A date or a number within a phrase: plain in English, and told as dates and amounts read everywhere else.

    An amount in major units knows its currency; a number without one is any other decimal.
    """

    value: date | Decimal
    currency: str

    def __new__(cls, value: date | Decimal | str, *, currency: str = "") -> Self:
        """A date, an amount or a number as ISO 8601 and plain digits have it."""
        made = super().__new__(cls, value)
        if not isinstance(value, str):
            made.value = value
        made.currency = currency
        return made


def amount_of(value: Decimal, *, currency: str) -> Figure:
    """An amount in major units of its currency, to be put into a phrase."""
    return Figure(value, currency=currency)


def phrase(sentence: str, /, **params: object) -> Phrase:
    """A message of the catalogue, written out where it is said: a constant, so that it is found and translated."""
    return Phrase(sentence, {name: _part(value) for name, value in params.items()})


def joined(*parts: Phrase) -> Phrase:
    """Several phrases one after the other, with a comma in between."""
    if len(parts) == 1:
        return parts[0]
    return phrase("%(first)s, %(rest)s", first=parts[0], rest=joined(*parts[1:]))


def written(text: str) -> Written:
    """A text as JSON keeps it, so that `as_said` gives it back; a plain text is kept as it is."""
    if isinstance(text, Figure):
        kind = "date" if isinstance(text.value, date) else "number"
        return {kind: str(text), "currency": text.currency}
    if not isinstance(text, Phrase):
        return text
    return {"sentence": text.sentence, "params": {name: written(value) for name, value in text.params.items()}}


def as_said(kept: Written) -> str:
    """The text that `written` put away."""
    if isinstance(kept, str):
        return kept
    if "date" in kept:
        return Figure(date.fromisoformat(kept["date"]))
    if "number" in kept:
        return Figure(Decimal(kept["number"]), currency=kept["currency"])
    return Phrase(kept["sentence"], {name: as_said(value) for name, value in kept["params"].items()})


def _part(value: object) -> str:
    if isinstance(value, Phrase | Figure):
        return value
    return Figure(value) if isinstance(value, date | Decimal) else str(value)
