"""Re-loan rates (M33, M35): who borrows again, and how soon. Cohorts too young for the window are left out."""

from collections.abc import Mapping, Sequence
from datetime import date

from backoffice.repayment.tape.measuring.rates import Rate, count_rate

WINDOWS = (30, 90, 180)


def repeat_rates(source: str, loans: Mapping[str, Sequence[date]], *, last_day: date) -> list[Rate]:
    """M33, cohort: borrowers with a second disbursement within T days of the first / borrowers first disbursed."""
    return [
        count_rate(
            "M33",
            f"second loan within {window} days of the first",
            source,
            (
                None if (last_day - days[0]).days < window else len(days) > 1 and (days[1] - days[0]).days <= window
                for days in loans.values()
            ),
        )
        for window in WINDOWS
    ]


def settled_repeat_rates(
    source: str,
    spans: Mapping[str, Sequence[tuple[date, date]]],
    loans: Mapping[str, Sequence[date]],
    *,
    last_day: date,
) -> list[Rate]:
    """M35: of the settlements that left no open loan, those followed by a disbursement within T days."""
    rates: list[Rate] = []
    for window in WINDOWS:
        answers: list[bool | None] = []
        for borrower, of_borrower in spans.items():
            for _opened, closed in of_borrower:
                if any(other_open < closed < other_closed for other_open, other_closed in of_borrower):
                    continue
                if (last_day - closed).days < window:
                    continue
                answers.append(any(0 <= (day - closed).days <= window for day in loans[borrower]))
        rates.append(count_rate("M35", f"new loan within {window} days of settlement", source, answers))
    return rates
