"""The six elements copy is put together from, in the order they are read. features F36."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Element(StrEnum):
    """One place in a message that a piece of the library fills."""

    SALUTATION = "salutation"
    GREETING = "greeting"
    BENEFIT = "benefit"
    TIME_LIMIT = "time_limit"
    SOCIAL_PROOF = "social_proof"
    CALL_TO_ACTION = "call_to_action"


ORDER: Final[tuple[Element, ...]] = tuple(Element)
ENGLISH: Final = "en"
CHINESE: Final = "zh-hans"
LANGUAGES: Final = (ENGLISH, CHINESE)
BETWEEN: Final[dict[str, str]] = {ENGLISH: " ", CHINESE: ""}
"""What stands between two pieces."""


def compose(pieces: Iterable[tuple[Element, str]], *, language: str) -> str:
    """The text of pieces (element, text), in reading order whatever order they come in; empty pieces leave no gap."""
    in_order = sorted(pieces, key=lambda piece: ORDER.index(piece[0]))
    return BETWEEN[language].join(text.strip() for _element, text in in_order if text.strip())
