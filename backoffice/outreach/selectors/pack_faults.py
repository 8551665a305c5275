"""The faults of a pack's text in the reader's language."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.outreach.domain.pack_faults import Fault

SENTENCES: Final[Mapping[str, Promise]] = {
    "syntax": _("the text is no TOML: %(given)s"),
    "missing": _("is required"),
    "unknown_field": _("is not known here"),
    "not_text": _("must be a text of 1 to %(given)s characters"),
    "not_identifier": _("must be words of a-z, 0-9 and _ joined by points, as “cn.hours”, and not begin with “core.”"),
    "not_code": _("must be 1 to 40 of a-z, 0-9 and _"),
    "not_listed": _("must be a list that names something"),
    "unknown_word": _("“%(given)s” is not one of: %(allowed)s"),
    "unknown_country": _("“%(given)s” is not a country code of two capital letters"),
    "not_whole": _("must be a whole number from 1 to %(given)s"),
    "not_flag": _("must be true or false"),
    "not_time": _("must be a time of day written “08:00”, at most “24:00”"),
    "not_date": _("must be a date written 2026-03-02, without quotes"),
    "not_moment": _("must be a moment with its offset, written 2026-03-02T10:00:00-05:00, without quotes"),
    "not_disposition": _("must be the code of what became of a contact, such as “T-NA”"),
    "not_table": _("must be a table"),
    "from_not_before_to": _("inconsistent window: from is not before to"),
    "end_not_after_start": _("inconsistent window: effective_to is not after effective_from"),
    "no_minute_left": _("inconsistent window: beside %(given)s no minute is left"),
    "no_window": _("needs one window: days or minutes"),
    "two_windows": _("has both days and minutes: choose one window"),
    "duplicate": _("is used twice"),
    "unknown_rule": _("“%(given)s” is no rule of this pack"),
    "unknown_zone": _("“%(given)s” is no time zone"),
    "compliant": _("never call a pack compliant: say which texts were read"),
    "default_names_none": _("the default pack names no country: it applies where no other pack does"),
    "lengths_differ": _("must have as many entries as the list it translates"),
}


@dataclass(frozen=True, slots=True)
class FaultWords:
    """One fault as it is read: the line it is on when that is known, rule or vector, field, and what is wrong."""

    line: int | None
    place: str
    field: str
    sentence: str


def faults_in_words(*, faults: Iterable[Fault]) -> tuple[FaultWords, ...]:
    """The faults in the order of the text."""
    said = [
        FaultWords(
            line=fault.line,
            place=fault.place.path,
            field=fault.field,
            sentence=str(SENTENCES[fault.problem]) % {"given": fault.given, "allowed": fault.allowed},
        )
        for fault in faults
    ]
    return tuple(sorted(said, key=lambda each: each.line or 0))
