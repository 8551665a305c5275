"""Is the contact log what was written? Every borrower's chain recomputed from the fields of its entries."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from backoffice.core.bulk import fetch
from backoffice.core.words import phrase
from backoffice.outreach.domain.chain import Link, hash_of

BATCH = 20_000

ENTRIES = """
SELECT id, borrower_id, sequence, kind, attempt_id, channel, purpose, direction, actor_scope, party, endpoint_id,
       loan_ids, code, message_id, packs, actor_id, actor_name, at, recorded_at, previous_hash, hash
FROM outreach_contactentry
WHERE (borrower_id, sequence) > (%(borrower)s, %(sequence)s)
  AND (%(only)s::bigint IS NULL OR borrower_id = %(only)s::bigint)
ORDER BY borrower_id, sequence LIMIT %(batch)s
"""


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """An entry that is not what was written, or that follows one that is missing."""

    borrower_id: int
    sequence: int
    entry_id: int
    reason: str


def broken_chains(
    *, borrower_id: int | None = None, on_progress: Callable[[int], None] | None = None
) -> list[BrokenLink]:
    """The first broken link of each borrower's chain, of one borrower or of all; `on_progress` hears entries read."""
    broken: list[BrokenLink] = []
    place = (0, 0) if borrower_id is None else (borrower_id, 0)
    at_borrower, expected, previous, read = 0, 1, b"", 0
    is_broken = False
    while rows := fetch(ENTRIES, {"borrower": place[0], "sequence": place[1], "only": borrower_id, "batch": BATCH}):
        for *fields, previous_hash, stored in rows:
            link = _link(fields)
            if link.borrower_id != at_borrower:
                at_borrower, expected, previous, is_broken = link.borrower_id, 1, b"", False
            told, written = bytes(previous_hash), bytes(stored)
            reason = _reason(link, expected=expected, previous=previous, told=told, stored=written)
            if reason and not is_broken:
                broken.append(BrokenLink(link.borrower_id, link.sequence, link.id, reason))
                is_broken = True
            expected, previous = link.sequence + 1, written
        read += len(rows)
        place = (rows[-1][1], rows[-1][2])
        if on_progress:
            on_progress(read)
    return broken


def _reason(link: Link, *, expected: int, previous: bytes, told: bytes, stored: bytes) -> str:
    if link.sequence != expected:
        return phrase("entry %(number)s is missing", number=expected)
    if told != previous:
        return phrase("it does not follow the entry before it")
    if hash_of(link, previous=previous) != stored:
        return phrase("its fields are not those that were written")
    return ""


def _link(fields: list[Any]) -> Link:
    (entry_id, borrower_id, sequence, kind, attempt_id, channel, purpose, direction, actor_scope, party, endpoint_id,
     loan_ids, code, message_id, packs, actor_id, actor_name, at, recorded_at) = fields  # fmt: skip
    return Link(
        id=entry_id,
        borrower_id=borrower_id,
        sequence=sequence,
        kind=kind,
        attempt_id=attempt_id,
        channel=channel,
        purpose=purpose,
        direction=direction,
        actor_scope=actor_scope,
        party=party,
        endpoint_id=endpoint_id,
        loan_ids=loan_ids,
        code=code,
        message_id=message_id,
        packs=packs,
        actor_id=actor_id,
        actor_name=actor_name,
        at=at,
        recorded_at=recorded_at,
    )
