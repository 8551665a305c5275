"""What guards a configuration before it runs: every finding of a check names its guard, its field and says it in words.

mechanics 3.7, "how mis-configuration is caught". A finding that refuses keeps a version from going on; a warning is
read by whoever submits and by whoever approves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from backoffice.core.words import Phrase, as_said, phrase, written
from backoffice.repayment.domain.autopay.configuration import Fault


class Guard(StrEnum):
    """What a finding was found by."""

    CONTENT = "content"
    SHARES = "shares"
    PAYEES = "payees"
    FUNDER = "funder"
    CONTRACTS = "contracts"
    RAILS = "rails"
    CODES = "codes"
    SLOTS = "slots"
    REMINDERS = "reminders"
    RANGE = "range"
    HOLIDAYS = "holidays"
    AMOUNT = "amount"
    TEMPLATES = "templates"
    LIMITS = "limits"
    TRIAL = "trial"


GUARD_WORDS: Final[dict[Guard, Phrase]] = {
    Guard.CONTENT: phrase("The content can be read"),
    Guard.SHARES: phrase("The shares of each component make the whole"),
    Guard.PAYEES: phrase("The payees exist and are active"),
    Guard.FUNDER: phrase("Funder, product and guarantor belong together"),
    Guard.CONTRACTS: phrase("The shares are those of the payees' contracts"),
    Guard.RAILS: phrase("The rails exist"),
    Guard.CODES: phrase("Every code of the rails is mapped to an action"),
    Guard.SLOTS: phrase("The slots lie within the rails' hours, before their cut-off"),
    Guard.REMINDERS: phrase("The slots fit the reminder plan in force"),
    Guard.RANGE: phrase("No two versions hold on the same day"),
    Guard.HOLIDAYS: phrase("Closed days are kept"),
    Guard.AMOUNT: phrase("One rule says what is asked for, and fits the product"),
    Guard.TEMPLATES: phrase("The templates exist and are active"),
    Guard.LIMITS: phrase("Limits of agreements and banks leave room for the bills"),
    Guard.TRIAL: phrase("A version proves itself on few loans first"),
}


class Severity(StrEnum):
    """Whether a finding stops the version or is only to be read."""

    REFUSE = "refuse"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a guard found: the field with its place (`slots.2.at`), and the sentence about it."""

    guard: Guard
    field: str
    words: Phrase
    severity: Severity = Severity.REFUSE

    @property
    def refuses(self) -> bool:
        """True when the version cannot go on with it."""
        return self.severity == Severity.REFUSE

    def as_json(self) -> dict[str, Any]:
        """What is kept with the version; `from_json` gives it back."""
        return {
            "guard": self.guard.value,
            "field": self.field,
            "severity": self.severity.value,
            "words": written(self.words),
        }


def from_json(kept: dict[str, Any]) -> Finding:
    """A finding as it was kept."""
    return Finding(
        guard=Guard(kept["guard"]),
        field=kept["field"],
        words=as_said(kept["words"]),  # type: ignore[arg-type]
        severity=Severity(kept["severity"]),
    )


_BY_FIELD: Final[dict[str, Guard]] = {
    "payees": Guard.SHARES,
    "keeper": Guard.PAYEES,
    "rails": Guard.RAILS,
    "actions": Guard.CODES,
    "slots": Guard.SLOTS,
    "amount": Guard.AMOUNT,
    "partial": Guard.AMOUNT,
    "days": Guard.AMOUNT,
    "holidays": Guard.HOLIDAYS,
    "calendar": Guard.HOLIDAYS,
    "blackout": Guard.HOLIDAYS,
    "notify": Guard.TEMPLATES,
}

_PROBLEMS: Final[dict[str, Callable[[str], Phrase]]] = {
    "unknown_field": lambda _value: phrase("A configuration has no such field."),
    "missing": lambda _value: phrase("This is needed."),
    "too_many": lambda _value: phrase("There are too many of them."),
    "twice": lambda _value: phrase("One of them stands here twice."),
    "overlap": lambda value: phrase("Two slots run at the same time: %(times)s.", times=value),
    "not_a_whole_number": lambda value: phrase("Write a whole number, %(bounds)s.", bounds=value),
    "not_a_share": lambda value: phrase("A share lies between nothing and the whole, not at “%(value)s”.", value=value),
    "more_than_one": lambda value: phrase("Exactly one rule is needed; here are %(rules)s.", rules=value),
    "unknown_value": lambda value: phrase("“%(value)s” is none of the values there are.", value=value),
    "not_readable": lambda _value: phrase("This cannot be read."),
    "not_a_time": lambda value: phrase("“%(value)s” is not a time such as 07:00.", value=value),
    "not_after_its_begin": lambda _value: phrase("A slot has to end after it begins."),
    "not_mapped": lambda _value: phrase("Nothing says what follows this kind of refusal."),
    "not_allowed": lambda value: phrase("“%(value)s” is not allowed after this kind of refusal.", value=value),
    "shares_not_whole": lambda value: phrase("The shares add up to %(total)s and have to make the whole.", total=value),
    "not_descending": lambda _value: phrase("The shares have to be above nothing and become smaller."),
    "not_an_amount": lambda value: phrase("“%(value)s” is not an amount.", value=value),
    "not_a_day": lambda value: phrase("“%(value)s” is not a day.", value=value),
}


def finding_of(fault: Fault) -> Finding:
    """A fault of the content as a finding of the guard that watches its field."""
    guard = _BY_FIELD.get(fault.field.partition(".")[0], Guard.CONTENT)
    return Finding(guard=guard, field=fault.field, words=_PROBLEMS[fault.problem](fault.value))
