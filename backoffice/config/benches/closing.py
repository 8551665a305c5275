"""Closing a business day, every step of it: how long, against which floor, and how it grows with the book."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from backoffice.config.benches import floor
from backoffice.config.benches.results import Row, median, seconds_of
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.dayend.models import SetAside
from backoffice.dayend.services import close_day
from backoffice.repayment.services.closing import due_loans

TARGET_SECONDS = 10.0
TARGET_FLOOR = 3.0
TARGET_GROWTH = 1.5

STEPS = """
SELECT step.name, step.counts::text, extract(epoch FROM step.finished_at - step.started_at)::float
FROM dayend_dayendstep step JOIN dayend_dayendrun run ON run.id = step.run_id
WHERE run.day = %s ORDER BY step.position
"""


@dataclass(frozen=True, slots=True)
class Closed:
    """One close: loans it changed and loans it verified, seconds in all and of the verifying, seconds of its floor."""

    changed: int
    verified: int
    seconds: float
    verifying: float
    floor_seconds: float

    @property
    def seconds_each(self) -> float:
        """Seconds for each loan changed."""
        return self.seconds / max(1, self.changed)

    @property
    def against_floor(self) -> float:
        """The steps that write against the bare writing of their rows; verifying writes nothing and is left out."""
        return (self.seconds - self.verifying) / self.floor_seconds


def close(*, day: date, say: Callable[[str], None]) -> Closed:
    """Close the business date `day` on two connections, in this process. Raises AssertionError when loans are left."""
    due = due_loans(day=day)
    before = floor.marks()
    seconds = seconds_of(lambda: close_day(day=day, actor=SYSTEM))
    left = SetAside.objects.filter(resolved_at__isnull=True).count()
    if left:
        msg = f"{left} loans were set aside by the close of {day}"
        raise AssertionError(msg)
    steps = {name: (json.loads(counts), taken) for name, counts, taken in fetch(STEPS, [day])}
    counts, verifying = steps["verify"]
    closed = Closed(
        changed=len(due),
        verified=counts.get("loans", 0),
        seconds=seconds,
        verifying=verifying,
        floor_seconds=floor.seconds_on_server(floor.twin_since(before, loan_ids=due)),
    )
    say(
        f"closing {day}: {closed.seconds:.2f} s, of which {closed.verifying:.2f} s verify {closed.verified:,} loans; "
        f"{closed.changed:,} loans changed, floor {closed.floor_seconds:.2f} s"
    )
    return closed


def rows_of(closed: list[Closed], *, book: int) -> list[Row]:
    """The median of some normal days: the time of all steps, and of those that write against their floor."""
    seconds = median([each.seconds for each in closed])
    ratio = median([each.against_floor for each in closed])
    writing = median([each.seconds - each.verifying for each in closed])
    changed = int(median([each.changed for each in closed]))
    return [
        Row(
            name="day end, a normal day",
            size=book,
            seconds=seconds,
            rate=median([(each.changed + each.verified) / each.seconds for each in closed]),
            target=f"<= {TARGET_SECONDS:g} s at 1,000,000 loans",
            met=seconds <= TARGET_SECONDS,
        ),
        Row(
            name="day end against its floor",
            size=changed,
            seconds=writing,
            rate=changed / writing,
            floor_ratio=ratio,
            target=f"<= {TARGET_FLOOR:g} x the floor",
            met=ratio <= TARGET_FLOOR,
        ),
    ]


def growth_row(*, small: list[Closed], large: list[Closed], size: int) -> Row:
    """Seconds per transition in a book ten times the size, over those in the small one."""
    ratio = median([each.seconds_each for each in large]) / median([each.seconds_each for each in small])
    return Row(
        name="day end, ten times the book, as many transitions",
        size=size,
        seconds=median([each.seconds for each in large]),
        rate=median([each.changed / each.seconds for each in large]),
        floor_ratio=ratio,
        target=f"<= {TARGET_GROWTH:g} x the time of the small book",
        met=ratio <= TARGET_GROWTH,
    )
