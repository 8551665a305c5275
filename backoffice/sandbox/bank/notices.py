"""Notices on their way to the lender: signed, on time or late, twice or never, sent again until they are taken.

Several hands send them, so that they overtake each other. A notice that was taken is written down; after a start the
others leave again.
"""

import heapq
import itertools
import json
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace

from backoffice.sandbox.bank.advices import Advice, advices_of
from backoffice.sandbox.bank.records import PROCESSING, Line, Order
from backoffice.sandbox.bank.teller import Scheme, Teller
from backoffice.sandbox.signing import signed_headers

HANDS = 4
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
ANSWER_SECONDS = 10.0
IDLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Letter:
    """One notice to send; always the same bytes, however often."""

    notice_id: str
    body: bytes
    tries: int = 0


class NoticeCourier:
    """Sends the notices of one rail to `address`. Without an address nobody is told of anything."""

    def __init__(self, *, teller: Teller, rail: str, scheme: Scheme, address: str, secret: str) -> None:
        self._teller, self._rail, self._scheme = teller, rail, scheme
        self._address, self._secret = address, secret
        self._waiting: list[tuple[float, int, Letter]] = []
        self._numbers = itertools.count()
        self._lock = threading.Condition()
        self._stopped = False
        self.sent = 0
        self._threads = [threading.Thread(target=self._run, name=f"notices-{n}", daemon=True) for n in range(HANDS)]

    @property
    def waiting(self) -> int:
        """How many have not been taken yet, without those under way."""
        return len(self._waiting)

    def start(self) -> None:
        """Begins to send, first what nobody took before the bank was stopped."""
        if not self._address:
            return
        with self._teller.books.lock:
            for order in self._teller.books.orders.values():
                if order.state != PROCESSING:
                    self.tell_of(order, is_news=False)
            self._teller.watchers.append(self.tell_of)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends after the notices at hand."""
        with self._lock:
            self._stopped = True
            self._lock.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=ANSWER_SECONDS)

    def tell_of(self, order: Order, *, is_news: bool = True) -> None:
        """Puts what did not arrive yet of an order on its way; of news only the state it just got into."""
        if order.rail != self._rail:
            return
        wait = self._teller.script.shift
        for advice in advices_of(order, done=self._scheme.done, script=self._teller.script):
            is_told = advice.advice_id in self._teller.books.told
            if not is_told and (advice.event == order.state or not is_news):
                self._put(Letter(advice.advice_id, self._body(advice)), due=advice.due - wait)

    def _body(self, advice: Advice) -> bytes:
        order = advice.order
        notice = {
            "notice_id": advice.advice_id,
            "order_no": order.order_no,
            "event": advice.event,
            "amount": str(order.amount),
            "currency": order.currency,
            "at": self._teller.script.local(advice.at).isoformat(),
            "code": advice.code,
            "reference": order.reference,
        }
        return json.dumps(notice).encode()

    def _put(self, letter: Letter, *, due: float) -> None:
        with self._lock:
            heapq.heappush(self._waiting, (due, next(self._numbers), letter))
            self._lock.notify()

    def _run(self) -> None:
        while (letter := self._next()) is not None:
            if self._send(letter):
                self.sent += 1
                if letter.notice_id not in self._teller.books.told:
                    self._teller.books.write(Line(told=(letter.notice_id,)))
            else:
                wait = min(FIRST_WAIT * 2**letter.tries, LONGEST_WAIT)
                self._put(replace(letter, tries=min(letter.tries + 1, 10)), due=time.time() + wait)

    def _next(self) -> Letter | None:
        with self._lock:
            while not self._stopped:
                wait = self._waiting[0][0] - time.time() if self._waiting else IDLE_SECONDS
                if self._waiting and wait <= 0:
                    return heapq.heappop(self._waiting)[2]
                self._lock.wait(timeout=min(max(wait, 0.001), IDLE_SECONDS))
        return None

    def _send(self, letter: Letter) -> bool:
        request = urllib.request.Request(  # noqa: S310 - the address is given on the command line
            self._address,
            data=letter.body,
            method="POST",
            headers={"Content-Type": "application/json", **signed_headers(secret=self._secret, body=letter.body)},
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - as above
                return int(answer.status) == 200
        except (urllib.error.URLError, OSError, ValueError):
            return False
