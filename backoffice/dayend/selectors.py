"""What the day-end page shows: the day, what its close will do, past runs with their steps, loans left behind."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, F, Prefetch, Q

from backoffice.calendars import clock
from backoffice.calendars.selectors import business_day
from backoffice.core.bulk import fetch
from backoffice.dayend.models import DayEndRun, DayEndStep, SetAside
from backoffice.dayend.steps import STEP_BY_NAME
from backoffice.repayment.domain.aging import month_end
from backoffice.repayment.models import Loan

SHOWN = 30
MOST_SET_ASIDE = 200
BETWEEN_DAYS = timedelta(seconds=30)
"""A worker begins the next of several days sooner than that, or none is there to begin it."""


@dataclass(frozen=True, slots=True)
class CloseForecast:
    """What closing a day will do, in counts: loans due, of these left behind earlier, and whether a month ends."""

    day: date
    loans: int
    left_behind: int
    is_month_end: bool
    open_loans: int


def forecast(*, day: date) -> CloseForecast:
    """Counts before the close; three queries."""
    ((loans, behind),) = fetch(
        "SELECT count(*), count(*) FILTER (WHERE next_transition_date < %(day)s) "
        "FROM repayment_loan WHERE next_transition_date <= %(day)s",
        {"day": day},
    )
    is_month_end = day == month_end(day)
    open_loans = Loan.objects.exclude(status=Loan.Status.CLOSED).count() if is_month_end else 0
    return CloseForecast(day=day, loans=loans, left_behind=behind, is_month_end=is_month_end, open_loans=open_loans)


def runs(*, limit: int = SHOWN) -> list[DayEndRun]:
    """The latest runs with their steps, newest first; two queries."""
    return list(DayEndRun.objects.prefetch_related(steps_prefetch()).order_by("-day")[:limit])


def run_of(*, run_id: int) -> DayEndRun | None:
    """One run with its steps."""
    return DayEndRun.objects.prefetch_related(steps_prefetch()).filter(pk=run_id).first()


def running() -> DayEndRun | None:
    """The run under way, failed for now or not, with its steps; None when no day is being closed.

    Of several days asked for at once, the one just closed is under way until the next has begun.
    """
    runs = DayEndRun.objects.prefetch_related(steps_prefetch())
    last = runs.order_by("-day").first()
    if last is None or last.state != DayEndRun.State.DONE:
        return last
    goes_on = last.through is not None and last.through > last.day
    is_fresh = last.finished_at is not None and last.finished_at > clock.now() - BETWEEN_DAYS
    return last if goes_on and is_fresh else runs.exclude(state=DayEndRun.State.DONE).first()


def steps_prefetch() -> Prefetch:
    """Steps with how many of their ranges are done."""
    steps = DayEndStep.objects.annotate(
        ranges_done=Count("ranges", filter=Q(ranges__is_done=True)), ranges_all=Count("ranges")
    )
    return Prefetch("steps", queryset=steps.order_by("position"))


def set_aside(*, user: Any, limit: int = MOST_SET_ASIDE) -> list[tuple[SetAside, Loan | None]]:
    """Loans left behind that still wait, of those the person may see, with their loan, newest first; two queries."""
    waiting = SetAside.objects.visible_to(user).filter(resolved_at__isnull=True)
    rows = list(waiting.order_by("-id")[:limit])
    loans = Loan.objects.in_bulk([row.loan_id for row in rows])
    return [(row, loans.get(row.loan_id)) for row in rows]


def set_aside_by(*, run_id: int, user: Any, limit: int = MOST_SET_ASIDE) -> list[tuple[SetAside, Loan | None]]:
    """Loans one close left behind, of those the person may see, the waiting ones first; two queries."""
    left = SetAside.objects.visible_to(user).filter(run_id=run_id)
    rows = list(left.order_by(F("resolved_at").desc(nulls_first=True), "-id")[:limit])
    loans = Loan.objects.in_bulk([row.loan_id for row in rows])
    return [(row, loans.get(row.loan_id)) for row in rows]


def set_aside_count(*, user: Any) -> int:
    """How many loans wait for this person."""
    return SetAside.objects.visible_to(user).filter(resolved_at__isnull=True).count()


def set_aside_by_count(*, run_id: int, user: Any) -> int:
    """How many loans one close left behind, of those the person may see."""
    return SetAside.objects.visible_to(user).filter(run_id=run_id).count()


def missed_days(*, calendar_today: date) -> int:
    """How many business days are over by the calendar and not closed yet."""
    return max(0, (calendar_today - timedelta(days=1) - business_day().today).days + 1)


def label_of(*, step: str) -> str:
    """The step's name for people."""
    return str(STEP_BY_NAME[step].label)
