"""An audience: whom something is for, as data. Everything named narrows; an audience that names nothing is refused.

The content: `{"portfolios": [], "countries": [], "languages": [], "loans": "active" | "settled", "buckets": [],
"days_past_due": {"from", "to"}, "due_in": {"from", "to"}, "outstanding": {"from", "to", "currency"},
"settled_ago": {"from", "to"}, "loans_taken": {"from", "to"}}`. Every part may be missing; a range has both ends in it.
What is asked of a loan is asked of one and the same running loan: buckets, days past due, days to the next bill, and
what is outstanding. "settled" means that every loan of the borrower is settled; `settled_ago` counts days from the last
of them. A language is the first part of the borrower's ("zh" for zh-Hans).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from backoffice.outreach.domain.plan_content import PlanFault, PlanFaulty, amount_in, whole_in

Loans = Literal["active", "settled"]

MOST_DAYS: Final = 3660
MOST_LOANS: Final = 1000
MOST_NAMES: Final = 50
LISTS: Final = ("portfolios", "countries", "languages", "buckets")
DAYS: Final = ("days_past_due", "due_in", "settled_ago")
RANGES: Final = (*DAYS, "loans_taken", "outstanding")
FIELDS: Final = (*LISTS, "loans", *RANGES)
OF_A_RUNNING_LOAN: Final = ("buckets", "days_past_due", "due_in", "outstanding")
CURRENT: Final = "M0"
_SHAPES: Final = {
    "portfolios": re.compile(r".{1,40}"),
    "countries": re.compile(r"[A-Z]{2}"),
    "languages": re.compile(r"[a-z]{2,3}"),
    "buckets": re.compile(r"[\w+-]{1,8}"),
}
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Between:
    """A range with both its ends in it; an end that is None is open."""

    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class AmountBetween:
    """A range of amounts in major units of one currency, both ends in it."""

    low: Decimal | None
    high: Decimal | None
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceFilter:
    """Whom an audience holds; what is empty or None does not narrow."""

    portfolios: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    loans: Loans | None = None
    buckets: tuple[str, ...] = ()
    days_past_due: Between | None = None
    due_in: Between | None = None
    outstanding: AmountBetween | None = None
    settled_ago: Between | None = None
    loans_taken: Between | None = None

    @property
    def is_of_running_loans(self) -> bool:
        """Whether a running loan is asked for."""
        asked = (self.buckets, self.days_past_due, self.due_in, self.outstanding)
        return self.loans == "active" or any(part for part in asked)

    @property
    def is_of_settled_loans(self) -> bool:
        """Whether those are meant who have settled all they borrowed."""
        return self.loans == "settled" or self.settled_ago is not None


def read_audience(content: Mapping[str, Any]) -> AudienceFilter:
    """The audience a content describes. Raises PlanFaulty with every fault, contradictions included."""
    faults = [PlanFault("", name, "unknown_field") for name in content if name not in FIELDS]
    loans = content.get("loans") or None
    if loans not in {None, "active", "settled"}:
        faults.append(PlanFault("", "loans", "not_a_status"))
        loans = None
    found = AudienceFilter(
        portfolios=_names(content, "portfolios", faults),
        countries=_names(content, "countries", faults),
        languages=_names(content, "languages", faults),
        loans=loans,
        buckets=_names(content, "buckets", faults),
        days_past_due=_between(content, "days_past_due", faults),
        due_in=_between(content, "due_in", faults),
        outstanding=_amounts(content.get("outstanding"), faults),
        settled_ago=_between(content, "settled_ago", faults),
        loans_taken=_between(content, "loans_taken", faults),
    )
    if not faults:
        faults += _contradictions(found)
    if faults:
        raise PlanFaulty(faults)
    return found


def as_content(found: AudienceFilter) -> dict[str, Any]:
    """The content `read_audience` reads back to the same; what does not narrow is left out."""
    content: dict[str, Any] = {name: list(getattr(found, name)) for name in LISTS if getattr(found, name)}
    if found.loans:
        content["loans"] = found.loans
    for name in (*DAYS, "loans_taken"):
        between = getattr(found, name)
        if between:
            content[name] = _ends(between.low, between.high)
    if found.outstanding:
        low, high = (None if end is None else str(end) for end in (found.outstanding.low, found.outstanding.high))
        content["outstanding"] = _ends(low, high) | {"currency": found.outstanding.currency}
    return content


def may_be_worked(content: Mapping[str, Any], *, within: frozenset[str] | None) -> bool:
    """Whether somebody who works on the portfolios `within` (None: all) may decide whom this audience hears what.

    All it names have to be theirs; one that names none holds borrowers of every portfolio.
    """
    named = content.get("portfolios") or ()
    return within is None or (bool(named) and within.issuperset(named))


def may_be_seen(content: Mapping[str, Any], *, within: frozenset[str] | None) -> bool:
    """Whether they may look at it: it names one of theirs, or none, so that their borrowers are meant too."""
    named = content.get("portfolios") or ()
    return within is None or (bool(within) and (not named or not within.isdisjoint(named)))


def _ends(low: Any, high: Any) -> dict[str, Any]:
    return {name: end for name, end in (("from", low), ("to", high)) if end is not None}


def _names(content: Mapping[str, Any], name: str, faults: list[PlanFault]) -> tuple[str, ...]:
    value = content.get(name)
    if value in (None, []):
        return ()
    shape = _SHAPES[name]
    if (
        not isinstance(value, list)
        or len(value) > MOST_NAMES
        or not all(isinstance(each, str) and shape.fullmatch(each) for each in value)
    ):
        faults.append(PlanFault("", name, "not_names"))
        return ()
    return tuple(dict.fromkeys(value))


def _between(content: Mapping[str, Any], name: str, faults: list[PlanFault]) -> Between | None:
    value = content.get(name)
    if value in (None, {}):
        return None
    if not isinstance(value, Mapping) or set(value) - {"from", "to"}:
        faults.append(PlanFault("", name, "not_a_range"))
        return None
    most = MOST_LOANS if name == "loans_taken" else MOST_DAYS
    ends = [None if value.get(end) is None else whole_in(value[end], least=0, most=most) for end in ("from", "to")]
    given = [value.get(end) is not None for end in ("from", "to")]
    if any(is_given and end is None for is_given, end in zip(given, ends, strict=True)):
        faults.append(PlanFault("", name, "not_a_range"))
        return None
    low, high = ends
    if low is not None and high is not None and high < low:
        faults.append(PlanFault("", name, "backwards"))
        return None
    return Between(low, high) if any(given) else None


def _amounts(value: Any, faults: list[PlanFault]) -> AmountBetween | None:
    if value in (None, {}):
        return None
    if not isinstance(value, Mapping) or set(value) - {"from", "to", "currency"}:
        faults.append(PlanFault("", "outstanding", "not_a_range"))
        return None
    low, high = (None if value.get(end) in (None, "") else amount_in(value[end]) for end in ("from", "to"))
    wrong = [end for end, read in (("from", low), ("to", high)) if value.get(end) not in (None, "") and read is None]
    if wrong:
        faults.append(PlanFault("", "outstanding", "not_a_range"))
        return None
    if low is None and high is None:
        return None
    currency = str(value.get("currency") or "")
    if not _CURRENCY.fullmatch(currency):
        faults.append(PlanFault("", "outstanding", "without_currency"))
        return None
    if low is not None and high is not None and high < low:
        faults.append(PlanFault("", "outstanding", "backwards"))
        return None
    return AmountBetween(low, high, currency)


def _contradictions(found: AudienceFilter) -> Iterator[PlanFault]:
    """Parts nobody can meet together."""
    if found == AudienceFilter():
        yield PlanFault("", "", "everybody")
    if found.is_of_running_loans and found.is_of_settled_loans:
        named = next((name for name in OF_A_RUNNING_LOAN if getattr(found, name)), "loans")
        yield PlanFault("", named, "running_and_settled")
    taken = found.loans_taken
    if taken and taken.high == 0 and (found.is_of_running_loans or found.is_of_settled_loans):
        yield PlanFault("", "loans_taken", "no_loan_and_a_loan")
    if found.due_in and found.days_past_due and found.days_past_due.high != 0:
        yield PlanFault("", "due_in", "due_and_past_due")
    if found.due_in and found.buckets and CURRENT not in found.buckets:
        yield PlanFault("", "due_in", "due_and_past_due")
