"""What the queue does for this app. `dispatch_outbox` runs after every commit that published, and on a sweep."""

from celery import shared_task

from backoffice.audit import dispatch


@shared_task(name="audit.dispatch_outbox")
def dispatch_outbox() -> int:
    """Hands on what waits in the outbox; gives the number of events."""
    return dispatch.dispatch().sent


@shared_task(name="audit.purge_outbox")
def purge_outbox() -> int:
    """Throws away events that were handed on long ago; gives their number."""
    return dispatch.purge_events()


@shared_task(name="audit.purge_answers")
def purge_answers() -> int:
    """Throws away stored answers that nobody will ask for again; gives their number."""
    return dispatch.purge_answers()
