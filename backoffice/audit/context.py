"""The id of the request or task that is being served: every trail entry written meanwhile carries it."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
