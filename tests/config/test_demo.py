"""`make demo` as a person runs it: it serves, it stops without a trace, and a second start has the data still."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from backoffice.config.services import demo as demos
from backoffice.config.services import postgres, processes, valkey

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0


def of_clone(folder: Path) -> dict[str, str]:
    """The environment of a person at a fresh clone, with its own run directory."""
    return {"PATH": os.environ["PATH"], "RUN_DIR": str(folder)}


class Running:
    """One demo in a run directory, with what it says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--empty"],
            cwd=ROOT,
            env=of_clone(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def said(self, pattern: str) -> re.Match[str]:
        """Waits for a line."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            for line in list(self.lines):
                if match := re.search(pattern, line):
                    return match
            time.sleep(0.1)
        raise AssertionError("\n".join(self.lines))

    def address(self) -> str:
        return self.said(r"The console is at\s+(http://\S+)")[1]

    def pid_of(self, name: str) -> int:
        return int(self.said(rf"{name} started \(pid=(\d+)\)")[1])

    def ended(self) -> int:
        status = self.process.wait(timeout=60)
        self.reader.join(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def left_over(self) -> list[psutil.Process]:
        """Every process that has anything to do with the run directory."""
        found = processes.marked(mark=str(self.folder))
        for pid in (
            postgres.process_id(cluster=postgres.Cluster(data=self.folder / "postgres")),
            valkey.process_id(server=valkey.Server(data=self.folder / "valkey")),
        ):
            found += [psutil.Process(pid)] if pid else []
        guards = [process for process in psutil.process_iter(["cmdline"]) if _guards(process, self.folder)]
        return found + guards


def _guards(process: psutil.Process, folder: Path) -> bool:
    return (process.info["cmdline"] or [])[2:3] == ["backoffice.config.services.guard"] and (
        process.info["cmdline"][-1] == str(folder)
    )


@pytest.fixture(scope="module")
def folder(open_place: Path) -> Iterator[Path]:
    """One run directory for the whole module: each test starts where the one before stopped."""
    made = open_place / "run"
    yield made
    for each in (made, beside(made)):
        processes.end_marked(mark=str(each))
        valkey.stop(server=valkey.Server(data=each / "valkey"))
        postgres.drop(cluster=postgres.Cluster(data=each / "postgres"))


def beside(folder: Path) -> Path:
    return folder.with_name("run-beside")


def books(folder: Path) -> postgres.Cluster:
    return postgres.Cluster(data=folder / "postgres")


@pytest.mark.skipif(not demos.SHARES_KEPT_PORTS, reason="only Linux lets a server listen on a port that is kept")
def test_a_kept_port_is_open_to_the_server_it_is_meant_for_and_taken_for_another_demo() -> None:
    with demos.keep_port(first=8700) as ours:
        port = ours.getsockname()[1]
        with demos.keep_port(first=port) as theirs:
            assert theirs.getsockname()[1] > port
        with socket.create_server((demos.HOST, port)) as server, socket.create_connection((demos.HOST, port)):
            assert server.getsockname()[1] == port


def test_serves_everything_and_ctrl_c_leaves_nothing_running(folder: Path) -> None:
    demo = Running(folder)
    with urllib.request.urlopen(f"{demo.address()}/health/", timeout=10) as answer:
        assert answer.read() == b'{"status": "ok"}'
    assert {name: psutil.pid_exists(demo.pid_of(name)) for name in ("web", "worker", "beat", "sandbox")} == {
        "web": True,
        "worker": True,
        "beat": True,
        "sandbox": True,
    }
    with psycopg.connect(books(folder).url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        roles = connection.execute(
            "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = ''"
        ).fetchall()
    assert ("backoffice_app",) in roles

    os.killpg(demo.process.pid, signal.SIGINT)

    assert demo.ended() == 0
    assert demo.left_over() == []


def test_a_second_start_keeps_the_data_and_takes_the_next_port_when_one_is_busy(folder: Path) -> None:
    first = Running(folder)
    address = first.address()
    with psycopg.connect(books(folder).url()) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(7,)]
    # A command run beside the demo uses its database and leaves it running.
    subprocess.run(
        [sys.executable, "manage.py", "verify_books", "--quiet"],
        cwd=ROOT,
        env=of_clone(folder),
        check=False,
        timeout=60,
    )
    elsewhere = Running(beside(folder))
    try:
        assert elsewhere.address() != address
        with urllib.request.urlopen(f"{address}/health/", timeout=10) as answer:
            assert answer.status == 200
    finally:
        elsewhere.process.terminate()
        assert elsewhere.ended() == 0
        assert elsewhere.left_over() == []

    first.process.terminate()

    assert first.ended() == 0
    assert first.left_over() == []


def test_a_second_demo_in_the_same_place_is_refused(folder: Path) -> None:
    first = Running(folder)
    first.address()

    second = Running(folder)

    assert second.ended() == 1
    assert second.lines == [f"CommandError: A demo already runs in {folder}; stop it with Ctrl-C first."]
    os.kill(first.pid_of("worker"), signal.SIGKILL)
    assert first.ended() != 0
    assert first.left_over() == []


def test_a_killed_demo_is_tidied_up_after(folder: Path) -> None:
    demo = Running(folder)
    demo.address()

    demo.process.kill()

    demo.ended()
    deadline = time.monotonic() + 30
    while demo.left_over():
        assert time.monotonic() < deadline, demo.left_over()
        time.sleep(0.1)


def test_reset_deletes_data_and_keys(folder: Path) -> None:
    subprocess.run([sys.executable, "manage.py", "demo", "--reset"], cwd=ROOT, env=of_clone(folder), check=True)

    # What is left are files to lock; they hold nothing.
    assert {file.name: file.stat().st_size for file in folder.iterdir()} == {
        "demo.lock": 0,
        "postgres.lock": 0,
        "postgres.users": 0,
    }
