"""Days past due, buckets and classes: functions of the oldest unpaid bill, the holds and a date. mechanics 3.9.

The days that count are the days after the due date up to the day asked for, `(due, as_of]`: the due day itself is
day 0. A hold takes out of that window only the days it covers.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal

from backoffice.repayment.domain.bills import (
    HoldPeriod,
    HoldScope,
    LoanState,
    is_met,
    oldest_unpaid,
)
from backoffice.repayment.domain.terms import Band, Terms

FiveTier = Literal["normal", "special_mention", "substandard", "doubtful", "loss"]
ONE_DAY = timedelta(days=1)
# Thresholds in days past due of the 2023 classification measures for retail loans, worst first.
FIVE_TIER: tuple[tuple[int, FiveTier], ...] = (
    (360, "loss"),
    (270, "doubtful"),
    (90, "substandard"),
    (0, "special_mention"),
)


def held_days(*, after: date, until: date, holds: Iterable[HoldPeriod], scope: HoldScope) -> int:
    """How many of the days `(after, until]` a hold of that scope covers; overlapping holds count a day once."""
    first, last = after.toordinal() + 1, until.toordinal()
    spans = sorted(
        (
            max(first, hold.start.toordinal()),
            min(last, (hold.end.toordinal() - 1) if hold.end else last),
        )
        for hold in holds
        if hold.scope == scope
    )
    total, covered = 0, first - 1
    for start, end in spans:
        fresh = max(start, covered + 1)
        if end >= fresh:
            total += end - fresh + 1
            covered = end
    return total


def days_past_due(*, oldest_unpaid_due: date | None, as_of: date, holds: Sequence[HoldPeriod] = ()) -> int:
    """Days past due on `as_of`: 0 on the due day, 1 the day after, held days left out."""
    if oldest_unpaid_due is None or as_of <= oldest_unpaid_due:
        return 0
    elapsed = (as_of - oldest_unpaid_due).days
    if not holds:
        return elapsed
    return elapsed - held_days(after=oldest_unpaid_due, until=as_of, holds=holds, scope="aging")


def bucket_of(*, dpd: int, terms: Terms) -> str:
    """The band a number of days falls in; days within the tolerance still count as the first band."""
    if dpd <= terms.tolerance.days:
        return terms.bands[0].code
    return band_of(dpd=dpd, bands=terms.bands).code


def band_of(*, dpd: int, bands: Sequence[Band]) -> Band:
    """The one band that holds `dpd`; bands cover every day once (checked where terms are parsed)."""
    for band in bands:
        if band.last is None or dpd <= band.last:
            return band
    return bands[-1]


def five_tier(*, dpd: int) -> FiveTier:
    """Regulatory class by contractual days past due (holds do not improve it)."""
    for threshold, name in FIVE_TIER:
        if dpd > threshold:
            return name
    return "normal"


def state_dpd(state: LoanState, *, as_of: date) -> int:
    """Days past due of a loan's current state, holds respected."""
    bill = oldest_unpaid(state)
    return days_past_due(
        oldest_unpaid_due=bill.due_date if bill else None,
        as_of=as_of,
        holds=state.holds,
    )


def cycles_past_due(state: LoanState, *, as_of: date) -> int:
    """The calendar variant of the bucket: how many unpaid bills are past due."""
    return sum(1 for bill in state.bills if bill.due_date < as_of and not is_met(bill, terms=state.terms))


def month_end(day: date) -> date:
    """The last day of the month of `day`."""
    following = date(day.year + (day.month == 12), day.month % 12 + 1, 1)
    return following - ONE_DAY


def next_transition(state: LoanState, *, accrues_penalty: bool) -> date | None:
    """The first business day after `closed_through` whose close changes this loan; None when none ever will.

    A close changes a loan when a bill with anything left falls due on that day, when the next morning's days past due
    lie in another band, or when it is a month end and penalty is accruing.
    """
    if state.status == "closed":
        return None
    first_open = state.closed_through + ONE_DAY
    candidates: list[date] = []
    oldest: date | None = None
    for bill in state.open_bills():
        if oldest is None and not is_met(bill, terms=state.terms):
            oldest = bill.due_date
        if bill.due_date >= first_open:
            candidates.append(bill.due_date)
            break
    if oldest is not None and oldest < first_open:
        roll = _day_before_roll(oldest=oldest, state=state, first_open=first_open)
        if roll is not None:
            candidates.append(roll)
        if accrues_penalty:
            candidates.append(month_end(first_open))
    return min(candidates, default=None)


def _day_before_roll(*, oldest: date, state: LoanState, first_open: date) -> date | None:
    """The day whose close pushes the loan out of its band: tomorrow's days past due exceed the band's last day."""
    dpd_tomorrow = days_past_due(oldest_unpaid_due=oldest, as_of=first_open, holds=state.holds)
    limit: int | None
    if dpd_tomorrow <= state.terms.tolerance.days:
        limit = state.terms.tolerance.days
    else:
        limit = band_of(dpd=dpd_tomorrow, bands=state.terms.bands).last
    if limit is None:
        return None
    day = first_open + timedelta(days=limit - dpd_tomorrow)
    clocks = [hold for hold in state.holds if hold.scope == "aging"]
    while clocks:
        tomorrow = day + ONE_DAY
        dpd = days_past_due(oldest_unpaid_due=oldest, as_of=tomorrow, holds=clocks)
        if dpd > limit:
            return day
        ends = [hold.end for hold in clocks if hold.start <= tomorrow and (hold.end is None or tomorrow < hold.end)]
        if None in ends:
            return None
        # Held days do not count: look again on the first day after them, else where the band could be left at best.
        day = max(end for end in ends if end) - ONE_DAY if ends else day + timedelta(days=max(1, limit - dpd))
    return day
