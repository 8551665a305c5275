"""Servers that are started here and outlive the function that started them."""

import subprocess

import psutil

# Python complains of a child it loses sight of, so each is kept until somebody has seen its end.
_kept: dict[int, subprocess.Popen[bytes]] = {}


def keep(*, child: subprocess.Popen[bytes]) -> None:
    """Remembers a running child."""
    _kept[child.pid] = child


def has_ended(*, pid: int, within: float) -> bool:
    """Waits at most `within` seconds for the end of a process, a child of this one or not; True when it has ended."""
    child = _kept.get(pid)
    try:
        if child is None:
            psutil.Process(pid).wait(timeout=within)
        else:
            child.wait(timeout=within)
    except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
        return False
    except psutil.NoSuchProcess:
        return True
    _kept.pop(pid, None)
    return True
