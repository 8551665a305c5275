"""A campaign: one template to one audience over some days, within a cap and a budget, with some left alone to compare.

The content: `{"purpose", "template", "channels": [], "audience": {}, "first_day", "last_day", "weekdays": [1..7],
"at", "until", "every_days", "most_each", "cap", "budget", "currency", "holdout", "outcome", "outcome_days",
"values": {}}`. Times are those of the borrower's day, money is in major units. At most one message a borrower in
`every_days` days and `most_each` in all; at most `cap` messages of the whole campaign. `values` are what the template
leaves open and no loan fills, such as what is offered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from backoffice.core.money import exponent_of
from backoffice.outreach.domain.audiences import AudienceFilter, read_audience
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.plan_content import (
    PlanFault,
    PlanFaulty,
    amount_in,
    channels_in,
    day_in,
    minute_in,
    share_in,
    whole_in,
)
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.variables import fault_in

LONGEST: Final = 366
"""Days from the first to the last."""
MOST_MESSAGES: Final = 10_000_000
MOST_EACH: Final = 100
LONGEST_WINDOW: Final = 90
"""Days the outcome is looked for."""
PURPOSES: Final = tuple(purpose for purpose in Purpose if purpose not in {Purpose.NOTICE, Purpose.REPLY})
"""What the law makes us say and what answers somebody is nobody's campaign: nobody may be left out of it."""
FROM_THE_LOAN: Final = frozenset({"amount", "overdue_amount", "due_date", "days_left", "days_past_due", "loan"})
"""Variables the borrower's loan fills."""
GIVEN: Final = ("offer_amount", "offer_until", "coupon", "borrowers", "link")
"""Variables a campaign gives the same value for everybody."""


class Outcome(StrEnum):
    """What a campaign is judged by, within so many days of the day a borrower fell to it."""

    PAYS = "pays"
    TAKES_A_LOAN = "takes_a_loan"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignContent:
    """The campaign as it will run; `at` and `until` in minutes since midnight at the borrower's place."""

    purpose: Purpose
    template: str
    channels: tuple[Channel, ...]
    audience: AudienceFilter
    first_day: date
    last_day: date
    weekdays: frozenset[int]
    at: int
    until: int
    every_days: int
    most_each: int
    cap: int
    budget: Decimal
    currency: str
    holdout: Decimal
    outcome: Outcome
    outcome_days: int
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def is_on(self, *, day: date) -> bool:
        """Whether messages leave on that day."""
        return self.first_day <= day <= self.last_day and day.isoweekday() in self.weekdays

    def first_on(self, *, not_before: date) -> date | None:
        """The first day from then on on which messages leave; None when there is none any more."""
        first = max(self.first_day, not_before)
        days = (first + timedelta(days=number) for number in range((self.last_day - first).days + 1))
        return next((day for day in days if self.is_on(day=day)), None)


def read_campaign(content: Mapping[str, Any]) -> CampaignContent:
    """The campaign a content describes. Raises PlanFaulty with every fault, those of its audience included."""
    found, faults = look_at_campaign(content)
    if faults or found is None:
        raise PlanFaulty(faults)
    return found


def look_at_campaign(content: Mapping[str, Any]) -> tuple[CampaignContent | None, list[PlanFault]]:
    """The campaign as far as it can be read, and every fault; for looking at what is still wrong, never for running it.

    None when one of its own parts cannot be read. Of an audience that cannot be read nothing is asked.
    """
    faults: list[PlanFault] = []

    def kept(name: str, value: Any, problem: str) -> Any:
        if value is None:
            faults.append(PlanFault("", name, problem))
        return value

    budget, currency = amount_in(content.get("budget")), str(content.get("currency") or "")
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():
        faults.append(PlanFault("", "currency", "no_currency"))
    elif budget is not None and budget != round(budget, exponent_of(currency)):
        budget = None
    template, values = content.get("template"), content.get("values") or {}
    found = {
        "purpose": kept("purpose", _member(Purpose, content.get("purpose"), PURPOSES), "not_a_purpose"),
        "template": kept("template", template if isinstance(template, str) and template else None, "missing"),
        "channels": kept("channels", channels_in(content.get("channels")), "not_channels"),
        "audience": _audience(content.get("audience"), faults),
        "first_day": kept("first_day", day_in(content.get("first_day")), "not_a_date"),
        "last_day": kept("last_day", day_in(content.get("last_day")), "not_a_date"),
        "weekdays": kept("weekdays", _weekdays(content.get("weekdays")), "no_weekday"),
        "at": kept("at", minute_in(content.get("at")), "not_a_time"),
        "until": kept("until", minute_in(content.get("until")), "not_a_time"),
        "every_days": kept("every_days", whole_in(content.get("every_days"), least=1, most=LONGEST), "not_a_count"),
        "most_each": kept("most_each", whole_in(content.get("most_each"), least=1, most=MOST_EACH), "not_a_count"),
        "cap": kept("cap", whole_in(content.get("cap"), least=1, most=MOST_MESSAGES), "not_a_count"),
        "budget": kept("budget", budget, "not_an_amount"),
        "currency": currency,
        "holdout": kept("holdout", share_in(content.get("holdout", "0")), "not_a_share"),
        "outcome": kept("outcome", _member(Outcome, content.get("outcome"), tuple(Outcome)), "not_an_outcome"),
        "outcome_days": kept(
            "outcome_days", whole_in(content.get("outcome_days"), least=1, most=LONGEST_WINDOW), "not_a_count"
        ),
        "values": _values(values, faults),
    }
    faults += _contradictions(found)
    if any(value is None for value in found.values()):
        return None, faults
    return CampaignContent(**found), faults


def _contradictions(found: Mapping[str, Any]) -> list[PlanFault]:
    """What cannot stand side by side, of the parts that could be read."""
    faults = []
    first, last, at, until = (found[name] for name in ("first_day", "last_day", "at", "until"))
    if at is not None and until is not None and until <= at:
        faults.append(PlanFault("", "until", "not_after_at"))
    if first and last and last < first:
        faults.append(PlanFault("", "last_day", "before_first"))
    elif first and last and (last - first).days >= LONGEST:
        faults.append(PlanFault("", "last_day", "too_long"))
    elif first and last and found["weekdays"] and not _has_a_day(first, last, found["weekdays"]):
        faults.append(PlanFault("", "weekdays", "never"))
    return faults


def _has_a_day(first: date, last: date, weekdays: frozenset[int]) -> bool:
    days = min(7, (last - first).days + 1)
    return any((first.isoweekday() - 1 + ahead) % 7 + 1 in weekdays for ahead in range(days))


def _member(kind: type[StrEnum], value: Any, allowed: tuple[StrEnum, ...]) -> StrEnum | None:
    return kind(value) if isinstance(value, str) and value in {str(each) for each in allowed} else None


def _weekdays(value: Any) -> frozenset[int] | None:
    if not isinstance(value, list) or not value:
        return None
    days = {whole_in(day, least=1, most=7) for day in value}
    return None if None in days else frozenset(day for day in days if day is not None)


def _audience(value: Any, faults: list[PlanFault]) -> AudienceFilter:
    if not isinstance(value, Mapping):
        faults.append(PlanFault("", "audience", "missing"))
        return AudienceFilter()
    try:
        return read_audience(value)
    except PlanFaulty as error:
        faults += [PlanFault("audience", fault.field, fault.problem) for fault in error.faults]
        return AudienceFilter()


def _values(value: Any, faults: list[PlanFault]) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        faults.append(PlanFault("", "values", "not_values"))
        return MappingProxyType({})
    for name, given in value.items():
        if name not in GIVEN:
            faults.append(PlanFault("values", name, "not_a_value_of_a_campaign"))
        elif not isinstance(given, str) or fault_in(name, given) is not None:
            faults.append(PlanFault("values", name, "not_its_type"))
    return MappingProxyType(dict(value))
