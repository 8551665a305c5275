"""Names of people in any script: made comparable, cut into the beginnings they are found by, masked."""

import unicodedata
from itertools import chain
from typing import Final

LONGEST_PREFIX: Final = 10
SHORTEST_PREFIX: Final = 2
MOST_WORDS: Final = 4
_DROPPED = {"'", "\u2019", "\u02bc", "`"}
_HIDDEN_PART: Final = "•••"


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name without case, accents and punctuation; "Zoë O'Brien-Smith" gives zoe, obrien, smith."""
    flat = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    kept = "".join(_plain(character) for character in flat if character not in _DROPPED)
    return tuple(unicodedata.normalize("NFC", kept).split())


def beginnings_of(*, full: str, family: str, given: str) -> frozenset[str]:
    """Every beginning a person may be found by: two to ten letters, or from the first character in scripts whose
    characters are words ("王", "王小", "小明").
    """
    joined = family + given if is_ideographic(family) and is_ideographic(given) else ""
    words = set(chain.from_iterable(map(words_of, (full, family, given, joined))))
    return frozenset(chain.from_iterable(_beginnings(word) for word in words))


def probes_of(query: str) -> tuple[str, ...]:
    """What a typed name is looked up by: one beginning a word, the longest first, four at most; all must fit.

    A query of one Latin letter gives nothing: it would fit a good part of the book.
    """
    probes = {word[:LONGEST_PREFIX] for word in words_of(query) if is_ideographic(word) or len(word) >= SHORTEST_PREFIX}
    return tuple(sorted(probes, key=lambda word: (-_weight(word), word))[:MOST_WORDS])


def is_ideographic(text: str) -> bool:
    """True for Han, kana and hangul, where one character says as much as a word elsewhere."""
    return any(
        unicodedata.name(character, "").startswith(("CJK", "HIRAGANA", "KATAKANA", "HANGUL")) for character in text
    )


def mask_name(name: str) -> str:
    """First character of every word and dots; of "王小明" the first only. The length is not shown."""
    return " ".join(word[0] + _HIDDEN_PART for word in name.split())


def full_name_of(*, full: str, family: str, given: str) -> str:
    """The name to show: as given, else built in the order the script is written in; "" when there is none."""
    if full.strip():
        return " ".join(full.split())
    if is_ideographic(family + given):
        return family.strip() + given.strip()
    return " ".join(f"{given} {family}".split())


def _beginnings(word: str) -> set[str]:
    if not is_ideographic(word):
        return {word[:length] for length in range(SHORTEST_PREFIX, min(len(word), LONGEST_PREFIX) + 1)}
    # A family name has one or two characters, so the given name starts at the second or third.
    starts = range(min(3, len(word)))
    return {word[start : start + length] for start in starts for length in range(1, LONGEST_PREFIX + 1)}


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Mn":
        return ""
    return character if category[0] in "LN" or category == "Mc" else " "


def _weight(word: str) -> int:
    """How much a beginning narrows the search: a character of an ideographic script counts for three letters."""
    return len(word) * 3 if is_ideographic(word) else len(word)
