"""What every test gets: a database of its own, copied from a template that has the migrations in it."""

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import psutil
import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.utils import translation
from hypothesis import settings as hypothesis_settings
from psycopg import sql
from pytest_django import DjangoDbBlocker
from pytest_django.plugin import blocking_manager_key

from backoffice.audit.append_only import EMPTYING
from backoffice.config import translations

TEMPLATES_KEPT = 3
# The migrations that write data a fresh database has (who may approve how much, the first packs of contact rules), and
# the functions that do it, in their order.
DATA_MADE_BY = (
    ("backoffice.customers.migrations.0002_who_may_lift_a_hold", "write_limits"),
    ("backoffice.customers.migrations.0004_who_may_hold_many", "write_limits"),
    ("backoffice.repayment.migrations.0002_rules", "write_limits"),
    ("backoffice.outreach.migrations.0005_who_may_approve_a_template", "write_limits"),
    ("backoffice.outreach.migrations.0008_experiments_frozen", "write_limits"),
    ("backoffice.outreach.migrations.0008_experiments_frozen", "write_first_metrics"),
    ("backoffice.outreach.migrations.0010_reminders_two_people", "write_limits"),
    ("backoffice.outreach.migrations.0011_packs", "write_first_packs"),
    ("backoffice.outreach.migrations.0011_packs", "write_limits"),
    ("backoffice.outreach.migrations.0016_campaigns", "write_limits"),
    ("backoffice.repayment.migrations.0013_who_resolves_differences", "write_limits"),
    ("backoffice.repayment.migrations.0015_claims", "write_limits"),
)
OF_A_RUN = re.compile(r"test_(?P<pid>[0-9]+)(_|$)")
# The process that runs the session; its workers inherit the name and add their own number.
RUN = os.environ.setdefault("TEST_RUN", f"test_{os.getpid()}")

# A law is a law on a busy machine too: a slow first example (holidays are read once a year) is not a failure.
hypothesis_settings.register_profile("laws", deadline=None)
hypothesis_settings.load_profile("laws")


def pytest_sessionstart() -> None:
    """Translations are compiled from what is in the tree, so that a fresh clone tests in both languages."""
    translations.compile_all(folders=[Path(folder) for folder in settings.LOCALE_PATHS])


@pytest.fixture(autouse=True)
def _language_of_its_own() -> Iterator[None]:
    """A request leaves its language on the thread until the next one; no test reads what another one chose."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Names this worker's database after the session, so that sessions side by side do not meet; picks its template.

    With `DATABASE_URL` set, the server is somebody else's: Django makes and migrates the test database there as usual.
    Every connection of a test may empty the tables that only grow: it is how a test's end leaves nothing behind.
    """
    options = connections["default"].settings_dict["OPTIONS"]
    options["options"] = f"{options.get('options', '')} -c {EMPTYING}=allowed".strip()
    if settings.CLUSTER is None:
        return
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    test_settings = connections["default"].settings_dict["TEST"]
    test_settings["NAME"] = f"{RUN}_{worker}" if worker else RUN
    with django_db_blocker.unblock():
        test_settings["TEMPLATE"] = _template()


def _template() -> str:
    """The database with today's migrations applied, made by whoever comes first."""
    name = f"template_{_migrations_digest()}"
    with _alone(), _server() as server:
        _sweep(server=server, keep=name)
        if (name,) in server.execute("SELECT datname FROM pg_database").fetchall():
            return name
        draft = f"{RUN}_draft"
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
        connection = connections["default"]
        usual_name = connection.settings_dict["NAME"]
        connection.close()
        connection.settings_dict["NAME"] = draft
        try:
            call_command("migrate", verbosity=0, run_syncdb=True)
        finally:
            connection.close()
            connection.settings_dict["NAME"] = usual_name
        server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), sql.Identifier(name)))
    return name


def _migrations_digest() -> str:
    """One name for the state of all migrations and the data they read; any edit of any of them makes another."""
    digest = hashlib.sha256()
    for app in sorted(apps.get_app_configs(), key=lambda one: one.label):
        for file in sorted(Path(app.path, "migrations").glob("*.py")):
            digest.update(f"{app.label}/{file.name}".encode())
            digest.update(file.read_bytes())
    # The first packs of contact rules are written by a migration that reads them from these files.
    for file in sorted(Path(apps.get_app_config("outreach").path, "packs").glob("*.toml")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _sweep(*, server: psycopg.Connection, keep: str) -> None:
    """Drops what killed sessions left behind, and templates of migrations long past."""
    names = [name for (name,) in server.execute("SELECT datname FROM pg_database ORDER BY oid DESC").fetchall()]
    left_over = [name for name in names if (run := OF_A_RUN.match(name)) and not psutil.pid_exists(int(run["pid"]))]
    past = [name for name in names if name.startswith("template_") and name != keep][TEMPLATES_KEPT:]
    for name in left_over + past:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One process at a time makes or drops databases."""
    with settings.CLUSTER.data.with_name("test-template.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _server() -> Iterator[psycopg.Connection]:
    """A connection outside every test database."""
    connections["default"].ensure_connection()
    with psycopg.connect(settings.CLUSTER.url(database="postgres"), autocommit=True) as server:
        yield server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Puts the data that the migrations made back after a test whose end empties every table.

    A fresh database has it; without this a test would find them or not by what its worker ran before.
    """
    result = yield
    if nextitem is not None and _empties_tables(item):
        with item.config.stash[blocking_manager_key].unblock():
            _restore_data()
    return result


def _empties_tables(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("django_db")
    names = getattr(item, "fixturenames", ())
    return bool(marker and marker.kwargs.get("transaction")) or "transactional_db" in names or "live_server" in names


def _restore_data() -> None:
    if apps.get_model("audit", "ApprovalLimit").objects.exists():
        return
    for module, function in DATA_MADE_BY:
        getattr(import_module(module), function)(apps, None)
    connections["default"].close()
