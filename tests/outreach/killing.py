"""Senders and gateways to be killed: real processes, started within milliseconds, ended without being told.

A mother process that has Django loaded forks each sender. Senders live at an hour of the test's own choosing, so that
the gate's hours do not depend on when the test is run; leases and waits are seconds, not minutes.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from socket import socket
from typing import Any

from tests.repayment.killing import address

PATIENCE = 60
ROOT = Path(__file__).resolve().parents[2]
SENDERS = """
import os, signal, sys, time, traceback
from datetime import datetime, timedelta
import django
django.setup()
from backoffice.audit import outbox
from backoffice.calendars import clock
from backoffice.core import signed_http
from backoffice.outreach.domain import handover
from backoffice.outreach.services import arriving, resolving, sending, waking

outbox._wake_dispatcher = waking.wake_sender = lambda: None
sending.BATCH, sending.HANDS, sending.LEASE = 10, 8, timedelta(seconds=3)
signed_http.CONNECT_SECONDS, signed_http.ANSWER_SECONDS = 0.3, 0.7
handover.LOOKS, handover._FIRST_WAIT, handover._LONGEST_WAIT = (timedelta(seconds=1),), 1, 2
shift = datetime.fromisoformat(os.environ["AS_IF_AT"]) - clock.now()
then = lambda: clock.now() + shift

def work():
    while True:
        sending.send_while_due(clock=then, seconds=1)
        resolving.resolve(clock=then)
        time.sleep(0.02)

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    print(child, flush=True)
"""


class Senders:
    """The process that forks the senders."""

    def __init__(self, *, as_if_at: str, secret: str) -> None:
        environment = {
            "DATABASE_URL": address(),
            "DJANGO_SETTINGS_MODULE": "backoffice.config.settings",
            "AS_IF_AT": as_if_at,
            "GATEWAY_SECRET_SMS": secret,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", SENDERS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | environment,
            text=True,
        )
        assert self._said() == "ready"
        self.alive: list[int] = []

    def __enter__(self) -> "Senders":
        return self

    def __exit__(self, *_error: object) -> None:
        for pid in list(self.alive):
            self.kill(pid)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=PATIENCE)
        self._process.stdout.close()

    def start(self) -> int:
        """One more sender; its process id."""
        assert self._process.stdin is not None
        print("start", file=self._process.stdin, flush=True)
        self.alive.append(int(self._said()))
        return self.alive[-1]

    def kill(self, pid: int) -> None:
        """Ends a sender at whatever it is at."""
        os.kill(pid, signal.SIGKILL)
        self.alive.remove(pid)

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class KilledGateway:
    """The sandbox as a process on a port of its own, with a memory that outlives it."""

    def __init__(self, *, state: Path, secret: str, script: dict[str, Any]) -> None:
        with socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._state, self._secret, self._script = state, secret, script
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it and tells it how to behave."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "backoffice.sandbox", "--port", str(self.port), "--state", str(self._state)],
            cwd=ROOT,
            env=os.environ | {"SANDBOX_GATEWAY_SECRET": self._secret},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        assert "listens" in self._process.stderr.readline()
        self.ask("/script", {"gateway": "*", **self._script})

    def kill(self) -> None:
        """Ends it at whatever it is at."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=PATIENCE)
        assert self._process.stderr is not None
        self._process.stderr.close()

    def ask(self, path: str, document: dict[str, Any] | None = None) -> Any:
        """One call to the sandbox's own pages."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=body)
        for _ in range(50):
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return json.load(answer)
            except urllib.error.URLError:
                time.sleep(0.1)
        raise AssertionError(path)
