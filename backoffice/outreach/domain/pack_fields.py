"""Reading the fields of one table of a pack strictly: what is wrong is written down, and a stand-in is handed back.

The stand-ins never leave: a pack with a single fault is refused as a whole.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, TypeVar
from zoneinfo import available_timezones

from backoffice.outreach.domain.pack_faults import Fault, Place, line_of

Word = TypeVar("Word", bound=StrEnum)
Value = TypeVar("Value")

LONGEST_TEXT: Final = 500
MOST: Final = 100_000
EVERYTHING: Final = "*"
SOME_DAY: Final = date(2000, 1, 1)
SOME_MOMENT: Final = datetime.fromisoformat("2000-01-01T00:00:00+00:00")

_CODE = re.compile(r"[a-z0-9_]{1,40}", re.ASCII)
_IDENTIFIER = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)
_DISPOSITION = re.compile(r"[A-Z]-[A-Z0-9]{1,12}", re.ASCII)
_CLAIMS_COMPLIANCE = re.compile(r"complian|合规", re.IGNORECASE)
_ZONES: Final = available_timezones()


class Fields:
    """The fields of one table, each read once; `close` reports those nobody asked for."""

    def __init__(self, *, values: Any, place: Place, text: str, faults: list[Fault], inside: str = "") -> None:
        self.place, self.faults, self._text, self._inside = place, faults, text, inside
        self._is_table = isinstance(values, dict)
        self._values: Mapping[str, Any] = values if isinstance(values, dict) else {}
        self._asked: set[str] = set()
        if not self._is_table:
            self.fault("", "not_table")

    @classmethod
    def of(cls, *, values: Any, text: str) -> "Fields":
        """The fields of a whole pack."""
        return cls(values=values, place=Place(), text=text, faults=[])

    def at(self, *, section: str, number: int, name: str) -> "Fields":
        """A place of the pack to write faults down at, without fields of its own."""
        place = Place(section=section, number=number, name=name)
        return Fields(values={}, place=place, text=self._text, faults=self.faults)

    def sections(self, section: str, *, name: str) -> Iterator["Fields"]:
        """The tables of a section, each knowing its number and what it is called."""
        for number, values in enumerate(self._tables(section)):
            named = values.get(name) if isinstance(values, dict) else None
            place = Place(section=section, number=number, name=named if isinstance(named, str) else "")
            yield Fields(values=values, place=place, text=self._text, faults=self.faults)

    def tables(self, field: str) -> Iterator["Fields"]:
        """The tables a field lists; none when left out."""
        for number, values in enumerate(self._tables(field)):
            inside = f"{field}.{number}"
            yield Fields(values=values, place=self.place, text=self._text, faults=self.faults, inside=inside)

    def fault(self, field: str, problem: str, *, given: object = "", allowed: Collection[str] = ()) -> None:
        """Writes a fault down."""
        named = ".".join(filter(None, [self._inside, field]))
        line = line_of(text=self._text, place=self.place, field=named)
        said = ", ".join(sorted(allowed))
        self.faults.append(
            Fault(place=self.place, field=named, problem=problem, given=str(given), allowed=said, line=line)
        )

    def has(self, field: str) -> bool:
        """True when the field is written."""
        return field in self._values

    def close(self) -> None:
        """Every field that was not asked for is a fault."""
        for field in self._values:
            if field not in self._asked:
                self.fault(field, "unknown_field")

    def text(self, field: str, *, default: str | None = None, most: int = LONGEST_TEXT) -> str:
        """A text that says something."""
        value = self._take(field, default)
        if isinstance(value, str) and 0 < len(value.strip()) <= most:
            return value
        return self._wrong(field, value, "not_text", "", given=most)

    def label(self, field: str) -> str:
        """A text that does not claim what nobody can."""
        value = self.text(field)
        if _CLAIMS_COMPLIANCE.search(value):
            self.fault(field, "compliant")
        return value

    def code(self, field: str) -> str:
        """The code of a pack."""
        value = self._take(field)
        if isinstance(value, str) and _CODE.fullmatch(value):
            return value
        return self._wrong(field, value, "not_code", "")

    def identifier(self, field: str) -> str:
        """The id of a rule; "core." belongs to the gate itself."""
        value = self._take(field)
        if isinstance(value, str) and _IDENTIFIER.fullmatch(value) and not value.startswith("core."):
            return value
        return self._wrong(field, value, "not_identifier", "")

    def word(self, field: str, allowed: Collection[str], *, default: str | None = None) -> str:
        """One of the words allowed."""
        value = self._take(field, default)
        if isinstance(value, str) and value in allowed:
            return value
        return self._wrong(field, value, "unknown_word", next(iter(allowed)), given=value, allowed=allowed)

    def member(self, field: str, kind: type[Word], *, default: Word | None = None) -> Word:
        """One member of an enumeration."""
        return kind(self.word(field, [each.value for each in kind], default=default))

    def words(self, field: str, allowed: Collection[str], *, default: Collection[str] | None = None) -> frozenset[str]:
        """Some of the words allowed, at least one; "*" is all of them."""
        value = self._take(field, None if default is None else list(default))
        if value == [EVERYTHING]:
            return frozenset(allowed)
        if not isinstance(value, list) or (not value and default is None):
            return self._wrong(field, value, "not_listed", frozenset())
        for each in value:
            if not (isinstance(each, str) and each in allowed):
                self.fault(field, "unknown_word", given=each, allowed=allowed)
        return frozenset(each for each in value if isinstance(each, str) and each in allowed)

    def members(self, field: str, kind: type[Word], *, default: Collection[Word] | None = None) -> frozenset[Word]:
        """Some members of an enumeration, at least one; "*" is all of them."""
        return frozenset(kind(each) for each in self.words(field, [each.value for each in kind], default=default))

    def countries(self, field: str) -> frozenset[str]:
        """Country codes, or "*" alone."""
        value = self._take(field)
        if not isinstance(value, list):
            return self._wrong(field, value, "not_listed", frozenset())
        for each in value:
            if not isinstance(each, str) or (value != [EVERYTHING] and not _COUNTRY.fullmatch(each)):
                self.fault(field, "unknown_country", given=each)
        return frozenset(each for each in value if isinstance(each, str))

    def country(self, field: str) -> str:
        """A country code, or empty where the country is not known."""
        value = self._take(field, "")
        if isinstance(value, str) and (not value or _COUNTRY.fullmatch(value)):
            return value
        return self._wrong(field, value, "unknown_country", "", given=value)

    def texts(self, field: str, *, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of texts; it may be empty."""
        value = self._take(field, None if default is None else list(default))
        if isinstance(value, list) and all(isinstance(each, str) and each.strip() for each in value):
            return tuple(value)
        return self._wrong(field, value, "not_listed", ())

    def zones(self, field: str) -> tuple[str, ...]:
        """Time zones by their names, at least one."""
        value = self._take(field)
        if not isinstance(value, list) or not value:
            return self._wrong(field, value, "not_listed", ())
        for each in value:
            if each not in _ZONES:
                self.fault(field, "unknown_zone", given=each)
        return tuple(str(each) for each in value)

    def weekdays(self, field: str) -> frozenset[int]:
        """ISO weekdays, Monday 1 to Sunday 7; all when left out."""
        value = self._take(field, list(range(1, 8)))
        if not isinstance(value, list) or not value:
            return self._wrong(field, value, "not_listed", frozenset())
        if all(type(each) is int and 1 <= each <= 7 for each in value):
            return frozenset(value)
        return self._wrong(field, value, "not_whole", frozenset(), given=7)

    def flag(self, field: str, *, default: bool) -> bool:
        """True or false."""
        value = self._take(field, default)
        return value if isinstance(value, bool) else self._wrong(field, value, "not_flag", default)

    def whole(self, field: str, *, most: int = MOST) -> int:
        """A whole number from 1."""
        value = self._take(field)
        if type(value) is int and 1 <= value <= most:
            return value
        return self._wrong(field, value, "not_whole", 1, given=most)

    def number_or_none(self, field: str, *, default: int | None) -> int | None:
        """The number of a contact point or loan in a vector; 0 stands for none."""
        value = self._take(field, default)
        if value is None or (type(value) is int and 0 <= value <= MOST):
            return value or None
        return self._wrong(field, value, "not_whole", None, given=MOST)

    def minute(self, field: str) -> int:
        """A time of day as minutes since midnight, "24:00" being 1440."""
        value = self._take(field)
        if isinstance(value, str) and _TIME.fullmatch(value):
            hours, minutes = value.split(":")
            return int(hours) * 60 + int(minutes)
        return self._wrong(field, value, "not_time", 0)

    def day(self, field: str) -> date:
        """A calendar date."""
        value = self._take(field)
        return value if type(value) is date else self._wrong(field, value, "not_date", SOME_DAY)

    def moment(self, field: str) -> datetime:
        """A moment with its offset from UTC."""
        value = self._take(field)
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value
        return self._wrong(field, value, "not_moment", SOME_MOMENT)

    def disposition(self, field: str) -> str:
        """The code of what became of a contact, as "T-NA"."""
        value = self._take(field)
        if isinstance(value, str) and _DISPOSITION.fullmatch(value):
            return value
        return self._wrong(field, value, "not_disposition", "")

    def _tables(self, field: str) -> list[Any]:
        value = self._take(field, [])
        return value if isinstance(value, list) else self._wrong(field, value, "not_listed", [])

    def _take(self, field: str, default: Any = None) -> Any:
        self._asked.add(field)
        return self._values.get(field, default)

    def _wrong(self, field: str, value: Any, problem: str, stand_in: Value, **said: Any) -> Value:
        """Writes down that a field is missing, or else what is wrong with it."""
        if self._is_table:
            self.fault(field, "missing" if value is None else problem, **({} if value is None else said))
        return stand_in
