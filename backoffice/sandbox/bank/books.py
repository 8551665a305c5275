"""The bank's books: everything it knows, held in memory and kept in a journal, so that a killed bank still knows.

A line is written and flushed before it counts, and it counts before anybody is told of it. Nothing is ever changed in
the journal: what is known is the sum of its lines, whether they were written just now or read after a start.
"""

import os
import threading
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import IO

from backoffice.sandbox.bank.records import (
    DEBIT,
    Account,
    Agreement,
    Closing,
    Incoming,
    Line,
    Movement,
    Order,
    Outgoing,
    decoded,
    encoded,
)

ZERO = Decimal(0)


class Books:
    """Accounts, agreements, orders, movements and files. Whoever reads and then writes holds `lock` meanwhile."""

    def __init__(self, *, file: Path | None = None) -> None:
        self.lock = threading.RLock()
        self.accounts: dict[str, Account] = {}
        self.balances: dict[str, Decimal] = {}
        self.agreements: dict[str, Agreement] = {}
        self.orders: dict[tuple[str, str], Order] = {}
        self.movements: list[Movement] = []
        self.by_day: dict[tuple[str, str], list[Movement]] = defaultdict(list)
        self.moved: dict[tuple[str, str, str], Movement] = {}
        self.spent: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        self.incoming: dict[str, Incoming] = {}
        self.executed: set[str] = set()
        self.outgoing: dict[tuple[str, str], Outgoing] = {}
        self.told: set[str] = set()
        self.closings: dict[str, Closing] = {}
        self.script: dict[str, object] = {}
        self._journal: IO[str] | None = None
        if file is not None:
            self._read(file)
            self._journal = file.open("a", encoding="utf-8")

    def write(self, line: Line) -> None:
        """Writes a line down; from then on it has happened."""
        with self.lock:
            if self._journal is not None:
                self._journal.write(encoded(line) + "\n")
                self._journal.flush()
            self._apply(line)

    def close(self) -> None:
        """Lets go of the file; what cannot be written down any more cannot happen either."""
        with self.lock:
            if self._journal is not None:
                self._journal.close()

    def spent_in(self, *, agreement_no: str, period: str) -> Decimal:
        """What was debited under an agreement on a day (`2026-03-17`) or in a month (`2026-03`)."""
        return self.spent.get((agreement_no, period), ZERO)

    @property
    def last_closed(self) -> str:
        """The last day that was closed; empty before the first."""
        return max(self.closings, default="")

    def _apply(self, line: Line) -> None:
        if line.account is not None:
            self.accounts[line.account.account] = line.account
            self.balances[line.account.account] = line.account.balance
        if line.agreement is not None:
            self.agreements[line.agreement.agreement_no] = line.agreement
        if line.order is not None:
            self.orders[line.order.rail, line.order.order_no] = line.order
        if line.movement is not None:
            self._move(line.movement)
        if line.incoming is not None:
            self.incoming[line.incoming.name] = line.incoming
        if line.executed:
            self.executed.add(line.executed)
        for file in line.outgoing:
            self.outgoing[file.rail, file.name] = file
        self.told.update(line.told)
        if line.closing is not None:
            self.closings[line.closing.day] = line.closing
        if line.script is not None:
            self.script = dict(line.script)

    def _move(self, movement: Movement) -> None:
        self.movements.append(movement)
        self.by_day[movement.rail, movement.day].append(movement)
        self.moved.setdefault((movement.rail, movement.order_no, movement.kind), movement)
        if movement.kind == DEBIT:
            self.balances[movement.account] -= movement.amount
            # A debit counts against the limits of the day its settlement belongs to.
            for period in (movement.day, movement.day[:7]):
                self.spent[movement.agreement_no, period] += movement.amount
        else:
            self.balances[movement.account] += movement.amount

    def _read(self, file: Path) -> None:
        if not file.exists():
            return
        whole = 0
        with file.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                self._apply(decoded(line.decode()))
                whole += len(line)
        # The line the process died in: nobody was told of what it says.
        os.truncate(file, whole)
