"""What is being served right now: every trail entry written meanwhile carries its id."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from celery import current_task

request_id: ContextVar[str] = ContextVar("request_id", default="")


def serving() -> str:
    """Id of the web request, else of the task ("task:..."), else "" for a command at the terminal."""
    bound = request_id.get()
    if bound or not current_task:
        return bound
    return f"task:{current_task.request.id}"[:64]


@contextmanager
def bound_to(identifier: str) -> Iterator[None]:
    """Binds the id for the time of the block."""
    token = request_id.set(identifier)
    try:
        yield
    finally:
        request_id.reset(token)
