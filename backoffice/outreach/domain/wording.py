"""The scan for wording that must not be sent: threats, claims of court or police, shame, false urgency.

The list is data (`wording/banned.toml`): phrases per language with what they are and why, and patterns for what can be
said in many ways. Text is folded before it is looked at, so that spaces, full width, capitals, look-alike letters of
other alphabets, invisible characters and marks put between the letters hide nothing.

A pattern is read within one clause. `<people>` is any word of that group of its language; `~` is a gap of a few words
(Chinese: characters) that holds no denial ("not", "never") and none of the words a gap breaks at. A pattern that
follows a denial is not found: "we never call your family" is no threat.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from backoffice.outreach.domain.elements import CHINESE, LANGUAGES
from backoffice.outreach.domain.lookalikes import as_read

Severity = Literal["banned", "legal"]
SURELY_NO_PART_OF_A_WORD: Final = 10
WIDEST_GAP: Final = {"en": 4, CHINESE: 6}
"""How many words, in Chinese characters, may stand in the gap of a pattern."""
_END_OF_CLAUSE = re.compile(r"[.!?:;]+(?=\s|$)|[。！？；：，\n]")
_LETTERS_APART = re.compile(r"(?<!\w)\w(?: \w){2,}(?!\w)")
KINDS: Final = ("threat", "authority", "shame", "third_party", "urgency", "promise", "consequence", "secrecy")


class BadWordingList(ValueError):
    """The data file is not as it should be; the message says where."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A way of saying one thing with words of one's own; nothing is said where `denials` stand right before it."""

    said: re.Pattern[str]
    denials: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Wording of one language that means one thing. `legal` wording may be sent by templates with a legal review."""

    id: str
    kind: str
    severity: Severity
    language: str
    phrases: tuple[str, ...]
    why: str
    why_zh: str
    patterns: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Wording of the list that stands in a text: the phrase, or the words that fit a pattern."""

    rule: Rule
    phrase: str


def read_rules(text: str) -> tuple[Rule, ...]:
    """The rules of the data file. Raises BadWordingList naming the rule at fault."""
    data = tomllib.loads(text)
    rules = tuple(_rule(entry, data.get("words", {})) for entry in data.get("rules", ()))
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
    clauses = _END_OF_CLAUSE.split(text)
    en_clauses, zh_clauses = [spaced(clause) for clause in clauses], [fold(clause) for clause in clauses]
    found: list[Finding] = []
    for rule in rules:
        if rule.severity == "legal" and is_legal:
            continue
        for phrase in rule.phrases:
            if _stands_in(phrase, language=rule.language, folded=folded, words=words):
                found.append(Finding(rule, phrase))
        clauses = zh_clauses if rule.language == CHINESE else en_clauses
        found += [Finding(rule, said) for said in dict.fromkeys(_said(rule.patterns, clauses))]
    return tuple(found)


def _said(patterns: Sequence[Pattern], clauses: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        for clause in clauses:
            for match in pattern.said.finditer(clause):
                if not f" {clause[: match.start()]}".rstrip().endswith(pattern.denials):
                    yield match[0].strip()


def _stands_in(phrase: str, *, language: str, folded: str, words: str) -> bool:
    """Chinese anywhere; English as whole words, and anywhere when it is too long to stand in another word."""
    bare = fold(phrase)
    if language != "en" or len(bare) >= SURELY_NO_PART_OF_A_WORD:
        return bare in folded
    return f" {spaced(phrase)} " in words


def fold(text: str) -> str:
    """Letters and digits alone, narrow and in lower case: `ＣＲＥＤＩＴ bureau` is `creditbureau`."""
    return "".join(character for character in as_read(text) if character.isalnum())


def spaced(text: str) -> str:
    """Words alone, in lower case, one space between them; letters that stand apart are one word: `c o u r t`."""
    narrow = as_read(text).replace("’", "").replace("'", "")
    words = "".join(character if character.isalnum() else " " for character in narrow)
    return " ".join(_LETTERS_APART.sub(lambda found: found[0].replace(" ", ""), " ".join(words.split())).split())


def _rule(entry: dict[str, Any], words: Mapping[str, Any]) -> Rule:
    try:
        rule = Rule(
            id=entry["id"],
            kind=entry["kind"],
            severity=entry.get("severity", "banned"),
            language=(language := entry["language"]),
            phrases=tuple(entry["phrases"]),
            why=entry["why"],
            why_zh=entry["why_zh"],
            patterns=tuple(
                _pattern(text, language=language, words=words.get(language, {})) for text in entry.get("patterns", ())
            ),
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


def _pattern(text: str, *, language: str, words: Mapping[str, Sequence[str]]) -> Pattern:
    """The expression a pattern is: over words with one space between in English, over bare characters in Chinese."""
    is_chinese = language == CHINESE
    plain = fold if is_chinese else spaced
    denials = tuple(plain(word) for word in words["denials"])
    space, one, whole = ("", ".", "") if is_chinese else (" ", r"\S+", r"(?:\ |$)")
    barred = _one_of((*denials, *(plain(word) for word in words["breaks"])))
    gap = f"(?:{space}(?!{barred}{whole}){one}){{0,{WIDEST_GAP[language]}}}?"
    parts: list[str] = []
    for part in text.split():
        if part == "~":
            parts.append(gap)
            continue
        options = words[part[1:-1]] if part.startswith("<") else (part,)
        parts.append((space if parts else "") + _one_of(tuple(plain(option) for option in options)))
    edges = ("", "") if is_chinese else (r"(?<!\S)", r"(?!\S)")
    said = re.compile(edges[0] + "".join(parts) + edges[1])
    return Pattern(said=said, denials=tuple(f"{space}{denial}" for denial in denials))


def _one_of(words: Sequence[str]) -> str:
    return f"(?:{'|'.join(re.escape(word) for word in words)})"
