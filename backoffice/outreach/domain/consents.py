"""What a borrower said about being reached, and which of it counts still: the last word does."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Standing(StrEnum):
    """How one thing said stands at an instant."""

    IN_FORCE = "in_force"
    OVER = "over"
    TAKEN_BACK = "taken_back"
    SAID = "said"


@dataclass(frozen=True, slots=True)
class Word:
    """One thing said; an empty channel or endpoint means every one. Ids grow in the order things were said."""

    id: int
    kind: str
    channel: str
    endpoint_id: int | None
    scope: str
    ends_at: datetime | None


def standings(words: Iterable[Word], *, at: datetime) -> dict[int, Standing]:
    """How each thing said stands, by id. What takes something back is itself only said.

    Only an opt-in at least as wide takes an opt-out back; any later "no" as wide ends a consent or an agreed call.
    """
    said = sorted(words, key=lambda word: word.id)
    return {word.id: _standing(word, said, at=at) for word in said}


def _standing(word: Word, said: list[Word], *, at: datetime) -> Standing:
    if word.kind not in {"consent", "callback", "opt_out"}:
        return Standing.SAID
    if any(later.id > word.id and _takes_back(later, word) for later in said):
        return Standing.TAKEN_BACK
    if word.ends_at is not None and word.ends_at <= at:
        return Standing.OVER
    return Standing.IN_FORCE


def _takes_back(later: Word, word: Word) -> bool:
    is_as_wide = later.channel in {"", word.channel} and later.endpoint_id in {None, word.endpoint_id}
    if word.kind == "opt_out":
        return later.kind == "opt_in" and is_as_wide and later.scope in {"", word.scope}
    return later.kind in {"revoked", "opt_out"} and is_as_wide
