"""The past judged again: every contact of a period by the packs then in force, as things stood before it was made."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from backoffice.core.bulk import fetch
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Verdict, Wanted
from backoffice.outreach.selectors.gate import judge

BATCH = 10_000

OUTBOUND = """
SELECT id, borrower_id, channel, purpose, at, endpoint_id, loan_ids, actor_scope, party, actor_name, message_id
FROM outreach_contactentry
WHERE kind = 'attempt' AND direction = 'out' AND at >= %(start)s AND at < %(end)s AND id > %(after)s
  AND (%(borrower_id)s::bigint IS NULL OR borrower_id = %(borrower_id)s::bigint)
ORDER BY id LIMIT %(batch)s
"""


COUNTED = """
SELECT count(*) FROM outreach_contactentry
WHERE kind = 'attempt' AND direction = 'out' AND at >= %(start)s AND at < %(end)s
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """A contact that was made, and what the gate says of it now, with the packs it was judged by."""

    entry_id: int
    wanted: Wanted
    actor_name: str
    verdict: Verdict


def replayed(
    *, start: datetime, end: datetime, borrower_id: int | None = None, packs: PacksInForce | None = None
) -> Iterator[Judged]:
    """Every contact we made in `[start, end)`, in the order recorded, judged as it should have been.

    By the packs in force on the day of each, or by `packs`: what a draft would have said of last month. What became
    known, was said, placed, lifted or merged later changes nothing; only a result that was not recorded yet counts as
    it is known now.
    """
    after = 0
    while batch := judged_batch(start=start, end=end, after=after, borrower_id=borrower_id, packs=packs):
        yield from batch
        after = batch[-1].entry_id


def judged_batch(
    *,
    start: datetime,
    end: datetime,
    after: int,
    borrower_id: int | None = None,
    packs: PacksInForce | None = None,
    size: int = BATCH,
) -> list[Judged]:
    """The first contacts of a period recorded after an entry, judged; none when it is through."""
    asked = {"start": start, "end": end, "borrower_id": borrower_id, "batch": size, "after": after}
    rows = fetch(OUTBOUND, asked)
    wanted = [
        Wanted(
            borrower_id=row[1],
            channel=Channel(row[2]),
            purpose=Purpose(row[3]),
            at=row[4],
            endpoint_id=row[5],
            loan_id=row[6][0] if row[6] else None,
            actor_scope=row[7],
            party=row[8],
            message_id=row[10],
        )
        for row in rows
    ]
    verdicts = judge(wanted=wanted, packs=packs, before=[row[0] for row in rows]) if rows else []
    return [
        Judged(entry_id=row[0], wanted=each, actor_name=row[9], verdict=verdict)
        for row, each, verdict in zip(rows, wanted, verdicts, strict=True)
    ]


def contacts_between(*, start: datetime, end: datetime) -> int:
    """How many contacts of ours a period has."""
    return int(fetch(COUNTED, {"start": start, "end": end})[0][0])


def not_permitted(*, start: datetime, end: datetime, packs: PacksInForce | None = None) -> list[Judged]:
    """The contacts of a period that should not have been made."""
    return [judged for judged in replayed(start=start, end=end, packs=packs) if not judged.verdict.is_allowed]


def days_between(*, first: date, last: date) -> tuple[datetime, datetime]:
    """The instants a period of days begins and ends at, in the lender's zone; the end is exclusive."""
    zone = ZoneInfo(settings.LENDER_TIME_ZONE)
    return (
        datetime.combine(first, time(), tzinfo=zone),
        datetime.combine(last + timedelta(days=1), time(), tzinfo=zone),
    )
