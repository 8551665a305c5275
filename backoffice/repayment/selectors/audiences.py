"""Audiences over the loan book: a saved filter becomes one statement; whom it holds, how many, and a few of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final

from backoffice.core.bulk import fetch
from backoffice.customers.models import Borrower
from backoffice.customers.selectors import masked_names
from backoffice.outreach.domain.audiences import AmountBetween, AudienceFilter, Between
from backoffice.outreach.domain.targets import Target, TargetLoan
from backoffice.repayment.selectors.verification import statement

SAMPLE: Final = 8

OF_LOAN: Final = {
    "buckets": "loan.bucket = ANY(%(buckets)s)",
    "days_past_due_low": "past_due.days >= %(days_past_due_low)s",
    "days_past_due_high": "past_due.days <= %(days_past_due_high)s",
    "due_in_low": "loan.oldest_unpaid_due_date >= %(day)s::date + greatest(0, %(due_in_low)s::int)",
    "due_in_high": "loan.oldest_unpaid_due_date BETWEEN %(day)s::date AND %(day)s::date + %(due_in_high)s::int",
    "currency": "loan.currency = %(currency)s",
    "outstanding_low": "loan.outstanding_total >= %(outstanding_low)s",
    "outstanding_high": "loan.outstanding_total <= %(outstanding_high)s",
}
_SETTLED: Final = "borrower.id IN (SELECT borrower_id FROM repayment_loan GROUP BY borrower_id HAVING {conditions})"
_TAKEN: Final = "(SELECT count(*) FROM repayment_loan taken WHERE taken.borrower_id = borrower.id)"
OF_BORROWER: Final = {
    "within": "borrower.portfolio = ANY(%(within)s)",
    "portfolios": "borrower.portfolio = ANY(%(portfolios)s)",
    "countries": "borrower.country = ANY(%(countries)s)",
    "languages": "split_part(lower(borrower.language), '-', 1) = ANY(%(languages)s)",
    "loans_taken_low": f"{_TAKEN} >= %(loans_taken_low)s",
    "loans_taken_high": f"{_TAKEN} <= %(loans_taken_high)s",
}
OF_SETTLED: Final = {
    "is_settled": "bool_and(status = 'closed')",
    "settled_ago_low": "max(closed_on) <= %(day)s::date - %(settled_ago_low)s::int",
    "settled_ago_high": "max(closed_on) BETWEEN %(day)s::date - %(settled_ago_high)s::int AND %(day)s::date",
}


@dataclass(frozen=True, slots=True)
class Sampled:
    """One borrower of an audience as a page may show them."""

    borrower_id: int
    external_id: str
    name: str
    portfolio: str


@dataclass(frozen=True, slots=True)
class AudienceNow:
    """An audience on a day: how many borrowers, and a few of them with their names masked."""

    borrowers: int
    sample: tuple[Sampled, ...]


def targets_of(*, audience: AudienceFilter, day: date, within: frozenset[str] | None = None) -> list[Target]:
    """The borrowers an audience holds on a day, in order; one statement, however many.

    `within` narrows further, to the portfolios somebody may see; None for all.
    """
    return [_target(row) for row in fetch(*compiled(audience=audience, day=day, within=within))]


def audience_now(*, audience: AudienceFilter, day: date, within: frozenset[str] | None) -> AudienceNow:
    """How many borrowers of the portfolios `within` an audience holds on a day, and a few of them; four queries."""
    text, params = compiled(audience=audience, day=day, within=within)
    counted = f"SELECT count(*) FROM ({text}) held"  # noqa: S608 - constants of this module
    number = int(fetch(counted, params)[0][0])
    ids = [row[0] for row in fetch(f"{text} LIMIT {SAMPLE}", params)] if number else []
    names = masked_names(borrower_ids=ids)
    rows = Borrower.objects.filter(pk__in=ids).order_by("pk").values_list("pk", "external_id", "portfolio")
    return AudienceNow(number, tuple(Sampled(pk, code, names.get(pk, ""), portfolio) for pk, code, portfolio in rows))


def compiled(
    *, audience: AudienceFilter, day: date, within: frozenset[str] | None = None
) -> tuple[str, dict[str, Any]]:
    """The statement of an audience and its values: each condition is a constant, nothing typed becomes SQL."""
    values = dict(_values(audience))
    if within is not None:
        values["within"] = sorted(within)
    settled = tuple(name for name in OF_SETTLED if name in values)
    text = _text(
        tuple(name for name in OF_LOAN if name in values),
        tuple(name for name in OF_BORROWER if name in values),
        settled,
        audience.is_of_running_loans,
    )
    return text, values | {"day": day}


@lru_cache(maxsize=256)
def _text(of_loan: tuple[str, ...], of_borrower: tuple[str, ...], settled: tuple[str, ...], is_running: bool) -> str:
    conditions = [OF_BORROWER[name] for name in of_borrower]
    if settled:
        conditions.append(_SETTLED.format(conditions=" AND ".join(OF_SETTLED[name] for name in settled)))
    return (
        statement("audience.sql")
        .replace("{of_loan}", _and([OF_LOAN[name] for name in of_loan] if is_running else ["false"]))
        .replace("{of_borrower}", _and(conditions))
        .replace("{loan}", "" if is_running else "LEFT")
    )


def _and(conditions: list[str]) -> str:
    return "".join(f" AND {condition}" for condition in conditions)


def _values(audience: AudienceFilter) -> Iterator[tuple[str, Any]]:
    for name in ("portfolios", "countries", "languages", "buckets"):
        if getattr(audience, name):
            yield name, list(getattr(audience, name))
    for name in ("days_past_due", "due_in", "settled_ago", "loans_taken", "outstanding"):
        between: Between | AmountBetween | None = getattr(audience, name)
        if between is None:
            continue
        if between.low is not None:
            yield f"{name}_low", between.low
        if between.high is not None:
            yield f"{name}_high", between.high
    if audience.outstanding:
        yield "currency", audience.outstanding.currency
    if audience.is_of_settled_loans:
        yield "is_settled", True


def _target(row: tuple[Any, ...]) -> Target:
    loan = None
    if row[3] is not None:
        loan = TargetLoan(
            loan_id=row[3], number=row[4], due_date=row[5], amount=row[6] or row[7], overdue=row[7], currency=row[8]
        )
    return Target(borrower_id=row[0], language=row[1], time_zone=row[2], loan=loan)
