"""Receipts on their way back to the product: signed, on time or late, twice or never, as the script says.

One thread sends them in the order they are due. A receipt the product does not take is sent again a few times with the
same id, as gateways do.
"""

import heapq
import itertools
import json
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from backoffice.sandbox.ledger import Accepted, Step, story_of
from backoffice.sandbox.script import Script
from backoffice.sandbox.signing import signed_headers

TRIES = 5
WAIT_SECONDS = 2.0
ANSWER_SECONDS = 10.0
IDLE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Letter:
    """One receipt to send: which gateway's, and the body, always the same bytes."""

    gateway: str
    body: bytes
    tries: int = 0


class Courier:
    """Sends receipts to `hooks` + the gateway's code. Without hooks nobody is told of anything."""

    def __init__(self, *, hooks: str, secret: str, script: Script) -> None:
        self._hooks, self._secret, self._script = hooks.rstrip("/"), secret, script
        self._waiting: list[tuple[float, int, Letter]] = []
        self._numbers = itertools.count()
        self._lock = threading.Condition()
        self._stopped = False
        self.sent = 0
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begins to send."""
        if self._hooks:
            self._thread.start()

    def stop(self) -> None:
        """Ends after the receipt at hand."""
        with self._lock:
            self._stopped = True
            self._lock.notify()

    def tell_of(self, accepted: Accepted) -> None:
        """Puts the receipts of a message on their way, as its story goes."""
        if not self._hooks:
            return
        behaviour = self._script.of(accepted.gateway)
        if self._happens("no_receipt", accepted, behaviour.no_receipt):
            return
        delay = behaviour.late_seconds if self._happens("late", accepted, behaviour.late) else 0.0
        for step in story_of(accepted, script=self._script):
            letter = Letter(accepted.gateway, _body(accepted, step))
            due = accepted.at + step.after + delay
            self._put(letter, due=due)
            if self._happens("again", accepted, behaviour.again):
                self._put(letter, due=due + 0.5)

    def _happens(self, what: str, accepted: Accepted, share: float) -> bool:
        return self._script.happens(what=what, message_id=accepted.message_id, share=share)

    def _put(self, letter: Letter, *, due: float) -> None:
        with self._lock:
            heapq.heappush(self._waiting, (due, next(self._numbers), letter))
            self._lock.notify()

    def _run(self) -> None:
        while (letter := self._next()) is not None:
            if self._send(letter):
                self.sent += 1
            elif letter.tries + 1 < TRIES:
                self._put(replace(letter, tries=letter.tries + 1), due=time.time() + WAIT_SECONDS)

    def _next(self) -> Letter | None:
        with self._lock:
            while not self._stopped:
                wait = self._waiting[0][0] - time.time() if self._waiting else IDLE_SECONDS
                if self._waiting and wait <= 0:
                    return heapq.heappop(self._waiting)[2]
                self._lock.wait(timeout=min(max(wait, 0.001), 1.0))
        return None

    def _send(self, letter: Letter) -> bool:
        request = urllib.request.Request(  # noqa: S310 - the address is given on the command line
            f"{self._hooks}/{letter.gateway}/",
            data=letter.body,
            method="POST",
            headers={"Content-Type": "application/json", **signed_headers(secret=self._secret, body=letter.body)},
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - as above
                return int(answer.status) < 300
        except (urllib.error.URLError, OSError):
            return False


def _body(accepted: Accepted, step: Step) -> bytes:
    at = datetime.fromtimestamp(accepted.at + step.after, tz=UTC).isoformat()
    receipt = {
        "receipt_id": f"{accepted.reference}-{step.event}",
        "message_id": accepted.message_id,
        "event": step.event,
        "at": at,
        "code": step.code,
        "text": step.text,
    }
    if step.event == "replied" and accepted.gateway != "push":
        receipt["from"] = accepted.to
    return json.dumps(receipt, ensure_ascii=False).encode()
