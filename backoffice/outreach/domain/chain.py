"""The contact log's chain: each entry of a borrower is hashed together with the hash before it.

An altered, missing or inserted entry breaks every link after it, and anybody can prove the chain from an export.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SEPARATOR = "\x1f"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The fields of a log entry that its hash covers."""

    id: int
    borrower_id: int
    sequence: int
    kind: str
    attempt_id: int | None
    channel: str
    purpose: str
    direction: str
    actor_scope: str
    party: str
    endpoint_id: int | None
    loan_ids: Sequence[int]
    code: str
    message_id: int | None
    packs: str
    actor_id: int | None
    actor_name: str
    at: datetime
    recorded_at: datetime


def text_of(link: Link) -> str:
    """The fields in one text, instants as whole microseconds since 1970, what is missing as nothing."""
    return SEPARATOR.join(
        [
            str(link.id),
            str(link.borrower_id),
            str(link.sequence),
            link.kind,
            _or_nothing(link.attempt_id),
            link.channel,
            link.purpose,
            link.direction,
            link.actor_scope,
            link.party,
            _or_nothing(link.endpoint_id),
            ",".join(str(loan_id) for loan_id in link.loan_ids),
            link.code,
            _or_nothing(link.message_id),
            link.packs,
            _or_nothing(link.actor_id),
            link.actor_name,
            str(_microseconds(link.at)),
            str(_microseconds(link.recorded_at)),
        ]
    )


def hash_of(link: Link, *, previous: bytes) -> bytes:
    """SHA-256 over the previous entry's hash (empty for the first) and the fields."""
    return hashlib.sha256(previous + text_of(link).encode()).digest()


def _or_nothing(number: int | None) -> str:
    return "" if number is None else str(number)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
