"""A bank that is killed while it works: nothing is executed twice, nothing it told is lost.

`BANK_KILLED` is how many debits are sent meanwhile, 600 unless told otherwise.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from decimal import Decimal
from http.client import HTTPException
from pathlib import Path
from socket import socket
from typing import Any

import pytest

from backoffice.sandbox.bank.behaviour import BankScript
from backoffice.sandbox.bank.books import Books
from backoffice.sandbox.bank.records import Account, Agreement, Line
from backoffice.sandbox.bank.teller import UNIONPAY, Command, Teller
from backoffice.sandbox.serving import Sandbox
from tests.sandbox.lender import MORNING, SECRET, Lender, pain_008, until

ROOT = Path(__file__).resolve().parents[2]
ORDERS = int(os.environ.get("BANK_KILLED", "600"))
HANDS = 8
FINAL = {"succeeded", "declined", "returned"}


class Process:
    """A sandbox as a process on a port of its own, whose bank has a memory that outlives it."""

    def __init__(self, books: Path) -> None:
        with socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._books = books
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "backoffice.sandbox", "--port", str(self.port), "--bank-state", str(self._books)],
            cwd=ROOT,
            env={**os.environ, "SANDBOX_RAIL_SECRET": SECRET},
            stderr=subprocess.PIPE,
        )
        assert self._process.stderr is not None
        assert self._process.stderr.readline()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(timeout=10)
        assert self._process.stderr is not None
        self._process.stderr.close()


def settle(lender: Lender, order_no: str, agreement_no: str, told: dict[str, Any]) -> None:
    """What a careful lender does: asks when it is unclear, and sends again only what was never taken."""
    while order_no not in told:
        with contextlib.suppress(OSError, HTTPException):
            status, answer = lender.ask(order_no)
            if status == 404:
                status, answer = lender.debit(order_no, agreement_no, expires_at="2026-03-18T07:00:00+08:00")
            if answer.get("state") in FINAL:
                told[order_no] = answer
        time.sleep(0.01)


def test_a_killed_bank_executes_nothing_twice_and_loses_nothing(books: Path) -> None:
    bank = Process(books)
    lender = Lender(bank.url)
    lender.script(clock=MORNING)
    lender.script(rail="http", drop_after=0.05, drop_before=0.05, processing=0.05, processing_seconds=0.2)
    for number in range(HANDS):
        lender.agree(f"AG-{number}", balance="10000.00")
    told: dict[str, Any] = {}
    left = [[f"D{hand}-{n}" for n in range(ORDERS // HANDS)] for hand in range(HANDS)]

    def work(hand: int) -> None:
        for order_no in left[hand]:
            settle(lender, order_no, f"AG-{hand}", told)

    threads = [threading.Thread(target=work, args=(hand,), daemon=True) for hand in range(HANDS)]
    for thread in threads:
        thread.start()
    files = {f"b-{n}.xml": pain_008(f"B-{n}", [(f"F{n}-{k}", "AG-F", "1.00") for k in range(200)]) for n in range(3)}
    dice, kills, taken = random.Random(7), 0, set()
    while any(thread.is_alive() for thread in threads) or kills < 5:
        time.sleep(dice.uniform(0.05, 0.3))
        for name in files.keys() - taken:
            if lender.put(name, files[name])[0] == 202:
                taken.add(name)
                break
        time.sleep(dice.uniform(0.0, 0.1))
        bank.kill()
        kills += 1
        bank.start()
    for thread in threads:
        thread.join()
    for name in files:
        assert lender.put(name, files[name])[0] == 202
    try:
        until(lambda: lender.call("GET", "/bank")[1]["files_to_execute"] == 0)
        until(lambda: len(lender.files("pain.002")) >= 3)
        moved = lender.movements()

        assert {
            order for order, times in Counter(movement["order_no"] for movement in moved).items() if times > 1
        } == set()
        succeeded = {order_no for order_no, answer in told.items() if answer["state"] == "succeeded"}
        assert len(told) == HANDS * (ORDERS // HANDS)
        assert {movement["order_no"] for movement in moved if movement["rail"] == "http"} == succeeded
        assert {order_no: lender.ask(order_no)[1] for order_no in told} == told
        for number in range(HANDS):
            debited = sum(Decimal(one["amount"]) for one in moved if one["agreement_no"] == f"AG-{number}")
            assert Decimal(lender.balance(f"acc-AG-{number}")) == 10_000 - debited
        assert [movement["number"] for movement in moved] == list(range(1, len(moved) + 1))
    finally:
        bank.kill()


def test_forgets_the_line_it_died_in_and_nothing_else(books: Path) -> None:
    with Sandbox(rail_secret=SECRET, bank_state=books) as sandbox:
        lender = Lender(sandbox.url)
        lender.script(clock=MORNING, refuse_risk=0.5)
        lender.agree("AG-1")
        before = [lender.debit(f"D{number}") for number in range(10)]
        lender.close("2026-03-17")
        settlement = lender.settlement("2026-03-17")
        overview = lender.call("GET", "/bank")[1]
    with books.open("a") as journal:
        journal.write('{"order": {"rail": "http", "order_no": "D10", "amou')

    with Sandbox(rail_secret=SECRET, bank_state=books) as sandbox:
        lender = Lender(sandbox.url)
        assert [lender.ask(f"D{number}") for number in range(10)] == before
        assert lender.ask("D10")[0] == 404
        assert lender.settlement("2026-03-17") == settlement
        now = lender.call("GET", "/bank")[1]
        assert now | {"clock": ""} == overview | {"clock": ""}
        assert lender.call("GET", "/bank/script")[1]["*"]["refuse_risk"] == 0.5
        lender.debit("D10")
    assert all(json.loads(line) for line in books.read_text().splitlines())


COMMAND = Command(order_no="D1", agreement_no="AG-1", amount=Decimal("1.00"), currency="CNY")


def test_writes_down_before_it_tells(books: Path) -> None:
    kept = Books(file=books)
    teller = Teller(books=kept, script=BankScript())
    kept.write(Line(agreement=Agreement(agreement_no="AG-1", account="a", currency="CNY")))
    kept.write(Line(account=Account(account="a", currency="CNY", balance=Decimal(100))))
    heard: list[str] = []
    teller.watchers.append(lambda order: heard.append(books.read_text().splitlines()[-1]))

    order = teller.debit(COMMAND, rail="http", scheme=UNIONPAY)

    assert [json.loads(line)["movement"]["order_no"] for line in heard] == [order.order_no]
    kept.close()


def test_an_order_that_cannot_be_written_down_did_not_happen(books: Path) -> None:
    kept = Books(file=books)
    teller = Teller(books=kept, script=BankScript())
    kept.write(Line(agreement=Agreement(agreement_no="AG-1", account="a", currency="CNY")))
    kept.write(Line(account=Account(account="a", currency="CNY", balance=Decimal(100))))
    kept.close()

    with pytest.raises(ValueError, match="closed file"):
        teller.debit(COMMAND, rail="http", scheme=UNIONPAY)

    assert (kept.orders, kept.movements, kept.balances) == ({}, [], {"a": Decimal(100)})
