"""Programs to be killed: one process that has Django loaded forks a fresh one for every order, within milliseconds.

The forked process opens connections of its own, does its work as any other program would, and is killed a moment after
a certain statement went out to the database, without anybody being told.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from django.db import connection

PATIENCE = 120
MOTHER = """
import itertools, json, os, random, signal, sys, threading, traceback
import django
django.setup()
from django.core.management import call_command
from django.db.backends.signals import connection_created
from backoffice.core.actors import SYSTEM
from backoffice.dayend import steps
from backoffice.repayment.services import file_lanes, payment_files

def day_end(through, due_per_range):
    steps.DUE_PER_RANGE = steps.IDS_PER_RANGE = due_per_range
    quiet = open(os.devnull, "w")
    call_command("day_end", f"--through={through}", stdout=quiet, stderr=quiet)

def post_file(file_id, chunk):
    file_lanes.CHUNK = chunk
    payment_files.post_file(file_id=file_id, actor=SYSTEM)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def work(work, kill_at, **order):
    sent = itertools.count(1)

    def count(execute, *statement):
        if next(sent) == kill_at:
            threading.Timer(random.uniform(0, 0.003), die).start()
        return execute(*statement)

    connection_created.connect(lambda connection, **_: connection.execute_wrappers.append(count), weak=False)
    {"day_end": day_end, "post_file": post_file}[work](**order)
    print(next(sent) - 1, flush=True)

print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if not child:
        try:
            work(**json.loads(line))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    print("ended", os.waitpid(child, 0)[1], flush=True)
"""


WORKER = """
import django
django.setup()
from backoffice.dayend import steps
steps.DUE_PER_RANGE = steps.IDS_PER_RANGE = 4
from backoffice.config.celery import app
app.worker_main(["worker", "--concurrency", "2", "--loglevel", "error", "--without-gossip", "--without-mingle"])
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: killed, or done with so many statements."""

    was_killed: bool
    statements: int


def address() -> str:
    """The test database as another program is told of it."""
    given = connection.settings_dict
    query = "&".join(f"{name}={given[key]}" for name, key in (("host", "HOST"), ("port", "PORT")) if given[key])
    return f"postgresql://{given['USER']}@/{given['NAME']}?{query}"


class Mother:
    """The process that forks the programs."""

    def __init__(self, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", MOTHER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ
            | {"DATABASE_URL": address(), "DJANGO_SETTINGS_MODULE": "backoffice.config.settings"}
            | environment,
            text=True,
        )
        assert self._said() == "ready"

    def __enter__(self) -> "Mother":
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def run(self, work: str, *, kill_at: int | None = None, **order: Any) -> Ended:
        """Do the work in a process of its own, killed within 3 ms of statement number `kill_at` if there is one.

        Fails when the program ends in any other way than by finishing or by being killed.
        """
        assert self._process.stdin is not None
        print(json.dumps(order | {"work": work, "kill_at": kill_at}), file=self._process.stdin, flush=True)
        statements, said = 0, self._said()
        if not said.startswith("ended"):
            statements, said = int(said), self._said()
        was_killed = said == f"ended {signal.SIGKILL:d}"
        assert was_killed or statements, "the program failed; its words are in the captured output"
        return Ended(was_killed=was_killed, statements=statements)

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class Worker:
    """A Celery worker with two hands, on the test database and a queue of its own; killed at the end of the block."""

    def __init__(self, *, broker_url: str) -> None:
        environment = {
            "DATABASE_URL": address(),
            "CELERY_BROKER_URL": broker_url,
            "DJANGO_SETTINGS_MODULE": "backoffice.config.settings",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER], env=os.environ | environment, start_new_session=True
        )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_error: object) -> None:
        """The worker and its hands are gone at once, whatever they were at."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=PATIENCE)
