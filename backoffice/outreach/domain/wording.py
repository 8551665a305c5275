"""The scan for wording that must not be sent: threats, claims of court or police, shame, false urgency.

The list is data (`wording/banned.toml`): phrases per language with what they are and why. Text is folded before it is
looked at, so that spaces, full width, capitals and marks put between the letters hide nothing.
"""

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from backoffice.outreach.domain.elements import LANGUAGES

Severity = Literal["banned", "legal"]
SURELY_NO_PART_OF_A_WORD: Final = 10
_LETTERS_APART = re.compile(r"(?<!\w)\w(?: \w){2,}(?!\w)")
KINDS: Final = ("threat", "authority", "shame", "third_party", "urgency", "promise", "consequence", "secrecy")


class BadWordingList(ValueError):
    """The data file is not as it should be; the message says where."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Phrases of one language that mean one thing. `legal` wording may be sent by templates with a legal review."""

    id: str
    kind: str
    severity: Severity
    language: str
    phrases: tuple[str, ...]
    why: str
    why_zh: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A phrase of the list that stands in a text."""

    rule: Rule
    phrase: str


def read_rules(text: str) -> tuple[Rule, ...]:
    """The rules of the data file. Raises BadWordingList naming the rule at fault."""
    rules = tuple(_rule(entry) for entry in tomllib.loads(text).get("rules", ()))
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            msg = f"{rule.id} stands twice"
            raise BadWordingList(msg)
        seen.add(rule.id)
    return rules


def scan(text: str, *, language: str, rules: Sequence[Rule], is_legal: bool) -> tuple[Finding, ...]:
    """What of the list stands in a text, every phrase once; legal wording is left out where a legal review covers it.

    Rules of both languages are looked for: an English threat in a Chinese message is a threat.
    """
    folded, words = fold(text), f" {spaced(text)}  {spaced(text.replace('-', ''))} "
    found = []
    for rule in rules:
        if rule.severity == "legal" and is_legal:
            continue
        for phrase in rule.phrases:
            if _stands_in(phrase, language=rule.language, folded=folded, words=words):
                found.append(Finding(rule, phrase))
    return tuple(found)


def _stands_in(phrase: str, *, language: str, folded: str, words: str) -> bool:
    """Chinese anywhere; English as whole words, and anywhere when it is too long to stand in another word."""
    bare = fold(phrase)
    if language != "en" or len(bare) >= SURELY_NO_PART_OF_A_WORD:
        return bare in folded
    return f" {spaced(phrase)} " in words


def fold(text: str) -> str:
    """Letters and digits alone, narrow and in lower case: `ＣＲＥＤＩＴ bureau` is `creditbureau`."""
    narrow = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in narrow if character.isalnum())


def spaced(text: str) -> str:
    """Words alone, in lower case, one space between them; letters that stand apart are one word: `c o u r t`."""
    narrow = unicodedata.normalize("NFKC", text).casefold().replace("’", "").replace("'", "")
    words = "".join(character if character.isalnum() else " " for character in narrow)
    return " ".join(_LETTERS_APART.sub(lambda found: found[0].replace(" ", ""), " ".join(words.split())).split())


def _rule(entry: dict[str, Any]) -> Rule:
    try:
        rule = Rule(
            id=entry["id"],
            kind=entry["kind"],
            severity=entry.get("severity", "banned"),
            language=entry["language"],
            phrases=tuple(entry["phrases"]),
            why=entry["why"],
            why_zh=entry["why_zh"],
        )
    except KeyError as missing:
        msg = f"{entry.get('id', 'a rule')} does not say its {missing.args[0]}"
        raise BadWordingList(msg) from missing
    if rule.kind not in KINDS or rule.severity not in {"banned", "legal"} or rule.language not in LANGUAGES:
        msg = f"{rule.id} has a kind, severity or language nobody knows"
        raise BadWordingList(msg)
    if not all(len(fold(phrase)) >= 2 for phrase in rule.phrases) or not rule.phrases:
        msg = f"{rule.id} has no phrases, or one of a single letter"
        raise BadWordingList(msg)
    return rule
