"""The cluster from the wheel: made, shared by processes, stopped by the last one, and never half made."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from backoffice.config.services import children, postgres

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from pathlib import Path
from backoffice.config.services import postgres
postgres.share(cluster=postgres.Cluster(data=Path(sys.argv[1]), durable=False))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def cluster(open_folder: Path) -> Iterator[postgres.Cluster]:
    made = postgres.Cluster(data=open_folder / "postgres", durable=False)
    yield made
    postgres.drop(cluster=made)


def holder(cluster: postgres.Cluster) -> subprocess.Popen[str]:
    """Another process that uses the cluster until its standard input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(cluster.data)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def leave(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=30)


def ask(cluster: postgres.Cluster, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_makes_a_cluster_that_answers_on_a_socket_only(cluster: postgres.Cluster) -> None:
    postgres.start(cluster=cluster)

    assert ask(cluster, "SELECT current_database(), current_setting('listen_addresses'), current_setting('fsync')") == [
        ("backoffice", "", "off")
    ]
    assert (cluster.data.stat().st_mode & 0o777) == 0o700


def test_keeps_commits_safe_unless_it_is_for_tests(tmp_path: Path) -> None:
    durable = postgres.server_settings(cluster=postgres.Cluster(data=tmp_path))

    assert {"fsync", "synchronous_commit", "full_page_writes"}.isdisjoint(durable)


def test_the_last_process_to_leave_stops_the_server(cluster: postgres.Cluster) -> None:
    first, second = holder(cluster), holder(cluster)
    server = postgres.process_id(cluster=cluster)

    leave(first)
    assert postgres.process_id(cluster=cluster) == server
    leave(second)
    assert postgres.process_id(cluster=cluster) is None


def test_a_killed_process_holds_nobody_up(cluster: postgres.Cluster) -> None:
    first, second = holder(cluster), holder(cluster)

    first.kill()
    first.communicate()
    leave(second)

    assert postgres.process_id(cluster=cluster) is None


def test_data_outlive_a_stop_even_with_a_session_open(cluster: postgres.Cluster) -> None:
    postgres.start(cluster=cluster)
    ask(cluster, "CREATE TABLE kept AS SELECT 7 AS number")
    with contextlib.closing(psycopg.connect(cluster.url())) as open_session:
        open_session.execute("SELECT 1")
        postgres.stop(cluster=cluster)
    postgres.start(cluster=cluster)

    assert ask(cluster, "SELECT number FROM kept") == [(7,)]


def test_loses_nothing_when_the_server_is_killed(cluster: postgres.Cluster) -> None:
    durable = postgres.Cluster(data=cluster.data, durable=True)
    postgres.start(cluster=durable)
    ask(durable, "CREATE TABLE kept AS SELECT 7 AS number")
    killed = postgres.process_id(cluster=durable)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    children.has_ended(pid=killed, within=10)

    postgres.start(cluster=durable)

    assert ask(durable, "SELECT number FROM kept") == [(7,)]


def test_a_broken_cluster_for_tests_is_made_anew(cluster: postgres.Cluster) -> None:
    postgres.start(cluster=cluster)
    postgres.stop(cluster=cluster)
    (cluster.data / "global" / "pg_control").write_bytes(b"")

    postgres.start(cluster=cluster)

    assert ask(cluster, "SELECT 1") == [(1,)]


def test_a_broken_cluster_with_data_is_refused_and_left_alone(cluster: postgres.Cluster) -> None:
    postgres.start(cluster=cluster)
    postgres.stop(cluster=cluster)
    control = cluster.data / "global" / "pg_control"
    control.write_bytes(b"")

    with pytest.raises(postgres.ClusterDidNotStart, match="pg_control"):
        postgres.start(cluster=postgres.Cluster(data=cluster.data, durable=True))

    assert control.read_bytes() == b""


def test_a_path_too_long_for_a_socket_gets_a_short_one(open_folder: Path) -> None:
    deep = postgres.Cluster(data=open_folder / ("d" * 100) / "postgres", durable=False)
    try:
        postgres.start(cluster=deep)

        assert not str(deep.socket_directory).startswith(str(deep.data))
        assert ask(deep, "SELECT 1") == [(1,)]
    finally:
        postgres.drop(cluster=deep)
    assert not deep.socket_directory.exists()


def test_a_pid_file_that_names_a_stranger_is_not_believed(cluster: postgres.Cluster) -> None:
    cluster.data.mkdir(parents=True)
    (cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n")

    assert postgres.process_id(cluster=cluster) is None
