"""What the TOML reader of the standard library complains about, in phrases; what it says otherwise stays as it is."""

import re
from collections.abc import Mapping
from typing import Final

from backoffice.core.words import Phrase, phrase

_PLACE: Final = re.compile(r"\s*\(at (?:line \d+, column \d+|end of document)\)$")
_PLAIN: Final[Mapping[str, Phrase]] = {
    "Cannot overwrite a value": phrase("a field is written twice"),
    "Expected '=' after a key in a key/value pair": phrase("an equals sign is missing after the name of a field"),
    "Expected ']' at the end of a table declaration": phrase("a heading does not end with ]"),
    "Expected ']]' at the end of an array declaration": phrase("a heading does not end with ]]"),
    "Expected newline or end of document after a statement": phrase("something follows where a line should end"),
    "Invalid date or datetime": phrase("this is no date or time"),
    "Invalid initial character for a key part": phrase("the name of a field cannot begin like this"),
    "Invalid statement": phrase("a line begins with something that is no field and no heading"),
    "Invalid value": phrase("what stands after the equals sign is no value"),
    "Unclosed array": phrase("a list is not closed"),
    "Unclosed inline table": phrase("a table in braces is not closed"),
    "Unescaped '\\' in a string": phrase("a backslash in a text must be written twice"),
    "Unterminated string": phrase("a text has no closing quote"),
}


def toml_said(*, message: str) -> str:
    """A complaint of `tomllib` as a phrase, the place left out: the line is told beside it."""
    bare = _PLACE.sub("", message)
    if bare in _PLAIN:
        return _PLAIN[bare]
    twice = re.fullmatch(r"Cannot declare (.+) twice|Duplicate inline table key (.+)", bare)
    if twice:
        return phrase("%(name)s is written twice", name=_name(twice[1] or twice[2]))
    expected = re.fullmatch(r"Expected (.+)", bare)
    if expected:
        return phrase("%(what)s is missing", what=expected[1])
    wrong = re.fullmatch(r"(?:Found invalid|Illegal) character (.+)", bare)
    if wrong:
        return phrase("the character %(which)s cannot stand here", which=wrong[1])
    return bare


def _name(key: str) -> str:
    """A key as people write it: ('rules', 'from') is rules.from."""
    return ".".join(re.findall(r"'([^']*)'", key)) or key
