"""Handing on what stands in the outbox, and throwing away what was handed on long ago.

Events of one key leave in the order of their ids: a batch takes the oldest waiting event of each key, and with it the
right to that key, since nobody else can lock it. Several dispatchers work side by side. An event is marked in the
transaction that sent it; a crash in between sends it again (at least once).
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from backoffice.audit import outbox
from backoffice.audit.models import IdempotencyKey, OutboxEvent

logger = logging.getLogger(__name__)

BATCH = 500
PURGE_BATCH = 5_000
EVENTS_KEPT = timedelta(days=7)
ANSWERS_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What one run handed on, and the ids of events that could not leave and wait for the next run."""

    sent: int
    stuck: tuple[int, ...]


def dispatch() -> Dispatched:
    """Hands on everything that waits, batch by batch; stops early when the broker is away."""
    sent = 0
    stuck: list[int] = []
    while True:
        batch_sent, batch_stuck, broker_away = _dispatch_batch(passing_over=stuck)
        sent += batch_sent
        stuck += batch_stuck
        if broker_away or not (batch_sent or batch_stuck):
            return Dispatched(sent=sent, stuck=tuple(stuck))


def purge_events() -> int:
    """Deletes events handed on more than seven days ago, in batches; gives their number."""
    done = OutboxEvent.objects.filter(dispatched_at__lt=Now() - EVENTS_KEPT)
    return _purge(OutboxEvent, done)


def purge_answers() -> int:
    """Deletes answers to repeated requests older than thirty days, in batches; gives their number."""
    old = IdempotencyKey.objects.filter(created_at__lt=Now() - ANSWERS_KEPT)
    return _purge(IdempotencyKey, old)


@transaction.atomic
def _dispatch_batch(*, passing_over: Sequence[int]) -> tuple[int, list[int], bool]:
    """(events sent, ids that could not leave, whether the broker is away)."""
    sent: list[int] = []
    stuck: list[int] = []
    stuck_keys: set[str] = set()
    broker_away = False
    for event in _claimed(passing_over=passing_over):
        if event.key in stuck_keys:
            continue
        try:
            _send(event)
        except outbox.UnknownTask:
            logger.exception("event %s (%s) names a task nobody defines", event.pk, event.event)
            stuck.append(event.pk)
            stuck_keys |= {event.key} - {""}
        except OperationalError:
            logger.exception("the broker is away; the next sweep goes on at event %s", event.pk)
            broker_away = True
            break
        else:
            sent.append(event.pk)
    OutboxEvent.objects.filter(pk__in=sent).update(dispatched_at=Now())
    return len(sent), stuck, broker_away


def _claimed(*, passing_over: Sequence[int]) -> list[OutboxEvent]:
    """The oldest waiting event of each key with what waits behind it, locked, in the order they may leave."""
    waiting = OutboxEvent.objects.filter(dispatched_at__isnull=True)
    earlier = waiting.filter(key=OuterRef("key"), pk__lt=OuterRef("pk"))
    heads = list(
        waiting.filter(Q(key="") | ~Exists(earlier))
        .exclude(pk__in=passing_over)
        .order_by("pk")
        .select_for_update(skip_locked=True)[:BATCH]
    )
    keys = {event.key for event in heads} - {""}
    followers = (
        waiting.filter(key__in=keys)
        .exclude(pk__in=[event.pk for event in heads])
        .order_by("pk")
        .select_for_update(skip_locked=True)[:BATCH]
        if keys
        else []
    )
    return sorted([*heads, *followers], key=lambda event: event.pk)


def _send(event: OutboxEvent) -> None:
    """Gives the event to each task that reacts to it. Raises UnknownTask before any of them got it."""
    tasks = [outbox.task_named(name) for name in outbox.tasks_for(event=event.event)]
    for task in tasks:
        task.apply_async(kwargs=event.payload, task_id=f"outbox-{event.pk}-{task.name}", retry=False)


def _purge(model: type[OutboxEvent] | type[IdempotencyKey], rows: Iterable[object]) -> int:
    """Deletes the rows of a queryset some thousands at a time, each batch in its own transaction."""
    deleted = 0
    while True:
        batch = list(rows.order_by("pk").values_list("pk", flat=True)[:PURGE_BATCH])  # type: ignore[attr-defined]
        if not batch:
            return deleted
        count, _per_model = model.objects.filter(pk__in=batch).delete()
        deleted += count
