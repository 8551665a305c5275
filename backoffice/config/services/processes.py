"""Running several commands side by side so that none outlives the others, however they end."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import psutil
from honcho.manager import Manager
from honcho.printer import Printer
from honcho.process import Process

# Every process started here carries the name of its run directory, so that one left behind can be told apart.
MARK = "BACKOFFICE_DEMO"
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One long-running command: its short name, the shell command, and its environment."""

    name: str
    command: str
    environment: Mapping[str, str]


class WholeGroup(Process):
    """A command with everything it forks: when it ends, so do its children.

    The process manager learns of an end when the output closes. A server whose parent is killed leaves workers that
    hold the output open, so the end would go unseen; here the command itself is watched.
    """

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        self._events = events
        self._child = self._child_ctor(self.cmd, env=self.env, cwd=self.cwd)
        self._send_message({"pid": self._child.pid}, type="start")
        if ignore_signals:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        reader = threading.Thread(target=self._relay, daemon=True)
        reader.start()
        self._child.wait()
        end_group(leader=self._child.pid)
        reader.join(timeout=PATIENCE_SECONDS)
        self._send_message({"returncode": self._child.returncode}, type="stop")

    def _relay(self) -> None:
        for line in iter(self._child.stdout.readline, b""):
            if not self.quiet:
                self._send_message(line)


class LastingOutput:
    """Standard output that outlives whoever reads it: what nobody reads any more is dropped.

    A pager or a `tee` dies of the same Ctrl-C; what has to be stopped must be stopped all the same.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes; gives how many characters."""
        self._quietly(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Sends on what is waiting."""
        self._quietly(self._stream.flush)

    def isatty(self) -> bool:
        """True when a person reads it."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor."""
        return self._stream.fileno()

    def _quietly(self, work: Callable[[], object]) -> None:
        try:
            work()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


def run_together(*, services: list[Service], folder: Path) -> int:
    """Runs the services until one ends or this process is told to stop; then ends all. Gives the exit status."""
    # The manager's runners must not inherit threads' locks or an event loop; they are plain forks of a quiet process.
    multiprocessing.set_start_method("fork", force=True)
    manager = Manager(printer=Printer(LastingOutput(sys.stdout)))
    manager._process_ctor = WholeGroup
    for service in services:
        manager.add_process(service.name, f"exec {service.command}", env=dict(service.environment), cwd=str(folder))
    manager.loop()
    return int(manager.returncode or 0)


def end_group(*, leader: int) -> None:
    """Ends whatever is left of a process group whose leader is gone."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def marked(*, mark: str) -> list[psutil.Process]:
    """The processes that carry the mark, this one excepted."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def end_marked(*, mark: str) -> int:
    """Ends every process that carries the mark: asks, waits, then kills. Gives how many there were."""
    processes = marked(mark=mark)
    for process in processes:
        _signal(process, signal.SIGTERM)
    _, stubborn = psutil.wait_procs(processes, timeout=PATIENCE_SECONDS / 2)
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=PATIENCE_SECONDS)
    return len(processes)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
