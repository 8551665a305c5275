"""Do the books agree with themselves? Every invariant recomputed from the rows; what differs is named."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from django.db import connection

from backoffice.core.bulk import fetch
from backoffice.core.money import exponent_of
from backoffice.repayment.domain.aging import bucket_of, next_transition, state_dpd
from backoffice.repayment.domain.bills import oldest_unpaid
from backoffice.repayment.domain.penalty import accrues_penalty, penalty_rate
from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.selectors.states import LoadedLoan, load_loans, terms_by_id

SQL = Path(__file__).resolve().parent.parent / "sql"
INCLUDED = re.compile(r"^ *-- include (\w+\.sql)$", re.MULTILINE)
RANGE = 50_000
THREADS = 2
CHECKS = ("verify_books.sql", "verify_operations.sql", "verify_buckets.sql", "verify_penalty.sql", "verify_debits.sql")


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that does not agree: which loan, which check, what the rows say and what is stored."""

    loan_id: int
    check: str
    computed: str
    stored: str


def id_ranges(*, size: int = RANGE) -> list[tuple[int, int]]:
    """The book cut into ranges of loan ids, `[first, last]` each."""
    ((first, last),) = fetch("SELECT min(id), max(id) FROM repayment_loan")
    if first is None:
        return []
    return [(start, min(start + size - 1, last)) for start in range(first, last + 1, size)]


def verify_book(
    *, business_date: date, on_range: Callable[[int, int], None] | None = None, threads: int = THREADS
) -> Iterator[Drift]:
    """Every drift of the whole book as of the business date, in order; `on_range(done, all)` reports progress.

    Ranges are read side by side on `threads` connections; a book of one range on the caller's own.
    """
    ranges = id_ranges()
    if threads < 2 or len(ranges) < 2:
        found = (_verify_one(business_date, each) for each in ranges)
        yield from _reported(found, total=len(ranges), on_range=on_range)
        return
    with ThreadPoolExecutor(max_workers=threads) as pool:
        yield from _reported(
            pool.map(partial(_verify_in_thread, business_date), ranges), total=len(ranges), on_range=on_range
        )


def _reported(
    found: Iterable[list[Drift]], *, total: int, on_range: Callable[[int, int], None] | None
) -> Iterator[Drift]:
    for done, drifts in enumerate(found, start=1):
        yield from drifts
        if on_range:
            on_range(done, total)


def _verify_one(business_date: date, each: tuple[int, int]) -> list[Drift]:
    return verify_range(first_id=each[0], last_id=each[1], business_date=business_date)


def _verify_in_thread(business_date: date, each: tuple[int, int]) -> list[Drift]:
    try:
        return _verify_one(business_date, each)
    finally:
        connection.close()


def verify_range(
    *, first_id: int, last_id: int, business_date: date, only: Collection[int] | None = None
) -> list[Drift]:
    """Every drift of the loans of an id range, or of those named in `only`; a fixed number of queries."""
    params: dict[str, Any] = {
        "first_id": first_id,
        "last_id": last_id,
        "business_date": business_date,
        "month_end": business_date.replace(day=1) - timedelta(days=1),
        "only": list(only) if only is not None else None,
    }
    params |= rules_of_terms(_terms_in_use(params))
    drifts = [Drift(*row) for name in CHECKS for row in fetch(_narrowed(statement(name), params), params)]
    return drifts + _verify_held_loans(params)


RANGE_OF_IDS = "BETWEEN %(first_id)s AND %(last_id)s"


def _narrowed(text: str, params: dict[str, Any]) -> str:
    """The statement for the id range or, in place of it, the named loans: both at once mislead the planner badly."""
    return text if params["only"] is None else text.replace(RANGE_OF_IDS, "= ANY(%(only)s)")


def _terms_in_use(params: dict[str, Any]) -> dict[int, Terms]:
    """The copied terms of the loans at hand, by id."""
    text = f"SELECT DISTINCT terms_id FROM repayment_loan WHERE id {RANGE_OF_IDS}"  # noqa: S608 - constants
    return {row[0]: terms_by_id(row[0]) for row in fetch(_narrowed(text, params), params)}


def rules_of_terms(terms: dict[int, Terms]) -> dict[str, list[Any]]:
    """The rules of terms as columns for the set statements, so that those hold none of them."""
    bands = [(terms_id, band) for terms_id, each in terms.items() for band in each.bands]
    return {
        "rule_terms": list(terms),
        "rule_annual_rate": [each.annual_rate for each in terms.values()],
        "rule_currency": [each.currency for each in terms.values()],
        "rule_penalty": [penalty_rate(each) > 0 for each in terms.values()],
        "rule_tolerance_days": [each.tolerance.days for each in terms.values()],
        "rule_floor": [each.tolerance.floor for each in terms.values()],
        "rule_percent": [each.tolerance.percent for each in terms.values()],
        "rule_interest": [each.penalty.base == "principal_and_interest" for each in terms.values()],
        "rule_rate": [penalty_rate(each) for each in terms.values()],
        "rule_basis": [each.penalty.day_basis for each in terms.values()],
        "rule_exponent": [exponent_of(each.currency) for each in terms.values()],
        "rule_waives": [each.grace.mode == "waive" and each.grace.days > 0 for each in terms.values()],
        "band_terms": [terms_id for terms_id, _ in bands],
        "band_code": [band.code for _, band in bands],
        "band_first": [band.first for _, band in bands],
        "band_last": [band.last for _, band in bands],
    }


@lru_cache(maxsize=64)
def statement(name: str) -> str:
    """The text of a rule written in SQL; a line `-- include other.sql` stands for the rule in that file."""
    return INCLUDED.sub(lambda line: statement(line[1]), (SQL / name).read_text())


def _verify_held_loans(params: dict[str, Any]) -> list[Drift]:
    """Loans under a hold: the same three facts, recomputed by the engine."""
    rows = fetch(
        "SELECT loan.id FROM repayment_loan loan WHERE loan.id BETWEEN %(first_id)s AND %(last_id)s "
        "AND (%(only)s::bigint[] IS NULL OR loan.id = ANY(%(only)s)) "
        "AND EXISTS (SELECT FROM customers_hold hold "
        "WHERE hold.borrower_id = loan.borrower_id AND hold.scope IN ('aging', 'penalty'))",
        params,
    )
    business_date: date = params["business_date"]
    loans = load_loans(loan_ids=[row[0] for row in rows], business_date=business_date, lock=False)
    stored = {
        row[0]: row[1:]
        for row in fetch(
            "SELECT id, oldest_unpaid_due_date, bucket, next_transition_date FROM repayment_loan WHERE id = ANY(%s)",
            [list(loans)],
        )
    }
    return [drift for loan in loans.values() for drift in _compare_held(loan, stored[loan.id], business_date)]


def _compare_held(loan: LoadedLoan, stored: tuple[Any, ...], business_date: date) -> Iterator[Drift]:
    state = loan.state
    state.closed_through = business_date - timedelta(days=1)
    oldest = oldest_unpaid(state)
    computed = (
        oldest.due_date if oldest else None,
        bucket_of(dpd=state_dpd(state, as_of=business_date), terms=state.terms),
        next_transition(state, accrues_penalty=accrues_penalty(state, on=business_date)),
    )
    names = ("oldest unpaid due date", "bucket of the days past due", "next transition")
    for name, ours, theirs in zip(names, computed, stored, strict=True):
        if ours != theirs:
            yield Drift(loan.id, name, str(ours), str(theirs))
