"""Writing the trail: in the caller's transaction, one row per thing done."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from backoffice.audit.context import serving
from backoffice.audit.models import AuditEntry
from backoffice.core.actors import Actor

BATCH = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing done, before it is written. `before` and `after` hold only what changed, in plain values."""

    verb: str
    subject_type: str
    subject_id: int | str
    actor: Actor
    reason: str = ""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    borrower_id: int | None = None


def record(
    *,
    verb: str,
    subject_type: str,
    subject_id: int | str,
    actor: Actor,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    borrower_id: int | None = None,
) -> AuditEntry:
    """Writes one entry in the caller's transaction: if the change rolls back, so does the entry.

    `verb` reads app.thing.done; `before` and `after` may hold dates, Decimals and ids, never personal data in clear.
    """
    entry = Entry(
        verb=verb,
        subject_type=subject_type,
        subject_id=subject_id,
        actor=actor,
        reason=reason,
        before=before,
        after=after,
        borrower_id=borrower_id,
    )
    row = _row(entry)
    row.save(force_insert=True)
    return row


def record_many(entries: Iterable[Entry]) -> int:
    """Writes many entries in one statement per 2,000; gives their number. The same rules as `record`."""
    rows = [_row(entry) for entry in entries]
    AuditEntry.objects.bulk_create(rows, batch_size=BATCH)
    return len(rows)


def _row(entry: Entry) -> AuditEntry:
    return AuditEntry(
        verb=entry.verb,
        subject_type=entry.subject_type,
        subject_id=str(entry.subject_id),
        borrower_id=entry.borrower_id,
        actor_kind=entry.actor.kind,
        actor_id=entry.actor.id,
        actor_name=entry.actor.name,
        reason=entry.reason,
        before=_plain(entry.before),
        after=_plain(entry.after),
        request_id=serving(),
    )


def _plain(values: Mapping[str, Any] | None) -> Any:
    """The values as JSON can hold them: Decimals and dates as strings, exactly."""
    return None if values is None else json.loads(json.dumps(dict(values), cls=DjangoJSONEncoder))
