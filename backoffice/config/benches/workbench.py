"""A database of the benches' own on the development server: made, migrated and dropped here."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connection, connections
from psycopg import sql

from backoffice.config.celery import app as celery
from backoffice.core.bulk import fetch

PREFIX = "bench_"
DURABILITY = ("fsync", "synchronous_commit", "full_page_writes", "wal_level", "wal_compression", "shared_buffers")


@contextmanager
def own_database() -> Iterator[str]:
    """Everything inside runs in a fresh database, dropped afterwards whatever happens; gives its name."""
    connection.ensure_connection()
    usual = connection.settings_dict["NAME"]
    name = f"{PREFIX}{os.getpid()}"
    _statement("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    _statement("CREATE DATABASE {}", name)
    try:
        _use(name)
        call_command("migrate", verbosity=0)
        yield name
    finally:
        _use(usual)
        _statement("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@contextmanager
def quiet_queue() -> Iterator[None]:
    """Tasks are put on a queue in memory, which costs about what the real one does; nobody works them here."""
    kept = {name: celery.conf[name] for name in ("broker_url", "task_always_eager")}
    celery.conf.update(broker_url="memory://", task_always_eager=False)
    try:
        yield
    finally:
        celery.conf.update(kept)


def address() -> str:
    """The address of the database in use, as `DATABASE_URL` takes it, for a process of its own."""
    params = _params()
    query = "&".join(f"{name}={params[name]}" for name in ("host", "port") if params.get(name))
    return f"postgresql://{params.get('user') or ''}@/{connection.settings_dict['NAME']}?{query}"


def durability() -> str:
    """The server's settings that decide what a commit costs."""
    return ", ".join(f"{name} {fetch(f'SHOW {name}')[0][0]}" for name in DURABILITY)


def _use(name: str) -> None:
    connections.close_all()
    connection.close_pool()  # type: ignore[attr-defined]
    connection.settings_dict["NAME"] = name


def _params() -> dict[str, Any]:
    chosen = connection.settings_dict
    params = {"host": chosen["HOST"], "port": chosen["PORT"], "user": chosen["USER"], "password": chosen["PASSWORD"]}
    return {name: value for name, value in params.items() if value}


def _statement(text: str, name: str) -> None:
    with psycopg.connect(**_params(), dbname="postgres", autocommit=True) as server:
        server.execute(sql.SQL(text).format(sql.Identifier(name)))
