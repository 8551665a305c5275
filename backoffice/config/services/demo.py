"""`make demo`: everything the product needs, on one machine, from one command, until Ctrl-C.

PostgreSQL and Valkey come from their wheels (or from `DATABASE_URL` and `CELERY_BROKER_URL`); web, worker, beat and
sandbox run exactly as in production, over plain HTTP on the loopback interface, with keys generated on this machine.
"""

import fcntl
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from backoffice.audit.append_only import APPLICATION_ROLE
from backoffice.config import environment as environment_rules
from backoffice.config.services import postgres, processes, valkey
from backoffice.staff.services.demo import FILE as LOGINS
from backoffice.staff.services.demo import read_logins

HOST = "127.0.0.1"
FIRST_WEB_PORT = 8000
FIRST_SANDBOX_PORT = 8100
FIRST_MAIL_PORT = 8125
# The sandbox plays the gateways of these codes; each shares a secret with the product, here one for all.
SANDBOX_GATEWAYS = ("SMS", "BOT", "PUSH", "EMAIL")
# So do the rails of its bank; the first one is spoken to over HTTP and tells by notices.
SANDBOX_RAILS = ("union", "iso")
BANK_STATE = "bank.jsonl"
LENDER = {
    "LENDER_NAME": "Backoffice Demo",
    "LENDER_PHONE": "010-5550-0100",
    "LENDER_APP_LINK": "https://app.example.org/pay",
    "DEFAULT_FROM_EMAIL": "messages@lender.example",
}
PORTS_TRIED = 100
# Linux lets a server that reuses addresses listen on a port that is bound and not listened on; others do not.
SHARES_KEPT_PORTS = sys.platform == "linux"
ROOT_WARNING = "ignore:You're running the worker with superuser privileges"
START_SECONDS = 90.0
# Exit statuses of the process manager after Ctrl-C and after SIGTERM: the demo ended as it should.
ASKED_TO_STOP = (128 + signal.SIGINT, 128 + signal.SIGTERM)
POLL_SECONDS = 0.2


class DemoRefused(Exception):
    """The demo cannot start or go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """Where things are: the source tree, the run directory, the data sets if any, and the keys of this machine."""

    source: Path
    folder: Path
    data: Path | None
    secret_key: str
    field_keys: str
    with_books: bool

    @property
    def cluster(self) -> postgres.Cluster:
        return postgres.Cluster(data=self.folder / "postgres")

    @property
    def queue(self) -> valkey.Server:
        return valkey.Server(data=self.folder / "valkey")

    @property
    def loaded_note(self) -> Path:
        return self.folder / "loaded.json"


def run(*, demo: Demo) -> int:
    """Runs the demo until it is told to stop; leaves no process behind. Gives the exit status, 0 when it was told to.

    Raises DemoRefused.
    """
    with _only_demo(demo=demo):
        _say(f"Backoffice demo, kept in {demo.folder}")
        # SIGINT too: a shell starts what it puts into the background with Ctrl-C ignored.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _stop_on_signal)
        processes.end_marked(mark=str(demo.folder))
        guard = None
        try:
            guard = _start_guard(demo=demo)
            environment = _start_servers(demo=demo)
            _prepare(demo=demo, environment=environment)
            status = _serve(demo=demo, environment=_of_application(demo=demo, environment=environment))
            return 0 if status in ASKED_TO_STOP else status
        except KeyboardInterrupt:
            return 0
        except (postgres.ClusterDidNotStart, valkey.ValkeyDidNotStart) as failure:
            raise DemoRefused(str(failure)) from failure
        finally:
            # From here on nothing may interrupt; a second Ctrl-C changes nothing.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            _stop_all(demo=demo)
            if guard:
                guard.kill()
                guard.wait()


def reset(*, demo: Demo) -> None:
    """Deletes the demo's data and keys. Raises DemoRefused while it runs."""
    with _only_demo(demo=demo):
        processes.end_marked(mark=str(demo.folder))
        valkey.stop(server=demo.queue)
        postgres.drop(cluster=demo.cluster)
        for name in ("valkey", "static", "media", "keys"):
            shutil.rmtree(demo.folder / name, ignore_errors=True)
        for file in (demo.loaded_note, *(demo.folder / name for name in (LOGINS, "sandbox.jsonl", BANK_STATE))):
            file.unlink(missing_ok=True)
        _say(f"The demo's data in {demo.folder} is gone; `make demo` starts over.")


def _start_servers(*, demo: Demo) -> dict[str, str]:
    """Starts PostgreSQL and Valkey unless the environment names others; gives the environment of all that follows."""
    environment = dict(os.environ) | {
        "DEBUG": "0",
        "PLAIN_HTTP": "1",
        "ALLOWED_HOSTS": f"{HOST},localhost",
        "SECRET_KEY": demo.secret_key,
        "FIELD_KEYS": demo.field_keys,
        "RUN_DIR": str(demo.folder),
        "PYTHONUNBUFFERED": "1",
        **{name: os.environ.get(name) or value for name, value in LENDER.items()},
        processes.MARK: str(demo.folder),
    }
    if not environment.get("DATABASE_URL"):
        with _step("Starting PostgreSQL"):
            postgres.share(cluster=demo.cluster)
        environment["DATABASE_URL"] = demo.cluster.url()
    if not environment.get("CELERY_BROKER_URL"):
        with _step("Starting Valkey"):
            valkey.start(server=demo.queue)
        environment["CELERY_BROKER_URL"] = demo.queue.broker_url
        environment["CACHE_URL"] = demo.queue.cache_url
    return environment


def _prepare(*, demo: Demo, environment: Mapping[str, str]) -> None:
    """Brings database, translations and static files up to date; loads the data once."""
    _manage(demo=demo, environment=environment, command=["prepare_demo"])
    _manage(demo=demo, environment=environment, command=["load_templates", "--active"])
    if demo.with_books and _lacks_books(demo=demo, database=environment["DATABASE_URL"]):
        with _step("Loading the books", ending="\n"):
            _manage(demo=demo, environment=environment, command=["load_demo", *_source(demo)])
            # The bank of the books before knows nothing of these.
            (demo.folder / BANK_STATE).unlink(missing_ok=True)
        note = {"database": environment["DATABASE_URL"], "data": str(demo.data or "")}
        demo.loaded_note.write_text(json.dumps(note), encoding="utf-8")


def _source(demo: Demo) -> list[str]:
    return ["--data", str(demo.data)] if demo.data else []


def _lacks_books(*, demo: Demo, database: str) -> bool:
    """True when this database was not loaded yet, or real sets are asked for that it does not hold.

    A start without sets keeps whatever books there are.
    """
    try:
        note = json.loads(demo.loaded_note.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return True
    return bool(note["database"] != database or (demo.data and note["data"] != str(demo.data)))


def _of_application(*, demo: Demo, environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment of what serves: on our own cluster under the application's role, which cannot edit the past."""
    if environment["DATABASE_URL"] != demo.cluster.url():
        return environment
    postgres.admit(cluster=demo.cluster, role=APPLICATION_ROLE)
    return {**environment, "DATABASE_URL": demo.cluster.url(role=APPLICATION_ROLE)}


def _serve(*, demo: Demo, environment: Mapping[str, str]) -> int:
    with ExitStack() as kept:
        web, sandbox, mail = (
            kept.enter_context(keep_port(first=first)).getsockname()[1]
            for first in (FIRST_WEB_PORT, FIRST_SANDBOX_PORT, FIRST_MAIL_PORT)
        )
        environment = {**environment, **_of_sandbox(demo=demo, port=sandbox, mail=mail)}
        _manage(demo=demo, environment=environment, command=["connect_sandbox", environment["SANDBOX_URL"]])
        _manage(demo=demo, environment=environment, command=["connect_rails", environment["SANDBOX_URL"]])
        if demo.with_books:
            _manage(demo=demo, environment=environment, command=["load_mandates", *_source(demo)])
            _manage(demo=demo, environment=environment, command=["load_autopay"])
        if not SHARES_KEPT_PORTS:
            kept.close()
        return _run_services(demo=demo, environment=environment, web=web, sandbox=sandbox, mail=mail)


def _run_services(*, demo: Demo, environment: Mapping[str, str], web: int, sandbox: int, mail: int) -> int:
    python = shlex.quote(sys.executable)
    address = f"http://{HOST}:{web}"
    # Links in messages to borrowers and staff lead here, unless the environment says otherwise.
    environment = {"STAFF_SITE": address, "PAY_LINK_SITE": address, **environment}
    commands = {
        "web": f"{python} -m granian --interface wsgi --host {HOST} --port {web} --workers 2 --blocking-threads 4 "
        "--workers-kill-timeout 3 --log-level warning backoffice.config.wsgi:application",
        # The warning about root is for workers that unpickle; ours read JSON only.
        "worker": f"{python} -W {shlex.quote(ROOT_WARNING)} -m celery --quiet --app backoffice.config.celery worker "
        "--loglevel WARNING --concurrency 2 --without-mingle --without-gossip",
        "beat": f"{python} -m celery --quiet --app backoffice.config.celery beat --loglevel WARNING --pidfile=",
        "sandbox": f"{python} -m backoffice.sandbox --port {sandbox} --smtp-port {mail} --lifelike "
        f"--hooks http://{HOST}:{web}/hooks/gateways --state {shlex.quote(str(demo.folder / 'sandbox.jsonl'))} "
        f"--rail-hooks http://{HOST}:{web}/hooks/rails --rail-code {SANDBOX_RAILS[0]} "
        f"--bank-state {shlex.quote(str(demo.folder / BANK_STATE))}",
    }
    _say(f"Starting {', '.join(commands)}")
    threading.Thread(target=_announce, kwargs={"address": address, "demo": demo}, daemon=True).start()
    return processes.run_together(
        services=[
            processes.Service(name=name, command=command, environment=environment) for name, command in commands.items()
        ],
        folder=demo.source,
    )


def _of_sandbox(*, demo: Demo, port: int, mail: int) -> dict[str, str]:
    """Where the sandbox is, and the secrets its gateways and rails share with the product, made on this machine."""
    secret, rail_secret = (
        environment_rules.kept(path=demo.folder / "keys" / name, value=environment_rules.new_secret_key())
        for name in ("gateway_secret", "rail_secret")
    )
    return {
        "SANDBOX_URL": f"http://{HOST}:{port}",
        "SANDBOX_GATEWAY_SECRET": secret,
        "SANDBOX_RAIL_SECRET": rail_secret,
        **{f"GATEWAY_SECRET_{code}": secret for code in SANDBOX_GATEWAYS},
        **{f"RAIL_SECRET_{code.upper()}": rail_secret for code in SANDBOX_RAILS},
        "EMAIL_HOST": HOST,
        "EMAIL_PORT": str(mail),
    }


def _announce(*, address: str, demo: Demo) -> None:
    """Waits until the console answers, then says where it is and who can log in."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/health/", timeout=5) as answer:  # noqa: S310  our own http address
                if answer.status == 200:
                    break
        except (urllib.error.URLError, OSError):
            time.sleep(POLL_SECONDS)
    else:
        _say(f"The console has not answered at {address} for {START_SECONDS:.0f} s; see the lines above.")
        return
    _say(f"\n  The console is at  {address}\n  The API is at      {address}/api/docs/\n\n{_who_can_log_in(demo=demo)}")
    _say("\n  Ctrl-C stops everything.\n")


def _who_can_log_in(*, demo: Demo) -> str:
    """One line per demo user; the password was made on this machine and is kept in the run directory."""
    lines = [f"  {'user name':<14} password"]
    for login in read_logins(folder=demo.folder):
        code = "   and a one-time code" if login.totp_secret else ""
        lines.append(f"  {login.username:<14} {login.password}{code}")
    lines.append("\n  `make demo-code` prints the code of admin, `make demo-code LOGIN=compliance` the other's.")
    return "\n".join(lines)


def _stop_all(*, demo: Demo) -> None:
    _say("Stopping")
    processes.end_marked(mark=str(demo.folder))
    valkey.stop(server=demo.queue)
    postgres.stop(cluster=demo.cluster)
    _say("Stopped; the data is kept. `make demo` starts again, `make demo-reset` starts over.")


def _start_guard(*, demo: Demo) -> subprocess.Popen[bytes]:
    """Starts the process that tidies up if this one is killed; it is of no use once everything has stopped."""
    return subprocess.Popen(
        [sys.executable, "-m", "backoffice.config.services.guard", str(os.getpid()), str(demo.folder)],
        cwd=demo.source,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def _manage(*, demo: Demo, environment: Mapping[str, str], command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *command], cwd=demo.source, env=environment, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        msg = f"`manage.py {' '.join(command)}` failed; its words are above."
        raise DemoRefused(msg)


def keep_port(*, first: int) -> socket.socket:
    """A socket bound to the first port from `first` on that nobody has. Raises DemoRefused when a hundred are taken.

    It never listens. While it is open another demo takes another port, and the server the port is meant for has it.
    """
    for port in range(first, first + PORTS_TRIED):
        keeper = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            keeper.bind((HOST, port))
        except OSError:
            keeper.close()
            continue
        # Set after the binding: before it, a port that another demo keeps would pass for free.
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return keeper
    msg = f"Ports {first} to {first + PORTS_TRIED - 1} are all taken."
    raise DemoRefused(msg)


@contextmanager
def _only_demo(*, demo: Demo) -> Iterator[None]:
    """One demo per run directory at a time."""
    demo.folder.mkdir(parents=True, exist_ok=True)
    with (demo.folder / "demo.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            msg = f"A demo already runs in {demo.folder}; stop it with Ctrl-C first."
            raise DemoRefused(msg) from taken
        yield


@contextmanager
def _step(title: str, *, ending: str = " ") -> Iterator[None]:
    """Says what is being done and how long it took; `ending` is a new line where the work itself says more."""
    began = time.monotonic()
    print(f"{title} ...", end=ending, flush=True)
    yield
    print(f"done in {time.monotonic() - began:.1f} s", flush=True)


def _say(text: str) -> None:
    print(text, flush=True)


def _stop_on_signal(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
