"""The deepest check of the books: replay loans from their disbursement and say what it would change. Writes nothing."""

from collections.abc import Collection, Iterator
from datetime import date
from typing import Any

from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.repayment.selectors.states import LoadedLoan, load_histories, load_loans
from backoffice.repayment.selectors.verification import Drift
from backoffice.repayment.services.rebuilding import rebuild
from backoffice.repayment.services.writing import LOAN_COLUMNS, Pages

CHUNK = 500
STORED = f"SELECT id, {', '.join(LOAN_COLUMNS)} FROM repayment_loan WHERE id = ANY(%s)"  # noqa: S608 - constants


def sample_of_loans(*, count: int) -> list[int]:
    """Ids of `count` loans drawn at random, of all of them when there are no more; in order."""
    rows = fetch("SELECT id FROM (SELECT id FROM repayment_loan ORDER BY random() LIMIT %s) drawn ORDER BY id", [count])
    return [row[0] for row in rows]


def replay_drifts(*, loan_ids: Collection[int], business_date: date) -> Iterator[Drift]:
    """What a replay of these loans would change; nothing when the books are right. Nobody must book on them meanwhile.

    Finds what no comparison of sums can: a date, a cause, a month end, a version, a day too many in the overdue days.
    """
    ids = sorted(loan_ids)
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        loans = load_loans(loan_ids=chunk, business_date=business_date, lock=False)
        histories = load_histories(loan_ids=chunk)
        stored = {row[0]: row[1:] for row in fetch(STORED, [chunk])}
        for loan in loans.values():
            pages = Pages(business_date=business_date)
            try:
                rebuild(loan=loan, history=histories[loan.id], added={}, removed=set(), pages=pages)
            except Refusal as refusal:
                yield Drift(loan.id, "a replay is possible", refusal.message, "")
            else:
                yield from _changes(loan, pages, stored[loan.id])


def _changes(loan: LoadedLoan, pages: Pages, stored: tuple[Any, ...]) -> Iterator[Drift]:
    for name, rows in (
        ("transfers", pages.transfers),
        ("bucket moves", pages.moves),
        ("month ends", pages.month_ends),
        ("schedule versions", pages.versions),
        ("bills", [*pages.changed_bills, *pages.new_bills]),
    ):
        if rows:
            yield Drift(loan.id, f"a replay leaves the {name} as they are", f"{len(rows)} rows: {_words(rows[0])}", "")
    (replayed,) = pages.loans
    for column, was, would_be in zip(LOAN_COLUMNS, stored, replayed[1:], strict=True):
        # A loan may be marked as touched later than a replay needs; earlier would let a posting pass for the last one.
        is_right = was >= would_be if column == "touched_on" else was == would_be
        if not is_right:
            yield Drift(loan.id, f"a replay gives the same {column.replace('_', ' ')}", str(would_be), str(was))


def _words(row: tuple[Any, ...]) -> str:
    return " ".join(str(value) for value in row if value not in (None, ""))
