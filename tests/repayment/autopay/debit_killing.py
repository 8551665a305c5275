"""Workers and a bank to be killed over and over, and a book of any size whose bills all fall due on one day.

Workers are real processes: a mother that has Django loaded forks each within milliseconds. They live at an hour of the
test's own choosing; leases, ends and waits are seconds instead of minutes, in the proportions they have.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from typing import Any

from django.db import connection

from backoffice.calendars import clock
from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.intake import NewBorrower
from backoffice.customers.services import register_borrowers
from backoffice.repayment.domain.autopay.codes import Family, shipped_codes
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.mandate_terms import Binding
from backoffice.repayment.domain.autopay.outcomes import Said, read_refusal
from backoffice.repayment.models import DebitCommand, Rail
from backoffice.repayment.services.autopay.registering import MandateRow, register_mandates
from backoffice.repayment.services.autopay.settling import Fact, settle
from backoffice.repayment.services.opening import Opening, open_and_replay
from backoffice.sandbox.bank.books import Books
from backoffice.sandbox.bank.records import Account, Agreement, Line
from tests.repayment.autopay.debiting import DUE, RAIL, SECRET, at, rail
from tests.repayment.cases import TWELVE_MONTHS
from tests.repayment.factories import DISBURSED, PORTFOLIO
from tests.repayment.killing import address

PATIENCE = 60
ROOT = Path(__file__).resolve().parents[3]
CHUNK = 2_000
CURRENCIES = ("CNY", "CNY", "CNY", "EUR")
WORKERS = """
import os, signal, sys, time, traceback
from datetime import timedelta
import django
django.setup()
from backoffice.audit import outbox
from backoffice.calendars import clock
from backoffice.core import signed_http
from backoffice.outreach.domain import handover
from backoffice.repayment.services.autopay import handing, resolving, settling, submitting

outbox._wake_dispatcher = lambda: None
signed_http.CONNECT_SECONDS, signed_http.ANSWER_SECONDS = 0.3, 0.7
handing.CHUNK = submitting.CHUNK = int(os.environ["DEBITS_A_CHUNK"])
submitting.HANDS, handing.CALL_SECONDS = 8, 1.1
handing.LEASE, handing.EXPIRES = timedelta(seconds=3), timedelta(seconds=4)
resolving.HANDS, resolving.BATCH, resolving.CLOCKS_DIFFER = 8, 20, timedelta(seconds=1)
settling.FIRST_LOOK = timedelta(seconds=0.3)
handover.LOOKS, handover._FIRST_WAIT, handover._LONGEST_WAIT = (timedelta(seconds=1),), 1, 2
shift = timedelta(seconds=float(os.environ["CLOCK_SHIFT"]))
then = lambda: clock.now() + shift

def work():
    while True:
        submitting.submit_while_due(clock=then, seconds=1)
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
            print("a worker failed", os.getpid(), file=open(os.environ["FAILURES"], "a"), flush=True)
        finally:
            os._exit(1)
    print(child, flush=True)
"""


class Hour:
    """The hour workers and bank live at: the machine's clock and a shift."""

    def __init__(self, morning: datetime) -> None:
        self.shift = morning - clock.now()

    def now(self) -> datetime:
        """What their clocks show."""
        return clock.now() + self.shift


class Workers:
    """The process that forks the workers."""

    def __init__(self, *, hour: Hour, failures: Path, chunk: int) -> None:
        environment = {
            "DATABASE_URL": address(),
            "DJANGO_SETTINGS_MODULE": "backoffice.config.settings",
            "CLOCK_SHIFT": str(hour.shift.total_seconds()),
            "FAILURES": str(failures),
            "DEBITS_A_CHUNK": str(chunk),
            f"RAIL_SECRET_{RAIL.upper()}": SECRET,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKERS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | environment,
            text=True,
        )
        assert self._said() == "ready"
        self.alive: list[int] = []

    def __enter__(self) -> "Workers":
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
        """One more worker; its process id."""
        assert self._process.stdin is not None
        print("start", file=self._process.stdin, flush=True)
        self.alive.append(int(self._said()))
        return self.alive[-1]

    def kill(self, pid: int) -> None:
        """Ends a worker at whatever it is at."""
        os.kill(pid, signal.SIGKILL)
        self.alive.remove(pid)

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class KilledBank:
    """The sandbox's bank as a process on a port of its own, with books that outlive it."""

    def __init__(self, *, books: Path, hooks: str) -> None:
        with socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._books, self._hooks = books, hooks
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Starts it, or starts it again where it stopped."""
        options = ("--port", str(self.port), "--bank-state", str(self._books))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "backoffice.sandbox", *options, "--rail-hooks", self._hooks, "--rail-code", RAIL],
            cwd=ROOT,
            env=os.environ | {"SANDBOX_RAIL_SECRET": SECRET},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        assert "listens" in self._process.stderr.readline()

    def kill(self) -> None:
        """Ends it at whatever it is at."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=PATIENCE)
        assert self._process.stderr is not None
        self._process.stderr.close()

    def ask(self, path: str, document: dict[str, Any] | None = None) -> Any:
        """One of the bank's own pages, or a word to it."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}/bank{path}", data=body)
        for _ in range(50):
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return json.load(answer)
            except urllib.error.URLError:
                time.sleep(0.1)
        raise AssertionError(path)

    def movements(self) -> list[dict[str, Any]]:
        """Every movement of money, in order."""
        found: list[dict[str, Any]] = []
        while page := self.ask(f"/movements?after={len(found)}&limit=10000")["movements"]:
            found += page
        return found


class _Server(ThreadingHTTPServer):
    """Keeps what went wrong; the bank gets no answer then and tells it again."""

    failures: list[str]

    def handle_error(self, *_of: object) -> None:
        error = traceback.format_exc()
        if "BrokenPipe" not in error and "ConnectionReset" not in error:
            self.failures.append(error)


class NoticeDesk:
    """Takes the bank's notices and writes them down, side by side with the workers; some answers are lost."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self.taken, self.failures = 0, list[str]()
        self._now = now
        self._server = _Server(("127.0.0.1", 0), _desk(self))
        self._server.failures = self.failures
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "NoticeDesk":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, said: dict[str, Any]) -> int:
        """Write one notice down; the status to answer with."""
        self.taken += 1
        try:
            command = DebitCommand.objects.get(order_no=said["order_no"])
            settle(facts={command.pk: _fact(said)}, at=self._now(), actor=SYSTEM)
        finally:
            connection.close()
        return 500 if self.taken % 10 == 0 else 200


def _fact(said: dict[str, Any]) -> Fact:
    if said["event"] == "succeeded":
        done = Said(CommandState.SUCCEEDED, said["code"], Family.DONE)
    else:
        done = read_refusal(said["code"], scheme="unionpay", codes=shipped_codes(), order_no=said["order_no"])
    moment = datetime.fromisoformat(said["at"])
    return Fact(said=done, at=moment, amount=Decimal(said["amount"]), reference=said["reference"])


def _desk(desk: NoticeDesk) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            text = self.rfile.read(length)
            # The bank was killed while it spoke: there is nothing to take, and nobody to tell so.
            self.send_response(desk.take(json.loads(text)) if len(text) == length else 400)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Nothing is said about calls."""

    return Handler


@dataclass(frozen=True)
class Owing:
    """A loan whose first bill falls due on `DUE`, and the account it is debited from."""

    loan_id: int
    borrower_id: int
    agreement_no: str
    token: str
    currency: str
    amount: Decimal


def book_of(count: int) -> list[Owing]:
    """So many loans, each of a borrower with an agreement in force, on the day their first bills fall due."""
    owing: list[Owing] = []
    terms = {currency: replace(TWELVE_MONTHS, currency=currency) for currency in CURRENCIES}
    for first in range(0, count, CHUNK):
        numbers = range(first, min(first + CHUNK, count))
        rows = [NewBorrower(external_id=f"K{number}", portfolio=PORTFOLIO, country="CN") for number in numbers]
        owners = register_borrowers(source="kills", rows=rows, actor=SYSTEM).ids
        loans = open_and_replay(
            loans=[
                Opening(
                    external_id=f"K{number}",
                    portfolio=PORTFOLIO,
                    borrower_id=owners[f"K{number}"],
                    terms=terms[CURRENCIES[number % len(CURRENCIES)]],
                    principal=Decimal(6_000 + 100 * (number % 97)),
                    disbursed_on=DISBURSED,
                )
                for number in numbers
            ],
            business_date=DUE,
            actor=SYSTEM,
        )
        owing += [
            Owing(
                loan_id=loan_id,
                borrower_id=owners[f"K{number}"],
                agreement_no=f"AG-{number:06d}",
                token=f"tok-{number}",
                currency=CURRENCIES[number % len(CURRENCIES)],
                amount=Decimal(0),
            )
            for number, loan_id in zip(numbers, loans, strict=True)
        ]
    _agree(owing)
    BusinessDay.objects.update_or_create(pk=BusinessDay.ONLY, defaults={"today": DUE})
    return owing


def bank_knows(owing: Sequence[Owing], *, books: Path, poor_every: int) -> None:
    """The agreements and accounts stand in the bank's books before it opens; every so many-th account is poor."""
    kept = Books(file=books)
    for number, one in enumerate(owing):
        balance = Decimal("400.00") if number % poor_every == 0 else Decimal("100000.00")
        kept.write(Line(account=Account(account=one.token, currency=one.currency, balance=balance)))
        kept.write(Line(agreement=Agreement(agreement_no=one.agreement_no, account=one.token, currency=one.currency)))
    kept.close()


def _agree(owing: Sequence[Owing]) -> None:
    over = rail()
    Rail.objects.filter(pk=over.pk).update(refilled_at=at("00:30"))
    register_mandates(
        rows=[
            MandateRow(
                borrower_id=one.borrower_id,
                rail_id=over.pk,
                agreement_no=one.agreement_no,
                binding=Binding(kind="account", bank="CN01", token=one.token, mask="**** 1", currency=one.currency),
                signed_on=date(2026, 1, 2),
                allows_partial=True,
            )
            for one in owing
        ],
        source="kills",
        actor=SYSTEM,
        at=at("06:00") - timedelta(days=1),
    )
