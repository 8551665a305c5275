"""Two connections at once: code run in threads of its own, each with its own database connection."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.db import connection

PATIENCE = 20


class Aside:
    """Runs calls in other threads; their connections are closed with them."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=8)

    def __enter__(self) -> "Aside":
        return self

    def __exit__(self, *_error: object) -> None:
        self._threads.shutdown(wait=True)

    def start(self, call: Callable[[], Any]) -> Future[Any]:
        """Begins the call in another thread."""

        def run() -> Any:
            try:
                return call()
            finally:
                connection.close()

        return self._threads.submit(run)

    def run(self, call: Callable[[], Any]) -> Any:
        """Does the call in another thread and gives its result."""
        return self.start(call).result(timeout=PATIENCE)


class Gate:
    """A point one thread stops at until another lets it pass."""

    def __init__(self) -> None:
        self._arrived = threading.Event()
        self._open = threading.Event()

    def wait_here(self) -> None:
        """Called by the thread that stops."""
        self._arrived.set()
        assert self._open.wait(PATIENCE), "nobody opened the gate"

    def wait_for_arrival(self) -> None:
        """Called by the other one: returns once somebody stands at the gate."""
        assert self._arrived.wait(PATIENCE), "nobody came to the gate"

    def open(self) -> None:
        """Lets the thread pass."""
        self._open.set()
