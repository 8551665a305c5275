"""The queue from the wheel: on a socket, and what is queued outlives a restart."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from backoffice.config.services import valkey


@pytest.fixture
def server(tmp_path: Path) -> Iterator[valkey.Server]:
    made = valkey.Server(data=tmp_path / "valkey")
    valkey.start(server=made)
    yield made
    valkey.stop(server=made)


def client(server: valkey.Server) -> "redis.Redis":
    return redis.Redis(unix_socket_path=str(server.socket))


def test_what_is_queued_outlives_a_restart(server: valkey.Server) -> None:
    with client(server) as connection:
        connection.rpush("celery", "a task")
    first = valkey.process_id(server=server)

    valkey.stop(server=server)
    assert valkey.process_id(server=server) is None
    valkey.start(server=server)

    assert valkey.process_id(server=server) not in {None, first}
    with client(server) as connection:
        assert connection.lrange("celery", 0, -1) == [b"a task"]


def test_listens_on_no_port(server: valkey.Server) -> None:
    with client(server) as connection:
        assert connection.config_get("port") == {"port": "0"}
    assert (server.socket.stat().st_mode & 0o777) == 0o700


def test_a_second_start_changes_nothing(server: valkey.Server) -> None:
    running = valkey.process_id(server=server)

    valkey.start(server=server)

    assert valkey.process_id(server=server) == running


def test_stopping_what_does_not_run_is_no_error(tmp_path: Path) -> None:
    valkey.stop(server=valkey.Server(data=tmp_path))

    assert list(tmp_path.iterdir()) == []
