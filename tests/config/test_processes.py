"""Commands that run together end together, with everything they forked, however the end comes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from backoffice.config.services import processes

ROOT = Path(__file__).resolve().parents[2]
TOGETHER = """
import os, sys
from pathlib import Path
from backoffice.config.services import processes
environment = dict(os.environ, BACKOFFICE_DEMO=sys.argv[1])
services = [
    processes.Service(name=name, command=command, environment=environment)
    for name, command in (part.split("=", 1) for part in sys.argv[2:])
]
sys.exit(processes.run_together(services=services, folder=Path.cwd()))
"""
# A server that forks a worker; the worker holds the output open and ignores polite requests.
FORK = "import os, signal, time; os.fork() or signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
TALK = "import itertools, time; any(print(n) or time.sleep(0.1) for n in itertools.count())"
FAMILY = f"{sys.executable} -c '{FORK}'"


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[str]:
    yield str(tmp_path)
    assert processes.end_marked(mark=str(tmp_path)) == 0


def together(mark: str, **services: str) -> subprocess.Popen[bytes]:
    given = [f"{name}={command}" for name, command in services.items()]
    return subprocess.Popen([sys.executable, "-c", TOGETHER, mark, *given], cwd=ROOT, stdout=subprocess.DEVNULL)


def wait_for(mark: str, count: int) -> list[psutil.Process]:
    deadline = time.monotonic() + 20
    while len(found := processes.marked(mark=mark)) != count:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everybody(mark: str, number: signal.Signals) -> None:
    manager = together(mark, one=FAMILY, two="sleep 600")
    wait_for(mark, 3)

    manager.send_signal(number)

    assert manager.wait(timeout=20) == 128 + number
    assert processes.marked(mark=mark) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everybody_though_nobody_reads_the_output_any_more(mark: str, number: signal.Signals) -> None:
    given = [f"one={FAMILY}", f"two={sys.executable} -u -c '{TALK}'"]
    manager = subprocess.Popen([sys.executable, "-c", TOGETHER, mark, *given], cwd=ROOT, stdout=subprocess.PIPE)
    assert manager.stdout
    manager.stdout.readline()
    manager.stdout.close()
    wait_for(mark, 3)

    manager.send_signal(number)

    assert manager.wait(timeout=20) == 128 + number
    assert processes.marked(mark=mark) == []


def test_one_that_is_killed_takes_its_children_and_the_others_along(mark: str) -> None:
    manager = together(mark, one=FAMILY, two="sleep 600")
    family = [process for process in wait_for(mark, 3) if "python" in process.name()]
    parent = next(process for process in family if process.pid == os.getpgid(process.pid))

    parent.kill()

    assert manager.wait(timeout=20) == -signal.SIGKILL % 256
    assert processes.marked(mark=mark) == []


def test_one_that_ends_by_itself_ends_the_others_and_gives_its_status(mark: str) -> None:
    manager = together(mark, one="sleep 600", two="sh -c 'exit 3'")

    assert manager.wait(timeout=20) == 3
    assert processes.marked(mark=mark) == []


def test_ends_only_what_carries_the_mark(tmp_path: Path) -> None:
    ours, theirs = (
        subprocess.Popen(["sleep", "600"], env={"BACKOFFICE_DEMO": str(tmp_path / name)}) for name in ("ours", "theirs")
    )
    try:
        assert processes.end_marked(mark=str(tmp_path / "ours")) == 1

        assert [psutil.pid_exists(process.pid) for process in (ours, theirs)] == [False, True]
    finally:
        for process in (ours, theirs):
            process.kill()
            process.wait()
