"""Bulk work without Python's cycle collector."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()
_within = 0


@contextmanager
def without_collecting() -> Iterator[None]:
    """Keep the cycle collector from walking the whole process again and again while one chunk of rows is worked on.

    For bounded chunks of plain values, which reference counts free on their own. Side by side in threads it is switched
    back on by whoever comes out last; where it was off before, it stays off.
    """
    global _within, _was_enabled
    with _lock:
        if _within == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _within += 1
    try:
        yield
    finally:
        with _lock:
            _within -= 1
            if _within == 0 and _was_enabled:
                gc.enable()


_was_enabled = True
