"""One payment through the API, in this process with all its middleware: alone, and while a day is being closed."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date
from time import perf_counter
from typing import Any

from django.conf import settings
from django.test import Client

from backoffice.config.benches.results import Row, percentile
from backoffice.config.benches.workbench import address
from backoffice.core.bulk import fetch
from backoffice.staff.models import Team, User
from backoffice.staff.services.tokens import issue_token

URL = "/api/v1/repayment/payments/"
TARGET_ALONE = 0.040
TARGET_DURING = 0.250
MOST_DURING = 3_000
# Enough people that nobody's rate is reached.
PEOPLE = 20

# Arrears or 100.00 on loans that such a payment, or the day's end, does not close.
LOANS = """
SELECT id, greatest(overdue_amount, 100.00) FROM repayment_loan
WHERE status = 'active' AND id > %s AND outstanding_total > overdue_amount + 1000
  AND maturity_on > (SELECT today FROM calendars_businessday) + 40
ORDER BY id LIMIT %s
"""


def measure_alone(*, on: date, count: int) -> Row:
    """`count` payments one after the other, after a few to warm up."""
    callers = _callers()
    loans = fetch(LOANS, [0, count + PEOPLE])
    taken = [_pay(callers[place % PEOPLE], loan, amount, on) for place, (loan, amount) in enumerate(loans)][PEOPLE:]
    return _row("one payment through the API, alone: p95", taken, percent=95, target=TARGET_ALONE)


def measure_during_close(*, day: date, on: date, say: Callable[[str], None]) -> Row | None:
    """Payments dated `on`, the day after, for as long as another process closes `day`: posting does not wait for it.

    None when the day was closed before a payment could be made, as in a very small book.
    """
    callers = _callers()
    loans = iter(fetch(LOANS, [fetch("SELECT max(id) / 2 FROM repayment_loan")[0][0], MOST_DURING]))
    closing = subprocess.Popen(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "day_end", "--date", str(day)],
        env=os.environ | {"DATABASE_URL": address(), "DEBUG": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    has_begun = threading.Event()
    taken: list[float] = []
    while closing.poll() is None:
        if not has_begun.is_set():
            if not fetch("SELECT 1 FROM calendars_businessday WHERE state = 'closing'"):
                continue
            has_begun.set()
        loan, amount = next(loans, (None, None))
        if loan is None:  # a small book has no more of them; the close goes on by itself
            break
        taken.append(_pay(callers[len(taken) % PEOPLE], loan, amount, on))
    _, errors = closing.communicate()
    if closing.returncode:
        msg = f"the day end failed: {errors.decode()[-500:]}"
        raise AssertionError(msg)
    if not taken:
        return None
    say(f"{len(taken)} payments while {day} was closed, the slowest {max(taken) * 1000:.0f} ms")
    return _row("one payment through the API, during day end: p99", taken, percent=99, target=TARGET_DURING)


def _pay(caller: "Caller", loan_id: int, amount: Any, on: date) -> float:
    body = {"loan_id": loan_id, "amount": str(amount), "currency": "CNY", "value_date": str(on), "channel": "counter"}
    started = perf_counter()
    answer = caller.client.post(
        URL,
        data=json.dumps(body),
        content_type="application/json",
        headers={"authorization": f"Bearer {caller.secret}", "idempotency-key": f"{caller.secret[-6:]}-{loan_id}-{on}"},
    )
    taken = perf_counter() - started
    if answer.status_code != 201:
        msg = f"{answer.status_code}: {answer.content.decode()[:500]}"
        raise AssertionError(msg)
    return taken


class Caller:
    """A program with a token of a person who may post payments."""

    def __init__(self, number: int, team: Team) -> None:
        user, _ = User.objects.get_or_create(
            username=f"bench-{number}", defaults={"roles": ["senior_agent"], "team": team, "display_name": "Bench"}
        )
        issued = issue_token(user=user, name="bench", scopes=["repayment.payment.post"], days=1, actor=user.as_actor())
        self.secret = issued.secret
        self.client = Client(raise_request_exception=True)


def _callers() -> list[Caller]:
    team, _ = Team.objects.get_or_create(name="Bench")
    return [Caller(number, team) for number in range(PEOPLE)]


def _row(name: str, taken: list[float], *, percent: int, target: float) -> Row:
    seconds = percentile(taken, percent)
    return Row(
        name=name,
        size=len(taken),
        seconds=seconds,
        rate=len(taken) / sum(taken),
        target=f"<= {target * 1000:g} ms",
        met=seconds <= target,
    )
