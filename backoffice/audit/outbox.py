"""The outbox: what others must be told is written in the transaction that caused it and handed on after it commits.

`config/subscriptions.py` is the table of reactions (event -> names of tasks); config connects it with `subscribe`.
A task receives the payload as keywords. An event reaches each task at least once; events of one key are handed on in
order. Tasks are therefore safe to run twice.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from celery import current_app
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from backoffice.audit.models import OutboxEvent

DISPATCH_TASK = "audit.dispatch_outbox"
BATCH = 2_000

_subscriptions: dict[str, tuple[str, ...]] = {}


class UnknownTask(LookupError):
    """The table of reactions names a task that no app defines: a defect, found at the first event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event before it is written. `key` orders events among themselves (e.g. "loan:17"); "" means any order."""

    event: str
    key: str
    payload: Mapping[str, Any]


def subscribe(table: Mapping[str, Sequence[str]]) -> None:
    """Connects the table of reactions; called once by config when Django starts, replaces what was there."""
    _subscriptions.clear()
    _subscriptions.update({event: tuple(tasks) for event, tasks in table.items()})


def tasks_for(*, event: str) -> tuple[str, ...]:
    """Names of the tasks that react to the event; none when nobody listens."""
    return _subscriptions.get(event, ())


def publish(*, event: str, key: str, payload: Mapping[str, Any]) -> None:
    """Writes one event in the caller's transaction and wakes the dispatcher once it has committed."""
    publish_many([Event(event=event, key=key, payload=payload)])


def publish_many(events: Iterable[Event]) -> int:
    """Writes many events in one statement per 2,000 and wakes the dispatcher once; gives their number."""
    rows = [
        OutboxEvent(
            event=entry.event,
            key=entry.key,
            payload=json.loads(json.dumps(dict(entry.payload), cls=DjangoJSONEncoder)),
        )
        for entry in events
    ]
    if rows:
        OutboxEvent.objects.bulk_create(rows, batch_size=BATCH)
        transaction.on_commit(_wake_dispatcher, robust=True)
    return len(rows)


def task_named(name: str) -> Any:
    """The Celery task. Raises UnknownTask."""
    task = current_app.tasks.get(name)
    if task is None:
        raise UnknownTask(name)
    return task


def _wake_dispatcher() -> None:
    """Asks once and does not wait for a broker that is away: the sweep hands on what is left behind."""
    task_named(DISPATCH_TASK).apply_async(retry=False)
