"""What can be wrong with the text of a pack: every fault by rule or vector, field and line, all in one refusal."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from backoffice.core.errors import Refusal
from backoffice.core.words import Phrase, phrase
from backoffice.outreach.domain.toml_faults import toml_said

_HEADER = re.compile(r"\s*\[\[\s*(rules|vectors)\s*\]\]")
_ANY_HEADER = re.compile(r"\s*\[")
_LINE_OF_ERROR = re.compile(r"at line (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a pack: `section` is "", "rules" or "vectors"; `number` counts from 0; `name` is the id or the name."""

    section: str = ""
    number: int = 0
    name: str = ""

    @property
    def path(self) -> str:
        """The place as one word: "cn.hours", "rules.3" while it has no id, "" for the pack itself."""
        return self.name or (f"{self.section}.{self.number}" if self.section else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong: where, which field, a word for it, and the line of the text when it is known."""

    place: Place
    field: str
    problem: str
    given: str = ""
    allowed: str = ""
    line: int | None = None

    @property
    def path(self) -> str:
        """Rule and field: "cn.hours.from"."""
        return ".".join(filter(None, [self.place.path, self.field]))

    @property
    def message(self) -> Phrase:
        """What is wrong, to be told in the reader's language."""
        return _said(given=self.given, allowed=self.allowed)[self.problem]


class PackFaulty(Refusal):
    """The text of a pack cannot be used; `faults` lists all that is wrong, `fields` the same by rule and field."""

    code: ClassVar[str] = "outreach.pack_faulty"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        named = ", ".join(dict.fromkeys(fault.path or "text" for fault in faults))
        fields: dict[str, str] = {}
        for fault in faults:
            said = fields.get(fault.path)
            fields[fault.path] = (
                phrase("%(first)s; %(second)s", first=said, second=fault.message) if said else fault.message
            )
        super().__init__(
            phrase("This pack cannot be used: %(names)s.", names=named),
            next_step=phrase("Correct the named fields and try again."),
            fields=fields,
        )


def _said(*, given: str, allowed: str) -> dict[str, Phrase]:
    """Every problem a text can have, in words."""
    return {
        "syntax": phrase("the text is no TOML: %(given)s", given=toml_said(message=given)),
        "missing": phrase("is required"),
        "unknown_field": phrase("is not known here"),
        "not_text": phrase("must be a text of 1 to %(given)s characters", given=given),
        "not_identifier": phrase(
            "must be words of a-z, 0-9 and _ joined by points, as “cn.hours”, and not begin with “core.”"
        ),
        "not_code": phrase("must be 1 to 40 of a-z, 0-9 and _"),
        "not_listed": phrase("must be a list that names something"),
        "unknown_word": phrase("“%(given)s” is not one of: %(allowed)s", given=given, allowed=allowed),
        "unknown_country": phrase("“%(given)s” is not a country code of two capital letters", given=given),
        "not_whole": phrase("must be a whole number from 1 to %(given)s", given=given),
        "not_flag": phrase("must be true or false"),
        "not_time": phrase("must be a time of day written “08:00”, at most “24:00”"),
        "not_date": phrase("must be a date written 2026-03-02, without quotes"),
        "not_moment": phrase("must be a moment with its offset, written 2026-03-02T10:00:00-05:00, without quotes"),
        "not_disposition": phrase("must be the code of what became of a contact, such as “T-NA”"),
        "not_table": phrase("must be a table"),
        "from_not_before_to": phrase("inconsistent window: from is not before to"),
        "end_not_after_start": phrase("inconsistent window: effective_to is not after effective_from"),
        "no_minute_left": phrase("inconsistent window: beside %(given)s no minute is left", given=given),
        "no_window": phrase("needs one window: days or minutes"),
        "two_windows": phrase("has both days and minutes: choose one window"),
        "duplicate": phrase("is used twice"),
        "unknown_rule": phrase("“%(given)s” is no rule of this pack", given=given),
        "unknown_zone": phrase("“%(given)s” is no time zone", given=given),
        "compliant": phrase("never call a pack compliant: say which texts were read"),
        "default_names_none": phrase("the default pack names no country: it applies where no other pack does"),
        "lengths_differ": phrase("must have as many entries as the list it translates"),
    }


def line_of_syntax(*, message: str) -> int | None:
    """The line a TOML parser complains about; None when it names none."""
    found = _LINE_OF_ERROR.search(message)
    return int(found.group(1)) if found else None


def line_of(*, text: str, place: Place, field: str) -> int | None:
    """The line, from 1, on which a field of a place is written; its heading when the field is not there."""
    start, end = _section(text.splitlines(), place)
    if start is None:
        return None
    name = re.compile(rf"\s*\"?{re.escape(field.split('.')[0])}\"?\s*=")
    for number, line in enumerate(text.splitlines()[start:end], start=start + 1):
        if name.match(line):
            return number
    return start or None if place.section == "" else start


def _section(lines: list[str], place: Place) -> tuple[int | None, int]:
    """First line (from 0, after the heading) and end of the part of the text that holds the place."""
    headings = [number for number, line in enumerate(lines) if _ANY_HEADER.match(line)]
    if not place.section:
        return 0, headings[0] if headings else len(lines)
    seen = -1
    for number in headings:
        found = _HEADER.match(lines[number])
        if found and found.group(1) == place.section:
            seen += 1
            if seen == place.number:
                later = [heading for heading in headings if heading > number]
                return number + 1, later[0] if later else len(lines)
    return None, len(lines)
